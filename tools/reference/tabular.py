"""What scikit-learn makes of tables: one-hot texts, means in place of missing numbers, normalised numbers."""
import io

import common
import numpy as np

TRAIN = """colour,size,n,shape,m,y
red,1.5,10,box,0.25,1
"sea; green",,20,ball,1e3,2
red,3.5,?,box,-7,3
blue,NA,-5,ball,0.125,4
blue,2,12.5,cone,2,5
amber,0.75,11,box,NaN,6
"""
NEW = """colour,size,n,shape,m,y
blue,9,,box,1,1
pink,-1,3,cone,2,2
amber,,1e2,cube,,3
"""
NUMBERS, TEXTS = ["size", "n", "m"], ["colour", "shape"]


def pipeline(normalize):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

    scalers = {"none": [], "standard": [StandardScaler()], "minmax": [MinMaxScaler()]}
    return ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), *scalers[normalize]), NUMBERS),
                              ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS)], sparse_threshold=0)


def in_order(encoder, matrix, columns):
    """The columns of the matrix, those of a text in the place of the text."""
    widths = [len(c) for c in encoder.named_transformers_["texts"].categories_]
    starts = {name: (i, 1) for i, name in enumerate(NUMBERS)}
    at = len(NUMBERS)
    for name, width in zip(TEXTS, widths):
        starts[name] = (at, width)
        at += width
    return np.hstack([matrix[:, starts[c][0]:starts[c][0] + starts[c][1]] for c in columns])


def make():
    import pandas
    import sklearn

    train, new = (pandas.read_csv(io.StringIO(text), na_values="?") for text in (TRAIN, NEW))
    columns = [c for c in train.columns if c != "y"]
    cases = []
    for normalize in ("none", "standard", "minmax"):
        encoder = pipeline(normalize)
        fitted = in_order(encoder, encoder.fit_transform(train), columns)
        applied = in_order(encoder, encoder.transform(new), columns)
        cases.append({"normalize": normalize, "features": fitted.shape[1], "train": fitted.ravel().tolist(),
                      "new": applied.ravel().tolist()})
    common.write("tabular.json", {"sklearn": sklearn.__version__, "train": TRAIN, "new": NEW, "cases": cases})
