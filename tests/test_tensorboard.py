#!/usr/bin/python3
"""Event files as a reader of the published format has them (tests/harness/events.py)."""

import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness"))
import events as event_file  # noqa: E402

PROGRAM = os.path.abspath(os.environ.get("BUILD", "build") + "/shardprop")
TOP = pathlib.Path(__file__).resolve().parent.parent
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print(f"test_tensorboard: {what}", file=sys.stderr)


def event_files(run):
    return sorted(run.glob("events.out.tfevents.*"))


def train(run, *options, status=0, epochs=6):
    command = [PROGRAM, "train", "-q", "configs/digits.ini", "-s", f"output.dir={run}", "-s", "output.tensorboard=true",
               "-s", "data.validation=0.1", "-s", "schedule.name=constant", "-s", f"train.epochs={epochs}",
               *options]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    check(done.returncode == status, f"{command}: {done.returncode}, {done.stderr}")


TAGS = {"train_loss": "loss/train", "train_accuracy": "accuracy/train", "validation_loss": "loss/validation",
        "validation_accuracy": "accuracy/validation"}


def tag_of(column):
    return TAGS.get(column, column.replace("_", "/", 1) if column.startswith("layer") else column)


def check_run(run, what, epochs=6):
    """One file; each epoch once, with all that metrics.csv has of it; then the test rows."""
    files = event_files(run)
    check(len(files) == 1, f"{what}: {files}")
    events = event_file.read(files[0], files[0].read_bytes())
    check(events[0].file_version == "brain.Event:2", f"{what}: {events[0]}")
    check([e.step for e in events[1:]] == [*range(1, epochs + 1), epochs], f"{what}: {[e.step for e in events]}")
    check(all(abs(e.wall_time - time.time()) < 3600 for e in events), f"{what}: the time of day")
    check(all(a.wall_time <= b.wall_time for a, b in zip(events, events[1:])), f"{what}: in order")
    for row, event in zip(csv.DictReader((run / "metrics.csv").open()), events[1:]):
        wanted = {tag_of(k): float(v) for k, v in row.items() if v and k != "epoch"}
        found = {v.tag: v.simple_value for v in event.summary.value}
        check(wanted.keys() == found.keys(), f"{what}: {wanted.keys() ^ found.keys()}")
        for tag in wanted.keys() & found.keys():
            near = abs(wanted[tag] - found[tag]) <= 1e-5 * abs(wanted[tag]) + 1e-6
            check(near or tag == "samples_per_second" and abs(wanted[tag] - found[tag]) <= 1, f"{what}: {tag}")
    last = {v.tag for v in events[-1].summary.value}
    check({"loss/test", "accuracy/test", "test/macro_f1", "test/auc"} <= last and "test/r2" not in last, f"{last}")


def whole(folder):
    run = folder / "whole"
    train(run)
    check_run(run, "a run")
    first = event_files(run)[0].read_bytes()
    train(run)
    check_run(run, "a run in its place")
    kept = event_files(run / "previous")
    check(len(kept) == 1 and kept[0].read_bytes() == first, "the one before is kept")
    train(run, "-s", "output.tensorboard=no")
    check(not event_files(run) and len(event_files(run / "previous")) == 1, "none where nobody wants it")


def gone_on(folder):
    run = folder / "resumed"
    train(run, "-s", "output.checkpoint_every=1")
    train(run, "--resume", epochs=9)
    check_run(run, "more epochs", 9)
    train(run, "--resume", epochs=9)
    check_run(run, "nothing left to train", 9)
    path = event_files(run)[0]
    data = path.read_bytes()
    for what, doctored in (("cut off", data[:-7]), ("cut short", data[:len(data) // 2]), ("emptied", b""),
                           ("damaged", data[:200] + b"\x00\x01" + data[202:]), ("twice", data + data)):
        path.write_bytes(doctored)
        train(run, "--resume", epochs=9)
        check_run(run, what, 9)
    path.unlink()
    train(run, "--resume", epochs=9)
    check_run(run, "removed", 9)


def killed(folder):
    """By SIGKILL, with a checkpoint after every epoch, so that the file may be ahead of it."""
    run = folder / "killed"
    command = [PROGRAM, "train", "-q", "configs/digits.ini", "-s", f"output.dir={run}", "-s", "output.tensorboard=true",
               "-s", "data.validation=0.1", "-s", "schedule.name=constant", "-s", "train.epochs=1000",
               "-s", "output.checkpoint_every=7"]
    killed_times = 0
    for _ in range(6):
        process = subprocess.Popen([*command, "--resume"], cwd=TOP, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        rows = (run / "metrics.csv").read_bytes().count(b"\n") if (run / "metrics.csv").exists() else 0
        while process.poll() is None and not (
                (run / "metrics.csv").exists() and (run / "metrics.csv").read_bytes().count(b"\n") > rows + 20):
            time.sleep(0.002)
        process.kill()
        killed_times += process.wait() == -9
    check(killed_times > 0, "none was killed")
    train(run, "-s", "output.checkpoint_every=7", "--resume", epochs=1000)
    check_run(run, "killed and resumed", 1000)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for test in (whole, gone_on, killed):
            test(pathlib.Path(folder))
    print(f"test_tensorboard: {'event files hold what they should' if not failures else f'{len(failures)} faults'}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
