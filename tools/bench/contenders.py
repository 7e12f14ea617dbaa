"""Who is measured, on which networks and batch sizes, and what is to be reached."""

# name: widths, rows trained on (whole mini-batches, and an epoch of a second or less)
NETS = {
    "S": ([64, 32, 10], 1792),
    "A": ([784, 128, 10], 59392),
    "B": ([784, 512, 512, 10], 16384),
    "C": ([784, 2048, 2048, 10], 6144),
}
BATCHES = (32, 128, 1024)
CELLS = [("S", 32)] + [(net, batch) for net in "ABC" for batch in BATCHES]
QUICK_CELLS = [("S", 32), ("A", 128), ("B", 128), ("B", 1024)]

# What to reach: times PyTorch's better row.
RATIO_GOALS = {
    ("S", 32): 10,
    ("A", 32): 3, ("A", 128): 2.5, ("A", 1024): 2,
    ("B", 32): 2, ("B", 128): 1.8, ("B", 1024): 1.4,
    ("C", 32): 1.2, ("C", 128): 1.1, ("C", 1024): 1.1,
}  # fmt: skip
EFFICIENCY_GOALS = {("B", 128): 0.60, ("B", 1024): 0.85}
PEAK_GOALS = {("B", 1024): 0.75, ("C", 1024): 0.75}
BUSY_GOAL = 0.40
WHOLE_SECONDS_GOAL, WHOLE_MEGABYTES_GOAL = 1.0, 150
ACCURACY_SECONDS_GOAL = 0.5

OURS = "shardprop"
MANUAL, EAGER, SKLEARN = "PyTorch, by hand", "PyTorch, eager", "scikit-learn"
# name: Debian package, module, script, mode
PEERS = {
    MANUAL: ("python3-torch", "torch", "peer_torch.py", "manual"),
    EAGER: ("python3-torch", "torch", "peer_torch.py", "eager"),
    SKLEARN: ("python3-sklearn", "sklearn", "peer_sklearn.py", "fit"),
}


def flops(widths):
    """Of a sample: forward, weight gradient, and of all layers but the first input gradient."""
    pairs = list(zip(widths, widths[1:]))
    return sum((4 if layer == 0 else 6) * i * o for layer, (i, o) in enumerate(pairs))
