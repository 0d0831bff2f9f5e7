"""Figures of the chapter on evaluation."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
from handbook import tables
from handbook.drawing import Axis, Line, Mark, Panel, sheet
from handbook.figures import Figure, claim, figure
from numpy.typing import NDArray

from mapsto.evaluation.comparison import compare, paired_difference, row_differences
from mapsto.evaluation.intervals import bootstrap, wilson
from mapsto.metrics.accuracy import Accuracy
from mapsto.recipe.families import METRICS

Array = NDArray[np.float64]


# ------------------------------------------------------------------------------------------ parts


@figure(quick=True)
def best_of_many() -> Figure:
    """Networks that are all equally good: the best of n on the rows that picked it, and on rows that did not."""
    rng = np.random.default_rng(0)
    counts, truth = (1, 2, 5, 10, 20, 50, 100, 200), 0.8
    lines, printed = [], []
    for rows in (100, 400, 1600):
        scores = rng.binomial(rows, truth, size=(2000, max(counts))) / rows
        best = [float(scores[:, :count].max(axis=1).mean()) for count in counts]
        deviation = math.sqrt(truth * (1 - truth) / rows)
        for count, value in zip(counts[1:], best[1:], strict=True):
            bound = truth + deviation * math.sqrt(2 * math.log(count))
            claim(truth < value < bound + 0.5 / rows, f"{rows} rows, best of {count}: {value:.3f}, at most {bound:.3f}")
        lines.append(Line(f"on the {rows:,} rows that picked it", list(zip(counts, best, strict=True))))
        printed.append(
            f"{rows:5,} rows: best of 20 shows {best[4]:.3f}, best of 200 shows {best[-1]:.3f}; all are {truth}"
        )
    picked = (
        rng.binomial(400, truth, size=(2000, len(counts))).mean(axis=0) / 400
    )  # chance there had no say in the pick
    claim(np.abs(picked - truth).max() < 0.003, "on other rows the picked one is as good as all")
    lines.append(Line("on 400 test rows that picked nothing", list(zip(counts, picked, strict=True))))
    panel = Panel(
        "n networks of accuracy 80 %; the best one is shown",
        Axis("n, networks that were compared, log scale", "whole", log=True),
        Axis("accuracy that is measured (mean of 2,000 studies)", "percent"),
        lines,
    )
    return Figure(sheet("The best of many flatters on the rows that picked it", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ metrics

TITLES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1": "macro F1", "roc_auc": "ROC-AUC"}
NAMES = tuple(TITLES)


@figure(quick=True)
def metrics_and_balance() -> Figure:
    """Four metrics of a network that learned something, and of one that did not, by the share of a class."""
    rng = np.random.default_rng(0)
    shares = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
    found: dict[str, dict[str, list[float]]] = {"fair": {n: [] for n in NAMES}, "constant": {n: [] for n in NAMES}}
    for share in shares:
        targets = (np.arange(20_000) < share * 20_000).astype(np.int64)
        evidence = 1 / (1 + np.exp(-2 * (rng.normal(size=20_000) + 2 * targets - 1)))  # right for equal classes
        for kind, p in (("fair", evidence), ("constant", np.full(20_000, 0.0))):
            predictions = np.column_stack([1 - p, p])
            for name in NAMES:
                found[kind][name].append(float(METRICS.get(name)()(predictions, targets)))
    fair, constant = found["fair"], found["constant"]
    claim(constant["accuracy"][-1] > fair["accuracy"][-1] + 0.1, "at 1 % rare rows, accuracy prefers knowing nothing")
    claim(np.ptp(fair["balanced_accuracy"]) < 0.05, "balanced accuracy does not depend on the shares")
    claim(np.ptp(fair["roc_auc"]) < 0.03, "nor does ROC-AUC")
    claim(max(constant["balanced_accuracy"]) == min(constant["balanced_accuracy"]) == 0.5, "knowing nothing is 50 %")
    claim(fair["f1"][0] - fair["f1"][-1] > 0.2, "F1 does depend on them")
    panels = [
        Panel(
            title,
            Axis("share of the rare class, log scale", "percent", log=True),
            Axis("value of the metric"),
            [
                Line(TITLES[name], list(zip(shares[::-1], values[::-1], strict=True)))
                for name, values in found[kind].items()
            ],
            limits=(0.0, 1.02),
        )
        for kind, title in (
            ("fair", "A network that finds 84 % of each class"),
            ("constant", "One that always says “common”"),
        )
    ]
    printed = [f"{'':10}{'share':>7}" + "".join(f"{title.removesuffix(' accuracy'):>11}" for title in TITLES.values())]
    printed += [
        f"{kind:10}{shares[k]:7.0%}" + "".join(f"{found[kind][name][k]:11.3f}" for name in NAMES)
        for kind in found
        for k in (0, 3, 6)
    ]
    return Figure(sheet("What metrics say of a rare class", panels), tuple(printed))


# ------------------------------------------------------------------------------------------ intervals


def _covered(rows: int, truth: float, *, by_wilson: bool) -> float:
    """How often the interval of a share holds the truth: the sum over all outcomes, so without chance."""
    total, z = 0.0, NormalDist().inv_cdf(0.975)
    for right in range(rows + 1):
        share = right / rows
        half = z * math.sqrt(share * (1 - share) / rows)
        found = wilson(right, rows)
        low, high = (found.low, found.high) if by_wilson else (share - half, share + half)
        if low <= truth <= high:
            log = math.lgamma(rows + 1) - math.lgamma(right + 1) - math.lgamma(rows - right + 1)
            total += math.exp(log + right * math.log(truth) + (rows - right) * math.log(1 - truth))
    return total


@figure(quick=True)
def coverage_of_shares() -> Figure:
    """How often the 95 % interval of an accuracy of 95 % holds the truth, by the number of rows."""
    counts = tuple(range(10, 100, 5)) + tuple(range(100, 301, 20))
    ours = [_covered(rows, 0.95, by_wilson=True) for rows in counts]
    plain = [_covered(rows, 0.95, by_wilson=False) for rows in counts]
    claim(min(ours) > 0.9, f"Wilson's interval covers {min(ours):.3f} at least")
    claim(abs(np.mean(ours) - 0.95) < 0.012, f"and {np.mean(ours):.3f} on average")
    claim(plain[0] < 0.5, f"share ± 1.96 deviations covers {plain[0]:.3f} on ten rows")
    panel = Panel(
        "Coverage of 95 % intervals where the accuracy is 95 %",
        Axis("test rows", "whole"),
        Axis("intervals that hold the truth", "percent"),
        [
            Line("Wilson", list(zip(counts, ours, strict=True))),
            Line("share ± 1.96 deviations", list(zip(counts, plain, strict=True))),
            Line("95 %", [(10, 0.95), (300, 0.95)], thin=True),
        ],
    )
    printed = [
        f"{rows:4} rows: Wilson {ours[counts.index(rows)]:.3f}, share ± 1.96 deviations {plain[counts.index(rows)]:.3f}"
        for rows in (10, 50, 100, 300)
    ]
    return Figure(sheet("Wilson's interval keeps its promise on few rows", [panel]), tuple(printed))


@figure()
def coverage_of_bootstrap() -> Figure:
    """The same by simulation for the bootstrap: RMSE of two kinds of errors, and balanced accuracy."""
    counts, repeats = (20, 50, 100, 200, 400), 300
    cases = ("RMSE, normal errors", "RMSE, a few large errors", "balanced accuracy")
    found: dict[str, list[float]] = {case: [] for case in cases}
    for rows in counts:
        for case in cases:
            rng = np.random.default_rng(rows)
            hits = sum(_bootstrap_covers(case, rows, rng) for _ in range(repeats))
            found[case].append(hits / repeats)
    claim(found["RMSE, normal errors"][-1] > 0.91, f"normal errors, 400 rows: {found['RMSE, normal errors'][-1]:.3f}")
    claim(found["balanced accuracy"][-1] > 0.9, f"balanced accuracy, 400 rows: {found['balanced accuracy'][-1]:.3f}")
    heavy = found["RMSE, a few large errors"]
    claim(heavy[0] < 0.85, f"few large errors that 20 rows do not show: {heavy[0]:.3f}")
    claim(heavy[-1] > heavy[0] + 0.05, "more rows mend it")
    panel = Panel(
        "Coverage of 95 % bootstrap intervals (300 simulated test sets)",
        Axis("test rows, log scale", "whole", log=True),
        Axis("intervals that hold the truth", "percent"),
        [Line(case, list(zip(counts, values, strict=True))) for case, values in found.items()]
        + [Line("95 %", [(counts[0], 0.95), (counts[-1], 0.95)], thin=True)],
    )
    printed = [f"{'rows':26}" + "".join(f"{rows:8}" for rows in counts)]
    printed += [f"{case:26}" + "".join(f"{value:8.3f}" for value in values) for case, values in found.items()]
    return Figure(sheet("A bootstrap knows only what the rows show", [panel]), tuple(printed))


def _bootstrap_covers(case: str, rows: int, rng: np.random.Generator) -> bool:
    seed = int(rng.integers(2**31))
    if case == "balanced accuracy":
        targets = (np.arange(rows) >= 0.7 * rows).astype(np.int64)  # finds 90 % of one class and 70 % of the other
        right = rng.random(rows) < np.where(targets == 1, 0.7, 0.9)
        answers = np.eye(2)[np.where(right, targets, 1 - targets)]
        found, truth = (
            bootstrap(METRICS.get("balanced_accuracy")(), answers, targets, num_resamples=200, seed=seed),
            0.8,
        )
    else:
        normal = case == "RMSE, normal errors"
        errors, truth = (rng.normal(size=rows), 1.0) if normal else (rng.lognormal(size=rows), math.e)
        found = bootstrap(METRICS.get("rmse")(), errors, np.zeros(rows), num_resamples=400, seed=seed)
    return found.low <= truth <= found.high


# ------------------------------------------------------------------------------------------ cross-validation


def _table(rng: np.random.Generator, count: int) -> pd.DataFrame:
    z = rng.normal(size=(count, 5))
    truth = z[:, 0] + z[:, 1] * z[:, 2] + 0.5 * rng.normal(size=count) > 0
    return pd.DataFrame(z, columns=list("abcde")).assign(y=np.where(truth, "yes", "no"))


@figure()
def cross_validation() -> Figure:
    """The score on a fifth of 150 rows, and the mean over five fifths, each against the truth on 1,000 new rows."""
    held, crossed = [], []
    for draw in range(24):
        frame = _table(np.random.default_rng(draw), 1150)
        frame["split"] = np.repeat(["train", "test"], [150, 1000])
        pairs = []
        for fold in range(5):
            settings = ("data.num_folds=5", f"data.fold={fold}", "training.max_epochs=12")
            trial = tables.trained(frame, *settings, seed=draw)
            pairs.append((tables.score(trial, "validation"), tables.score(trial, "test")))
        held.append(pairs[0][0] - pairs[0][1])
        crossed.append(float(np.mean([score - truth for score, truth in pairs])))
    one, five = float(np.std(held, ddof=1)), float(np.std(crossed, ddof=1))
    claim(five < 0.8 * one, f"five folds spread by {five:.3f}, one hold-out by {one:.3f}")
    flattery = float(np.mean(held)), float(np.mean(crossed))
    claim(min(flattery) > 0.01, f"both flatter, since each run's epoch was picked on the same rows: {flattery}")
    marks = [Mark(draw + 1, value, f"hold-out {value:+.3f}", "c1") for draw, value in enumerate(held)]
    marks += [Mark(draw + 1, value, f"five folds {value:+.3f}", "c0") for draw, value in enumerate(crossed)]
    lines = [
        Line("five folds", list(enumerate(crossed, 1)), color=0),
        Line("one hold-out of 30 rows", list(enumerate(held, 1)), color=1),
        Line("", [(1, 0.0), (24, 0.0)], thin=True),
    ]
    panel = Panel(
        "150 rows, drawn 24 times: how far the estimate is from the truth",
        Axis("draw", "whole"),
        Axis("estimate minus accuracy on 1,000 new rows", "percent"),
        lines,
        marks,
    )
    printed = (
        f"one hold-out: {np.mean(held):+.3f} on average, standard deviation {one:.3f}",
        f"five folds:   {np.mean(crossed):+.3f} on average, standard deviation {five:.3f}",
    )
    return Figure(sheet("Five folds say more than one hold-out", [panel]), printed)


# ------------------------------------------------------------------------------------------ comparison


def split_digits(train: int, seed: int = 0, *, validation: int = 200) -> dict[str, NDArray[np.generic]]:
    """Digits with so many training rows, some to validate on, and the others to test."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, classes = (images[order].reshape(-1, 8, 8) * 15).astype(np.uint8), classes[order].astype(str)
    first = 300 if train <= 300 else 1297 - validation
    end = first + validation
    rows = {"train": np.arange(train), "val": np.arange(first, end), "test": np.arange(end, len(images))}
    return {f"{name}_{part}": of[found] for part, found in rows.items() for name, of in (("x", images), ("y", classes))}


