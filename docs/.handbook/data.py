"""Figures of the chapter on data."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
from handbook import tables
from handbook.drawing import Axis, Line, Mark, Panel, Row, Rows, sheet
from handbook.figures import Figure, claim, figure
from numpy.typing import NDArray

from mapsto.data.audit._door import audit
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions

Array = NDArray[np.float64]


# ------------------------------------------------------------------------------------------ cleaning


def _towns(rng: np.random.Generator, count: int) -> list[str]:
    """Names of 40 towns, each written in one of four ways that look alike on a screen."""
    names = [f"Café {letter}{number}" for letter in "ABCD" for number in range(10)]
    forms = (str, lambda t: t + " ", lambda t: t.replace(" ", "  "), lambda t: unicodedata.normalize("NFD", t))
    return [forms[form](names[town]) for town, form in rng.integers((40, 4), size=(count, 2))]


def _spellings(seed: int) -> dict[str, float]:
    """RMSE on test rows where the target follows from the town."""
    rng = np.random.default_rng(seed)
    towns = _towns(rng, 1600)
    value = {town: rng.normal() for town in sorted({_plain(town) for town in towns})}
    frame = pd.DataFrame({"town": towns, "size": rng.normal(size=1600), "split": tables.parted(400, 400, 800)})
    frame["y"] = [value[_plain(town)] for town in towns] + 0.3 * frame["size"] + 0.2 * rng.normal(size=1600)
    settings = ("data.columns.town=category", "data.max_levels=200")
    return {
        clean: tables.score(
            tables.trained(frame, *settings, f"data.clean={clean}", base=tables.VALUES, seed=seed), "test"
        )
        for clean in ("none", "auto")
    }


def _plain(town: str) -> str:
    return " ".join(unicodedata.normalize("NFC", town).split())


TREATMENTS = {
    "standard, as they are": ("data.scale=standard",),
    "standard, outliers: clip": ("data.scale=standard", "data.outliers=clip"),
    "robust": ("data.scale=robust",),
    "smooth_clip": ("data.scale=smooth_clip",),
    "quantile": ("data.scale=quantile",),
}


def _slips(seed: int) -> dict[str, float]:
    """Accuracy where one number in a hundred was typed in as a thousand times what it is."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(2000, 4)) + 3
    truth = z[:, 0] + z[:, 1] * (z[:, 2] - 3) + 0.3 * rng.normal(size=2000) > 3
    frame = pd.DataFrame(np.where(rng.random(z.shape) < 0.01, 1000 * z, z), columns=list("abcd"))
    frame = frame.assign(y=np.where(truth, "yes", "no"), split=tables.parted(500, 300, 1200))
    return {
        name: tables.score(tables.trained(frame, *settings, seed=seed), "test") for name, settings in TREATMENTS.items()
    }


@figure()
def cleaning() -> Figure:
    """Spellings that look alike, and numbers with slips of the pen."""
    spelled = [_spellings(seed) for seed in range(4)]
    typed = [_slips(seed) for seed in range(4)]
    claim(all(one["auto"] < 0.75 * one["none"] for one in spelled), f"one level for one town is better: {spelled}")
    means = {name: tables.spread(one[name] for one in typed) for name in TREATMENTS}
    first = means["standard, as they are"][0]
    for name in ("standard, outliers: clip", "smooth_clip", "quantile"):
        claim(means[name][0] > first + 0.05, f"{name} is better than standard where numbers are far out: {means}")
    rows = [
        Row(f"data.clean: {clean}", *tables.spread(one[clean] for one in spelled), role=role)
        for clean, role in (("none", "other"), ("auto", "winner"))
    ]
    panels = [
        Rows("Four spellings of each town: error on test rows", Axis("RMSE (mean and range of 4 runs)"), rows),
        Rows(
            "One number in a hundred 1,000 times too large: accuracy",
            Axis("accuracy on test rows (mean and range of 4 runs)", "percent"),
            [Row(name, *values) for name, values in means.items()],
        ),
    ]
    printed = [f"spellings, data.clean: {row.label.split()[-1]}  RMSE {row.value:.3f}" for row in rows]
    printed += [f"slips, {name:26} accuracy {value[0]:.3f}" for name, value in means.items()]
    return Figure(sheet("What cleaning changes", panels), tuple(printed))


# ------------------------------------------------------------------------------------------ scaling


