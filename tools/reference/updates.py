"""Twenty steps with what happens to gradients before the optimizer and to weights behind it (updates.json)."""
import torch

from common import BATCH, STEPS, WIDTHS, about, decimal, float32, loss_of, rows, write


def penalise(l1=0, l2=0):
    """g := g + l1 sign(w) + l2 w, of weights, not of biases."""

    def shape(parameters):
        for w in parameters[::2]:
            w.grad += l1 * torch.sign(w.detach()) + l2 * w.detach()

    return shape


def clip_value(most):
    return lambda parameters: torch.nn.utils.clip_grad_value_(parameters, most)


def clip_norm(most):
    return lambda parameters: torch.nn.utils.clip_grad_norm_(parameters, most)


def bound(most):
    """The incoming weights of a unit are a column of W (Srivastava et al., JMLR 15, 2014)."""

    def after(parameters):
        for w in parameters[::2]:
            w.data = torch.renorm(w.data, 2, 1, most)

    return after


def both(*steps):
    return lambda parameters: [step(parameters) for step in steps]


def decay(rate):
    """w := w - eta weight_decay w (Loshchilov, Hutter, ICLR 2019), before the step."""

    def shape(parameters):
        for p in parameters:
            p.data *= 1 - rate

    return shape


NOTHING = lambda parameters: None
SGD = lambda rate: (lambda parameters: torch.optim.SGD(parameters, lr=rate))
ADAM = lambda rate: (lambda parameters: torch.optim.Adam(parameters, lr=rate))
# name: the optimizer, before it, after it, the share that the average keeps, what shardprop is given
CASES = {
    "l1": (SGD(0.2), penalise(l1=0.01), NOTHING, 0, "learning_rate=0.2 l1=0.01"),
    "l2": (SGD(0.2), penalise(l2=0.05), NOTHING, 0, "learning_rate=0.2 l2=0.05"),
    "l1 and l2 with adam": (ADAM(0.01), penalise(0.02, 0.03), NOTHING, 0,
                            "name=adam learning_rate=0.01 l1=0.02 l2=0.03"),
    "clip_value": (SGD(0.5), clip_value(0.02), NOTHING, 0, "learning_rate=0.5 clip_value=0.02"),
    "clip_norm": (SGD(0.5), clip_norm(0.3), NOTHING, 0, "learning_rate=0.5 clip_norm=0.3"),
    "clip_norm that is never reached": (SGD(0.2), clip_norm(1e6), NOTHING, 0, "learning_rate=0.2 clip_norm=1e6"),
    "penalty, then value, then norm": (ADAM(0.02), both(penalise(l2=0.1), clip_value(0.05), clip_norm(0.2)), NOTHING, 0,
                                       "name=adam learning_rate=0.02 l2=0.1 clip_value=0.05 clip_norm=0.2"),
    "max_norm": (SGD(0.5), NOTHING, bound(0.9), 0, "learning_rate=0.5 max_norm=0.9"),
    "max_norm, clip_norm, average": (ADAM(0.05), clip_norm(0.2), bound(1.1), 0.9,
                                     "name=adam learning_rate=0.05 clip_norm=0.2 max_norm=1.1 ema=0.9"),
    "average": (SGD(0.4), NOTHING, NOTHING, 0.4, "learning_rate=0.4 ema=0.4"),
    "decoupled decay": (SGD(0.2), decay(0.2 * 0.1), NOTHING, 0, "learning_rate=0.2 weight_decay=0.1 decay=decoupled"),
    "coupled decay of adamw": (lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1), NOTHING, NOTHING, 0,
                               "name=adamw learning_rate=0.01 weight_decay=0.1 decay=coupled"),
    "rprop": (lambda p: torch.optim.Rprop(p, lr=0.01), NOTHING, NOTHING, 0, "name=rprop learning_rate=0.01"),
    "rprop, other constants": (
        lambda p: torch.optim.Rprop(p, lr=0.02, etas=(0.3, 1.5), step_sizes=(0.005, 0.04)), NOTHING, NOTHING, 0,
        "name=rprop learning_rate=0.02 rprop_shrink=0.3 rprop_grow=1.5 rprop_least=0.005 rprop_most=0.04"),
}


def flat(parameters):
    return torch.cat([p.detach().flatten() for p in parameters])


def train(inputs, labels, seed, make, before, after, keeps):
    generator = torch.Generator().manual_seed(seed)
    parameters = []
    for below, above in zip(WIDTHS, WIDTHS[1:]):
        parameters.append(float32(torch.randn(below, above, generator=generator) * below**-0.5))
        parameters.append(float32(torch.randn(above, generator=generator) * 0.1))
    initial = average = flat(parameters)
    for p in parameters:
        p.requires_grad_(True)
    optimizer, losses = make(parameters), []
    for step in range(1, STEPS + 1):
        at = slice((step - 1) * BATCH, step * BATCH)
        a = inputs[at]
        for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
            a = torch.tanh(a @ w + b)
        loss = loss_of("cross_entropy", a @ parameters[-2] + parameters[-1], labels[at])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        before(parameters)
        optimizer.step()
        after(parameters)
        d = min(keeps, (1 + step) / (10 + step))
        average = d * average + (1 - d) * flat(parameters)
    case = {"initial": decimal(initial, 9), "losses": losses, "final": decimal(flat(parameters), 17)}
    if keeps:
        case["average"] = decimal(average, 17)
    return case


def make():
    inputs, labels = rows()
    cases = []
    for i, (name, (optimizer, before, after, keeps, ours)) in enumerate(CASES.items()):
        settings = [f"optimizer.{word}" for word in ours.split()]
        cases.append({"name": name, "activation": "tanh", "loss": "cross_entropy", "settings": settings,
                      **train(inputs, labels, 300 + i, optimizer, before, after, keeps)})
    write("updates.json", {**about(inputs, labels), "cases": cases})
