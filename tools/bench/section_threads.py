"""How well the number of threads follows the work: a grid of networks and batch sizes."""

import statistics

from contenders import flops
from grid import (
    FEWER_GOAL,
    FIXED_GOAL,
    GRID,
    QUICK_GRID,
    WARM,
    judge,
    name_of,
    rows_of,
    steady_rate,
    summary,
    trainings,
)
from render import met, short
from runner import Failed

# Seconds that a program may need before it trains; it is told to stop after so many more.
START = 0.3
# Of a measurement, at most: there are hundreds.
MOST_SECONDS = 1.0
# Cells shown of each comparison, the worst ones. All are in the JSON file.
SHOWN = 6
ENDLESS = 1_000_000


class Cell:
    """A network and batch size: its data, and trainings that are stopped after a time."""

    def __init__(self, bench, widths, batch):
        self.bench, self.widths, self.batch = bench, widths, batch
        self.seconds = min(bench.options.seconds, MOST_SECONDS)
        # A first training, to know how long an epoch should be.
        self.step = 0.0
        self.rows = rows_of(widths, batch, min(1e8 / flops(widths), 1024), 1)
        epochs = self.train(bench.threads, False, START + WARM)
        late = epochs[len(epochs) // 2 :]
        rate = len(late) / sum(1 / float(epoch["samples_per_second"]) for epoch in late)
        self.step = batch / rate
        self.rows = rows_of(widths, batch, rate, self.seconds / 10)

    def train(self, count, fixed, limit):
        """The rows of metrics.csv of a training that is stopped after `limit` seconds."""
        data = self.bench.data
        paths = data.synthetic(self.widths[0], self.rows)
        config = data.config(paths, self.widths, self.batch, rate=0.001, epochs=ENDLESS)
        setting = count if fixed else "auto"
        for patience in (limit, 3 * limit):
            try:
                done = self.bench.train(config, count, patience, may_stop=True, setting=setting)
                if done.epochs:
                    return done.epochs
            except FileNotFoundError:
                pass  # stopped before the first epoch
        raise Failed("shardprop did not finish an epoch")

    def rate(self, count, fixed):
        # So many steps need all numbers of threads to be tried once; of steps that take long that
        # is more than WARM seconds.
        warm_steps = 0 if fixed else 2 * count
        step = self.step * self.bench.threads / count
        limit = START + max(WARM, warm_steps * step) + max(self.seconds, 3 * step)
        epochs = self.train(count, fixed, limit)
        return steady_rate(epochs, self.rows, self.seconds, warm_steps * self.batch)


def bench_threads(bench, quick):
    title = "Threads"
    if bench.threads == 1:
        return
    counts = (1, bench.threads) if quick else tuple(range(1, bench.threads + 1))
    who = trainings(counts)
    cells = []
    for widths, batch in QUICK_GRID if quick else GRID:
        name = name_of(widths, batch)
        told = f"{title}, grid, {name}"
        if not bench.wanted(told):
            continue
        try:
            cell = Cell(bench, widths, batch)
        except (Failed, OSError) as error:
            bench.note(f"{told}: {error}")
            continue
        rates = bench.in_turn(told, who, lambda which: cell.rate(*who[which]))
        about = dict(name=name, widths=widths, batch=batch, rows=cell.rows)
        cells.append(dict(about, samples_per_second=rates, **judge(rates, counts)))
    if cells:
        show(bench, title, cells, counts)


def show(bench, title, cells, counts):
    goals = {"to_fixed": FIXED_GOAL, "to_fewer": FEWER_GOAL}
    names = {
        "to_fixed": "auto / best fixed",
        "to_fewer": f"{bench.threads} allowed / best of fewer",
    }
    found = {which: summary(cells, which, goal) for which, goal in goals.items()}
    by_name = {cell["name"]: cell for cell in cells}
    rows = []
    for which, sums in found.items():
        if not sums:
            continue
        spread = f"{sums['lowest']:.2f}-{sums['highest']:.2f}"
        told = f"{sums['goal']:.2f}: {sums['met']} of {sums['cells']}"
        rows.append([f"{names[which]}, all cells", "", "", f"{sums['median']:.2f}", spread, told])
        for name in sums["worst"][:SHOWN]:
            rows.append(row_of(by_name[name], which, sums["goal"]))
    about = (
        f"{len(cells)} networks and batch sizes, the worst of each comparison below its summary, "
        f"all in the JSON file. Fixed numbers: {', '.join(map(str, counts))}, as parallel.threads. "
        "Allowed: as OMP_NUM_THREADS, with threads = auto. Ratios: median, lowest and highest of "
        "the repetitions; of all cells, of their medians."
    )
    header = ["samples/s, at batch size", "auto", "best other", "ratio", "lowest-highest", "goal"]
    bench.add(title, header, rows, about, summary=found, cells=cells)


def row_of(cell, which, goal):
    found, rates = cell[which], cell["samples_per_second"]
    one, best = (statistics.median(rates[found[key]]) for key in ("one", "best"))
    ratios = found["ratios"]
    return [
        f"  {cell['name']}",
        short(one),
        f"{short(best)} ({found['best']})",
        f"{found['ratio']:.2f}",
        f"{min(ratios):.2f}-{max(ratios):.2f}",
        met(found["ratio"] >= goal),
    ]
