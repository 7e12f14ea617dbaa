"""Twenty steps of networks with batch and layer normalisation, and what they predict then (normal.json)."""
import torch

from common import ACTIVATIONS, BATCH, STEPS, WIDTHS, about, decimal, float32, loss_of, rows, write

F = torch.nn.functional
SGD = lambda rate, **more: (lambda parameters: torch.optim.SGD(parameters, lr=rate, **more))
# name: normalisation of each hidden layer, activation, loss, shards (0: any), momentum, epsilon, optimizer,
# what shardprop is given
CASES = {
    "batch": ("batch batch", "tanh", "cross_entropy", 1, 0.1, 1e-5, SGD(0.2), "optimizer.learning_rate=0.2"),
    "batch, 3 shards": ("batch batch", "tanh", "cross_entropy", 3, 0.1, 1e-5, SGD(0.2),
                        "optimizer.learning_rate=0.2"),
    "batch, squared error": ("batch batch", "relu", "squared_error", 1, 0.1, 1e-5, SGD(0.1),
                             "optimizer.learning_rate=0.1"),
    "batch, squared error, 3 shards": ("batch batch", "relu", "squared_error", 3, 0.1, 1e-5, SGD(0.1),
                                       "optimizer.learning_rate=0.1"),
    "batch, other constants, momentum": (
        "batch batch", "gelu", "cross_entropy", 3, 0.35, 1e-2, SGD(0.1, momentum=0.8),
        "network.norm_momentum=0.35 network.norm_epsilon=0.01 optimizer.name=momentum optimizer.momentum=0.8 "
        "optimizer.learning_rate=0.1"),
    "batch, weight decay": (
        "batch batch", "silu", "cross_entropy", 1, 0.1, 1e-5, SGD(0.1, weight_decay=0.05),
        "optimizer.learning_rate=0.1 optimizer.weight_decay=0.05"),
    "batch of one layer": ("none batch", "elu", "cross_entropy", 3, 0.1, 1e-3, SGD(0.1),
                           "network.norm_epsilon=0.001 optimizer.learning_rate=0.1"),
    "layer": ("layer layer", "tanh", "cross_entropy", 0, 0.1, 1e-5, SGD(0.2), "optimizer.learning_rate=0.2"),
    "layer, squared error": ("layer layer", "relu", "squared_error", 0, 0.1, 1e-5, SGD(0.1),
                             "optimizer.learning_rate=0.1"),
    "layer, gelu, adam": ("layer layer", "gelu", "cross_entropy", 0, 0.1, 1e-2,
                          lambda parameters: torch.optim.Adam(parameters, lr=0.01),
                          "network.norm_epsilon=0.01 optimizer.name=adam optimizer.learning_rate=0.01"),
    "batch, l2, clipped and averaged": (
        "batch layer", "tanh", "cross_entropy", 3, 0.1, 1e-5, SGD(0.5),
        "optimizer.learning_rate=0.5 optimizer.l2=0.05 optimizer.clip_norm=0.3 optimizer.ema=0.9"),
    "both": ("batch layer", "softplus", "cross_entropy", 3, 0.1, 1e-5, SGD(0.1), "optimizer.learning_rate=0.1"),
}
# name: what the gradients of weights get of them, the norm of all gradients, the share that the average keeps
MORE = {"batch, l2, clipped and averaged": (0.05, 0.3, 0.9)}


