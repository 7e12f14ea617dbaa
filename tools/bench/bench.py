"""What all sections share: rates of contenders, taking turns; sections and notes so far."""

import collections
import contextlib
import csv
import itertools
import json
import math
import os
import shutil
import time

from contenders import NETS, OURS, PEERS, SKLEARN, flops
from data import Data
from laps import median_of_laps
from render import as_text, progress
from runner import HERE, PYTHON, TIMEOUT, Failed, child


# The rows of metrics.csv, what summary.json holds, wall seconds and peak MB.
Training = collections.namedtuple("Training", "epochs summary seconds megabytes")


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.data = Data(scratch)
        self.program = os.path.abspath(options.program)
        self.threads = options.threads
        self.patience = 10 if options.quick else 60
        self.count = itertools.count()
        self.guesses = {}
        self.policies = {}
        self.sections = []
        self.notes = []
        self.versions = {}
        self.blas = {}
        self.peers = []

    def train(
        self, config, threads, timeout=TIMEOUT, may_stop=False, extra=(), setting=None, options=()
    ):
        """Trains on exactly so many threads, or as many as setting says of those allowed."""
        folder = os.path.join(self.scratch, f"run{next(self.count)}")
        command = [self.program, "train", config, "--quiet", *options]
        for setting in (f"parallel.threads={setting or threads}", f"output.dir={folder}", *extra):
            command += ["-s", setting]
        _, seconds, megabytes = child(command, threads, timeout, may_stop)
        with open(os.path.join(folder, "metrics.csv")) as stream:
            epochs = list(csv.DictReader(stream))
        summary = {}
        with contextlib.suppress(FileNotFoundError):  # it was stopped too early for one
            with open(os.path.join(folder, "summary.json")) as stream:
                summary = json.load(stream)
        shutil.rmtree(folder)
        return Training(epochs, summary, seconds, megabytes)

    def config_of(self, net, batch, threads, slow=1.0):
        """Of a training that takes about the seconds of a measurement."""
        widths, rows = NETS[net]
        guess = self.guesses.get((net, batch, threads)) or 2e11 * threads / 4 / flops(widths)
        epochs = 2 + math.ceil(self.options.seconds * guess / slow / rows)
        return self.data.config(self.data.nets[net], widths, batch, epochs=epochs)

    def our_rate(self, net, batch, threads, slow=1.0):
        """Of the epochs but the first; slow: how many times slower than before to expect it."""
        rows = NETS[net][1]
        config = self.config_of(net, batch, threads, slow)
        limit = 30 + 20 * self.options.seconds
        found = self.train(config, threads, limit, may_stop=True, setting="auto").epochs
        laps = [(rows, rows / float(row["samples_per_second"])) for row in found]
        if not laps:
            raise Failed("shardprop did not finish an epoch")
        rate = median_of_laps(laps[1:] or laps, self.options.seconds)
        if slow == 1.0:
            self.guesses[net, batch, threads] = rate
        return rate

    def peer(self, name, mode, paths, widths, batch, threads, *more, policy=None, timeout=TIMEOUT):
        script = PEERS[name][2]
        command = [PYTHON, os.path.join(HERE, script), mode, "--images", paths[0]]
        command += ["--labels", paths[1], "--widths", "-".join(map(str, widths))]
        command += ["--batch", str(batch), "--threads", str(threads), *map(str, more)]
        if len(paths) > 2:
            command += ["--test-images", paths[2], "--test-labels", paths[3]]
        text, seconds, megabytes = child(command, threads, timeout, policy=policy)
        answer = json.loads(text.splitlines()[-1])
        self.versions[PEERS[name][1]] = answer["version"]
        self.blas[PEERS[name][1]] = answer["blas"]
        return answer, seconds, megabytes

    def better_policy(self, key, run, score):
        """run(policy), with the wait policy of OpenMP that suits it: both are tried the first
        time. PyTorch's threads spin by default, and spin in the way of OpenBLAS's and of others."""
        if key in self.policies:
            return run(self.policies[key] or None)
        found, faults = {}, []
        for policy in ("", "PASSIVE"):
            try:
                found[policy] = run(policy or None)
            except Failed as fault:
                faults.append(fault)
        if not found:
            raise faults[0]
        best = max(found, key=lambda policy: score(found[policy]))
        self.policies[key] = best
        return found[best]

    def rate(self, name, net, batch, threads, busy=False, defaults=False):
        if name == OURS:
            return self.our_rate(net, batch, threads, 2.0 if busy else 1.0)
        widths = NETS[net][0]
        mode = PEERS[name][3]
        more = ("--seconds", self.options.seconds)

        def run(policy):
            paths = self.data.nets[net]
            limit = self.patience + 5 * self.options.seconds
            answer, _, _ = self.peer(
                name, mode, paths, widths, batch, threads, *more, policy=policy, timeout=limit
            )
            return answer["samples_per_second"]

        if name == SKLEARN or defaults:
            return run(None)
        return self.better_policy((name, net, batch, threads, busy), run, float)

    def in_turn(self, title, contenders, measure):
        """One measurement of every contender, then the next of each, and so on. A contender
        that fails or is slow is noted and not measured again. Returns name: list of results."""
        found = {name: [] for name in contenders}
        going = list(contenders)
        for repetition in range(self.options.repetitions):
            for name in list(going):
                progress(f"{title}: {name}, {repetition + 1} of {self.options.repetitions}")
                begin = time.monotonic()
                try:
                    found[name].append(measure(name))
                    if time.monotonic() - begin > self.patience:
                        going.remove(name)
                except (Failed, KeyError, ValueError, OSError) as error:
                    self.note(f"{title}: {name}: {error}")
                    going.remove(name)
        return {name: results for name, results in found.items() if results}

    def note(self, text):
        progress("")
        print(f"note: {text}")
        self.notes.append(text)

    def add(self, title, header, rows, about="", **data):
        section = dict(title=title, header=header, rows=rows, about=about, data=data)
        self.sections.append(section)
        progress("")
        print(as_text(section), flush=True)

    def wanted(self, title):
        only = self.options.only
        return not only or any(text.lower() in title.lower() for text in only)
