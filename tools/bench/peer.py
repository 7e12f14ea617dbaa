"""What the peers share: their arguments, their data, their clock."""

import argparse
import gzip
import json
import os
import time

import numpy as np

from laps import median_of_laps


def read_idx(path):
    """An IDX file of bytes, plain or gzipped, as an array [rows, features] or [rows]."""
    with open(path, "rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as stream:
        raw = stream.read()
    dimensions = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions)
    return values.reshape(shape[0], -1) if dimensions > 1 else values


def read_rows(images, labels):
    """Features as float32 in 0..1 and labels as int64; a CSV has the labels in its last column."""
    if images.endswith(".csv"):
        table = np.loadtxt(images, delimiter=",", skiprows=1, dtype=np.float32)
        x, y = table[:, :-1], table[:, -1]
        low, high = x.min(0), x.max(0)
        x = (x - low) / np.where(high > low, high - low, 1)
    else:
        x, y = read_idx(images), read_idx(labels)
        x = np.multiply(x, np.float32(1 / 255), dtype=np.float32)
    return np.ascontiguousarray(x, np.float32), y.astype(np.int64)


def parse(modes):
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=modes)
    parser.add_argument("--images")
    parser.add_argument("--labels")
    parser.add_argument("--test-images")
    parser.add_argument("--test-labels")
    parser.add_argument("--widths", type=lambda text: [int(w) for w in text.split("-")])
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--accuracy", type=float, default=0.98)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Finished(Exception):
    """Raised out of a training loop when the measurement is over."""


class Clock:
    """Told of every step. The first ones, for a quarter of the time and three at least, are
    warm-up."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.laps = []
        self.warm = 0
        self.begin = self.last = time.perf_counter()

    def step(self, samples):
        now = time.perf_counter()
        if self.warm >= 0:
            self.warm += 1
            if self.warm >= 3 and now - self.begin >= self.seconds / 4:
                self.warm = -1
                self.begin = now
        else:
            self.laps.append((samples, now - self.last))
            if now - self.begin >= self.seconds:
                raise Finished
        self.last = now

    def rate(self):
        return median_of_laps(self.laps, self.seconds)


def blas():
    """The matrix libraries in this process: by file name."""
    found = set()
    with open("/proc/self/maps") as stream:
        for line in stream:
            path = line.split()[-1]
            name = os.path.basename(path)
            if name.startswith(("libopenblas", "libblas", "libmkl", "libblis", "libdnnl")):
                found.add(name)
    return sorted(found)


def answer(**values):
    print(json.dumps(dict(values, blas=blas())))