def _houses() -> pd.DataFrame:
    """400 houses: rooms around 5, area around 120; the price follows from both alike."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"rooms": rng.normal(5, 1, 400), "area": rng.normal(120, 30, 400)})
    return frame.assign(y=frame["rooms"] + frame["area"] / 30 + 0.1 * rng.normal(size=400))


def descent(inputs: Array, targets: Array, steps: int) -> tuple[float, Array]:
    """Gradient descent for a linear model at its best constant rate.

    Returns:
        The condition number of the loss, and how far the loss is above its least value after each step, as a share of
        where it began.
    """
    x = np.column_stack([inputs, np.ones(len(inputs))])
    curvatures = np.linalg.eigvalsh(x.T @ x / len(x))
    best = np.linalg.lstsq(x, targets, rcond=None)[0]
    rate, weights, losses = 2 / (curvatures[0] + curvatures[-1]), np.zeros(3), []
    for _ in range(steps + 1):
        losses.append(float(np.mean((x @ (weights - best)) ** 2)))
        weights = weights - rate * x.T @ (x @ weights - targets) / len(x)
    return float(curvatures[-1] / curvatures[0]), np.asarray(losses) / losses[0]


def _share(left: float) -> str:
    return "nothing" if left < 1e-12 else f"{left:.3f}"  # what rounding leaves differs between machines


@figure(quick=True)
def unscaled_inputs() -> Figure:
    """The loss of a linear model by step, with the inputs scaled in four ways."""
    frame, steps, lines, printed = _houses(), 100, [], []
    left = {}
    for scale in ("none", "minmax", "robust", "standard"):
        data = tables.prepared(frame, f"data.scale={scale}", base=tables.VALUES)
        rows = data.parts["train"]
        inputs, targets = (np.asarray(data.arrays[name][rows], dtype=float) for name in ("inputs", "targets"))
        number, losses = descent(inputs, targets.ravel(), steps)
        # The slowest direction shrinks by (κ - 1) / (κ + 1) a step, and the loss by its square.
        bound = ((number - 1) / (number + 1)) ** (2 * np.arange(steps + 1))
        claim(
            (losses <= bound * (1 + 1e-6) + 1e-9).all(),
            f"{scale}: no step is slower than the bound of κ = {number:.3g}",
        )
        left[scale] = losses[-1]
        lines.append(Line(f"data.scale: {scale}", [(k, v) for k, v in enumerate(losses) if v > 1e-8]))
        printed.append(f"{scale:9} condition number {number:9,.1f}   left after {steps} steps {_share(losses[-1])}")
    claim(left["none"] > 0.9, f"unscaled, {left['none']:.3f} of the loss is left after {steps} steps")
    claim(left["standard"] < 1e-8, f"standardized, {left['standard']:.1e} is left")
    panel = Panel(
        "A linear model, gradient descent at the best rate there is",
        Axis("step"),
        Axis("loss above its least value, as a share of the first, log scale", log=True),
        lines,
    )
    return Figure(sheet("Unscaled inputs make gradient descent slow", [panel]), tuple(printed))


@figure()
def scaled_networks() -> Figure:
    """A network at eight learning rates, by SGD and Adam, with and without scaling."""
    rng = np.random.default_rng(0)
    z, scales = rng.normal(size=(1200, 6)), 10.0 ** np.array([0, 1, 2, -1, -2, 0])
    truth = np.sin(2 * z[:, 0]) + z[:, 1] * z[:, 2] + 0.3 * rng.normal(size=1200) > 0
    frame = pd.DataFrame(z * scales + 5 * scales, columns=list("abcdef"))
    frame = frame.assign(y=np.where(truth, "yes", "no"), split=tables.parted(400, 400, 400))
    rates, panels, best = np.logspace(-3.5, 0, 8), [], {}
    for optimizer in ("sgd", "adam"):
        lines = []
        for scale in ("none", "standard"):
            settings = (f"data.scale={scale}", f"optimizer.name={optimizer}")
            data = tables.prepared(frame, *settings)
            found = [tables.trained(data, *settings, f"optimizer.learning_rate={rate:.4g}") for rate in rates]
            scores = [trial.best.score for trial in found if trial.best is not None]
            best[optimizer, scale] = max(scores)
            lines.append(Line(f"data.scale: {scale}", list(zip(rates, scores, strict=True))))
        title = f"{optimizer}: a network on six columns of very unlike size"
        panels.append(
            Panel(
                title,
                Axis("learning rate, log scale", log=True),
                Axis("validation accuracy", "percent"),
                lines,
                limits=(0.45, 0.95),
            )
        )
    for optimizer in ("sgd", "adam"):
        here, there = best[optimizer, "standard"], best[optimizer, "none"]
        claim(here > there + 0.1, f"{optimizer}: no rate makes up for scaling ({there:.3f} against {here:.3f})")
    printed = [f"{o:5} data.scale: {s:9} best of eight rates {v:.3f}" for (o, s), v in best.items()]
    return Figure(sheet("No learning rate makes up for unscaled inputs", panels), tuple(printed))


# ------------------------------------------------------------------------------------------ missing values

STAND_INS = {
    "rows dropped": ("data.missing=drop",),
    "median": ("data.missing=median", "data.missing_indicator=false"),
    "median, indicator": ("data.missing=median",),
    "regression, indicator": ("data.missing=iterative",),
}


def _with_gaps(seed: int, why: str) -> pd.DataFrame:
    """Three numbers, of which the first is missing in three rows of ten, by chance or mostly where it is large."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(3000, 3))
    truth = z[:, 0] + 0.7 * z[:, 1] + 0.4 * rng.normal(size=3000) > 0
    share = 0.3 if why == "chance" else np.where(z[:, 0] > 0, 0.55, 0.05)
    z[rng.random(3000) < share, 0] = np.nan
    frame = pd.DataFrame(z, columns=["income", "age", "other"])
    return frame.assign(y=np.where(truth, "yes", "no"), split=tables.parted(500, 500, 2000))


