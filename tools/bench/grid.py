"""The grid of the section Threads, and what its rates come to: arithmetic alone."""

import itertools
import statistics

HIDDEN = ((8,), (64,), (256,), (512, 512), (2048, 2048))
BATCHES = (1, 16, 128, 1024)
FEATURES = (64, 784)
CLASSES = 10

# (widths, batch size)
GRID = [
    ((features, *hidden, CLASSES), batch)
    for hidden, batch, features in itertools.product(HIDDEN, BATCHES, FEATURES)
]
QUICK_GRID = [((64, 8, 10), 1), ((64, 64, 10), 16), ((784, 512, 512, 10), 128)]

# What to reach: threads = auto to the best fixed number; all threads allowed to the best of fewer.
FIXED_GOAL = 0.95
FEWER_GOAL = 0.90

# Seconds of training that do not count: threads are tried for the first time, and woken.
WARM = 0.1
# A data file of a cell has no more rows and bytes than this.
MOST_ROWS, MOST_BYTES = 1 << 16, 13 << 20


def name_of(widths, batch):
    return f"{'-'.join(map(str, widths))} at {batch}"


def exactly(count):
    return f"exactly {count}"


def up_to(count):
    """One thread allowed is exactly one: measured once."""
    return f"up to {count}" if count > 1 else exactly(1)


def trainings(counts):
    """name: (number of threads, whether exactly that); what is compared stands close together."""
    found = {}
    for count in counts:
        found[exactly(count)] = (count, True)
        found.setdefault(up_to(count), (count, False))
    return found


def power_of_two(value):
    """The largest that is not above it."""
    return 1 << max(0, int(value).bit_length() - 1)


def rows_of(widths, batch, rate, seconds):
    """Rows of a data file that an epoch needs `seconds` for, as far as its limits allow: a power
    of two, so that the mini-batches (powers of two, too) are whole."""
    most = min(MOST_ROWS, MOST_BYTES // widths[0])
    return max(batch, 32, power_of_two(min(most, rate * seconds)))


def epoch_seconds(epoch, rows):
    """Of a row of metrics.csv, by the column that has more digits."""
    seconds = float(epoch["seconds"])
    return seconds if seconds >= 1e-3 else rows / float(epoch["samples_per_second"])


def steady_rate(epochs, rows, seconds, warm_rows=0):
    """Samples per second of `seconds` of training after the warm-up. All of these seconds count,
    for the trials of other numbers of threads among them cost time, too. The warm-up is the first
    epoch, WARM seconds, and the epochs of warm_rows rows; but one epoch always counts."""
    spent = [epoch_seconds(epoch, rows) for epoch in epochs]
    first, warm = 0, 0.0
    while first < len(spent) - 1 and (first < 1 or warm < WARM or first * rows < warm_rows):
        warm += spent[first]
        first += 1
    count, total = 0, 0.0
    for lap in spent[first:]:
        if total >= seconds:
            break
        count += 1
        total += lap
    return count * rows / total


def compare(rates, one, others):
    """The rates of one contender to those of the best of others, the one with the highest
    median: in each repetition. None if one of the two was not measured."""
    others = [name for name in others if rates.get(name)]
    if not others or not rates.get(one):
        return None
    best = max(others, key=lambda name: statistics.median(rates[name]))
    ratios = [ours / theirs for ours, theirs in zip(rates[one], rates[best])]
    return dict(one=one, best=best, ratios=ratios, ratio=statistics.median(ratios))


def judge(rates, counts):
    """auto to the best fixed number of threads, and all threads allowed to the best of fewer."""
    most = max(counts)
    fixed = [exactly(count) for count in counts]
    fewer = [up_to(count) for count in counts if count < most]
    return dict(
        to_fixed=compare(rates, up_to(most), fixed),
        to_fewer=compare(rates, up_to(most), fewer),
    )


def summary(cells, which, goal):
    """Over the cells that have that comparison: how many meet the goal, the median, the worst
    first. None if there are none."""
    found = [cell for cell in cells if cell[which]]
    if not found:
        return None
    worst = sorted(found, key=lambda cell: cell[which]["ratio"])
    ratios = [cell[which]["ratio"] for cell in worst]
    return dict(
        goal=goal,
        met=sum(ratio >= goal for ratio in ratios),
        cells=len(ratios),
        median=statistics.median(ratios),
        lowest=ratios[0],
        highest=ratios[-1],
        worst=[cell["name"] for cell in worst],
    )
