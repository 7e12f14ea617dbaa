"""Training steps: rates against the peers, share of the peak, efficiency, a busy neighbour."""

import os
import statistics

from contenders import (
    BUSY_GOAL,
    EAGER,
    EFFICIENCY_GOALS,
    MANUAL,
    NETS,
    OURS,
    PEAK_GOALS,
    RATIO_GOALS,
    flops,
)
from render import median_ratio, met, percent, short
from runner import HERE, Busy, Failed, child


def bench_net(bench, net, batches):
    widths = NETS[net][0]
    name = f"net {net}"
    cells = {}
    for batch in batches:
        title = f"{name}, batch {batch}"
        if bench.wanted(title):
            measure = lambda who: bench.rate(who, net, batch, bench.threads)
            found = bench.in_turn(title, [OURS] + bench.peers, measure)
            if OURS in found:
                cells[batch] = found
    if not cells:
        return
    header = ["samples/s"] + [f"batch {batch}" for batch in cells]
    rows = []
    for who in [OURS] + bench.peers:
        row = [short(statistics.median(c[who])) if who in c else "-" for c in cells.values()]
        rows.append([who] + row)
    gflops = [statistics.median(c[OURS]) * flops(widths) / 1e9 for c in cells.values()]
    rows.append(["shardprop, GFLOP/s"] + [f"{value:.0f}" for value in gflops])
    data = {}
    for who in bench.peers:
        row = []
        for found in cells.values():
            row.append(f"{median_ratio(found[OURS], found[who]):.2f}x" if who in found else "-")
        rows.append([f"shardprop / {who}"] + row)
    best, spread, goals = [], [], []
    for batch, found in cells.items():
        torch = [found[who] for who in (MANUAL, EAGER) if who in found]
        data[str(batch)] = dict(samples_per_second=found, flops_per_sample=flops(widths))
        if not torch:
            best.append("-"), spread.append("-"), goals.append("-")
            continue
        ratios = [ours / max(theirs) for ours, *theirs in zip(found[OURS], *torch)]
        ratio, goal = statistics.median(ratios), RATIO_GOALS[net, batch]
        best.append(f"{ratio:.2f}x")
        spread.append(f"{min(ratios):.2f}-{max(ratios):.2f}")
        goals.append(f"{goal}x: {met(ratio >= goal)}")
        good = ratio >= goal
        data[str(batch)].update(ratios_to_best_torch=ratios, ratio=ratio, goal=goal, met=good)
    rows.append(["shardprop / best PyTorch"] + best)
    rows.append(["  lowest and highest"] + spread)
    rows.append(["  goal"] + goals)
    shape = "-".join(map(str, widths))
    bench.add(f"Net {net}: {shape}, {bench.threads} threads", header, rows, **data)


def bench_peak(bench, cells):
    title = "Share of the peak"
    if not bench.wanted(title):
        return
    program = os.path.join(bench.scratch, "peak")
    source = os.path.join(HERE, "peak.c")
    try:
        cc = os.environ.get("CC", "cc").split()
        child(cc + "-O2 -march=native -fopenmp".split() + [source, "-o", program, "-ldl"], 1)
    except (Failed, OSError) as error:
        bench.note(f"{title}: peak.c: {error}")
        return
    span = str(min(bench.options.seconds, 1))

    def measure(who):
        if who == "peak":
            return [float(word) for word in child([program, span], bench.threads)[0].split()]
        return bench.our_rate(*who, bench.threads) * flops(NETS[who[0]][0]) / 1e9

    found = bench.in_turn(title, ["peak"] + cells, measure)
    if "peak" not in found:
        return
    peaks = [peak for peak, _ in found["peak"]]
    peak, product = (statistics.median(column) for column in zip(*found["peak"]))
    rows = [["multiply-adds in registers", f"{peak:.0f}", "100 %", ""]]
    if product:
        rows.append(["sgemm of OpenBLAS, 2000^3", f"{product:.0f}", percent(product / peak), ""])
    data = dict(peak_gflops=peaks, sgemm_gflops=[value for _, value in found["peak"]])
    for cell in cells:
        if cell in found:
            share, goal = median_ratio(found[cell], peaks), PEAK_GOALS.get(cell)
            told = f"{percent(goal)}: {met(share >= goal)}" if goal else ""
            value = f"{statistics.median(found[cell]):.0f}"
            rows.append([f"shardprop, net {cell[0]}, batch {cell[1]}", value, percent(share), told])
            data[f"{cell[0]} {cell[1]}"] = dict(gflops=found[cell], share=share, goal=goal)
    about = f"fp32, {bench.threads} threads together; the peak is the best of short bursts."
    bench.add(title, ["", "GFLOP/s", "share", "goal"], rows, about, **data)


def bench_efficiency(bench, cells):
    title = "Parallel efficiency"
    if not bench.wanted(title) or bench.threads == 1:
        return
    counts = (1, bench.threads)
    who = [OURS] + [name for name in (MANUAL,) if name in bench.peers and not bench.options.quick]
    rows, data = [], {}
    for net, batch in cells:
        contenders = [f"{name}, {count}" for name in who for count in counts]
        by_name = {f"{name}, {count}": (name, count) for name in who for count in counts}

        def measure(contender):
            name, count = by_name[contender]
            return bench.rate(name, net, batch, count)

        found = bench.in_turn(f"{title}, net {net}, batch {batch}", contenders, measure)
        for name in who:
            one, all_ = (found.get(f"{name}, {count}") for count in counts)
            if not one or not all_:
                continue
            efficiency = median_ratio(all_, one) / bench.threads
            goal = EFFICIENCY_GOALS.get((net, batch)) if name == OURS else None
            told = f"{percent(goal)}: {met(efficiency >= goal)}" if goal else ""
            rates = [short(statistics.median(values)) for values in (one, all_)]
            rows.append([f"net {net}, batch {batch}: {name}", *rates, percent(efficiency), told])
            data[f"{net} {batch} {name}"] = dict(
                one=one, all=all_, efficiency=efficiency, goal=goal
            )
    if rows:
        header = ["samples/s", "1 thread", f"{bench.threads} threads", "efficiency", "goal"]
        bench.add(title, header, rows, **data)


def bench_busy(bench, cells):
    title = "Busy neighbour"
    if not bench.wanted(title):
        return
    usual = f"{EAGER}, defaults"
    who = [OURS] + ([MANUAL, usual] if MANUAL in bench.peers else [])
    if bench.options.quick:
        who = who[:1]
    rows, data = [], {}
    for net, batch in cells:

        def measure(name):
            which = EAGER if name == usual else name
            how = dict(defaults=name == usual)
            alone = bench.rate(which, net, batch, bench.threads, **how)
            with Busy():
                return alone, bench.rate(which, net, batch, bench.threads, busy=True, **how)

        found = bench.in_turn(f"{title}, net {net}, batch {batch}", who, measure)
        for name, pairs in found.items():
            share = statistics.median(busy / alone for alone, busy in pairs)
            told = f"{percent(BUSY_GOAL)}: {met(share >= BUSY_GOAL)}" if name == OURS else ""
            rates = [short(statistics.median(values)) for values in zip(*pairs)]
            rows.append([f"net {net}, batch {batch}: {name}", *rates, percent(share), told])
            data[f"{net} {batch} {name}"] = dict(alone_and_busy=pairs, share=share)
    if rows:
        about = "The rate while another process keeps one of the cores busy."
        bench.add(title, ["samples/s", "alone", "busy", "share", "goal"], rows, about, **data)
