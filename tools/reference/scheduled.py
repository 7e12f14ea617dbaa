"""Three epochs of twenty steps under every schedule, with warm-up and without (scheduled.json)."""
import torch
from torch.optim import lr_scheduler as by

from common import BATCH, STEPS, WIDTHS, about, decimal, float32, loss_of, rows, write

EPOCHS, RATE = 3, 0.3
PLATEAU_RATE = 1.5  # so high that the second epoch is worse than the first,
PLATEAU_SEED = 713  # and, from these weights, without making much of rounding
ALL = EPOCHS * STEPS
# what shardprop is given: PyTorch's scheduler of an optimizer and the steps it has, whether it counts epochs
SCHEDULES = {
    "constant": (lambda o, steps: by.ConstantLR(o, 1), False),
    "step step_epochs=1 factor=0.5": (lambda o, steps: by.StepLR(o, 1, 0.5), True),
    "exponential factor=0.7": (lambda o, steps: by.ExponentialLR(o, 0.7), True),
    "linear final=0.2": (lambda o, steps: by.LinearLR(o, 1, 0.2, steps), False),
    "polynomial power=3": (lambda o, steps: by.PolynomialLR(o, steps, 3), False),
    "cosine final=0.1": (lambda o, steps: by.CosineAnnealingLR(o, steps, 0.1 * RATE), False),
    "cosine cycle_epochs=1": (lambda o, steps: by.CosineAnnealingWarmRestarts(o, STEPS), False),
    "one_cycle peak=0.4": (lambda o, steps: by.OneCycleLR(o, RATE, total_steps=steps, pct_start=0.4), False),
}


def rates_of(make, epochs, steps):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=RATE)
    schedule, rates = make(optimizer, steps), []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1 and (not epochs or (step + 1) % STEPS == 0):
            schedule.step()
    return rates


def warmed(make, epochs, warmup):
    """Up in equal steps from 1 / (warmup + 1) of the rate, which the first step after it has."""
    up = lambda o, steps: by.LinearLR(o, 1 / (warmup + 1), 1, warmup)
    return (rates_of(up, False, warmup) if warmup else []) + rates_of(make, epochs, ALL - warmup)


def train(inputs, labels, seed, rates, plateau_rate=None):
    """By the rates of a list, one a step; without a list, by ReduceLROnPlateau and the mean losses of the epochs."""
    generator = torch.Generator().manual_seed(seed)
    parameters = []
    for below, above in zip(WIDTHS, WIDTHS[1:]):
        parameters.append(float32(torch.randn(below, above, generator=generator) * below**-0.5))
        parameters.append(float32(torch.randn(above, generator=generator) * 0.1))
    initial = torch.cat([p.flatten() for p in parameters])
    for p in parameters:
        p.requires_grad_(True)
    optimizer, losses, taken = torch.optim.SGD(parameters, lr=plateau_rate or RATE), [], []
    plateau = None if rates else by.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    for step in range(ALL):
        at = slice(step % STEPS * BATCH, (step % STEPS + 1) * BATCH)
        if rates:
            optimizer.param_groups[0]["lr"] = rates[step]
        taken.append(optimizer.param_groups[0]["lr"])
        a = inputs[at]
        for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
            a = torch.tanh(a @ w + b)
        j = loss_of("cross_entropy", a @ parameters[-2] + parameters[-1], labels[at])
        losses.append(j.item())
        optimizer.zero_grad()
        j.backward()
        optimizer.step()
        if plateau and (step + 1) % STEPS == 0:
            plateau.step(sum(losses[-STEPS:]) / STEPS)
    final = torch.cat([p.detach().flatten() for p in parameters])
    return {"initial": decimal(initial, 9), "rates": taken, "losses": losses, "final": decimal(final, 17)}


def make():
    inputs, labels = rows()
    cases = []
    for i, (ours, (scheduler, epochs)) in enumerate(SCHEDULES.items()):
        for warmup in (0, 1, 0.45):
            name = f"{ours}, warm-up {warmup}"
            settings = [f"schedule.{word}" for word in f"name={ours} warmup_epochs={warmup}".split()]
            settings += [f"train.epochs={EPOCHS}", f"optimizer.learning_rate={RATE}"]
            rates = warmed(scheduler, epochs, int(warmup * STEPS))
            cases.append({"name": name, "activation": "tanh", "loss": "cross_entropy", "settings": settings,
                          **train(inputs, labels, 600 + i, rates)})
    settings = ["schedule.name=plateau", "schedule.factor=0.5", "schedule.plateau_patience=0", f"train.epochs={EPOCHS}",
                f"optimizer.learning_rate={PLATEAU_RATE}"]
    cases.append({"name": "plateau", "activation": "tanh", "loss": "cross_entropy", "settings": settings,
                  **train(inputs, labels, PLATEAU_SEED, None, PLATEAU_RATE)})
    write("scheduled.json", {**about(inputs, labels), "cases": cases})
