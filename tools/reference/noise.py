"""Twenty steps with dropout and input noise (noise.json).

Which units are dropped, and the noise, are not PyTorch's: they are computed here from what src/math/noise.h says, with
numpy's Philox (the same Philox4x64-10; Salmon et al., SC 2011). What becomes of them is PyTorch's.
"""
import math

import numpy
import torch

from common import ACTIVATIONS, BATCH, STEPS, WIDTHS, about, decimal, float32, loss_of, rows, write

SEED, DROPOUT, NOISE = 1, 5, 6  # train.seed; purposes of base/random.h
# what shardprop is given: activation, dropout of a(1) and a(2), of the inputs, noise
CASES = {
    "relu": ("relu", (0.5, 0.5), 0, 0),
    "tanh, one each": ("tanh", (0.5, 0.25), 0, 0),
    "gelu": ("gelu", (0.3, 0.3), 0, 0),
    "softplus, first alone": ("softplus", (0.75, 0), 0, 0),
    "inputs": ("relu", (0, 0), 0.2, 0),
    "noise": ("tanh", (0, 0), 0, 0.3),
    "all": ("selu", (0.4, 0.2), 0.125, 0.5),
}


def blocks(purpose, layer, row, step, count):
    """Words of the blocks 0 .. count - 1. numpy counts up before it draws."""
    counter = (layer << 64) + (row << 128) + (step << 192)
    generator = numpy.random.Philox(key=SEED + (purpose << 64), counter=(counter - 1) % (1 << 256))
    return [int(word) for word in generator.random_raw(4 * count)]


def factors(layer, share, step, width):
    """What a(layer) is multiplied by: unit j has the j-th 16 bits."""
    threshold = round(share * 65536)
    made = torch.ones(BATCH, width)
    for row in range(BATCH):
        words = blocks(DROPOUT, layer, row, step, (width + 15) // 16)
        for j in range(width):
            bits = words[j // 4] >> 16 * (j % 4) & 0xFFFF
            made[row, j] = 0 if bits < threshold else 65536 / (65536 - threshold)
    return made


def noise(deviation, step, width):
    """Box, Muller 1958: word i gives inputs i (cosine) and 128 + i (sine); so few inputs need no sine."""
    assert width <= 128
    made = torch.zeros(BATCH, width)
    for row in range(BATCH):
        for j, word in enumerate(blocks(NOISE, 0, row, step, (width + 3) // 4)[:width]):
            u, v = ((word >> 40) + 1) / 2**24, (word >> 8 & 0xFFFFFF) / 2**24
            made[row, j] = deviation * math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)
    return made


def train(inputs, labels, seed, activation, dropout, input_dropout, deviation):
    generator = torch.Generator().manual_seed(seed)
    parameters = []
    for below, above in zip(WIDTHS, WIDTHS[1:]):
        parameters.append(float32(torch.randn(below, above, generator=generator) * below**-0.5))
        parameters.append(float32(torch.randn(above, generator=generator) * 0.1))
    initial = torch.cat([p.flatten() for p in parameters])
    for p in parameters:
        p.requires_grad_(True)
    optimizer, losses = torch.optim.SGD(parameters, lr=0.1), []
    for step in range(STEPS):
        at = slice(step * BATCH, (step + 1) * BATCH)
        a = (inputs[at] + noise(deviation, step, WIDTHS[0])) * factors(0, input_dropout, step, WIDTHS[0])
        for l, (w, b) in enumerate(zip(parameters[:-2:2], parameters[1:-2:2])):
            a = ACTIVATIONS[activation](a @ w + b) * factors(l + 1, dropout[l], step, WIDTHS[l + 1])
        loss = loss_of("cross_entropy", a @ parameters[-2] + parameters[-1], labels[at])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    final = torch.cat([p.detach().flatten() for p in parameters])
    return {"initial": decimal(initial, 9), "losses": losses, "final": decimal(final, 17)}


def make():
    inputs, labels = rows()
    cases = []
    for i, (name, (activation, dropout, input_dropout, deviation)) in enumerate(CASES.items()):
        settings = [f"network.dropout={dropout[0]}, {dropout[1]}", f"network.input_dropout={input_dropout}",
                    f"network.input_noise={deviation}", f"train.seed={SEED}", "optimizer.learning_rate=0.1"]
        cases.append({"name": name, "activation": activation, "loss": "cross_entropy", "settings": settings,
                      **train(inputs, labels, 400 + i, activation, dropout, input_dropout, deviation)})
    write("noise.json", {**about(inputs, labels), "cases": cases})
