"""Twenty steps with every optimizer."""
import torch

from common import about, rows, trajectory, write

# name: how PyTorch calls it, what it is given there, what shardprop is given
OPTIMIZERS = {
    "sgd": ("SGD", dict(lr=0.1, weight_decay=0.01), "learning_rate=0.1 weight_decay=0.01"),
    "momentum": ("SGD", dict(lr=0.05, momentum=0.8), "learning_rate=0.05 momentum=0.8"),
    "momentum, weight decay": (
        "SGD", dict(lr=0.05, momentum=0.9, weight_decay=0.02), "learning_rate=0.05 weight_decay=0.02"),
    "nesterov": ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True), "learning_rate=0.05"),
    "adagrad": ("Adagrad", dict(lr=0.05, eps=1e-6), "learning_rate=0.05 epsilon=1e-6"),
    "rmsprop": ("RMSprop", dict(lr=0.005, alpha=0.95), "learning_rate=0.005 rho=0.95"),
    "adam": ("Adam", dict(lr=0.01), "learning_rate=0.01"),
    "adam, other constants": (
        "Adam", dict(lr=0.02, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.05),
        "learning_rate=0.02 beta1=0.8 beta2=0.9 epsilon=1e-4 weight_decay=0.05"),
    "amsgrad": ("Adam", dict(lr=0.01, amsgrad=True, betas=(0.9, 0.7)), "learning_rate=0.01 beta2=0.7"),
    "adamw": ("AdamW", dict(lr=0.01, weight_decay=0.1), "learning_rate=0.01 weight_decay=0.1"),
}


def make():
    inputs, labels = rows()
    cases = []
    for i, (name, (called, constants, ours)) in enumerate(OPTIMIZERS.items()):
        make = lambda parameters: getattr(torch.optim, called)(parameters, **constants)
        case = trajectory("tanh", "cross_entropy", inputs, labels, 100 + i, make)
        del case["learning_rate"]
        settings = [f"optimizer.name={name.split(',')[0]}"] + [f"optimizer.{word}" for word in ours.split()]
        cases.append({"name": name, "settings": settings, **case})
    write("optimizers.json", {**about(inputs, labels), "cases": cases})
