"""What the reference trainings share: a small network, rows, and how they are written."""
import json
import pathlib

import torch

WIDTHS, ROWS, BATCH, STEPS = [7, 9, 6, 4], 200, 10, 20
F = torch.nn.functional
ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "leaky_relu": F.leaky_relu,
               "elu": F.elu, "selu": F.selu, "gelu": F.gelu, "silu": F.silu, "softplus": F.softplus,
               "identity": lambda z: z}
# loss: output activation, learning rate
LOSSES = {"squared_error": ("sigmoid", 0.1), "cross_entropy": ("softmax", 0.2)}


def float32(tensor):
    return tensor.to(torch.float32).to(torch.float64)


def decimal(tensor, digits):
    return [float(f"{value:.{digits}g}") for value in tensor.flatten().tolist()]


def loss_of(name, z, labels):
    if name == "cross_entropy":
        return torch.nn.functional.cross_entropy(z, labels)
    y = torch.nn.functional.one_hot(labels, WIDTHS[-1]).to(z.dtype)
    return ((y - torch.sigmoid(z)) ** 2).sum(dim=1).mean()


def trajectory(activation, loss, inputs, labels, seed, optimizer_of=None):
    generator = torch.Generator().manual_seed(seed)
    parameters = []
    for below, above in zip(WIDTHS, WIDTHS[1:]):
        parameters.append(float32(torch.randn(below, above, generator=generator) * below**-0.5))
        parameters.append(float32(torch.randn(above, generator=generator) * 0.1))
    initial = torch.cat([p.flatten() for p in parameters])
    for p in parameters:
        p.requires_grad_(True)
    output_activation, learning_rate = LOSSES[loss]
    if optimizer_of:
        optimizer = optimizer_of(parameters)
    else:
        optimizer = torch.optim.SGD(parameters, lr=learning_rate)
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        a = inputs[rows]
        for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
            a = ACTIVATIONS[activation](a @ w + b)
        z = a @ parameters[-2] + parameters[-1]
        j = loss_of(loss, z, labels[rows])
        losses.append(j.item())
        optimizer.zero_grad()
        j.backward()
        optimizer.step()
    final = torch.cat([p.detach().flatten() for p in parameters])
    return {
        "activation": activation, "loss": loss, "output_activation": output_activation,
        "learning_rate": learning_rate, "initial": decimal(initial, 9), "losses": losses,
        "final": decimal(final, 17),
    }


def rows():
    """The inputs and labels of every training."""
    generator = torch.Generator().manual_seed(1)
    inputs = float32(torch.randn(ROWS, WIDTHS[0], generator=generator))
    return inputs, torch.randint(0, WIDTHS[-1], (ROWS,), generator=generator)


def about(inputs, labels):
    """What stands at the top of a file of trainings."""
    return {"torch": torch.__version__, "widths": WIDTHS, "batch_size": BATCH,
            "inputs": [decimal(row, 9) for row in inputs], "labels": labels.tolist()}


def write(name, reference):
    folder = pathlib.Path(__file__).resolve().parent.parent.parent / "tests" / "reference"
    folder.mkdir(exist_ok=True)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in reference.items() if key != "cases")
    cases = ",\n".join(json.dumps(case) for case in reference["cases"])
    (folder / name).write_text(f"{{\n{lines},\n\"cases\": [\n{cases}\n]\n}}\n")
