#!/usr/bin/python3
"""scikit-learn's MLPClassifier, measured: one line of JSON.

fit     plain SGD; its own training loop, told of every update by the optimizer
whole   from IDX files to trained weights and test accuracy; the caller times it
"""

import warnings

import sklearn
from sklearn.neural_network import MLPClassifier, _stochastic_optimizers

import peer


def main():
    args = peer.parse(["fit", "whole"])
    warnings.filterwarnings("ignore")
    x, y = peer.read_rows(args.images, args.labels)
    model = MLPClassifier(
        args.widths[1:-1],
        activation="relu",
        solver="sgd",
        alpha=0,
        batch_size=args.batch,
        learning_rate_init=args.rate,
        momentum=0,
        nesterovs_momentum=False,
        max_iter=args.epochs if args.mode == "whole" else 10**9,
        n_iter_no_change=10**9,
        random_state=args.seed,
    )
    if args.mode == "whole":
        test = peer.read_rows(args.test_images, args.test_labels)
        model.fit(x, y)
        peer.answer(version=sklearn.__version__, accuracy=model.score(*test))
        return

    clock = peer.Clock(args.seconds)
    optimizer = _stochastic_optimizers.SGDOptimizer
    update = optimizer.update_params

    def update_and_tell(*arguments):
        update(*arguments)
        clock.step(args.batch)

    optimizer.update_params = update_and_tell
    try:
        model.fit(x, y)
    except peer.Finished:
        pass
    peer.answer(version=sklearn.__version__, samples_per_second=clock.rate())


main()