class Layer(torch.nn.Module):
    """z = a W, normalised by PyTorch's own modules; without normalisation plus a bias."""

    def __init__(self, below, above, norm, momentum, epsilon, generator):
        super().__init__()
        number = lambda *shape: float32(torch.randn(*shape, generator=generator))
        self.weight = torch.nn.Parameter(float32(number(below, above) * below**-0.5))
        self.kind, self.momentum, self.epsilon = norm, momentum, epsilon
        self.bias = torch.nn.Parameter(float32(number(above) * 0.1))
        if norm == "none":
            return
        of = {"batch": torch.nn.BatchNorm1d, "layer": torch.nn.LayerNorm}[norm]
        self.norm = of(above, eps=epsilon, **({"momentum": momentum} if norm == "batch" else {}))
        self.norm.bias = self.bias
        self.norm.weight = torch.nn.Parameter(float32(1 + number(above) * 0.2))

    def forward(self, a, shards):
        z = a @ self.weight
        if self.kind == "none":
            return z + self.bias
        if self.kind == "layer" or not self.training or shards <= 1:
            return self.norm(z)
        # Ghost batch normalisation (Hoffer, Hubara, Soudry, NIPS 2017): each shard by its own moments. The running
        # ones are those of the whole mini-batch, which the module keeps.
        self.norm(z.detach())
        bounds = [len(z) * s // shards for s in range(shards + 1)]
        return torch.cat([F.batch_norm(z[first:last], None, None, self.norm.weight, self.bias, True, 0, self.epsilon)
                          for first, last in zip(bounds, bounds[1:])])

    def vectors(self):
        return [self.weight, self.bias] + ([] if self.kind == "none" else [self.norm.weight])

    def moments(self):
        return [self.norm.running_mean, self.norm.running_var] if self.kind == "batch" else []


class Network(torch.nn.Module):
    def __init__(self, norms, activation, momentum, epsilon, generator):
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.layers = torch.nn.ModuleList(
            Layer(below, above, norm, momentum, epsilon, generator)
            for below, above, norm in zip(WIDTHS, WIDTHS[1:], norms + ["none"]))

    def forward(self, a, shards):
        for layer in self.layers[:-1]:
            a = self.activation(layer(a, shards))
        return self.layers[-1](a, shards)

    def flat(self):
        return torch.cat([v.detach().flatten() for layer in self.layers for v in layer.vectors()])

    def moments(self):
        return [value for layer in self.layers for moments in layer.moments() for value in moments.tolist()]


def train(inputs, labels, seed, norms, activation, loss, shards, momentum, epsilon, optimizer_of, more):
    network = Network(norms.split(), activation, momentum, epsilon, torch.Generator().manual_seed(seed))
    optimizer, losses, initial = optimizer_of(network.parameters()), [], network.flat()
    average = initial
    for step in range(STEPS):
        at = slice(step * BATCH, (step + 1) * BATCH)
        j = loss_of(loss, network(inputs[at], shards), labels[at])
        losses.append(j.item())
        optimizer.zero_grad()
        j.backward()
        if more:
            l2, norm, keeps = more
            for layer in network.layers:
                layer.weight.grad += l2 * layer.weight.detach()
            torch.nn.utils.clip_grad_norm_(network.parameters(), norm)
        optimizer.step()
        if more:
            d = min(keeps, (2 + step) / (11 + step))
            average = d * average + (1 - d) * network.flat()
    network.eval()
    z = network(inputs, 1).detach()
    outputs = torch.softmax(z, dim=1) if loss == "cross_entropy" else torch.sigmoid(z)
    averaged = {"average": decimal(average, 17)} if more else {}
    return {**averaged, "initial": decimal(initial, 9), "losses": losses, "final": decimal(network.flat(), 17),
            "moments": network.moments(), "outputs": decimal(outputs, 9)}


def make():
    inputs, labels = rows()
    cases = []
    for i, (name, (norms, activation, loss, shards, momentum, epsilon, optimizer, ours)) in enumerate(CASES.items()):
        settings = [f"network.normalization={norms.replace(' ', ',')}"] + ours.split()
        case = {"name": name, "activation": activation, "loss": loss, "settings": settings}
        if shards:
            case["shards"] = shards
        cases.append({**case, **train(inputs, labels, 400 + i, norms, activation, loss, shards, momentum, epsilon,
                                      optimizer, MORE.get(name))})
    write("normal.json", {**about(inputs, labels), "cases": cases})