IMAGES = ("task.name=image_classification", *tables.CLASSES[2:])


@figure()
def paired_comparison() -> Figure:
    """Two networks on the same rows: how often their difference is seen, with intervals side by side and paired."""
    data = tables.prepared(split_digits(300), base=IMAGES)
    small, large = (
        tables.trained(data, f"model.hidden_dim={units}", "training.max_epochs=20", base=IMAGES) for units in (12, 64)
    )
    (a, truth), (b, _) = tables.answers(small, "test"), tables.answers(large, "test")
    rng, metric = np.random.default_rng(0), Accuracy()
    counts, repeats = (50, 100, 200, 400, 800), 200
    apart, paired = [], []
    for count in counts:
        seen = np.zeros(2)
        for _ in range(repeats):
            rows = rng.permutation(len(truth))[:count]
            one, other = (wilson(int((p[rows].argmax(axis=1) == truth[rows]).sum()), count) for p in (a, b))
            _, low, _ = paired_difference(metric, b[rows], a[rows], truth[rows])
            seen += one.high < other.low, low > 0
        apart.append(seen[0] / repeats)
        paired.append(seen[1] / repeats)
    middle = counts.index(200)
    claim(all(p >= q for p, q in zip(paired, apart, strict=True)), f"paired sees as much or more: {paired} {apart}")
    claim(paired[middle] > apart[middle] + 0.15, f"on 200 rows {paired[middle]:.2f} against {apart[middle]:.2f}")
    panel = Panel(
        "Two networks on digits: is the better one seen to be better?",
        Axis("test rows, log scale", "whole", log=True),
        Axis("test sets that show it (of 200 drawn)", "percent"),
        [
            Line("interval of the paired difference", list(zip(counts, paired, strict=True))),
            Line("two intervals that do not overlap", list(zip(counts, apart, strict=True))),
        ],
    )
    printed = [f"accuracy {metric(a, truth):.3f} and {metric(b, truth):.3f} on all {len(truth):,} test rows"]
    printed += [
        f"{c:4} rows: paired {p:.2f}, not overlapping {q:.2f}" for c, p, q in zip(counts, paired, apart, strict=True)
    ]
    return Figure(sheet("Compare on the same rows, row by row", [panel]), tuple(printed))


