"""Whole trainings: from files to test accuracy; seconds until an accuracy is reached."""

import itertools
import statistics

from contenders import (
    ACCURACY_SECONDS_GOAL,
    EAGER,
    NETS,
    OURS,
    SKLEARN,
    WHOLE_MEGABYTES_GOAL,
    WHOLE_SECONDS_GOAL,
)
from render import met, percent
from runner import Failed


def bench_whole(bench):
    title = "Whole process"
    if not bench.wanted(title):
        return
    files = bench.data
    widths, batch, rate = NETS["A"][0], 128, 0.1
    # name of the row: the peer whose script is run
    scripts = {"PyTorch, eager": EAGER, "scikit-learn": SKLEARN}
    who = [OURS] + [name for name, peer in scripts.items() if peer in bench.peers]
    if bench.options.quick:
        who = who[:2]

    def measure(name):
        if name == OURS:
            config = files.config(files.gz, widths, batch, rate)
            done = bench.train(config, bench.threads, setting="auto")
            return done.seconds, done.megabytes
        more = ("--rate", rate, "--epochs", 10)

        def run(policy):
            how = dict(policy=policy, timeout=bench.patience)
            count = bench.threads
            return bench.peer(scripts[name], "whole", files.gz, widths, batch, count, *more, **how)

        if scripts[name] == SKLEARN:
            return run(None)[1:]
        return bench.better_policy((name, "whole"), run, lambda result: -result[1])[1:]

    found = bench.in_turn(title, who, measure)
    rows, data = [], {}
    for name, pairs in found.items():
        seconds, megabytes = (statistics.median(values) for values in zip(*pairs))
        told = ""
        if name == OURS:
            goals = (f"{WHOLE_SECONDS_GOAL:.1f} s", seconds < WHOLE_SECONDS_GOAL)
            goals += (f"{WHOLE_MEGABYTES_GOAL} MB", megabytes < WHOLE_MEGABYTES_GOAL)
            told = f"{goals[0]}: {met(goals[1])}; {goals[2]}: {met(goals[3])}"
        rows.append([name, f"{seconds:.2f} s", f"{megabytes:.0f} MB", told])
        data[name] = [dict(seconds=s, megabytes=m) for s, m in pairs]
    if rows:
        about = (
            f"Net A, batch {batch}, 10 epochs of the 60,000 rows, from gzipped IDX files to "
            "test accuracy: wall seconds and peak resident memory."
        )
        bench.add(title, ["", "wall", "memory", "goal"], rows, about, **data)


def bench_accuracy(bench):
    title = "Time to accuracy"
    if not bench.wanted(title):
        return
    files = bench.data
    if not files.mnist:
        bench.note(f"{title}: needs MNIST")
        return
    widths, batch, rate, epochs, goal = NETS["A"][0], 96, 0.01, 4, 0.98
    who = [OURS] + [name for name in (EAGER,) if name in bench.peers]
    seeds = {name: itertools.count(1) for name in who}

    def measure(name):
        seed = next(seeds[name])
        if name != OURS:
            more = ("--rate", rate, "--epochs", epochs, "--accuracy", goal, "--seed", seed)

            def run(policy):
                how = dict(policy=policy, timeout=bench.patience)
                count = bench.threads
                return bench.peer(name, "accuracy", files.gz, widths, batch, count, *more, **how)[0]

            score = lambda result: -result["seconds"]
            answer = bench.better_policy((name, "accuracy"), run, score)
            reached, seconds, count = answer["accuracy"], answer["seconds"], answer["epochs"]
            if reached < goal:
                raise Failed(f"{reached} after {count} epochs")
            return seconds, count
        config = files.config(files.gz[:2], widths, batch, rate, epochs, seed)
        extra = (f"data.validation={files.gz[2]}", f"data.validation_labels={files.gz[3]}")
        extra += ("optimizer.name=adam", "schedule.name=one_cycle")
        found = bench.train(config, bench.threads, extra=extra, setting="auto").epochs
        spent = 0.0
        for count, row in enumerate(found, 1):
            spent += float(row["seconds"])
            if float(row["validation_accuracy"]) >= goal:
                return spent, count
        raise Failed(f"not reached in {len(found)} epochs")

    found = bench.in_turn(title, who, measure)
    rows, data = [], {}
    for name, pairs in found.items():
        seconds, count = (statistics.median(values) for values in zip(*pairs))
        good = seconds < ACCURACY_SECONDS_GOAL
        told = f"{ACCURACY_SECONDS_GOAL} s: {met(good)}" if name == OURS else ""
        rows.append([name, f"{seconds:.2f} s", f"{count:g}", told])
        data[name] = [dict(seconds=s, epochs=e) for s, e in pairs]
    if rows:
        about = (
            f"Net A, batch {batch}, Adam with a one-cycle learning rate up to {rate} over {epochs} epochs, "
            "a seed for each repetition: seconds of training alone until "
            f"{percent(goal)} of the test rows are right."
        )
        bench.add(title, ["", "training", "epochs", "goal"], rows, about, **data)