@figure()
def missing_values() -> Figure:
    """Ways to do without a number, where chance took it and where its size did."""
    panels, printed, means = [], [], {}
    for why, title in (("chance", "Missing by chance"), ("size", "Missing mostly where the number is large")):
        rows = []
        for name, settings in STAND_INS.items():
            found = []
            for seed in range(4):
                frame = _with_gaps(seed, why)
                trial = tables.trained(frame, *settings, seed=seed)
                new = frame[frame["split"] == "test"].drop(columns="split")
                found.append(tables.on_new(trial, new))
            means[why, name] = float(np.mean(found))
            rows.append(Row(name, *tables.spread(found)))
            printed.append(f"{why:6} {name:22} accuracy on all new rows {means[why, name]:.3f}")
        panels.append(Rows(title, Axis("accuracy on new rows (mean and range of 4 runs)", "percent"), rows))
    chance = [means["chance", name] for name in STAND_INS]
    claim(max(chance) - min(chance) < 0.03, f"by chance, all do alike: {chance}")
    told, bare = means["size", "median, indicator"], means["size", "median"]
    claim(told > bare + 0.02, f"where the size decides, the indicator helps: {told:.3f} against {bare:.3f}")
    claim(bare > means["size", "rows dropped"], "and dropping rows is the worst")
    return Figure(sheet("Why a number is missing decides what to do", panels), tuple(printed))


# ------------------------------------------------------------------------------------------ categories

ENCODINGS = {
    "as a number": ("data.columns.city=numeric",),
    "onehot, 32 levels": ("data.categories=onehot",),
    "onehot, all levels": ("data.categories=onehot", "data.max_levels=1000"),
    "hashing, 64 bins": ("data.categories=hashing",),
    "target": ("data.categories=target", "data.max_levels=1000"),
    "embedding": ("data.categories=embedding", "data.max_levels=1000"),
}