@figure()
def equal_recipes() -> Figure:
    """Two recipes that are equally good: how often a difference is claimed, by the number of seeds."""
    rng, metric, seeds, repeats = np.random.default_rng(0), Accuracy(), (2, 3, 5, 10), 400
    targets = np.zeros(200, dtype=np.int64)
    alarms = {"spread over seeds only": [], "spread over seeds and rows": []}
    for count in seeds:
        seen = np.zeros(2)
        for _ in range(repeats):
            # Each recipe has rows that suit it; over all rows there are, both are equally good.
            chances = 1 / (1 + np.exp(-(1.5 + rng.normal(size=200) + 1.5 * rng.normal(size=(2, 200)))))
            runs = [[np.eye(2)[(rng.random(200) > chance).astype(int)] for _ in range(count)] for chance in chances]
            scores = [[metric(run, targets) for run in recipe] for recipe in runs]
            rows = row_differences(metric, runs[0], runs[1], targets)
            seen += compare(*scores, "maximize").verdict != "not distinguishable"
            seen[1] -= compare(*scores, "maximize").verdict != "not distinguishable"
            seen[1] += compare(*scores, "maximize", row_differences=rows).verdict != "not distinguishable"
        for place, name in enumerate(alarms):
            alarms[name].append(float(seen[place] / repeats))
    only, both = alarms.values()
    claim(only[-1] > 0.2, f"ten seeds on the same rows are sure of what is chance: {only[-1]:.2f}")
    claim(max(both) <= 0.05, f"with the rows counted, false alarms are rare: {both}")
    panel = Panel(
        "Equal recipes on 200 rows: how often one is called better",
        Axis("seeds", "whole"),
        Axis("false alarms (of 400 studies)", "percent"),
        [Line(name, list(zip(seeds, values, strict=True))) for name, values in alarms.items()]
        + [Line("5 %", [(2, 0.05), (10, 0.05)], thin=True)],
        limits=(0.0, max(only) * 1.1),
    )
    printed = [f"{'seeds':28}" + "".join(f"{count:7}" for count in seeds)]
    printed += [f"{name:28}" + "".join(f"{value:7.3f}" for value in values) for name, values in alarms.items()]
    return Figure(sheet("More seeds on the same rows do not make rows more", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ curves


@figure()
def learning_curve() -> Figure:
    """The error on digits by the number of training rows."""
    counts = (30, 60, 120, 250, 500, 1000)
    errors, fitted = [], []
    for count in counts:
        found = []
        for seed in range(3):
            epochs = f"training.max_epochs={round(600 / math.ceil(count / 32))}"
            trial = tables.trained(split_digits(count, seed), epochs, base=IMAGES, seed=seed)
            found.append((1 - tables.score(trial, "train"), 1 - tables.score(trial, "test")))
        fitted.append(float(np.mean([one for one, _ in found])))
        errors.append(float(np.mean([other for _, other in found])))
    slope, start = np.polyfit(np.log(counts[:4]), np.log(errors[:4]), 1)
    expected = [math.exp(start + slope * math.log(count)) for count in counts]
    claim((np.diff(errors) < 0).all(), f"more rows, fewer errors: {errors}")
    claim(
        0.6 < errors[-1] / expected[-1] < 1.7,
        f"the line through 30 to 250 rows foretells 1,000: {expected[-1]:.3f}, {errors[-1]:.3f}",
    )
    claim(max(fitted) < errors[-1], "the training rows are learned by heart all along")
    panel = Panel(
        "A network of 32 units on digits, 600 steps each",
        Axis("training rows, log scale", "whole", log=True),
        Axis("error on 500 or more test rows (mean of 3 runs), log scale", "percent", log=True),
        [
            Line("test rows", list(zip(counts, errors, strict=True))),
            Line("line through the first four", list(zip(counts, expected, strict=True))),
        ],
    )
    printed = [
        f"{count:5,} rows: test {e:6.1%}   line {x:6.1%}   training {f:5.1%}"
        for count, e, x, f in zip(counts, errors, expected, fitted, strict=True)
    ]
    return Figure(sheet("A learning curve is nearly a line on logarithmic scales", [panel]), tuple(printed))


@figure()
def over_and_underfitting() -> Figure:
    """Loss on training and validation rows by epoch, and by the size of the network."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(2300, 6))
    truth = rng.random(2300) < 1 / (1 + np.exp(-2 * (z[:, 0] * z[:, 1] + np.sin(2 * z[:, 2]))))
    frame = pd.DataFrame(z, columns=list("abcdef")).assign(y=np.where(truth, "yes", "no"))
    data = tables.prepared(frame.assign(split=tables.parted(300, 1000, 1000)))
    long = tables.trained(data, "model.hidden_dim=256", "training.max_epochs=40").history
    lowest = min(long, key=lambda m: m.validation_loss)
    claim(long[-1].train_loss < 0.25, f"the training loss falls to {long[-1].train_loss:.2f}")
    claim(long[-1].validation_loss > 1.3 * lowest.validation_loss, "while the validation loss rises again")
    widths = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    last = [tables.trained(data, f"model.hidden_dim={width}", "training.max_epochs=40").history[-1] for width in widths]
    validation = [m.validation_loss for m in last]
    best = int(np.argmin(validation))
    claim(0 < best < len(widths) - 2, f"neither the smallest nor the largest is best after 40 epochs: {widths[best]}")
    panels = [
        Panel(
            "256 units a layer: the same run, seen on two parts",
            Axis("epoch", "whole"),
            Axis("cross-entropy"),
            [
                Line("training rows", [(m.epoch, m.train_loss) for m in long]),
                Line("validation rows", [(m.epoch, m.validation_loss) for m in long]),
            ],
            [Mark(lowest.epoch, lowest.validation_loss, f"lowest at epoch {lowest.epoch}", "winner")],
        ),
        Panel(
            "After 40 epochs, by the size of the network",
            Axis("units a layer, log scale", "whole", log=True),
            Axis("cross-entropy"),
            [
                Line("training rows", [(w, m.train_loss) for w, m in zip(widths, last, strict=True)]),
                Line("validation rows", [(w, m.validation_loss) for w, m in zip(widths, last, strict=True)]),
            ],
            limits=(0.0, 1.5),
        ),
    ]
    printed = (
        f"256 units: validation loss lowest ({lowest.validation_loss:.2f}) at epoch {lowest.epoch}, "
        f"{long[-1].validation_loss:.2f} at epoch 40",
        *(
            f"{w:4} units: training {m.train_loss:.2f}, validation {m.validation_loss:.2f}"
            for w, m in zip(widths, last, strict=True)
        ),
    )
    return Figure(sheet("Too little and too much", panels), printed)
