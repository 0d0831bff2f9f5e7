"""Figures of the chapter on training."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from handbook import runs
from handbook.drawing import Axis, Line, Mark, Panel, sheet
from handbook.figures import Figure, claim, figure
from numpy.typing import NDArray

from mapsto.recipe.families import OPTIMIZERS, SCHEDULES
from mapsto.training.base import Measurement
from mapsto.training.finders.noise import noise_scale
from mapsto.training.finders.range_test import range_test

Array = NDArray[np.float64]


# ------------------------------------------------------------------------------------------ by hand


def forward(X, W1, b1, W2, b2):
    """Hidden values and outputs."""
    H = np.tanh(X @ W1 + b1)  # (n, h)
    return H, H @ W2 + b2  # (n, h), (n, k)


def gradients(X, Y, W1, b1, W2, b2):
    """The loss and its derivatives with respect to all four weights."""
    H, Y_hat = forward(X, W1, b1, W2, b2)
    loss = ((Y_hat - Y) ** 2).sum() / (2 * len(X))
    d_out = (Y_hat - Y) / len(X)  # (n, k)   dL/dŶ
    dW2 = H.T @ d_out  # (h, k)
    db2 = d_out.sum(axis=0)  # (k,)
    d_hidden = d_out @ W2.T  # (n, h)   dL/dH
    d_z = d_hidden * (1 - H**2)  # (n, h)   dL/dZ, since tanh' = 1 - tanh²
    dW1 = X.T @ d_z  # (d, h)
    db1 = d_z.sum(axis=0)  # (h,)
    return loss, (dW1, db1, dW2, db2)


def two_layers() -> tuple[Array, Array, list[Array]]:
    """64 points of a sine, and the weights of a network with 16 hidden units that shall learn it."""
    rng = np.random.default_rng(0)
    X = np.linspace(-1, 1, 64)[:, None]
    weights = [rng.normal(0, 1, (1, 16)), np.zeros(16), rng.normal(0, 0.25, (16, 1)), np.zeros(1)]
    return X, np.sin(3 * X), weights


def _descent(sign: float, steps: int = 300, rate: float = 0.3) -> list[float]:
    """Losses where what the lines give for the error `y − ŷ` is added, or with sign -1 subtracted, at each step.

    The lines are linear in the error, so with `y − ŷ` they give the negative of what they give with `ŷ − y`.
    """
    X, Y, weights = two_layers()
    losses = []
    for _ in range(steps):
        loss, parts = gradients(X, Y, *weights)
        losses.append(float(loss))
        if loss > 1e6:
            break
        turned = [-part for part in parts]
        weights = [w + sign * rate * part for w, part in zip(weights, turned, strict=True)]
    return losses


@figure(quick=True)
def sign_of_the_update() -> Figure:
    """The update with the error written as `y − ŷ`: added, and subtracted by mistake."""
    right, wrong = _descent(+1.0), _descent(-1.0)
    claim(right[-1] < 0.1 * right[0], f"added, the loss falls from {right[0]:.3g} to {right[-1]:.3g}")
    claim(all(b > a for a, b in itertools.pairwise(wrong)), "subtracted, the loss rises at each step")
    panel = Panel(
        "A two-layer network learns a sine, 300 steps of gradient descent",
        Axis("step"),
        Axis("loss, log scale", log=True),
        [
            Line("the term with y − ŷ added (right)", list(enumerate(right))),
            Line("the term with y − ŷ subtracted (wrong)", list(enumerate(wrong))),
        ],
    )
    return Figure(
        sheet("The loss falls where y − ŷ is added and rises where it is subtracted", [panel]),
        (
            f"added:      loss {right[0]:.4f} -> {right[-1]:.4f} after {len(right)} steps",
            f"subtracted: loss {wrong[0]:.4f} -> {wrong[-1]:.3g} after {len(wrong)} steps",
        ),
    )


# ------------------------------------------------------------------------------------------ step size


@figure()
def learning_rate() -> Figure:
    """The training loss of one network at learning rates from far too small to far too large."""
    rates = (0.001, 0.01, 0.1, 1.0, 4.0)
    curves = {
        rate: _losses("optimizer.name=sgd", "optimizer.momentum=0", f"optimizer.learning_rate={rate}") for rate in rates
    }
    last = {rate: curve[-1] for rate, curve in curves.items()}
    claim(last[0.001] > last[0.01] > last[0.1] > 0, f"up to 0.1 a larger rate learns more in the same steps: {last}")
    claim(last[4.0] > 10 * last[0.1], f"a rate of 4 learns worse than one of 0.1: {last}")
    chart = Panel(
        "Plain gradient descent on digits, batches of 64 rows",
        Axis("step"),
        Axis("training loss, mean of 10 steps, log scale", log=True),
        [Line(f"rate {rate:g}", _smooth(curve)) for rate, curve in curves.items()],
    )
    picture = sheet("Training loss against the step for five learning rates", [chart])
    return Figure(picture, tuple(f"rate {rate:<6g} loss of the last epoch {loss:.4f}" for rate, loss in last.items()))


def _losses(*settings: str) -> list[float]:
    """Losses of all steps of a training, then the mean over the last epoch."""
    made = runs.trial(*settings)
    losses = made.train_steps([made.recipe.optimizer.learning_rate * factor for factor in _factors(made)])
    finite = [loss for loss in losses if math.isfinite(loss)]
    return [*finite, float(np.mean(finite[-made.steps_per_epoch :]))]


def _factors(made: runs.Trial) -> list[float]:
    return [made.recipe.schedule.factor(step, made.total_steps) for step in range(made.total_steps)]


def _smooth(losses: list[float], width: int = 10) -> list[tuple[float, float]]:
    return [
        (start + width / 2, float(np.mean(losses[start : start + width])))
        for start in range(0, len(losses) - width, width)
    ]


@figure()
def range_test_of_rates() -> Figure:
    """The learning-rate range test beside whole runs at fixed rates."""
    settings = ("optimizer.name=sgd", "training.max_epochs=10")
    found = range_test(lambda seed: runs.trial(*settings, f"training.seed={seed}"), seeds=(0, 1, 2), steps=100)
    low, high = found.band
    grid = [float(rate) for rate in np.geomspace(1e-4, 3, 10)]
    whole = [runs.trained(*settings, f"optimizer.learning_rate={rate}") for rate in grid]
    ends = [run[-1].validation_loss if run and math.isfinite(run[-1].validation_loss) else math.inf for run in whole]
    best = grid[int(np.argmin(ends))]
    claim(found.steepest < found.lowest, "the loss falls fastest before it is lowest")
    claim(found.steepest / 5 < best < found.lowest, f"{best:.3g} lies near {found.steepest:.3g} to {found.lowest:.3g}")
    rates = found.rates.tolist()
    sweep = Panel(
        "Range test; marks: steepest, then lowest",
        Axis("learning rate, log scale", log=True),
        Axis("smoothed training loss"),
        [
            Line("median of three seeds", list(zip(rates, found.middle, strict=True)), 0),
            Line("lowest and highest", list(zip(rates, low, strict=True)), thin=True),
            Line("lowest and highest", list(zip(rates, high, strict=True)), thin=True),
        ],
        [
            Mark(found.steepest, _at(found.steepest, rates, found.middle), "steepest", "c2"),
            Mark(found.lowest, _at(found.lowest, rates, found.middle), "lowest", "c1"),
        ],
        limits=(0.0, 4.0),
    )
    runs_at = Panel(
        "Whole runs of 10 epochs at fixed rates",
        Axis("learning rate, log scale", log=True),
        Axis("validation loss at the end"),
        [Line("whole runs", [(rate, min(end, 2.6)) for rate, end in zip(grid, ends, strict=True)], 3)],
        limits=(0.0, 2.6),
    )
    picture = sheet("A range test and whole runs over the same learning rates", [sweep, runs_at], columns=2)
    printed = (
        f"loss falls fastest at {found.steepest:.3g}, is lowest at {found.lowest:.3g}",
        f"best of {len(grid)} whole runs: {best:.3g} (validation loss {min(ends):.3f})",
        f"steps: {3 * len(rates)} for the test, {sum(run[-1].step for run in whole if run)} for the whole runs",
    )
    return Figure(picture, printed)


def _at(rate: float, rates: list[float], losses: Array) -> float:
    return float(losses[rates.index(rate)])


@figure()
def batch_size_and_noise() -> Figure:
    """The noise of a batch's gradient against its size, and the noise scale along a training."""
    sizes = (8, 16, 32, 64, 128, 256)
    variances = [_variance(size) for size in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(variances), 1)[0])
    claim(-1.25 < slope < -0.75, f"the variance falls with the power {slope:.2f} of the batch size, near -1")
    moments = (0, 50, 100, 200, 300)
    found = [_noise_scales(seed, moments) for seed in range(5)]
    scales = [
        (moment, float(np.median(scale))) for moment, scale in zip(moments, zip(*found, strict=True), strict=True)
    ]
    claim(
        scales[-1][1] > 2 * scales[0][1], f"the noise scale grows from {scales[0][1]:.0f} to {scales[-1][1]:.0f} rows"
    )
    by_size = Panel(
        "At the start of a training",
        Axis("rows a batch, log scale", log=True),
        Axis("variance of the gradient, log scale", log=True),
        [
            Line("measured", list(zip(sizes, variances, strict=True)), 0),
            Line("1 / rows", [(size, variances[0] * sizes[0] / size) for size in sizes], 1),
        ],
    )
    by_step = Panel(
        "Along a training",
        Axis("step"),
        Axis("noise scale in rows, log scale", log=True),
        [Line("noise scale", scales, 2)],
    )
    picture = sheet(
        "Variance of the gradient against the batch size; noise scale against the step", [by_size, by_step], columns=2
    )
    printed = (
        f"variance of the gradient falls with the batch size to the power {slope:.2f}",
        *(f"after {step:3} steps: noise scale {scale:7.0f} rows" for step, scale in scales),
    )
    return Figure(picture, printed)


