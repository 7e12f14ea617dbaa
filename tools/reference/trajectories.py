"""Twenty steps of plain gradient descent with every activation and loss."""
from common import ACTIVATIONS, LOSSES, about, rows, trajectory, write


def make():
    inputs, labels = rows()
    cases = [trajectory(a, l, inputs, labels, 10 * i + j)
             for i, a in enumerate(ACTIVATIONS) for j, l in enumerate(LOSSES)]
    write("trajectories.json", {**about(inputs, labels), "cases": cases})
