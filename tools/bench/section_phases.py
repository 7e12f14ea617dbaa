"""Where the time of a training step goes: what `shardprop train --phases` tells."""

import statistics

from contenders import BATCHES, NETS, OURS
from render import percent
from runner import Failed, child

# As the program calls them, in the order of a step.
PHASES = ("gather", "forward", "loss", "backward", "gradient", "update", "barrier")
CELLS = [(net, batch) for net in NETS for batch in BATCHES]
QUICK_CELLS = [("B", 128)]


def offered(bench):
    """Whether the program knows the option."""
    return "--phases" in child([bench.program, "train", "--help"], 1)[0]


def phases_of(bench, net, batch, threads):
    """phase: thread-seconds, of a whole training, its first epoch included."""
    config = bench.config_of(net, batch, threads)
    limit = 30 + 20 * bench.options.seconds
    done = bench.train(config, threads, limit, may_stop=True, options=["--phases"])
    found = done.summary.get("phases")
    if not found or sum(found.values()) <= 0:
        raise Failed("no times of phases in summary.json")
    return found


def shares(phases):
    total = sum(phases.values())
    return {name: seconds / total for name, seconds in phases.items()}


def median_shares(found):
    """Of each phase, over the repetitions."""
    each = [shares(phases) for phases in found]
    return {name: statistics.median(one.get(name, 0) for one in each) for name in each[0]}


def bench_phases(bench, quick):
    title = "Phases"
    cells = [
        (net, batch)
        for net, batch in (QUICK_CELLS if quick else CELLS)
        if bench.wanted(f"{title}, {net} at {batch}")
    ]
    if not cells:
        return
    try:
        known = offered(bench)
    except (Failed, OSError):
        known = False
    if not known:
        bench.note(f"{title}: this program has no option --phases: left out")
        return
    names, rows, data = list(PHASES), [], {}
    for net, batch in cells:
        for threads in sorted({1, bench.threads}):
            told = f"{net} at {batch}, {threads} thread{'s' if threads > 1 else ''}"
            measure = lambda _: phases_of(bench, net, batch, threads)
            found = bench.in_turn(f"{title}, {told}", [OURS], measure).get(OURS)
            if not found and not rows:
                return  # noted, and likely the same with all others
            if not found:
                continue
            share = median_shares(found)
            names += [name for name in share if name not in names]
            rows.append((told, share))
            data[f"{net} {batch} {threads}"] = dict(thread_seconds=found, share=share)
    if not rows:
        return
    about = "Share of the time of all threads together; nets at a batch size."
    table = [
        [told] + [percent(share[name]) if name in share else "-" for name in names]
        for told, share in rows
    ]
    bench.add(title, ["", *names], table, about, **data)