@figure()
def encodings() -> Figure:
    """The error by the number of levels, for each way to make numbers of them."""
    counts = (10, 100, 400)
    errors = {name: [] for name in ENCODINGS}
    for levels in counts:
        found = {name: [] for name in ENCODINGS}
        for seed in range(2):
            rng = np.random.default_rng(seed)
            effects, city, z = rng.normal(size=levels), rng.integers(levels, size=3500), rng.normal(size=3500)
            frame = pd.DataFrame({"city": city, "z": z, "split": tables.parted(2000, 500, 1000)})
            frame["y"] = effects[city] + 0.5 * z + 0.5 * rng.normal(size=3500)
            for name, settings in ENCODINGS.items():
                kind = () if name == "as a number" else ("data.columns.city=category",)
                trial = tables.trained(frame, *kind, *settings, "training.max_epochs=10", base=tables.VALUES, seed=seed)
                found[name].append(tables.score(trial, "test"))
        for name, values in found.items():
            errors[name].append(float(np.mean(values)))
    claim(errors["as a number"][1] > 1.6 * errors["onehot, all levels"][1], f"a code is no quantity: {errors}")
    claim(errors["onehot, 32 levels"][1] > 1.4 * errors["onehot, all levels"][1], "100 levels do not fit into 32")
    claim(errors["hashing, 64 bins"][2] > 1.3 * errors["embedding"][2], "400 levels in 64 bins run into one another")
    for name in ("onehot, all levels", "target", "embedding"):
        claim(errors[name][2] < 0.8, f"{name} holds at 400 levels of five rows each: {errors[name][2]:.2f}")
    panel = Panel(
        "2,000 training rows, one category; the noise alone is 0.5",
        Axis("levels of the category, log scale", "whole", log=True),
        Axis("RMSE on test rows"),
        [Line(name, list(zip(counts, values, strict=True))) for name, values in errors.items()],
        limits=(0.4, 1.2),
    )
    heads = "".join(f"{f'{levels} levels':>12}" for levels in counts)
    printed = [f"{'RMSE':20}{heads}"]
    printed += [f"{name:20}" + "".join(f"{value:12.2f}" for value in values) for name, values in errors.items()]
    return Figure(sheet("Encodings of a category", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ leaks


def _invoices(seed: int) -> pd.DataFrame:
    """Invoices paid late or in time, with a fee that is charged only after the due date has passed."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(1500, 3))
    late = rng.random(1500) < 1 / (1 + np.exp(-1.3 * (z[:, 0] + z[:, 1])))
    frame = pd.DataFrame(z, columns=["amount", "age", "other"])
    fee = np.where(late, np.round(rng.gamma(2, 10, 1500), 2), 0.0)
    return frame.assign(fee=fee, y=np.where(late, "late", "in time"), split=tables.parted(500, 500, 500))


@figure()
def planted_leak() -> Figure:
    """A column that is known only after the event: the score in the study, and on the day it is needed."""
    found: dict[str, list[tuple[float, float]]] = {"with the fee": [], "without it": []}
    for seed in range(4):
        frame = _invoices(seed)
        today = frame[frame["split"] == "test"].drop(columns="split").assign(fee=0.0)  # nobody has paid a fee yet
        for name, dropped in (("with the fee", []), ("without it", ["fee"])):
            trial = tables.trained(frame.drop(columns=dropped), seed=seed)
            found[name].append((tables.score(trial, "validation"), tables.on_new(trial, today.drop(columns=dropped))))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    findings = audit(read(_invoices(0), options=DataOptions(target="y")), only=("leaks",))
    claim([finding.column for finding in findings] == ["fee"], "the audit names the column")
    claim(means["with the fee"][0] > 0.95, f"the leak looks excellent: {means['with the fee'][0]:.3f}")
    claim(means["with the fee"][1] < means["without it"][1] - 0.1, "and is worse than honest inputs when it is needed")
    claim(abs(means["without it"][0] - means["without it"][1]) < 0.04, "without it, validation tells the truth")
    places = ("in validation", "on new invoices")
    rows = [
        Row(f"{name}, {place}", *tables.spread(pair[k] for pair in found[name]), role="winner" if k else "other")
        for name in found
        for k, place in enumerate(places)
    ]
    panel = Rows("A fee that only late invoices have", Axis("accuracy (mean and range of 4 runs)", "percent"), rows)
    printed = [f"{row.label:32} accuracy {row.value:.3f}" for row in rows]
    printed += [f"mapsto audit warns of the column {findings[0].column}"]
    return Figure(sheet("A leak looks excellent until it is needed", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ duplicates

DIVISIONS = {
    "random split": ("data.clean=none", "data.columns.who=ignore"),
    "data.clean: auto": ("data.clean=auto", "data.columns.who=ignore"),
    "data.split: group": ("data.clean=none", "data.split=group", "data.group_column=who"),
}


@figure()
def duplicates() -> Figure:
    """The score on a test part that holds copies of training rows, by the share of rows that were copied."""
    shares = (0.0, 0.15, 0.4, 0.8)
    tested = {name: [] for name in DIVISIONS}
    fresh = {name: [] for name in DIVISIONS}
    for share in shares:
        for name, settings in DIVISIONS.items():
            pairs = [_copied(share, settings, seed) for seed in range(4)]
            tested[name].append(float(np.mean([one for one, _ in pairs])))
            fresh[name].append(float(np.mean([other for _, other in pairs])))
    random, clean, group = (np.subtract(tested[name], fresh[name]) for name in DIVISIONS)
    claim(random[-1] > 0.1, f"with 80 % copies a random split flatters by {random[-1]:.3f}")
    claim(abs(group[-1]) < 0.06, f"a split by group does not: {group[-1]:.3f}")
    claim(abs(clean[1]) < 0.06, f"nor does data.clean as long as copies are few: {clean[1]:.3f}")
    lines = [Line(f"{name}: test part", list(zip(shares, values, strict=True))) for name, values in tested.items()]
    lines.append(Line("random split: new rows", list(zip(shares, fresh["random split"], strict=True))))
    panel = Panel(
        "A network on 500 rows, some of which were copied",
        Axis("share of the rows that are there twice", "percent"),
        Axis("accuracy (mean of 4 runs)", "percent"),
        lines,
    )
    printed = [f"{'copied':42}" + "".join(f"{share:8.0%}" for share in shares)]
    for name in DIVISIONS:
        printed.append(f"{f'{name}, test part':42}" + "".join(f"{value:8.3f}" for value in tested[name]))
        printed.append(f"{'    the same networks on new rows':42}" + "".join(f"{value:8.3f}" for value in fresh[name]))
    return Figure(sheet("Copies across parts flatter", [panel]), tuple(printed))


def _copied(share: float, settings: tuple[str, ...], seed: int) -> tuple[float, float]:
    """Accuracy on the test part, and on 4,000 new rows."""
    rng = np.random.default_rng(seed)
    frame = _patients(rng, 500)
    copies = frame.iloc[: round(share * 500)]
    wide = ("model.hidden_dim=128", "training.max_epochs=25", "data.test_share=0.3")
    trial = tables.trained(pd.concat([frame, copies], ignore_index=True), *settings, *wide, seed=seed)
    return tables.score(trial, "test"), tables.on_new(trial, _patients(rng, 4000))


def _patients(rng: np.random.Generator, count: int) -> pd.DataFrame:
    z = rng.normal(size=(count, 8))
    truth = rng.random(count) < 1 / (1 + np.exp(-z[:, 0]))
    return pd.DataFrame(z, columns=list("abcdefgh")).assign(y=np.where(truth, "yes", "no"), who=np.arange(count))


# ------------------------------------------------------------------------------------------ augmentation

CHANGES = {
    "none": (),
    "shift, rotate, scale": ("augment.shift=0.08", "augment.rotate=8", "augment.scale=0.08"),
    "flip_horizontal": ("augment.flip_horizontal=0.5",),
}


@figure()
def augmentation() -> Figure:
    """The error on digits by the number of training rows, each training of the same length."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    images, classes = (images.reshape(-1, 8, 8) * 15).astype(np.uint8), classes.astype(str)
    counts = (50, 100, 300, 1000)
    errors = {name: [] for name in CHANGES}
    for count in counts:
        found = {name: [] for name in CHANGES}
        for seed in range(2):
            order = np.random.default_rng(seed).permutation(len(images))
            parts = {"train": order[:count], "val": order[1000:1297], "test": order[1297:]}
            data = {f"x_{part}": images[rows] for part, rows in parts.items()}
            data |= {f"y_{part}": classes[rows] for part, rows in parts.items()}
            base = ("task.name=image_classification", "model.name=mlp", "model.hidden_dim=64", *tables.CLASSES[4:])
            steps = ("schedule.name=one_cycle", f"training.max_epochs={round(500 / np.ceil(count / 32))}")
            made = tables.prepared(data, base=base)
            for name, settings in CHANGES.items():
                found[name].append(
                    1 - tables.score(tables.trained(made, *settings, *steps, base=base, seed=seed), "test")
                )
        for name, values in found.items():
            errors[name].append(float(np.mean(values)))
    plain, fit, flip = (np.asarray(errors[name]) for name in CHANGES)
    claim((fit[:2] < 0.8 * plain[:2]).all(), f"with few rows the fitting changes help: {errors}")
    claim((flip > plain).all(), "mirrored digits are other digits, and harm")
    claim(plain[0] - fit[0] > 2 * (plain[-1] - fit[-1]), "and help less, the more rows there are")
    panel = Panel(
        "A network of 64 units on digits, 500 steps each",
        Axis("training rows, log scale", "whole", log=True),
        Axis("error on 500 test rows (mean of 2 runs)", "percent"),
        [Line(f"augment: {name}", list(zip(counts, values, strict=True))) for name, values in errors.items()],
    )
    printed = [f"{'rows':22}" + "".join(f"{count:9,}" for count in counts)]
    printed += [f"{name:22}" + "".join(f"{value:9.1%}" for value in values) for name, values in errors.items()]
    return Figure(sheet("Augmentation stands in for rows", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ imbalance

BALANCES = ("none", "class_weights", "oversample", "undersample", "balanced_batches")


@figure()
def imbalance() -> Figure:
    """What balancing changes: the place on a curve, not the curve."""
    rng = np.random.default_rng(0)
    rare = rng.random(14_000) < 0.04
    z = rng.normal(size=(14_000, 4)) + np.outer(rare, [1.3, 1.0, 0.0, 0.0])
    frame = pd.DataFrame(z, columns=list("abcd")).assign(y=np.where(rare, "rare", "common"))
    data = tables.prepared(frame.assign(split=tables.parted(4000, 2000, 8000)))
    names, marks, printed, rates, lines, losses = data.specs["targets"].names, [], [], {}, [], []
    for place, balance in enumerate(BALANCES):
        trial = tables.trained(
            data, f"training.balance={balance}", "optimizer.learning_rate=0.001", "training.max_epochs=8",
        )  # fmt: skip
        predictions, truth = tables.answers(trial, "test")
        share, is_rare = predictions[:, names.index("rare")], truth == names.index("rare")
        if balance == "none":
            curve = [
                (float((share > t)[~is_rare].mean()), float((share > t)[is_rare].mean()))
                for t in np.linspace(0.4, 0, 200)
            ]
            lines = [Line("balance: none, answers moved by a threshold", [p for p in curve if p[0] < 0.5])]
            called = share > is_rare.mean()
            rates["none, threshold at the share"] = float(called[~is_rare].mean()), float(called[is_rare].mean())
        called = predictions.argmax(axis=1) == names.index("rare")
        rates[balance] = float(called[~is_rare].mean()), float(called[is_rare].mean())
        marks.append(Mark(*rates[balance], f"training.balance: {balance}", f"c{place + 1}"))
        lines.append(Line(f"balance: {balance}", [], color=place + 1))
        scores = [
            tables.score(trial, "test", name) for name in ("accuracy", "balanced_accuracy", "roc_auc", "log_loss")
        ]
        losses.append(scores[-1])
        printed.append(
            f"{balance:17}{rates[balance][1]:11.2f}{rates[balance][0]:12.2f}" + "".join(f"{s:9.3f}" for s in scores)
        )
    claim(rates["none"][1] < 0.3, f"as they are, few rare rows are found: {rates['none'][1]:.2f}")
    for balance in BALANCES[1:]:
        claim(rates[balance][1] > 0.6, f"{balance} finds most of them: {rates[balance][1]:.2f}")
        reached = np.interp(rates[balance][0], [x for x, _ in curve], [y for _, y in curve])
        claim(abs(reached - rates[balance][1]) < 0.06, f"{balance} lies near the curve: {reached:.2f}")
    claim(min(losses[1:]) > 2 * losses[0], f"balancing spoils the probabilities, log loss {losses}")
    moved = rates["none, threshold at the share"]
    printed.append(f"{'moved threshold':17}{moved[1]:11.2f}{moved[0]:12.2f}")
    printed.insert(
        0,
        f"{'':17}{'rare found':>11}{'false calls':>12}{'accuracy':>9}{'balanced':>9}{'ROC-AUC':>9}{'log loss':>9}",
    )
    panel = Panel(
        "4 % of the rows are rare: what is found, and at which price",
        Axis("common rows called rare", "percent"),
        Axis("rare rows found", "percent"),
        lines,
        marks,
    )
    return Figure(sheet("Balancing moves the answers along one curve", [panel]), tuple(printed))
