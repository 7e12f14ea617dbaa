"""Reading a large CSV."""

import json
import os
import random
import statistics

from contenders import OURS
from render import median_ratio
from runner import PYTHON, child, in_child, installed


def write_csv(path, megabytes):
    draw = random.Random(1)
    lines = []
    for _ in range(4000):
        cells = [f"{draw.gauss(0, 1):.6g}" for _ in range(32)] + [str(draw.randrange(10))]
        lines.append(",".join(cells) + "\n")
    block = "".join(lines)
    times = max(1, round(megabytes * 1e6 / len(block)))
    with open(path, "w") as stream:
        stream.write(",".join(f"x{i}" for i in range(32)) + ",label\n")
        for _ in range(times):
            stream.write(block)


def bench_csv(bench, megabytes):
    title = "Reading CSV"
    if not bench.wanted(title):
        return
    path = os.path.join(bench.scratch, "big.csv")
    in_child(write_csv, path, megabytes)
    size = os.path.getsize(path) / 1e6
    config = bench.data.config([path, ""], [32, 64, 10], 128)
    script = (
        "import sys, time, json, pandas\nbegin = time.perf_counter()\n"
        "pandas.read_csv(sys.argv[1], engine='c')\n"
        "print(json.dumps([time.perf_counter() - begin, pandas.__version__]))\n"
    )
    who = [OURS]
    if installed("pandas"):
        who.append("pandas")
    else:
        bench.note("pandas is not installed (python3-pandas): left out")

    def measure(name):
        if name == OURS:
            command = [bench.program, "check", config, "-s", f"parallel.threads={bench.threads}"]
            return child(command, bench.threads)[1:]
        text, _, memory = child([PYTHON, "-c", script, path], bench.threads)
        seconds, bench.versions["pandas"] = json.loads(text)
        return seconds, memory

    # Once unmeasured: the file is in the cache then.
    with open(path, "rb") as stream:
        while stream.read(1 << 24):
            pass
    found = bench.in_turn(title, who, measure)
    rows, data = [], dict(megabytes=size)
    for name, pairs in found.items():
        seconds, memory = (statistics.median(values) for values in zip(*pairs))
        rows.append([name, f"{seconds:.2f} s", f"{size / seconds:.0f} MB/s", f"{memory:.0f} MB"])
        data[name] = [dict(seconds=s, megabytes=m) for s, m in pairs]
    if len(found) == 2:
        ratio = median_ratio(*([s for s, _ in found[name]] for name in ("pandas", OURS)))
        rows.append(["shardprop / pandas", f"{ratio:.2f}x", "", ""])
    os.unlink(path)
    if rows:
        about = (
            f"{size:.0f} MB, 33 columns of numbers, in the page cache. shardprop: the whole "
            "process of shardprop check; pandas: read_csv alone, C engine, without its import."
        )
        bench.add(title, ["", "seconds", "rate", "memory"], rows, about, **data)
