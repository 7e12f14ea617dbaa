"""What scikit-learn makes of predictions: classes, labels and values, with ties and missing classes."""
import warnings

import numpy as np

from common import write

RATES = ("precision", "recall", "f1")


def float32(array):
    return np.asarray(array, dtype=np.float32).astype(np.float64)


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def area(truth, scores):
    """None: undefined, for want of rows of either kind."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores)) if 0 < truth.sum() < len(truth) else None


def rates(truth, predicted, prefix="", **how):
    from sklearn.metrics import precision_recall_fscore_support as score

    return dict(zip((prefix + name for name in RATES), score(truth, predicted, zero_division=0, **how)))


def mean(values):
    return float(np.mean([value for value in values if value is not None]))


def case(name, task, outputs, truth, value, items, **more):
    return {"name": name, "task": task, "rows": len(outputs), "outputs": outputs.shape[1],
            "output": [float(f"{x:.9g}") for x in outputs.flatten()], "truth": truth.flatten().tolist(),
            "value": value, "items": items, **more}


def items_of(truth, predicted, areas, **how):
    table = rates(truth, predicted, average=None, **how)
    return [{**{name: float(table[name][k]) for name in RATES}, "auc": areas[k]} for k in range(len(areas))]


def classes(name, outputs, truth, count):
    from sklearn import metrics as sk

    single = outputs.shape[1] == 1
    predicted = (outputs[:, 0] > 0.5).astype(int) if single else outputs.argmax(axis=1)
    scores = outputs[:, [0, 0]] * [-1, 1] if single else outputs
    areas = [area(truth == k, scores[:, k]) for k in range(count)]
    value = {"accuracy": sk.accuracy_score(truth, predicted),
             "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
             "log_loss": sk.log_loss(truth, outputs[:, 0] if single else outputs, labels=range(count), eps=2.0**-52),
             "auc": areas[1] if count == 2 else mean(areas)}
    if count > 2 and None not in areas and np.allclose(outputs.sum(axis=1), 1):
        value["auc"] = sk.roc_auc_score(truth, outputs, multi_class="ovr")
    for how in "macro", "weighted":
        value.update(rates(truth, predicted, how + "_", average=how))
        value.pop(how + "_support", None)
    more = {"confusion": sk.confusion_matrix(truth, predicted, labels=range(count)).flatten().tolist()}
    if count > 2:  # turned round, because of equal outputs scikit-learn takes the last first
        more["top"] = [sk.top_k_accuracy_score(count - 1 - truth, outputs[:, ::-1], k=k, labels=range(count))
                       for k in range(1, count)]
    return case(name, "classes", outputs, truth, value,
                items_of(truth, predicted, areas, labels=range(count)), classes=count, **more)


def labels(name, outputs, truth):
    from sklearn import metrics as sk

    predicted = (outputs > 0.5).astype(int)
    areas = [area(truth[:, j], outputs[:, j]) for j in range(truth.shape[1])]
    value = {"subset_accuracy": sk.accuracy_score(truth, predicted),
             "hamming_loss": sk.hamming_loss(truth, predicted), "auc": mean(areas)}
    for how in "micro", "macro", "weighted":
        value.update(rates(truth, predicted, how + "_", average=how))
    return case(name, "labels", outputs, truth, value, items_of(truth, predicted, areas))


def values(name, outputs, truth):
    from sklearn import metrics as sk

    made = {"r2": lambda how: sk.r2_score(truth, outputs, multioutput=how),
            "mae": lambda how: sk.mean_absolute_error(truth, outputs, multioutput=how),
            "rmse": lambda how: sk.mean_squared_error(truth, outputs, multioutput=how, squared=False)}
    table = {metric: make("raw_values") for metric, make in made.items()}
    return case(name, "values", outputs, truth, {metric: make("uniform_average") for metric, make in made.items()},
                [{metric: float(table[metric][k]) for metric in made} for k in range(truth.shape[1])])


def cases():
    random = np.random.default_rng(1)
    two = random.integers(0, 2, 90)
    p = random.normal(size=(90, 2)) + np.eye(2)[two]
    yield classes("two classes", float32(softmax(p)), two, 2)
    yield classes("two classes, many equal outputs", float32(np.round(softmax(p), 1)), two, 2)
    rare = (random.random(120) < 0.08).astype(int)
    sure = 1 / (1 + np.exp(-random.normal(size=(120, 1)) - 3 * rare[:, None] + 2))
    yield classes("one output, a rare class", float32(np.round(sure, 2)), rare, 2)
    yield classes("one output, outputs of 0 and 1", float32(np.round(sure)), rare, 2)
    four = random.integers(0, 4, 150)
    q = random.normal(size=(150, 4)) + np.eye(4)[four]
    yield classes("four classes", float32(softmax(q)), four, 4)
    yield classes("four classes, many equal outputs", float32(np.round(softmax(q), 1)), four, 4)
    six = np.array([0, 2, 5])[random.integers(0, 3, 80)]  # 1, 3 and 4 do not occur
    r = random.normal(size=(80, 6)) + 2 * np.eye(6)[six] - 9 * np.eye(6)[4] - 9 * np.eye(6)[5]
    yield classes("six classes, of which some do not occur, some are never predicted",
                  float32(np.round(softmax(r), 3)), six, 6)
    yield values("one target", float32(random.normal(size=(50, 1))), float32(random.normal(size=(50, 1))))
    y = float32(random.normal(size=(70, 4)) * [1, 100, 0, 0] + [0, 1e4, 3, 2])
    yhat = float32(y + random.normal(size=(70, 4)) * [0.1, 30, 0, 0.5])  # the last two never change
    yield values("four targets", yhat, y)
    five = (random.random((100, 5)) < [0.5, 0.1, 0, 1, 0.3]).astype(int)
    s = random.normal(size=(100, 5)) + five - [0.5, 0, 0, 0, 9]
    yield labels("five labels", float32(np.round(1 / (1 + np.exp(-s)), 2)), five)


def plain(value):
    """Numbers as JSON knows them; scikit-learn's None (no support of a mean) is left out."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def make():
    import sklearn

    warnings.simplefilter("ignore")  # of classes that do not occur
    write("metrics.json", {"sklearn": sklearn.__version__, "cases": [plain(one) for one in cases()]})
