#!/usr/bin/python3
"""Trainings that are killed again and again, and resumed, end with the bits of one that never was.

Half of the kills come after a random delay, drawn over the length of the whole training; the others at a random call
that changes files (before it, after it, or half-way through a write), which tests/harness/inject.c does. Each time the
run directory must be whole. The training goes on at another number of threads.

Usage: test_kills.py [KILLS [SEED]]
"""

import collections
import concurrent.futures
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness"))
import faults  # noqa: E402

TRAIN = ("train configs/digits.ini -q -s network.hidden=24,16 -s network.dropout=0.2 -s network.normalization=batch "
         "-s optimizer.name=adam -s data.validation=0.1 -s train.epochs=12 -s output.checkpoint_every=1 "
         "-s output.checkpoint_seconds=0.02").split()
THREADS = [1, 2, 3, 4, 7]


def arguments_for(folder, threads):
    return [*TRAIN, "-s", f"parallel.threads={threads}", "-s", f"output.dir={folder}"]


def hash_of(outcome):
    assert outcome.status == 0, outcome
    return outcome.out.split("weights_xxh64 ")[1][:16]


class Reference:
    """What the training comes to undisturbed; how long it takes, and how many of its calls change files."""

    def __init__(self, scratch):
        folder = os.path.join(scratch, "whole")
        began = time.monotonic()
        ended = faults.run(arguments_for(folder, 2))
        self.seconds = time.monotonic() - began
        self.hash, self.files = hash_of(ended), faults.what_counts(faults.files_of(folder))
        log = os.path.join(scratch, "sites")
        faults.run(arguments_for(os.path.join(scratch, "counted"), 2), {"INJECT_LOG": log})
        changing = {"write", "fsync", "rename", "link", "unlink", "ftruncate", "mkdir", "pwrite", "close"}
        self.changes = sum(site.count for site in faults.read_sites(log) if site.kind in changing)


def kill_after(seconds, arguments):
    """Runs the program, and kills it then; as faults.run()."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with subprocess.Popen([faults.PROGRAM, *arguments], cwd=faults.TOP, stdin=subprocess.DEVNULL,
                              stdout=out, stderr=err) as program:
            try:
                program.wait(seconds)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        out.seek(0), err.seek(0)
        return faults.Outcome(program.returncode, out.read().decode(), err.read().decode())


def disturb(dice, reference, arguments):
    """One attempt, which may be killed; how, and what it came to."""
    if dice.random() < 0.5:
        return "after a delay", kill_after(dice.uniform(0, reference.seconds), arguments)
    what = dice.choice(["kill", "kill+", "kill/2"])
    nth = dice.randint(1, reference.changes)
    names = {"kill": "before a call", "kill+": "after a call", "kill/2": "within a call"}
    return names[what], faults.run(arguments, {"INJECT": f"change any {nth} {what}"})


def train_to_the_end(dice, reference, killed, enough):
    """Trains until that ends by itself, or there were kills enough; returns what is wrong, or None."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, resume, halved = os.path.join(scratch, "run"), [], False
        while not enough():
            how, ended = disturb(dice, reference, arguments_for(folder, dice.choice(THREADS)) + resume)
            halved = halved or how == "within a call"  # half a row may have moved to previous/ since
            try:
                faults.check_files(faults.files_of(folder), killed=True, halved=halved)
            except AssertionError as fault:
                return f"killed {how}: {fault}"
            resume = ["--resume"]
            if ended.status == 0:
                break
            if ended.status != -9:
                return f"killed {how}: ends with {ended}"
            killed[how] += 1
        ended = faults.run(arguments_for(folder, dice.choice(THREADS)) + resume)
        if ended.status != 0:
            return f"does not go on: {ended}"
        if hash_of(ended) != reference.hash:
            return f"ends with {hash_of(ended)}, not {reference.hash}"
        if faults.what_counts(faults.files_of(folder)) != reference.files:
            return "leaves other files"
        return None


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = sys.argv[2] if len(sys.argv) > 2 else "1"
    killed, wrong, ended = collections.Counter(), [], 0

    def enough():
        return sum(killed.values()) >= wanted or wrong

    with tempfile.TemporaryDirectory() as scratch:
        reference = Reference(scratch)
    workers = os.cpu_count() or 2
    lock = threading.Lock()

    def work(worker):
        nonlocal ended
        dice = random.Random(f"{seed}/{worker}")
        while not enough():
            fault = train_to_the_end(dice, reference, killed, enough)
            with lock:
                ended += fault is None
                wrong.extend([fault] if fault else [])

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    for fault in wrong:
        print(f"test_kills: {fault}", file=sys.stderr)
    told = ", ".join(f"{count} {how}" for how, count in sorted(killed.items()))
    print(f"killed {sum(killed.values())} times ({told}); {ended} trainings ended with the same bits, "
          f"{len(wrong)} did not")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
