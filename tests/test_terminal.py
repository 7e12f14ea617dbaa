#!/usr/bin/python3
"""How a training shows on a terminal: by pyte, a terminal emulator, what stands on the screen at any time."""

import fcntl
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte

PROGRAM = os.path.abspath(os.environ.get("BUILD", "build") + "/shardprop")
TOP = pathlib.Path(__file__).resolve().parent.parent
SHORT = ["train", "configs/digits.ini", "-s", "data.validation=0.1", "-s", "train.epochs=40", "-s",
         "parallel.threads=1"]
ENDLESS = [*SHORT, "-s", "train.epochs=100000000"]
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print(f"test_terminal: {what}", file=sys.stderr)


class Terminal:
    """The program on a terminal of its own; `each` is called with the screen behind every piece of output."""

    def __init__(self, arguments, columns=80, rows=24, results=None, **environment):
        self.folder = tempfile.TemporaryDirectory()
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.master, slave = os.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        names = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        names.update({"TERM": "xterm"}, **environment)
        options = [] if arguments[0] != "train" else ["-s", f"output.dir={self.folder.name}/run"]
        self.process = subprocess.Popen(
            [PROGRAM, *arguments, *options], cwd=TOP, stdin=slave, stdout=results or slave, stderr=slave, env=names,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def feed(self, wait=0.2, each=None):
        """Takes what is there, with a look before each thing that is erased, too; False: nothing came."""
        if not select.select([self.master], [], [], wait)[0]:
            return False
        piece = os.read(self.master, 65536)
        self.bytes += piece
        for part in re.split(rb"(?=\x1b\[\d*A|\x1b\[J)", piece):
            self.stream.feed(part)
            if each:
                each(self)
        return True

    def run(self, each=None):
        while self.process.poll() is None:
            self.feed(each=each)
        while self.feed(0.05):
            pass
        return self.process.returncode

    def lines(self):
        return [line.rstrip() for line in self.screen.display if line.rstrip()]

    def attributes_changed(self):
        return termios.tcgetattr(self.slave) != self.before


def wait_for(terminal, holds, what, each=None):
    end = time.monotonic() + 60
    while not holds() and terminal.process.poll() is None and time.monotonic() < end:
        terminal.feed(each=each)
    check(holds(), what)


def wait_for_block(terminal, times=3, each=None):
    """Until the block has been drawn so often."""
    wait_for(terminal, lambda: terminal.bytes.count(b"\x1b[J") >= times, "the block is drawn", each)


def interrupt(terminal):
    terminal.process.send_signal(signal.SIGINT)
    return terminal.run()


def blocks_of(terminal):
    return [line for line in terminal.lines() if line.startswith("epoch ")]


def at_sizes():
    for columns, rows in ((80, 24), (120, 40), (40, 24), (20, 10), (80, 3), (2, 1)):
        seen, size = [], f"{columns} x {rows}"

        def look(terminal):
            found = blocks_of(terminal) if columns >= 12 and rows > 2 else []
            seen.extend(found)
            check(len(found) <= 1, f"{size}: one block, and no remains of another: {terminal.lines()}")
            check(all(len(line) < columns for line in found), f"{size}: {found}")

        terminal = Terminal(ENDLESS, columns, rows)
        wait_for_block(terminal, each=look)
        check(interrupt(terminal) == 130, f"{size}: exit status {terminal.process.returncode}")
        check(not any(line.startswith("epoch ") for line in terminal.lines()), f"{size}: left: {terminal.lines()}")
        check(terminal.screen.cursor.x == 0, f"{size}: the cursor stands at the beginning of a line")
        check(not terminal.attributes_changed() and not terminal.screen.cursor.hidden, f"{size}: as it was")
        if columns >= 80 and rows > 3:
            check(any(line.startswith("interrupted after ") for line in terminal.lines()), f"{size}: results")
            check(any(" [..." in line and line.endswith(" left") for line in seen), f"{size}: {seen[-1:]}")


def figures():
    terminal = Terminal(ENDLESS)

    def shown():
        lines = terminal.lines()
        heads = [i for i, line in enumerate(lines[:-1]) if line.startswith("epoch ")]
        figures_of = lines[heads[0] + 1] if heads else ""
        return (figures_of.startswith("loss ") and " acc " in figures_of and " val " in figures_of
                and figures_of.endswith("/s"))

    wait_for(terminal, shown, "loss, accuracy and speed")
    interrupt(terminal)
    terminal = Terminal([*SHORT, "-s", "train.epochs=20000"])
    wait_for(terminal, lambda: any("[##" in line for line in blocks_of(terminal)), "the bar grows")
    interrupt(terminal)
    terminal = Terminal(SHORT)
    check(terminal.run() == 0 and not blocks_of(terminal), f"{terminal.lines()}")
    check(any(line.startswith("completed after 40 epochs") for line in terminal.lines()), f"{terminal.lines()}")


def resized():
    terminal = Terminal(ENDLESS, 100, 24)
    wait_for_block(terminal)
    for columns in (50, 100, 30, 100):
        terminal.resize(columns, 24)
        wait_for_block(terminal, terminal.bytes.count(b"\x1b[J") + 2)
        found = blocks_of(terminal)
        check(len(found) <= 1 and all(len(line) < columns for line in found), f"at {columns} columns: {found}")
    interrupt(terminal)
    check(not blocks_of(terminal), f"left behind when resized: {terminal.lines()}")


def colours():
    plain = Terminal(SHORT, NO_COLOR="1")
    plain.run()
    check(b"\x1b[" in plain.bytes and not re.search(rb"\x1b\[\d*m", plain.bytes), "NO_COLOR: no colours")
    empty = Terminal(ENDLESS, NO_COLOR="")
    wait_for_block(empty)
    interrupt(empty)
    check(b"\x1b[32m" in empty.bytes, "an empty NO_COLOR is none")
    for kind in ("dumb", ""):
        terminal = Terminal(SHORT, TERM=kind)
        terminal.run()
        check(b"\x1b" not in terminal.bytes and b"\repoch" not in terminal.bytes, f"TERM={kind}: no commands")
        lines = terminal.bytes.splitlines()
        check(sum(line.startswith(b"epoch ") for line in lines) == 21, f"TERM={kind}: a line now and then")


def ended():
    terminal = Terminal(ENDLESS)
    wait_for_block(terminal)
    check(interrupt(terminal) == 130, f"SIGINT: {terminal.process.returncode}")
    check(not blocks_of(terminal), f"SIGINT: the block is taken away: {terminal.lines()}")
    check(any(line.startswith("interrupted after") for line in terminal.lines()), "SIGINT: results")

    terminal = Terminal(ENDLESS)
    wait_for_block(terminal)
    terminal.process.kill()
    terminal.run()
    cursor, lines = terminal.screen.cursor, terminal.screen.display
    check(cursor.x == 0 and not cursor.hidden and not lines[cursor.y].strip(), "SIGKILL: the cursor is on a free line")
    warned_of = lines[cursor.y - 1].startswith("warning in epoch ")
    check(lines[cursor.y - 1 - warned_of].startswith("loss "), f"SIGKILL: right below the block: {terminal.lines()}")

    terminal = Terminal(["train", "configs/digits.ini", "-s", "optimizer.learning_rate=1e6"])
    check(terminal.run() == 1, "it diverges")
    check(not blocks_of(terminal) and terminal.lines()[2].startswith("shardprop: "), f"an error: {terminal.lines()}")


def warned():
    """Eight layers of sigmoids: the gradient vanishes."""
    terminal = Terminal([*ENDLESS, "-s", "network.hidden=16,16,16,16,16,16,16,16", "-s", "network.activation=sigmoid"])

    def in_block():
        return sum(line.startswith("warning in epoch ") for line in terminal.lines())

    wait_for(terminal, in_block, "the last warning is in the block", lambda t: check(in_block() <= 1, "once"))
    interrupt(terminal)
    stays = any(line.startswith("shardprop: warning: layer") for line in terminal.lines())
    check(stays, f"it stays: {terminal.lines()}")
    check(in_block() == 0, "the block does not")


def stopped():
    """A terminal that takes nothing (Ctrl-S) holds no training up."""
    with tempfile.TemporaryFile() as results:
        terminal = Terminal(ENDLESS, results=results)
        wait_for_block(terminal)
        os.write(terminal.master, b"\x13")
        metrics = pathlib.Path(terminal.folder.name) / "run" / "metrics.csv"
        reached = metrics.read_bytes().count(b"\n")
        end = time.monotonic() + 60
        while metrics.read_bytes().count(b"\n") < reached + 400 and time.monotonic() < end:
            time.sleep(0.05)
        check(metrics.read_bytes().count(b"\n") >= reached + 400, "training goes on while the terminal is stopped")
        os.write(terminal.master, b"\x11")
        check(interrupt(terminal) == 130, "and ends")


def batch_lines():
    """What runs is drawn over, within the window's width; what has ended stays, whole."""
    text = (TOP / "configs/digits-sweep.ini").read_text()
    text = re.sub(r"(?m)^epochs = \d+$", "epochs = 200", text)  # a second or two, so that it is drawn some times
    for columns in (200, 80, 40, 24):
        with tempfile.TemporaryDirectory() as folder:
            sweep = pathlib.Path(folder) / "sw.ini"
            sweep.write_text(text)
            live, size = [], f"batch at {columns}"

            def rows_of(terminal):
                return [line for line in terminal.lines() if re.search(r" \d+/\d+( |$)", line) and line[0] != "["]

            def look(terminal):
                found = rows_of(terminal)
                live.extend(found)
                check(len(found) <= 2, f"{size}: what was drawn before is taken away: {terminal.lines()}")
                check(all(len(line) < columns for line in found), f"{size}: {found}")

            terminal = Terminal(["batch", str(sweep), "-J", "2", "-o", f"{folder}/out"], columns, 200)
            check(terminal.run(look) == 0, f"{size}: {terminal.lines()}")
            check(live, f"{size}: rows were seen")
            check(not rows_of(terminal), f"{size}: left: {terminal.lines()}")
            whole = "".join(line.ljust(columns) for line in terminal.screen.display)
            ended = re.findall(r"\[\d+/12\] \S+: +[a-z ]+after +\d+ +epochs, +validation_accuracy +[0-9.]+", whole)
            check(len(ended) == 12, f"{size}: lines that stay are whole: {terminal.lines()}")


def main():
    for test in (batch_lines, at_sizes, figures, resized, colours, ended, warned, stopped):
        test()
    print(f"test_terminal: {'the terminal shows what it should' if not failures else f'{len(failures)} faults'}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
