#!/usr/bin/python3
"""PyTorch, measured: one line of JSON.

eager     autograd and optim.SGD, as its tutorials write it
manual    gradients by hand, every tensor made beforehand, updates inside the products
whole     from IDX files to trained weights and test accuracy, eager; the caller times it
accuracy  seconds of training until the test accuracy is reached, eager, with Adam and a one-cycle schedule
"""

import time

import torch

import peer


def module(widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def eager_epoch(model, optimizer, x, y, batch, told, schedule=None):
    order = torch.randperm(len(x))
    total = torch.zeros(())
    for begin in range(0, len(x), batch):
        rows = order[begin : begin + batch]
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        total += loss.detach() * len(rows)
        told(len(rows))
    return total


class Manual:
    """Gradients by hand. Nothing is allocated in a step; W := W - eta dJ/dW is one call that
    adds the product to W, so that no gradient is stored. No accuracy is counted."""

    def __init__(self, widths, batch, rate):
        self.batch, self.rate, self.last = batch, rate, len(widths) - 2
        pairs = list(zip(widths, widths[1:]))
        self.w = [(torch.rand(i, o) * 2 - 1) * (6 / i) ** 0.5 for i, o in pairs]
        self.b = [torch.zeros(o) for _, o in pairs]
        self.views = {}
        self.total = torch.zeros(())

    def buffers(self, rows, widths):
        if rows not in self.views:
            self.views[rows] = dict(
                a=[torch.empty(rows, width) for width in widths],
                e=[torch.empty(rows, width) for width in widths],
                p=torch.empty(rows, widths[-1]),
                y=torch.empty(rows, dtype=torch.int64),
                picked=torch.empty(rows, 1),
                minus=torch.full((rows, 1), -1.0),
                bias=[torch.empty(width) for width in widths],
            )
        return self.views[rows]

    def step(self, x, y, rows):
        widths = [x.shape[1]] + [len(b) for b in self.b]
        v = self.buffers(len(rows), widths)
        a, e, scale = v["a"], v["e"], -self.rate / len(rows)
        torch.index_select(x, 0, rows, out=a[0])
        torch.index_select(y, 0, rows, out=v["y"])
        for l, (w, b) in enumerate(zip(self.w, self.b)):
            torch.addmm(b, a[l], w, out=a[l + 1])
            if l < self.last:
                a[l + 1].relu_()
        error = e[self.last + 1]
        torch.softmax(a[-1], 1, out=error)
        label = v["y"].unsqueeze(1)
        torch.gather(error, 1, label, out=v["picked"])
        self.total -= v["picked"].log_().sum()
        error.scatter_add_(1, label, v["minus"])
        for l in range(self.last, -1, -1):
            if l > 0:
                torch.mm(e[l + 1], self.w[l].t(), out=e[l])
                torch.ops.aten.threshold_backward.grad_input(e[l], a[l], 0, grad_input=e[l])
            self.w[l].addmm_(a[l].t(), e[l + 1], alpha=scale)
            torch.sum(e[l + 1], 0, out=v["bias"][l + 1])
            self.b[l].add_(v["bias"][l + 1], alpha=scale)

    def epoch(self, x, y, told):
        order = torch.randperm(len(x))
        for begin in range(0, len(x), self.batch):
            rows = order[begin : begin + self.batch]
            self.step(x, y, rows)
            told(len(rows))


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def until_accurate(args, x, y, test):
    """Seconds, epochs and the accuracy after the last of them; from weights as shardprop draws them."""
    model = module(args.widths)
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            torch.nn.init.zeros_(layer.bias)
    steps = args.epochs * -(-len(x) // args.batch)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.rate, foreach=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.rate, total_steps=steps, cycle_momentum=False
    )
    spent = 0.0
    for epoch in range(1, args.epochs + 1):
        begin = time.perf_counter()
        eager_epoch(model, optimizer, x, y, args.batch, lambda rows: None, schedule)
        spent += time.perf_counter() - begin
        reached = accuracy(model, *test)
        if reached >= args.accuracy:
            break
    return dict(seconds=spent, epochs=epoch, accuracy=reached)


def main():
    args = peer.parse(["eager", "manual", "whole", "accuracy"])
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    x, y = map(torch.from_numpy, peer.read_rows(args.images, args.labels))
    if args.test_images:
        test = list(map(torch.from_numpy, peer.read_rows(args.test_images, args.test_labels)))
    version = torch.__version__

    if args.mode in ("eager", "whole"):
        model = module(args.widths)
        optimizer = torch.optim.SGD(model.parameters(), lr=args.rate)
    if args.mode == "whole":
        for _ in range(args.epochs):
            eager_epoch(model, optimizer, x, y, args.batch, lambda rows: None)
        peer.answer(version=version, accuracy=accuracy(model, *test))
        return

    if args.mode == "accuracy":
        peer.answer(version=version, **until_accurate(args, x, y, test))
        return

    clock = peer.Clock(args.seconds)
    try:
        if args.mode == "eager":
            while True:
                eager_epoch(model, optimizer, x, y, args.batch, clock.step)
        with torch.inference_mode():
            manual = Manual(args.widths, args.batch, args.rate)
            while True:
                manual.epoch(x, y, clock.step)
    except peer.Finished:
        pass
    peer.answer(version=version, samples_per_second=clock.rate())


main()
