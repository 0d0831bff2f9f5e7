"""Rows whose class is probably wrong."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import count, say
from mapsto.data.audit import _features
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._subject import SEED, Rows, Subject, percent, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

FOLDS = 5
_ROWS, _CLASSES = 10_000, 100
_TREES = 60
_FEWEST = 10  # of a class

LEARNED = 1 / 3
"""Share of the errors of always the most common class that the quick model must avoid; below, what it holds for wrong
says more about the model than about the labels."""

_ERRORS = 3.0  # by so many standard errors it must be better at all


class LabelErrors(Check):
    """Finds rows whose given class disagrees with what rows like it say: confident learning (Northcutt, Jiang, Chuang
    2021, "Confident Learning: Estimating Uncertainty in Dataset Labels") on out-of-sample probabilities of a quick
    model of scikit-learn, pruned by noise rate.

    What is found is worth a look, not more: a quick model errs as well. Where it is not clearly better than always the
    most common class (`has_learned`), nothing is said.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "image")

    def run(self, subject: Subject) -> list[Finding]:
        target = subject.target
        looked = None if self.is_late else probabilities(subject)
        if target is None or looked is None:
            return []
        rows, labels, chances, names = looked
        if not has_learned(labels, chances.argmax(axis=1)):
            return []
        wrong, better = issues(labels, chances)
        if not len(wrong):
            return []
        order = np.argsort([chances[place, labels[place]] - chances[place].max() for place in wrong], kind="stable")
        worst = rows[wrong[order]]
        examples = tuple(
            f"{subject.example(int(rows[place]))}: {shown(names[labels[place]])}, rather {shown(names[better[at]])}"
            for at, place in ((at, wrong[at]) for at in order[:10])
        )
        accuracy = float((chances.argmax(axis=1) == labels).mean())
        message = say(
            "{rows} ({share}) with a class that a quick model, right in {right:.0f} % of all rows, holds for "
            "wrong{sample}.",
            rows=count(len(wrong), "row"),
            share=percent(len(wrong), len(rows)),
            right=100 * accuracy,
            sample=subject.said(rows),
        )
        action = say("Look at them, the first ones first; correct those that are wrong.")
        facts = {"accuracy": accuracy, "worst": worst[:100].tolist()}
        return [
            self.finding(
                subject, message, action, column=target.name, rows=worst, examples=examples, level="info", facts=facts
            )
        ]


def probabilities(subject: Subject) -> tuple[Rows, NDArray[np.int64], NDArray[np.float64], list[str]] | None:
    """Rows, their classes, and out-of-sample chances of each class; None where classes cannot be told."""
    target = subject.target
    if target is None or target.kind != "category" or target.values.dtype != object:
        return None
    if target.label_separator is not None:  # combinations of labels are no classes
        return None
    coded, unique = pd.factorize(target.values)
    enough = np.bincount(coded[coded >= 0], minlength=len(unique)) >= _FEWEST
    if not 2 <= enough.sum() <= _CLASSES:
        return None
    answered = np.flatnonzero(np.append(enough, False)[coded])
    rows = subject.sample(_ROWS, answered)
    for column in subject.columns("image"):
        rows = np.intersect1d(rows, thumbnails(subject, column).rows)
    _, labels = np.unique(coded[rows], return_inverse=True)
    names = [str(unique[place]) for place in np.unique(coded[rows])]
    if np.bincount(labels).min() < FOLDS:
        return None
    inputs = _features.matrix(subject, rows) if _linear(subject, len(names)) else _features.plain(subject, rows)
    if not inputs.shape[1]:
        return None
    return rows, labels, _out_of_sample(inputs, labels, _linear(subject, len(names))), names


def _linear(subject: Subject, num_classes: int) -> bool:
    """Whether a linear model does: it is quick on many columns and classes."""
    return _features.is_dense(subject) or len(subject.columns("numeric", "category")) > 60 or num_classes > 10


def _out_of_sample(inputs: NDArray[np.float64], labels: NDArray[np.int64], linear: bool) -> NDArray[np.float64]:
    """The chances of each class from models that have not seen the row, of shape `(rows, classes)`."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    if not linear:  # each tree leaves out a third of the rows, so no folds are needed
        forest = RandomForestClassifier(_TREES, min_samples_leaf=5, oob_score=True, random_state=SEED)
        filled = np.where(np.isnan(inputs), np.nanmin(np.append(inputs.ravel(), 0.0)) - 1.0, inputs)
        return np.asarray(forest.fit(filled, labels).oob_decision_function_)
    found = np.zeros((len(labels), int(labels.max()) + 1))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for train, held in folds.split(inputs, labels):
        model = LogisticRegression(C=0.1, max_iter=50, tol=1e-2).fit(inputs[train], labels[train])
        found[held] = model.predict_proba(inputs[held])
    return found


def has_learned(labels: NDArray[np.int64], guesses: NDArray[np.int64]) -> bool:
    """Whether guesses are clearly better than always the most common class: they avoid `LEARNED` of its errors, and of
    the rows where one of the two is right, more than chance explains are the model's (McNemar 1947).
    """
    common = labels == np.bincount(labels).argmax()
    right = guesses == labels
    gained, lost = int((right & ~common).sum()), int((common & ~right).sum())
    enough = gained - lost >= LEARNED * int((~common).sum())
    return enough and gained - lost > _ERRORS * float(np.sqrt(gained + lost))


def issues(labels: NDArray[np.int64], chances: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of probable errors, and the class that each should rather have (pruning by noise rate).

    A row counts as class j if its chance of j reaches the mean chance that rows labeled j have of j (the threshold of
    the confident joint). The joint, brought to the frequencies of the labels, says how many rows labeled i are j; so
    many, with the greatest margin for j over i, are the errors.
    """
    size = chances.shape[1]
    own = chances[np.arange(len(labels)), labels]
    totals = np.bincount(labels, minlength=size)
    thresholds = np.bincount(labels, weights=own, minlength=size) / np.maximum(totals, 1)
    above = np.where(chances >= thresholds - 1e-6, chances, -1.0)
    confident = above.max(axis=1) >= 0
    joint = np.zeros((size, size))
    np.add.at(joint, (labels[confident], above.argmax(axis=1)[confident]), 1.0)
    empty = joint.sum(axis=1) == 0
    joint[empty, np.flatnonzero(empty)] = 1.0
    joint *= (totals / joint.sum(axis=1))[:, None]
    guess = chances.argmax(axis=1)
    wrong: dict[int, int] = {}
    for given, other in np.argwhere(joint.round() > 0):
        if given == other:
            continue
        among = np.flatnonzero(labels == given)
        margin = chances[among, other] - chances[among, given]
        most = round(float(joint[given, other]))
        for place in among[np.argsort(-margin, kind="stable")[:most]]:
            if guess[place] != labels[place]:
                wrong[int(place)] = int(guess[place])
    places = np.array(sorted(wrong), dtype=np.int64)
    return places, np.array([wrong[int(place)] for place in places], dtype=np.int64)