def _variance(size: int) -> float:
    """Summed variance of the gradient over batches of a size, at the first weights."""
    made = runs.trial(f"training.batch_size={size}")
    gradients = torch.stack([torch.cat([part.flatten() for part in g]) for g in made.gradients(3 * (1024 // size))])
    return float(gradients.var(dim=0).sum())


def _noise_scales(seed: int, moments: tuple[int, ...]) -> list[float]:
    """After so many steps of a training, in rows."""
    made = runs.trial("optimizer.name=sgd", "training.batch_size=32", f"training.seed={seed}")
    found, done = [], 0
    for moment in moments:
        if moment > done:
            made.train_steps([0.02] * (moment - done))
        done = moment
        found.append(noise_scale(list(made.gradients(120)), 32))
    return found


@figure()
def batch_size_and_steps() -> Figure:
    """Steps and rows that a training needs to reach a loss, for batch sizes from 4 to 512."""
    sizes = (4, 8, 16, 32, 64, 128, 256, 512)
    steps = [_steps_to(0.15, size) for size in sizes]
    rows = [size * count for size, count in zip(sizes, steps, strict=True)]
    claim(steps[0] > 3 * steps[3], f"small batches: eight times the rows need a third of the steps or less: {steps}")
    claim(steps[-1] > 0.5 * steps[-2], f"large batches: twice the rows no longer halve the steps: {steps}")
    claim(rows[-1] > 4 * rows[0], f"the largest batch reads many times the rows: {rows}")
    left = Panel(
        "Steps to a validation loss of 0.15",
        Axis("rows a batch, log scale", log=True),
        Axis("steps, log scale", log=True),
        [
            Line("measured, best of five learning rates", list(zip(sizes, steps, strict=True)), 0),
            Line("half the steps for twice the rows", [(size, steps[0] * sizes[0] / size) for size in sizes], 1),
        ],
    )
    right = Panel(
        "Rows read until then",
        Axis("rows a batch, log scale", log=True),
        Axis("rows, log scale", log=True),
        [Line("measured, best of five learning rates", list(zip(sizes, rows, strict=True)), 0)],
    )
    picture = sheet("Steps and rows to a loss against the batch size", [left, right], columns=2)
    return Figure(
        picture,
        tuple(f"{n:4} rows a batch: {s:5} steps, {r:7,} rows" for n, s, r in zip(sizes, steps, rows, strict=True)),
    )


def _steps_to(target: float, size: int) -> int:
    """The fewest steps to a validation loss, over a grid of learning rates of plain gradient descent."""
    most, every = 12_000 // size**0.75, max(5, 200 // size)
    best = int(4 * most)
    for rate in (0.03, 0.1, 0.3, 0.6, 1.0):
        made = runs.trial("optimizer.name=sgd", "optimizer.momentum=0", f"training.batch_size={size}")
        done = 0
        while done + every < best:
            if not math.isfinite(made.train_steps([rate] * every)[-1]):
                break
            done += every
            if made.validation_loss() < target:
                best = done
    return best


# ------------------------------------------------------------------------------------------ optimizers


CURVATURES = (1.0, 30.0)
"""Of the ravine `(x² + 30·y²) / 2`: thirty times steeper across than along."""


@figure(quick=True)
def optimizers_in_a_ravine() -> Figure:
    """Paths of five optimizers in a long narrow valley, 60 steps from the same point."""
    chosen = {
        "gradient descent": ("sgd", {"learning_rate": 0.06, "momentum": 0.0}),
        "momentum 0.8": ("sgd", {"learning_rate": 0.06, "momentum": 0.8}),
        "Nesterov 0.8": ("sgd", {"learning_rate": 0.03, "momentum": 0.8, "nesterov": True}),
        "rmsprop": ("rmsprop", {"learning_rate": 0.2}),
        "adam": ("adam", {"learning_rate": 0.3}),
    }
    paths = {label: _path(*how) for label, how in chosen.items()}
    heights = {label: [_height(*point) for point in path] for label, path in paths.items()}
    ends = {label: curve[-1] for label, curve in heights.items()}
    flips = sum(a * b < 0 for (_, a), (_, b) in itertools.pairwise(paths["gradient descent"][:10]))
    claim(flips >= 8, f"gradient descent crosses the valley at {flips} of its first 9 steps")
    claim(ends["momentum 0.8"] < 0.1 * ends["gradient descent"], f"momentum ends far below gradient descent: {ends}")
    claim(ends["Nesterov 0.8"] < 0.1 * ends["gradient descent"], f"so does Nesterov's: {ends}")
    rings = [
        Line(
            "height",
            [(r * math.cos(a / 40 * math.pi), r / math.sqrt(30) * math.sin(a / 40 * math.pi)) for a in range(81)],
            thin=True,
        )
        for r in (1, 2.5, 4.5, 6.5)
    ]
    shown = ("gradient descent", "momentum 0.8", "adam")
    left = Panel(
        "The first 30 steps of three of them, from the right",
        Axis("x"),
        Axis("y"),
        [*rings, *(Line(label, paths[label][:31], list(paths).index(label)) for label in shown)],
        [Mark(*paths["adam"][0], "start", "winner")],
        limits=(-1.3, 1.3),
    )
    right = Panel(
        "Height above the floor",
        Axis("step"),
        Axis("(x² + 30·y²) / 2, log scale", log=True),
        [Line(label, list(enumerate(curve)), place) for place, (label, curve) in enumerate(heights.items())],
        limits=(1e-9, 100.0),
    )
    picture = sheet("Paths and heights of five optimizers in a ravine", [left, right], columns=2)
    return Figure(picture, tuple(f"{label:17} height after 60 steps {end:.1e}" for label, end in ends.items()))


def _height(x: float, y: float) -> float:
    return (CURVATURES[0] * x**2 + CURVATURES[1] * y**2) / 2


def _path(name: str, settings: dict[str, float]) -> list[tuple[float, float]]:
    """Points of one of mapsto's optimizers, from (6, 1)."""
    point = torch.nn.Parameter(torch.tensor([6.0, 1.0], dtype=torch.float64))
    optimizer = OPTIMIZERS.get(name)(**settings).build([point])
    path = [(6.0, 1.0)]
    for _ in range(60):
        optimizer.zero_grad()
        (torch.tensor(CURVATURES, dtype=torch.float64) * point**2 / 2).sum().backward()
        optimizer.step()
        x, y = point.tolist()
        path.append((x, y))
    return path


@figure()
def optimizers_on_digits() -> Figure:
    """Optimizers at the best of five learning rates each, on the same network, three seeds."""
    rates = {
        "gradient descent": (0.03, 0.1, 0.3, 0.6, 1.0),
        "sgd (momentum)": (0.01, 0.03, 0.1, 0.2, 0.4),
        "adam": (0.0003, 0.001, 0.003, 0.01, 0.03),
        "adamw": (0.0003, 0.001, 0.003, 0.01, 0.03),
        "lion": (0.0001, 0.0003, 0.001, 0.003, 0.01),
        "muon": (0.001, 0.003, 0.01, 0.03, 0.1),
        "schedule_free_adamw": (0.001, 0.003, 0.01, 0.03, 0.1),
    }
    best, curves, off = {}, {}, {}
    for label, grid in rates.items():
        found = {rate: _mean_losses([_optimized(label, rate, seed) for seed in range(3)]) for rate in grid}
        best[label] = min(found, key=lambda rate: min(found[rate]))
        curves[label] = found[best[label]]
        off[label] = max(min(curve) for curve in found.values())
    lowest = {label: min(curve) for label, curve in curves.items()}
    claim(max(lowest.values()) < 0.25, f"each of them learns the digits: {lowest}")
    claim(
        len({best[label] for label in ("sgd (momentum)", "adam", "lion")}) == 3, f"each needs a rate of its own: {best}"
    )
    spread = max(lowest.values()) / min(lowest.values())
    cost = {label: off[label] / lowest[label] for label in rates}
    claim(
        float(np.median(list(cost.values()))) > spread,
        f"a rate that is off costs more ({cost}) than the optimizer ({spread:.2f})",
    )
    panel = Panel(
        "Digits, mean of three seeds, each at the best of five rates",
        Axis("epoch", "whole"),
        Axis("validation loss, log scale", log=True),
        [Line(f"{label}, rate {best[label]:g}", list(enumerate(curve, 1))) for label, curve in curves.items()],
    )
    lines = tuple(
        f"{label:20} best rate {best[label]:<6g} validation loss {lowest[label]:.3f}; worst rate {off[label]:.3f}"
        for label in rates
    )
    return Figure(sheet("Validation loss against the epoch for seven optimizers", [panel]), lines)


def _mean_losses(found: list[list[float]]) -> list[float]:
    """The mean over the seeds; infinite where one of them diverged."""
    length = min(len(curve) for curve in found)
    complete = length == max(len(curve) for curve in found) > 0
    return [_mean(step) for step in zip(*found, strict=True)] if complete else [math.inf]


def _optimized(label: str, rate: float, seed: int) -> list[float]:
    name = {"gradient descent": "sgd", "sgd (momentum)": "sgd"}.get(label, label)
    momentum = ("optimizer.momentum=0",) if label == "gradient descent" else ()
    found = runs.trained(
        f"optimizer.name={name}", *momentum, f"optimizer.learning_rate={rate}", f"training.seed={seed}"
    )
    return [measured.validation_loss for measured in found]


def _mean(values: tuple[float, ...] | list[float]) -> float:
    return float(np.mean(values))


# ------------------------------------------------------------------------------------------ schedules


@figure(quick=True)
def schedules() -> Figure:
    """The factor of each schedule along 1,000 steps."""
    losses = [1.0, 0.5, 0.4, *[0.39] * 17]
    curves = {}
    for name in SCHEDULES.names():
        made = SCHEDULES.get(name)(**({"cycles": 2} if name == "cosine" else {}))
        curves[name] = [made.factor(step, 1000, losses[: step // 50]) for step in range(1000)]
    claim(all(0 <= factor <= 1 for curve in curves.values() for factor in curve), "no schedule exceeds the full rate")
    falling = ("cosine", "exponential", "polynomial", "step", "one_cycle", "warmup_stable_decay", "inverse_sqrt")
    claim(all(curves[name][-1] < 0.2 for name in falling if name != "inverse_sqrt"), "they end at a small rate")
    warm = SCHEDULES.get("cosine")(warmup_steps=100)
    curves["cosine, warm-up 100"] = [warm.factor(step, 1000) for step in range(1000)]
    claim(curves["cosine, warm-up 100"][0] < 0.02, "a warm-up begins near zero")
    half = {"cosine": "cosine, two cycles"}
    parts = (
        ("constant", "step", "exponential", "polynomial", "plateau"),
        ("cosine", "cosine, warm-up 100", "one_cycle", "inverse_sqrt", "warmup_stable_decay"),
    )
    claim(sorted((*parts[0], *parts[1])) == sorted(curves), "every schedule is drawn")
    panels = [
        Panel(
            title,
            Axis("step"),
            Axis("factor of the learning rate"),
            [Line(half.get(name, name), list(enumerate(curves[name]))) for name in part],
            limits=(0.0, 1.05),
        )
        for title, part in zip(("Level or falling", "Rising first, or again"), parts, strict=True)
    ]
    printed = tuple(
        f"{half.get(name, name):20} first {c[0]:.3f}  half-way {c[500]:.3f}  last {c[-1]:.4f}"
        for name, c in curves.items()
    )
    return Figure(sheet("Factors of the learning rate against the step for all schedules", panels, columns=2), printed)


@figure()
def schedule_or_not() -> Figure:
    """A constant rate, small or large, beside a large one that falls."""
    ways = {
        "constant, 0.002": ("optimizer.learning_rate=0.002",),
        "constant, 0.01": ("optimizer.learning_rate=0.01",),
        "constant, 0.03": ("optimizer.learning_rate=0.03",),
        "cosine from 0.03": ("optimizer.learning_rate=0.03", "schedule.name=cosine"),
    }
    small = ("model.hidden_dim=16", "model.num_layers=1", "training.batch_size=8", "training.max_epochs=12")
    common = (*small, "optimizer.name=sgd", "optimizer.momentum=0.9")
    curves = {label: _curve(*common, *settings, seeds=3) for label, settings in ways.items()}
    ends = {label: curve[-1].train_loss for label, curve in curves.items()}
    claim(
        ends["cosine from 0.03"] < 0.6 * min(end for label, end in ends.items() if label.startswith("constant")),
        f"the falling rate ends below every constant one: {ends}",
    )
    panel = Panel(
        "Digits, momentum 0.9, batches of 8 rows, mean of three seeds",
        Axis("epoch", "whole"),
        Axis("training loss, log scale", log=True),
        [Line(label, [(m.epoch, m.train_loss) for m in curve]) for label, curve in curves.items()],
    )
    lines = tuple(
        f"{label:16} training loss {curve[-1].train_loss:.4f}, validation loss {curve[-1].validation_loss:.4f}, "
        f"accuracy {curve[-1].score:.3f}"
        for label, curve in curves.items()
    )
    return Figure(sheet("Training loss against the epoch with and without a schedule", [panel]), lines)


@figure()
def warm_up() -> Figure:
    """The loss over learning rates with and without a warm-up of three epochs."""
    rates = (0.1, 0.2, 0.4, 0.8)
    network = ("model.num_layers=8", "model.residual=true", "model.normalization=layer")
    common = (*network, "optimizer.name=sgd", "schedule.name=cosine", "training.max_epochs=10")
    found: dict[str, list[float]] = {}
    for label, steps in (("no warm-up", 0), ("60 steps of warm-up", 60)):
        settings = [(*common, f"schedule.warmup_steps={steps}", f"optimizer.learning_rate={rate}") for rate in rates]
        found[label] = [_mean([_end_loss(*how, f"training.seed={seed}") for seed in range(4)]) for how in settings]
    without, with_it = found.values()
    claim(abs(without[0] / with_it[0] - 1) < 0.25, f"at a small rate it makes no difference: {found}")
    claim(with_it[-1] < 0.6 * without[-1], f"at a large one it does: {found}")
    panel = Panel(
        "Eight residual blocks on digits, momentum 0.9, 10 epochs",
        Axis("learning rate, log scale", log=True),
        Axis("validation loss, mean of four seeds, log scale", log=True),
        [Line(label, list(zip(rates, losses, strict=True))) for label, losses in found.items()],
    )
    lines = tuple(
        f"rate {rate:<4g} without {a:.3f}  with warm-up {b:.3f}"
        for rate, a, b in zip(rates, *found.values(), strict=True)
    )
    return Figure(sheet("Validation loss against the learning rate with and without warm-up", [panel]), lines)


def _end_loss(*settings: str) -> float:
    """The last validation loss; where the training diverged, that of answers at random and more."""
    run = runs.trained(*settings)
    complete = run and run[-1].epoch == runs.recipe(*settings).training.max_epochs
    return min(run[-1].validation_loss, 3.0) if complete else 3.0


def _curve(*settings: str, seeds: int) -> list[Measurement]:
    """The mean over the seeds of what was measured after each epoch."""
    found = [runs.trained(*settings, f"training.seed={seed}") for seed in range(seeds)]
    return [
        Measurement(
            epochs[0].epoch,
            epochs[0].step,
            0.0,
            *(
                _mean([getattr(m, name) for m in epochs])
                for name in ("train_loss", "validation_loss", "score", "learning_rate")
            ),
        )
        for epochs in zip(*found, strict=True)
    ]


# ------------------------------------------------------------------------------------------ regularization


@figure()
def l1_and_l2() -> Figure:
    """Weights that are exactly zero, and the size of the rest, under L1 and L2."""
    strengths = (0.0, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
    found = {kind: [_weights(f"training.{kind}={strength}") for strength in strengths] for kind in ("l1", "l2")}
    zeros = {kind: [share for share, _, _ in row] for kind, row in found.items()}
    claim(max(zeros["l2"]) == 0 and zeros["l1"][0] == 0, f"L2 makes no zero: {zeros['l2']}")
    claim(zeros["l1"][4] > 0.4, f"L1 makes exact zeros: {zeros['l1']}")
    sizes = [size for _, size, _ in found["l2"]]
    claim(sizes[-1] < 0.6 * sizes[0], f"L2 makes the weights smaller: {sizes}")
    place = Axis("strength, log scale", log=True)
    left = Panel(
        "Weights that are exactly zero", place, Axis("share of the weights", "percent"),
        [Line(kind.upper(), list(zip(strengths, zeros[kind], strict=True))[1:]) for kind in found], limits=(-0.02, 1.0),
    )  # fmt: skip
    right = Panel(
        "Accuracy on the validation rows", place, Axis("accuracy", "percent"),
        [Line(k.upper(), [(x, f[2]) for x, f in zip(strengths[1:], row[1:], strict=True)]) for k, row in found.items()],
        limits=(0.0, 1.0),
    )  # fmt: skip
    lines = tuple(
        f"{kind.upper()} {strength:<6g} zeros {share:6.1%}  mean size of weights {size:.3f}  accuracy {score:.3f}"
        for kind, row in found.items()
        for strength, (share, size, score) in zip(strengths, row, strict=True)
        if strength in (0.0, 1e-3, 1e-2, 3e-2)
    )
    return Figure(sheet("Zeros and accuracy against the strength of L1 and L2", [left, right], columns=2), lines)


def _weights(*settings: str) -> tuple[float, float, float]:
    """Share of zeros among the weights, their root mean square, and the accuracy."""
    made = runs.trial(*settings, "optimizer.name=sgd", "training.max_epochs=20")
    *_, last = made.advance(20)
    weights = torch.cat([w.detach().flatten() for w in made.network.parameters() if w.ndim > 1])
    return float((weights == 0).double().mean()), float(weights.square().mean().sqrt()), last.score


@figure()
def early_stopping() -> Figure:
    """Training and validation loss where one label in five is wrong: the one falls on, the other rises."""
    long = runs.trained("model.hidden_dim=128", "training.max_epochs=50", data=runs.wrong_labels(0.2))
    best, last = min(long, key=lambda m: m.validation_loss), long[-1]
    losses = f"{best.validation_loss:.3f} to {last.validation_loss:.3f}"
    claim(
        best.epoch < 25 and last.validation_loss > 1.15 * best.validation_loss, f"the validation loss rises: {losses}"
    )
    claim(
        last.train_loss < 0.6 * best.train_loss,
        f"the training loss falls from {best.train_loss:.3f} to {last.train_loss:.3f}",
    )
    panel = Panel(
        "Digits, one label in five wrong, adam",
        Axis("epoch", "whole"),
        Axis("loss"),
        [
            Line("training", [(m.epoch, m.train_loss) for m in long]),
            Line("validation", [(m.epoch, m.validation_loss) for m in long]),
        ],
        [Mark(best.epoch, best.validation_loss, "lowest validation loss", "c2")],
    )
    lines = tuple(
        f"epoch {m.epoch:2}: training loss {m.train_loss:.3f}, validation loss {m.validation_loss:.3f}{note}"
        for m, note in ((best, ", the lowest"), (last, ""))
    )
    return Figure(sheet("Training and validation loss against the epoch", [panel]), lines)


@figure()
def label_smoothing() -> Figure:
    """Wrong labels, one in five: what smoothing does to sureness and to the loss on rows that were not seen."""
    shares = (0.0, 0.1, 0.2, 0.4)
    found = [tuple(map(_mean, zip(*(_smoothed(share, seed) for seed in range(2)), strict=True))) for share in shares]
    claim(found[-1][0] < found[0][0] - 0.1, f"smoothed answers are less sure: {found}")
    claim(max(found[1][1], found[2][1]) < 0.93 * found[0][1], f"and their log loss is lower: {found}")
    left = Panel(
        "Mean of the highest probability", Axis("label smoothing"), Axis("validation rows", "percent"),
        [Line("sureness", [(share, f[0]) for share, f in zip(shares, found, strict=True)], 0)], limits=(0.0, 1.0),
    )  # fmt: skip
    right = Panel(
        "Log loss", Axis("label smoothing"), Axis("validation rows"),
        [Line("log loss", [(share, f[1]) for share, f in zip(shares, found, strict=True)], 1)],
    )  # fmt: skip
    lines = tuple(
        f"smoothing {share:<5g} highest probability {f[0]:.3f}  log loss {f[1]:.3f}  accuracy {f[2]:.3f}"
        for share, f in zip(shares, found, strict=True)
    )
    return Figure(sheet("Sureness and log loss against label smoothing", [left, right], columns=2), lines)


def _smoothed(share: float, seed: int) -> tuple[float, float, float]:
    """After 40 epochs: mean highest probability, log loss (never smoothed) and accuracy on the validation rows."""
    settings = (f"loss.label_smoothing={share}", "model.hidden_dim=128", "training.max_epochs=40")
    made = runs.trial(*settings, f"training.seed={seed}", data=runs.wrong_labels(0.2))
    list(made.advance(40))
    answers, truth = runs.answers(made)
    right = answers[np.arange(len(truth)), truth]
    return (
        float(answers.max(axis=1).mean()),
        float(-np.log(right).mean()),
        float((answers.argmax(axis=1) == truth).mean()),
    )


@figure()
def averaged_weights() -> Figure:
    """The last weights beside their exponential mean and the mean of the last epochs, at a constant rate."""
    data = runs.wrong_labels(0.2)
    common = ("optimizer.name=sgd", "optimizer.learning_rate=0.05", "training.batch_size=16", "training.max_epochs=16")
    ways = {
        "last weights": (),
        "EMA, decay 0.99": ("training.averaging=ema", "training.ema_decay=0.99"),
        "SWA from epoch 8": ("training.averaging=swa", "training.swa_start=0.5"),
    }
    curves = {
        label: [
            _mean(step)
            for step in zip(*(
                [m.validation_loss for m in runs.trained(*common, *how, f"training.seed={seed}", data=data)]
                for seed in range(3)
            ), strict=True)
        ]
        for label, how in ways.items()
    }  # fmt: skip
    ends = {label: curve[-1] for label, curve in curves.items()}
    claim(ends["EMA, decay 0.99"] < 0.9 * ends["last weights"], f"the exponential mean ends lower: {ends}")
    claim(ends["SWA from epoch 8"] < 0.9 * ends["last weights"], f"so does the mean of the epochs: {ends}")
    panel = Panel(
        "One label in five wrong, constant rate, three seeds",
        Axis("epoch", "whole"),
        Axis("validation loss"),
        [Line(label, list(enumerate(curve, 1))) for label, curve in curves.items()],
    )
    lines = tuple(f"{label:17} validation loss after the last epoch {end:.3f}" for label, end in ends.items())
    return Figure(sheet("Validation loss against the epoch for averaged weights", [panel]), lines)
