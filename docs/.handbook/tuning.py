"""Figures of the chapter on tuning."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from handbook import runs, tables
from handbook.drawing import Axis, Line, Mark, Panel, sheet
from handbook.evaluation import IMAGES, split_digits
from handbook.figures import Figure, claim, figure
from numpy.typing import NDArray

from mapsto.recipe.families import PRUNERS, SAMPLERS
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.seeds import derive
from mapsto.search.ledger import suggest
from mapsto.search.outcome import Outcome, State
from mapsto.search.problem import Problem
from mapsto.testing.pruners import outcome
from mapsto.training.batches import Tensors
from mapsto.training.finders.find import find

Array = NDArray[np.float64]


# ------------------------------------------------------------------------------------------ samplers

TRIALS, STUDIES = 50, 30
RATE, DECAY = Log(1e-5, 1.0), Log(1e-6, 1e-1)
SURFACE: Mapping[str, Range] = {
    "optimizer.learning_rate": RATE,
    "optimizer.weight_decay": DECAY,
    "model.dropout": Uniform(0.0, 0.5),
    "model.hidden_dim": Int(16, 512, log=True),
}
GRID: Mapping[str, Range] = {
    "optimizer.learning_rate": Choice(1e-4, 1e-3, 1e-2, 1e-1),
    "optimizer.weight_decay": Choice(1e-5, 1e-3),
    "model.dropout": Choice(0.0, 0.25, 0.5),
    "model.hidden_dim": Choice(32, 256),
}


def surface(values: Mapping[str, float]) -> float:
    """A loss that is known everywhere: one setting decides, a second says something, two say next to nothing."""
    rate = math.log10(values["optimizer.learning_rate"]) + 2.4
    decay = math.log10(values["optimizer.weight_decay"]) + 3.3
    return rate**2 + 0.05 * decay**2 + 0.1 * (values["model.dropout"] - 0.2) ** 2


def _best_so_far(sampler: str, ranges: Mapping[str, Range], seed: int) -> list[float]:
    """The least loss after each trial of one study, proposed as `mapsto tune` proposes."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    problem = Problem(ranges, ("minimize",), n_trials=TRIALS, seed=seed)
    study, losses = optuna.create_study(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # multivariate TPE is still called experimental
        if sampler == "grid":  # mapsto's grid has one order; others are drawn here, to show the spread
            points = np.random.default_rng(seed).permutation(48)
            places = [
                dict(zip(GRID, point, strict=True)) for point in np.ndindex(*(len(r.options) for r in GRID.values()))
            ]  # type: ignore[union-attr]
            for point in points:
                study.enqueue_trial({n: GRID[n].options[place] for n, place in places[point].items()})  # type: ignore[union-attr]
        for number in range(SAMPLERS.get(sampler)().size(ranges) or TRIALS):
            study.sampler = SAMPLERS.get(sampler)().build(problem, derive(seed, "sampler", number))
            trial = study.ask()
            loss = surface({name: suggest(trial, name, range_) for name, range_ in ranges.items()})
            study.tell(trial, loss)
            losses.append(loss)
    return np.minimum.accumulate(losses).tolist()


@figure()
def samplers() -> Figure:
    """Grid, random search and TPE on the same known surface: the best loss by trial, median and band over studies."""
    medians, edges, printed = {}, {}, []
    for sampler, ranges in (("grid", GRID), ("random", SURFACE), ("tpe", SURFACE)):
        found = np.asarray([_best_so_far(sampler, ranges, seed) for seed in range(STUDIES)])
        low, middle, high = np.quantile(found, [0.1, 0.5, 0.9], axis=0)
        medians[sampler], edges[sampler] = middle, (low, high)
        ends = f"{middle[-1]:.4f} (80 % of the studies: {low[-1]:.4f} to {high[-1]:.4f})"
        printed.append(f"{sampler:7} after 10 trials {middle[9]:.3f}, after {len(middle)} {ends}")
    claim(medians["random"][-1] < medians["grid"][-1], f"random search ends below the grid: {printed}")
    claim(medians["tpe"][-1] < 0.5 * medians["random"][-1], f"TPE ends below random search: {printed}")
    claim(medians["tpe"][4] > 0.3 * medians["random"][4], "after five trials TPE is no better: these were random too")
    colors = {"grid": 0, "random": 1, "tpe": 2}
    panels = [
        Panel(
            f"{first} and {second}, {STUDIES} studies each (grey: 80 % of {second}'s)",
            Axis("trials", "whole"),
            Axis("best loss so far (median), log scale", log=True),
            [Line(f"search.sampler: {s}", list(enumerate(medians[s], 1)), color=colors[s]) for s in (first, second)]
            + [Line("", list(enumerate(edge, 1)), thin=True) for edge in edges[second]],
            limits=(1e-3, 10),
        )
        for first, second in (("grid", "random"), ("random", "tpe"))
    ]
    return Figure(sheet("Grid, random search and TPE", panels), tuple(printed))


# ------------------------------------------------------------------------------------------ real recipes

EPOCHS = 18
SPACE: Mapping[str, Range] = {
    "optimizer.learning_rate": Log(1e-4, 1e-1),
    "model.hidden_dim": Int(16, 128, log=True),
    "model.dropout": Uniform(0.0, 0.5),
    "training.batch_size": Choice(16, 32, 64),
}


class Tried(NamedTuple):
    """A recipe that was trained: its values, its validation accuracy by epoch, its accuracy on the test rows."""

    values: dict[str, Any]
    scores: list[float]
    test: float


@functools.cache
def _wide_pool() -> tuple[Tried, ...]:
    """48 recipes for digits that random search proposes, each trained once."""
    return tuple(seeds[0] for seeds in _pool(SPACE, 48, 1, validation=200))


def _pool(
    space: Mapping[str, Range], count: int, seeds: int, *, validation: int, start: int = 0
) -> list[tuple[Tried, ...]]:
    """Recipes for digits that random search proposes, each trained with several seeds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data, study = tables.prepared(split_digits(300, validation=validation), base=IMAGES), optuna.create_study()
    problem, found = Problem(space, seed=start), []
    for number in range(count):
        study.sampler = SAMPLERS.get("random")().build(problem, derive(start, "sampler", number))
        trial = study.ask()
        values = {name: suggest(trial, name, range_) for name, range_ in space.items()}
        settings = [f"{name}={value}" for name, value in values.items()]
        settings.append(f"training.max_epochs={EPOCHS}")
        made = [tables.trained(data, *settings, base=IMAGES, seed=seed) for seed in range(seeds)]
        found.append(tuple(Tried(values, [m.score for m in t.history], tables.score(t, "test")) for t in made))  # type: ignore[attr-defined]
    return found


MIDDLE = {"optimizer.learning_rate": 3e-3, "model.hidden_dim": 45, "model.dropout": 0.1, "training.batch_size": 32}
ALONG = {
    "optimizer.learning_rate": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "model.hidden_dim": (16, 23, 32, 45, 64, 90, 128),
    "model.dropout": (0.0, 0.08, 0.17, 0.25, 0.33, 0.42, 0.5),
    "training.batch_size": (8, 11, 16, 23, 32, 45, 64),
}


@figure()
def what_matters() -> Figure:
    """The score where one setting at a time goes through its range, the others staying in the middle."""
    data = tables.prepared(split_digits(300), base=IMAGES)
    found: dict[str, list[float]] = {}
    for name, values in ALONG.items():
        found[name] = []
        for value in values:
            settings = [f"{n}={v}" for n, v in {**MIDDLE, name: value}.items()] + [f"training.max_epochs={EPOCHS}"]
            scores = [
                tables.score(tables.trained(data, *settings, base=IMAGES, seed=seed), "test") for seed in range(2)
            ]
            found[name].append(float(np.mean(scores)))
    spread = {name: max(scores) - min(scores) for name, scores in found.items()}
    others = max(value for name, value in spread.items() if name != "optimizer.learning_rate")
    claim(spread["optimizer.learning_rate"] > 3 * others, f"the learning rate moves the score most: {spread}")
    claim(spread["training.batch_size"] < 0.05, f"the batch size hardly does at a fitting rate: {spread}")
    lines = [
        Line(f"{name}: {values[0]:g} to {values[-1]:g}", list(zip(range(1, 8), found[name], strict=True)))
        for name, values in ALONG.items()
    ]
    panel = Panel(
        "Digits, 300 training rows: one setting at a time",
        Axis("seven values of the setting, from its least to its greatest", "whole"),
        Axis("accuracy on 1,297 test rows (mean of 2 runs)", "percent"),
        lines,
    )
    printed = [f"{name:26} accuracy {min(found[name]):.3f} to {max(found[name]):.3f}" for name in ALONG]
    return Figure(sheet("One setting decides most", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ pruning


LOOKAHEAD = 4
"""Trials before a trial that it does not know, as `search.lookahead` says by default."""


def _replayed(pruner: str, order: NDArray[np.int64]) -> tuple[list[int], list[float]]:
    """Epochs spent and best score so far after each trial, where recorded trainings are run again in this order.

    As in a study, a trial that was stopped goes on in a new trial, from where it stood, if the pruner asks for it.
    """
    tried, rule, problem = _wide_pool(), PRUNERS.get(pruner)(), Problem({}, max_fidelity=EPOCHS)
    history: list[Outcome] = []
    spent, best, waiting = [0], [0.0], [int(place) for place in order]
    while waiting:
        number = len(history)
        known = history[: max(0, number - LOOKAHEAD + 1)]
        going_on = [o.starts_from for o in history[len(known) :] if o.starts_from is not None]
        thawed = rule.thaws(problem, known, going_on)
        place = waiting.pop(0) if thawed is None else int(history[thawed].chosen["place"])
        done = 0 if thawed is None else history[thawed].epochs
        facts = rule.knows(problem, known, number if thawed is None else thawed)
        scores = tried[place].scores
        curve = tuple((epoch, (score,)) for epoch, score in enumerate(scores, 1))
        ends = range(done + 1, len(curve)) if facts is not None else ()
        end = next((epoch for epoch in ends if rule.stops(problem, facts, curve[:epoch])), len(curve))
        state: State = "complete" if end == len(curve) else "pruned"
        history.append(outcome(number, curve[:end], state, chosen={"place": place}, seed=place, starts_from=thawed))
        spent.append(spent[-1] + end - done)
        best.append(max(best[-1], max(scores[:end])))
    return spent, best


@figure()
def pruning() -> Figure:
    """The best score by the epochs that were spent, with mapsto's pruners, over the same recorded trainings."""
    tried = _wide_pool()
    whole = EPOCHS * len(tried)
    moments = np.arange(0, whole + 1, 6)
    lines, printed, cost, loss = [], [], {}, {}
    for pruner in ("off", "median", "halving", "hyperband", "extrapolate"):
        paths = [_replayed(pruner, np.random.default_rng(order).permutation(len(tried))) for order in range(20)]
        curves = [[best[int(np.searchsorted(spent, t, side="right")) - 1] for t in moments] for spent, best in paths]
        cost[pruner] = float(np.mean([spent[-1] for spent, _ in paths])) / whole
        loss[pruner] = max(max(one.scores) for one in tried) - float(np.mean([best[-1] for _, best in paths]))
        mean = np.mean(curves, axis=0)
        until = cost[pruner] * whole
        lines.append(Line(pruner, [(t, v) for t, v in zip(moments, mean, strict=True) if 60 <= t <= until]))
        printed.append(
            f"{pruner:11} {cost[pruner]:5.0%} of the epochs for all 48 recipes, {loss[pruner]:.4f} of accuracy lost"
        )
    for pruner, most in (("median", 0.5), ("halving", 0.5), ("hyperband", 0.7), ("extrapolate", 0.8)):
        claim(cost[pruner] < most, f"{pruner} spends {cost[pruner]:.2f} of the epochs")
        claim(loss[pruner] < 0.02, f"{pruner} loses {loss[pruner]:.4f} of accuracy")
    claim(cost["halving"] == min(cost.values()), "halving spends the least")
    panel = Panel(
        "48 recipes for digits, in 20 random orders",
        Axis("epochs spent, all recipes together", "whole"),
        Axis("best validation accuracy so far (mean)", "percent"),
        lines,
    )
    return Figure(sheet("Pruning finds as good a recipe for fewer epochs", [panel]), tuple(printed))


# ------------------------------------------------------------------------------------------ finalists


@functools.cache
def _close_pools() -> tuple[list[tuple[Tried, ...]], ...]:
    """Three times ten recipes with good rates, five seeds each, and 700 rows to validate on."""
    space = {**SPACE, "optimizer.learning_rate": Log(2e-3, 2e-2), "training.batch_size": Choice(32, 64)}
    return tuple(_pool(space, 10, 5, validation=700, start=start) for start in range(3))


FRESH = (0, 1, 2, 3, 4)
"""Fresh seeds for each finalist; with none, the best single run names the winner."""


def _named(pool: list[tuple[Tried, ...]], studies: int) -> tuple[Array, Array, float]:
    """Studies drawn from recipes that were trained with several seeds each; the best five are confirmed.

    Returns:
        How often the winner is not the best recipe and what it lacks, by `FRESH`, and how much the best run flatters.
    """
    scores = np.asarray([[max(one.scores) for one in seeds] for seeds in pool])  # recipes, seeds
    truth = np.asarray([np.mean([one.test for one in seeds]) for seeds in pool])
    best, rng = int(np.argmax(truth)), np.random.default_rng(0)
    missed, lacks, flattery = np.zeros(len(FRESH)), np.zeros(len(FRESH)), 0.0
    for _ in range(studies):
        drawn = np.asarray([row[rng.permutation(len(row))] for row in scores])
        drawn += rng.random((len(pool), 1)) * 1e-6  # ties are broken by chance
        chosen = np.argsort(-drawn[:, 0])[:5]
        flattery += drawn[chosen[0], 0] - drawn[chosen[0], 1:].mean()
        for place, fresh in enumerate(FRESH):
            seen = drawn[chosen, 1 : 1 + fresh] if fresh else drawn[chosen, :1]
            winner = chosen[int(np.argmax(seen.mean(axis=1)))]
            missed[place] += winner != best
            lacks[place] += truth[best] - truth[winner]
    return missed / studies, lacks / studies, float(flattery / studies)


@figure()
def finalists() -> Figure:
    """What is lost if the best single run names the winner, and what fresh seeds give back."""
    found = [_named(pool, 2000) for pool in _close_pools()]
    missed, lacks = (np.mean([one[place] for one in found], axis=0) for place in (0, 1))
    flattery = float(np.mean([one[2] for one in found]))
    claim(missed[0] > 0.35, f"the best single run is often not the best recipe: {missed[0]:.2f}")
    claim(missed[3] < missed[0] - 0.1, f"with three fresh seeds that is rarer: {missed[3]:.2f}")
    claim(lacks[3] < 0.6 * lacks[0], f"and less is lost: {lacks[3]:.4f} against {lacks[0]:.4f}")
    claim(flattery > 0.003, f"the winning run flatters its recipe by {flattery:.4f}")
    panels = [
        Panel(
            title,
            Axis("fresh seeds for each of five finalists", "whole"),
            Axis(label, unit),
            [Line(name, list(zip(FRESH, values, strict=True)), color=color)],
            [Mark(0, float(values[0]), "best single run", "winner")],
            limits=(0.0, float(max(values)) * 1.1),
        )
        for title, label, unit, name, values, color in (
            (
                "Ten recipes for digits: how often the winner is not the best",
                "studies (2,000 drawn in each of 3 sets of recipes)",
                "percent",
                "winner is not the best recipe",
                missed,
                0,
            ),
            (
                "What the winner lacks",
                "test accuracy below the best recipe's (mean)",
                "number",
                "accuracy lost",
                lacks,
                1,
            ),
        )
    ]
    printed = [
        f"{fresh} fresh seeds: winner is not the best {m:.2f}, accuracy lost {r:.4f}"
        for fresh, m, r in zip(FRESH, missed, lacks, strict=True)
    ]
    printed.append(f"the winning run shows {flattery:.4f} more than the same recipe with other seeds")
    return Figure(sheet("The best single run is often not the best recipe", panels), tuple(printed))


# ------------------------------------------------------------------------------------------ finders


@figure()
def finder_first() -> Figure:
    """The learning rate that the finder picks, beside whole runs at twelve rates; and a search with and without it."""
    made = runs.recipe(
        "training.max_epochs=12",
        "schedule.name=one_cycle",
        "training.seed=0",
        base=(*IMAGES, "optimizer.learning_rate=0.001"),
    )
    data = tables.prepared(split_digits(1000), base=IMAGES)
    found = find(made, data, Tensors(data, "cpu"), only=["learning_rate"])
    assert found.rate is not None
    rates = np.logspace(-5, 0, 12)

    def ending(rate: float) -> float:
        trial = tables.trained(
            data,
            "training.max_epochs=12",
            "schedule.name=one_cycle",
            f"optimizer.learning_rate={rate:.4g}",
            base=IMAGES,
        )
        return float(trial.history[-1].validation_loss)  # type: ignore[attr-defined]

    losses = [ending(rate) for rate in rates]
    picked = ending(found.rate.rate)
    claim(picked < 1.25 * min(losses) + 0.02, f"the pick ends at {picked:.3f}, the best of twelve at {min(losses):.3f}")
    claim(found.rate.cost < 2, f"for {found.rate.cost:.1f} whole runs, not twelve")
    grid = np.log10(rates)
    center = math.log10(found.rate.rate)
    wide = _expected(lambda rng, n: rng.uniform(-5, 0, (4000, n)), grid, losses)
    close = _expected(lambda rng, n: rng.uniform(center - 0.5, center + 0.5, (4000, n)), grid, losses)
    claim(close[0] < wide[2], f"one proposal around the pick is better than three over five decades: {close} {wide}")
    counts = (1, 2, 3, 5, 8, 12)
    panels = [
        Panel(
            "Whole runs on digits by learning rate, and the finder's pick",
            Axis("learning rate, log scale", log=True),
            Axis("validation loss at the end, log scale", log=True),
            [Line("whole runs", list(zip(rates, losses, strict=True)), color=0)],
            [Mark(found.rate.rate, picked, f"pick: {found.rate.rate:.2g}", "winner")],
        ),
        Panel(
            "Random search for the rate",
            Axis("proposals", "whole"),
            Axis("best loss so far (mean of 4,000 searches), log scale", log=True),
            [
                Line("range of five decades", list(zip(counts, wide, strict=True)), color=1),
                Line("range of one decade around the pick", list(zip(counts, close, strict=True)), color=2),
            ],
        ),
    ]
    printed = (
        f"finder: learning rate {found.rate.rate:.2g} for {found.rate.cost:.1f} runs; validation loss {picked:.3f}",
        f"best of twelve whole runs: {min(losses):.3f} at {rates[int(np.argmin(losses))]:.2g}",
        f"best of three proposals: {wide[2]:.3f} in five decades, {close[2]:.3f} in the decade around the pick",
    )
    return Figure(sheet("Find the rate first, then search around it", panels), printed)


def _expected(draw: Callable[[np.random.Generator, int], Array], grid: Array, losses: list[float]) -> list[float]:
    """The mean best loss of so many proposals, where the loss between the whole runs is read off their curve."""
    rng = np.random.default_rng(0)
    return [float(np.interp(draw(rng, n), grid, losses).min(axis=1).mean()) for n in (1, 2, 3, 5, 8, 12)]
