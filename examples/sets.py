"""The data of the examples, as arrays that a network reads as they are.

MNIST and IMDB lie in the folder that MAPSTO_DATA names (`mnist/mnist.npz`, `imdb/imdb_9k.csv.gz`); the others come with
scikit-learn.
"""

import argparse
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

FOLDER = Path(os.environ.get("MAPSTO_DATA", Path(__file__).parents[2] / "shared" / "data"))


def mnist(rows=None):
    """Handwritten digits: images `(rows, 28, 28)` in [0, 1], and their classes."""
    with np.load(FOLDER / "mnist" / "mnist.npz") as arrays:
        x = arrays["x_train"] if "x_train" in arrays else arrays[arrays.files[0]]
        y = arrays["y_train"] if "y_train" in arrays else arrays[arrays.files[1]]
    return x[:rows].astype(np.float32) / 255, y[:rows]


def imdb(rows=None, words=10_000, length=200):
    """Film reviews as numbers of words `(rows, length)`, 0 before short ones, 1 for rare words; 1 for good ones."""
    table = pd.read_csv(FOLDER / "imdb" / "imdb_9k.csv.gz", nrows=rows)
    texts = [re.findall(r"[a-z']+", text.lower()) for text in table["text"]]
    known = {
        word: n + 2 for n, (word, _) in enumerate(Counter(w for text in texts for w in text).most_common(words - 2))
    }
    x = np.zeros((len(texts), length), dtype=np.int32)
    for row, text in enumerate(texts):
        numbers = [known.get(word, 1) for word in text[-length:]]
        x[row, length - len(numbers) :] = numbers
    return x, table["label"].to_numpy()


def digits():
    """Handwritten digits of 8×8 pixels: images `(1797, 8, 8)` in [0, 1], and their classes."""
    data = load_digits()
    return (data.images / 16).astype(np.float32), data.target


def cancer():
    """Tumors: 30 standardized numbers a row, and whether each is benign."""
    data = load_breast_cancer()
    return ((data.data - data.data.mean(0)) / data.data.std(0)).astype(np.float32), data.target


def diabetes():
    """Patients: 10 standardized numbers a row, and how far the disease went."""
    data = load_diabetes()
    return (data.data / data.data.std(0)).astype(np.float32), data.target.astype(np.float32)


def arguments():
    """How long an example runs: `--rows`, `--trials`, `--epochs`, `--out`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--out", default=None, help="the run folder")
    return parser.parse_args()


def brief(given):
    """What makes a run short, as `mapsto.tune` takes it."""
    settings = [f"training.max_epochs={given.epochs}", "search.finalists=1", "search.num_seeds=1"]
    return {"n_trials": given.trials, "settings": settings, "out": given.out}
