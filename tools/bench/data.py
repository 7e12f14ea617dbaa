"""What is trained on: the bytes of MNIST and digits.csv, or others of their shape; configs."""

import gzip
import math
import os
import random
import struct

from contenders import NETS
from runner import TOP, in_child


def image_head(rows, side=28):
    return struct.pack(">IIII", 0x803, rows, side, side)


def label_head(rows):
    return struct.pack(">II", 0x801, rows)


def synthetic_digits(rows, features=784):
    """As MNIST: four of five pixels are zero."""
    draw = random.Random(1)
    block = b"".join(
        bytes(draw.randrange(1, 256) if draw.random() < 0.2 else 0 for _ in range(features))
        for _ in range(500)
    )
    return block * (rows // 500), bytes(draw.randrange(10) for _ in range(rows))


class Data:
    """IDX and CSV files in the scratch folder, of as many rows as each net is trained on."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.nets = {}

    def prepare(self, note):
        names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        here = [os.path.join(TOP, "data", "mnist", name + "-ubyte.gz") for name in names]
        self.mnist = all(map(os.path.exists, here))
        if self.mnist:
            self.gz = here
        else:
            note("no data/mnist (make mnist fetches it): synthetic bytes of its shape")
            self.gz = [os.path.join(self.scratch, name + ".gz") for name in names]
        self.nets = {"S": [os.path.join(self.scratch, "S.csv"), ""]}
        for net in "ABC":
            self.nets[net] = [os.path.join(self.scratch, net + kind) for kind in ("-x", "-y")]
        self.digits = os.path.join(TOP, "data", "digits.csv")
        if not os.path.exists(self.digits):
            note("no data/digits.csv: synthetic numbers of its shape")
        in_child(self.write_data)

    def write_data(self):
        if self.mnist:
            with gzip.open(self.gz[0]) as images, gzip.open(self.gz[1]) as labels:
                pixels, classes = images.read()[16:], labels.read()[8:]
        else:
            pixels, classes = synthetic_digits(60000)
            test = synthetic_digits(10000)
            for path, body, head in zip(
                self.gz,
                (pixels, classes) + test,
                (image_head(60000), label_head(60000), image_head(10000), label_head(10000)),
            ):
                with gzip.open(path, "wb", 1) as stream:
                    stream.write(head + body)
        for net in "ABC":
            rows = NETS[net][1]
            paths = self.nets[net]
            with open(paths[0], "wb") as stream:
                stream.write(image_head(rows) + pixels[: 784 * rows])
            with open(paths[1], "wb") as stream:
                stream.write(label_head(rows) + classes[:rows])
        rows = NETS["S"][1]
        if os.path.exists(self.digits):
            with open(self.digits) as stream:
                lines = stream.readlines()[: rows + 1]
        else:
            lines = [",".join(f"x{i}" for i in range(64)) + ",label\n"]
            for _ in range(rows):
                cells = [random.randrange(17) for _ in range(64)] + [random.randrange(10)]
                lines.append(",".join(map(str, cells)) + "\n")
        with open(self.nets["S"][0], "w") as stream:
            stream.writelines(lines)

    def synthetic(self, features, rows):
        """IDX files of that shape, of all ten classes; written when they are asked for first."""
        paths = [os.path.join(self.scratch, f"{features}x{rows}{kind}") for kind in ("-x", "-y")]
        if not os.path.exists(paths[1]):
            in_child(self.write_synthetic, paths, features, rows)
        return paths

    @staticmethod
    def write_synthetic(paths, features, rows):
        pixels, _ = synthetic_digits(500 * (rows // 500 + 1), features)
        with open(paths[0], "wb") as stream:
            stream.write(image_head(rows, math.isqrt(features)) + pixels[: features * rows])
        with open(paths[1], "wb") as stream:
            stream.write(label_head(rows) + bytes(row % 10 for row in range(rows)))

    def config(self, paths, widths, batch, rate=0.01, epochs=10, seed=1):
        path = os.path.join(self.scratch, "bench.ini")
        images, labels = paths[:2]
        test, test_labels = paths[2:] or ("", "")
        is_csv = images.endswith(".csv")
        with open(path, "w") as stream:
            stream.write(
                f"[data]\ntrain = {images}\ntrain_labels = {labels}\n"
                f"test = {test}\ntest_labels = {test_labels}\n"
                f"normalize = {'minmax' if is_csv else 'unit'}\ntask = classification\n"
                f"[network]\nhidden = {', '.join(map(str, widths[1:-1]))}\nactivation = relu\n"
                f"[optimizer]\nname = sgd\nlearning_rate = {rate}\n"
                f"[train]\nepochs = {epochs}\nbatch_size = {batch}\nloss = cross_entropy\n"
                f"seed = {seed}\n"
            )
        return path
