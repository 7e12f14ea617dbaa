"""The learning rate of every step of a training with every schedule."""
import torch

from common import write

EPOCHS, EPOCH_STEPS = 12, 5
RATE = 0.4


def make():
    """The rate of every step; of schedules by epoch, each epoch's rate for all its steps."""
    from torch.optim import lr_scheduler as by

    steps = EPOCHS * EPOCH_STEPS
    made = {  # ours: PyTorch's, whether it counts epochs
        "name=step step_epochs=3 factor=0.5": (lambda o: by.StepLR(o, 3, 0.5), True),
        "name=exponential factor=0.8": (lambda o: by.ExponentialLR(o, 0.8), True),
        "name=linear final=0.25": (lambda o: by.LinearLR(o, 1, 0.25, steps), False),
        "name=cosine": (lambda o: by.CosineAnnealingLR(o, steps), False),
        "name=cosine final=0.1": (lambda o: by.CosineAnnealingLR(o, steps, 0.1 * RATE), False),
        "name=cosine cycle_epochs=1 cycle_growth=2": (
            lambda o: by.CosineAnnealingWarmRestarts(o, EPOCH_STEPS, 2), False),
        "name=one_cycle": (lambda o: by.OneCycleLR(o, RATE, total_steps=steps), False),
        "name=one_cycle peak=0.1": (lambda o: by.OneCycleLR(o, RATE, total_steps=steps, pct_start=0.1), False),
    }
    cases = []
    for ours, (make, epochs) in made.items():
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=RATE)
        schedule, rates = make(optimizer), []
        for step in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step < steps - 1 and (not epochs or (step + 1) % EPOCH_STEPS == 0):
                schedule.step()
        cases.append({"settings": [f"schedule.{word}" for word in ours.split()], "rates": rates})
    # The validation losses of a training, and the rates of its epochs.
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=RATE)
    plateau = by.ReduceLROnPlateau(optimizer, factor=0.3, patience=2)
    losses = [1, 0.9, 0.91, 0.9, 0.92, 0.9, 0.8, 0.79999, 0.79998, 0.79997, 0.79996, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6]
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        plateau.step(loss)
    write("schedules.json", {"torch": torch.__version__, "rate": RATE, "epochs": EPOCHS, "epoch_steps": EPOCH_STEPS, "cases": cases,
            "plateau": {"settings": ["schedule.name=plateau", "schedule.factor=0.3", "schedule.plateau_patience=2"],
                        "losses": losses, "rates": rates}})
