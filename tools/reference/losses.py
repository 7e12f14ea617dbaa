"""Twenty steps with every loss: of classes (losses.json) and of values from 0 to 1 (values.json)."""
import torch

from common import BATCH, ROWS, STEPS, WIDTHS, about, decimal, float32, rows, write

F = torch.nn.functional


def one_hot(labels):
    return F.one_hot(labels, WIDTHS[-1]).to(torch.float64)


def balanced(labels):
    counts = torch.bincount(labels, minlength=WIDTHS[-1]).to(torch.float64)
    return len(labels) / (len(counts) * counts)


def cross_entropy(weights=None, smoothing=0):
    """Every row times the weight of its class, then the mean over the rows: PyTorch's own mean divides by the weights."""

    def loss(z, y):
        each = F.cross_entropy(z, y, reduction="none", label_smoothing=smoothing)
        return (each * (1 if weights is None else weights[y])).mean()

    return loss


def by_output(function):
    return lambda z, y: function(z, y).sum(dim=1).mean()


SQUARED = by_output(lambda yhat, y: (yhat - y) ** 2)
ABSOLUTE = by_output(lambda yhat, y: (yhat - y).abs())
HUBER = lambda delta: by_output(lambda yhat, y: F.huber_loss(yhat, y, reduction="none", delta=delta))
BINARY = by_output(lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none"))
POISSON = by_output(lambda z, y: F.poisson_nll_loss(z, y, log_input=True, reduction="none"))
WEIGHTS = torch.tensor([0.5, 2, 1.25, 0])


def classes(labels):
    """name: the loss by the last layer's z and the class, what shardprop is given."""
    hot = lambda loss, f: (lambda z, y: loss(f(z), one_hot(y)))
    weighted = lambda z, y: (F.binary_cross_entropy_with_logits(z, one_hot(y), reduction="none").sum(dim=1)
                             * WEIGHTS[y]).mean()
    return {
        "absolute_error": (hot(ABSOLUTE, torch.sigmoid), ""),
        "huber": (hot(HUBER(0.3), torch.sigmoid), "train.huber_delta=0.3"),
        "binary_cross_entropy": (hot(BINARY, lambda z: z), ""),
        "binary_cross_entropy, weighted": (weighted, "train.class_weights=0.5,2,1.25,0"),
        "cross_entropy, smoothed": (cross_entropy(smoothing=0.1), "train.label_smoothing=0.1"),
        "cross_entropy, weighted": (cross_entropy(WEIGHTS), "train.class_weights=0.5,2,1.25,0"),
        "cross_entropy, balanced": (cross_entropy(balanced(labels)), "train.class_weights=balanced"),
        "cross_entropy, both": (cross_entropy(WEIGHTS, 0.3),
                                "train.class_weights=0.5,2,1.25,0 train.label_smoothing=0.3"),
    }


VALUES = {
    "squared_error": (SQUARED, ""),
    "absolute_error": (ABSOLUTE, ""),
    "huber": (HUBER(0.2), "train.huber_delta=0.2"),
    "binary_cross_entropy": (BINARY, ""),
    "poisson": (POISSON, ""),
}


def train(widths, inputs, targets, seed, loss):
    generator = torch.Generator().manual_seed(seed)
    parameters = []
    for below, above in zip(widths, widths[1:]):
        parameters.append(float32(torch.randn(below, above, generator=generator) * below**-0.5))
        parameters.append(float32(torch.randn(above, generator=generator) * 0.1))
    initial = torch.cat([p.flatten() for p in parameters])
    for p in parameters:
        p.requires_grad_(True)
    optimizer, losses = torch.optim.SGD(parameters, lr=0.1), []
    for step in range(STEPS):
        at = slice(step * BATCH, (step + 1) * BATCH)
        a = inputs[at]
        for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
            a = torch.tanh(a @ w + b)
        j = loss(a @ parameters[-2] + parameters[-1], targets[at])
        losses.append(j.item())
        optimizer.zero_grad()
        j.backward()
        optimizer.step()
    final = torch.cat([p.detach().flatten() for p in parameters])
    return {"initial": decimal(initial, 9), "losses": losses, "final": decimal(final, 17)}


def all_of(cases, widths, inputs, targets, seed, *more):
    return [{"name": name, "activation": "tanh", "loss": name.split(",")[0], "learning_rate": 0.1,
             "settings": [*more, *ours.split()], **train(widths, inputs, targets, seed + i, loss)}
            for i, (name, (loss, ours)) in enumerate(cases.items())]


def make():
    inputs, labels = rows()
    write("losses.json", {**about(inputs, labels), "cases": all_of(classes(labels), WIDTHS, inputs, labels, 400)})
    generator = torch.Generator().manual_seed(2)
    values = float32(torch.rand(ROWS, 1, generator=generator))
    widths = WIDTHS[:-1] + [1]
    top = {**about(inputs, labels), "widths": widths, "labels": decimal(values, 9)}
    write("values.json", {**top, "cases": all_of(VALUES, widths, inputs, values, 500, "data.task=regression")})
