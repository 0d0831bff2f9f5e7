"""The search beside a plain Optuna script: validation score against wall-clock time, on ten task and space pairs.

    make bench-search      or        python benchmarks/search.py [--seeds 5] [--seconds 25] [--show] [pairs]

Contestants, which all get the same prepared arrays, the same split, the same network for the same settings, and the
space that `mapsto show DATA` prints (once more with `--set model.name=mlp` for one of the tables):

- mapsto: its study as `mapsto tune --budget` begins it, with epochs that suit the time, and with the whole time for
  exploring: nothing is confirmed or tested here.
- plain: a bare PyTorch loop on tensors in memory (no loader), fused AdamW at a constant rate, early stopping with the
  same patience, Optuna's TPESampler and MedianPruner at their defaults, `trial.report` and `should_prune` after every
  epoch, the study in memory. It knows the space, and the values of what is not searched: model family, batch size, most
  epochs, patience, numeric embedding, augmentations. It does not know the default recipe's values for what is searched,
  nor its schedule. It saves nothing.
- random: the same script with RandomSampler and without a pruner.
- scheduled: the plain script with torch's OneCycleLR over the most epochs: with the schedule of the default recipe.

A score is the task's metric on the validation part; a curve is the best of all epochs that any trial has measured so
far, whether the trial is over or not. The clock starts before the study is made: imports, reading and preparing the
data are not counted, for nobody. Seeds differ in the weights, the order of the rows and the sampler. Contestants take
turns on one thread, after a warm-up with trainings of one epoch that is thrown away. Runs that stand in
`results/search.json` with the same time are not repeated; two of these scripts can run at once
with different pairs. On a machine that others use, `--clock cpu` counts the time that the process computes: waits for
the disk, too, are then left out.
`--metric log_loss` makes a second table: the accuracy on a few hundred rows has few values, and the best of all epochs
of many trainings is then a matter of luck as well.

The figure: the time after which the median of mapsto over the seeds is as good as the median of the plain script at the
end of its time, as a share of that time; at most a third is wanted, on at least seven of the ten pairs. The same figure
for the plain script itself stands beside it: where that is small, the time was longer than the pair needed.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import math
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from common import DATA, RESULTS, ROOT, keep, ready
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mapsto.data.prepare import Prepared
from mapsto.recipe.families import METRICS
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.report.format import Unit
from mapsto.search.ledger import suggest
from mapsto.search.pace import pace
from mapsto.search.plan import Plan
from mapsto.search.progress import Progress
from mapsto.search.run import Run
from mapsto.search.store import DataStore
from mapsto.search.study import Study
from mapsto.training import members
from mapsto.training.augmenter import Augmenter
from mapsto.training.batches import Tensors
from mapsto.training.epochs import build_network

sys.path.insert(0, str(ROOT / "docs" / ".handbook"))
from drawing import Axis, Line, Panel, sheet

SHARE, NEEDED = 1 / 3, 7
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
WARM_UP_SEED, WARM_UP_SECONDS = 1000, 3.0
LOCK = Path(tempfile.gettempdir()) / "mapsto-bench-search.lock"
POINTS = 60
"""Times at which the curves are drawn."""

# Source, target, rows that are kept (None: all), settings.
PAIRS: dict[str, tuple[str, str | None, int | None, list[str]]] = {
    "telco_churn": ("tabular/telco_churn.csv.gz", "Churn", None, []),
    "winequality_white": ("tabular/winequality_white.csv.gz", "quality", None, []),
    "california_housing": ("tabular/california_housing.csv.gz", "median_house_value", None, []),
    "california_housing, mlp": (
        "tabular/california_housing.csv.gz", "median_house_value", None, ["model.name=mlp"],
    ),
    "adult": ("tabular/adult.csv.gz", "income", None, []),
    "rt_polarity": ("rt_polarity/rt_polarity.csv.gz", "label", None, []),
    "chnsenticorp": ("chnsenticorp/chnsenticorp_hotel.csv.gz", "label", None, []),
    "imdb": ("imdb/imdb_9k.csv.gz", "label", None, []),
    "mnist": ("mnist/mnist.npz", None, 3_000, []),
    "digits": ("digits", None, None, []),
}  # fmt: skip
"""Sets with some hundred validation rows, so that a score can tell recipes apart, and trainings of seconds."""


class Curve:
    """The best score so far over the time since `start`.

    Args:
        direction: of the score.
        budget: seconds.
        clock: of `CLOCKS`.
    """

    def __init__(self, direction: str, budget: float, clock: str) -> None:
        self.sign = 1.0 if direction == "maximize" else -1.0
        self.budget, self._clock, self._started = budget, CLOCKS[clock], 0.0
        self.seconds: list[float] = []
        self.scores: list[float] = []

    def start(self) -> None:
        self._started = self._clock()

    def now(self) -> float:
        return self._clock() - self._started

    def add(self, score: float | None) -> None:
        """Takes in a score that has just been measured."""
        if score is None or not math.isfinite(score):
            return
        if not self.scores or self.sign * score > self.sign * self.scores[-1]:
            self.seconds.append(round(self.now(), 4))
            self.scores.append(score)


@dataclass(frozen=True)
class Case:
    """A task and space pair made ready."""

    name: str
    space: Space
    defaults: Mapping[str, Any]
    recipe: Recipe
    prepared: Prepared
    tensors: Tensors = field(repr=False)

    @property
    def metric(self) -> Any:
        return METRICS.get(self.recipe.search.metric or self.recipe.task.metrics[0])()


# -- mapsto --------------------------------------------------------------------------------------------------------


class Enough(BaseException):
    """The time is up."""


def no_table() -> Any:
    raise AssertionError("the data are prepared")


class Given(DataStore):
    """The data that every contestant has: the split does not change with the seed."""

    prepared: Prepared

    def folder(self, recipe: Recipe) -> Path:
        return self.prepared.folder


def mapsto(case: Case, seed: int, curve: Curve) -> dict[str, int]:
    """Explores with a study of mapsto, which writes its folder as ever; the listener ends it."""

    def listener(progress: Progress) -> None:
        if curve.now() >= curve.budget:
            raise Enough
        curve.add(progress.score)

    space = case.space.merged(Space.from_mapping({"seed": seed}))
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run")
        store = Given(run, no_table, "cpu", listener)
        store.prepared = case.prepared
        store.get(case.recipe)
        curve.start()
        defaults = dict(case.defaults)
        slower = pace(space, defaults, case.prepared, case.tensors, curve.budget)
        if slower is not None:
            defaults["training.max_epochs"] = slower.epochs
        plan = Plan(seconds=None, n_trials=None, finalists=1, num_seeds=1, test_seconds=0.0)
        study = Study(run, space, defaults, store, plan, listener)
        with suppress(Enough):
            study.explore()
        study.close()
        run.close()
        return dict(study.standing.counts)


# -- the plain script ----------------------------------------------------------------------------------------------


class Script:
    """What a practitioner writes: an objective for Optuna around a bare loop.

    Args:
        case: the data and the space.
        curve: where scores go, and when the study is stopped, also within a trial.
        scheduled: whether the rate follows one cycle.
    """

    def __init__(self, case: Case, curve: Curve, *, scheduled: bool) -> None:
        self.case, self.curve, self.scheduled, self.metric = case, curve, scheduled, case.metric
        parts = {part: torch.from_numpy(case.prepared.parts[part].astype(np.int64)) for part in ("train", "validation")}
        self.train, self.validation = (case.tensors.take(rows) for rows in parts.values())
        self.encoder = case.prepared.encoders["targets"]
        self.truth = case.recipe.task.truth(self.validation["targets"].numpy(), self.encoder)

    def __call__(self, trial: optuna.Trial) -> float:
        recipe = self.case.space.recipe(
            self.case.space.walk(partial(suggest, trial), self.case.defaults), self.case.defaults
        )
        task = recipe.task.trained_by(recipe.loss, self.case.prepared.specs["targets"])
        network = build_network(recipe, self.case.prepared)
        augmenter = Augmenter.of(recipe, self.case.prepared.encoders, trial.number)
        batch_size, epochs = recipe.training.batch_size, recipe.training.max_epochs
        rate, decay = recipe.optimizer.learning_rate, recipe.optimizer.weight_decay
        count = len(self.train["targets"])
        recipe.model.initialize_on(network, self.train["inputs"][:batch_size])
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)
        schedule = None
        if self.scheduled:
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * math.ceil(count / batch_size))
        best, best_epoch = -math.inf, 0
        for epoch in range(epochs):
            network.train()
            for rows in torch.randperm(count).split(batch_size):
                if len(rows) == 1:  # batch normalization cannot use it
                    continue
                batch = {name: tensor[rows] for name, tensor in self.train.items()}
                if augmenter is not None:
                    batch = augmenter(batch)
                optimizer.zero_grad()
                loss = task.loss(task.forward(network, batch), members.for_loss(network, batch))
                loss.backward()
                optimizer.step()
                if schedule is not None:
                    schedule.step()
                if self.curve.now() > self.curve.budget:
                    trial.study.stop()
                    raise optuna.TrialPruned
            score = self.score(task, network)
            if not math.isfinite(score):
                raise optuna.TrialPruned
            self.curve.add(score)
            if self.curve.sign * score > best:
                best, best_epoch = self.curve.sign * score, epoch
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
            if epoch - best_epoch >= recipe.training.patience:
                break
        return self.curve.sign * best

    def score(self, task: Any, network: torch.nn.Module) -> float:
        network.eval()
        with torch.inference_mode():
            pieces = [
                members.predict(task, network, task.forward(network, {"inputs": inputs}))
                for inputs in self.validation["inputs"].split(1024)
            ]
        return float(self.metric(task.measured(torch.cat(pieces).numpy(), self.encoder), self.truth))


def plain(case: Case, seed: int, curve: Curve, *, scheduled: bool = False, random: bool = False) -> dict[str, int]:
    """Runs the plain script."""
    script = Script(case, curve, scheduled=scheduled)
    curve.start()
    torch.manual_seed(seed)
    sampler = optuna.samplers.RandomSampler(seed) if random else optuna.samplers.TPESampler(seed=seed)
    pruner = optuna.pruners.NopPruner() if random else optuna.pruners.MedianPruner()
    study = optuna.create_study(direction=script.metric.direction, sampler=sampler, pruner=pruner)
    study.optimize(script)
    return dict(Counter(trial.state.name.lower() for trial in study.trials))


CONTESTANTS: dict[str, Callable[[Case, int, Curve], dict[str, int]]] = {
    "mapsto": mapsto,
    "plain": plain,
    "random": partial(plain, random=True),
    "scheduled": partial(plain, scheduled=True),
}


# -- measuring -----------------------------------------------------------------------------------------------------


def case_of(name: str, folder: Path, metric: str | None) -> Case:
    """Prepares a pair, to be judged by a metric if its task has it."""
    source, target, rows, settings = PAIRS[name]
    if rows is not None:
        source = str(first_rows(DATA / source, rows, folder))
    space, defaults, recipe, prepared = ready(source, target, settings, folder / "data", searching=True)
    if metric in recipe.task.metrics:
        own = {"search.metric": metric}
        space, recipe = space.merged(Space.from_mapping(own)), recipe.replace(own)
    return Case(name, space, defaults, recipe, prepared, Tensors(prepared, "cpu"))


def first_rows(path: Path, rows: int, folder: Path) -> Path:
    """So many rows of a set, drawn at random."""
    drawn = np.random.default_rng(0)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            found = {name: np.asarray(array) for name, array in arrays.items()}
        inputs, targets = list(found.values())[:2]
        chosen = np.sort(drawn.permutation(len(inputs))[:rows])
        kept = folder / path.name
        np.savez(kept, x=inputs[chosen], y=targets[chosen])
        return kept
    import pandas as pd

    table = pd.read_csv(path)
    kept = folder / path.name
    table.iloc[np.sort(drawn.permutation(len(table))[:rows])].to_csv(kept, index=False)
    return kept


def measure(arguments: argparse.Namespace) -> None:
    """Runs what has not been measured yet, one contestant after the other."""
    console = Console(stderr=True)
    contestants = arguments.contestants
    with tempfile.TemporaryDirectory() as folder:
        cases: dict[str, Case] = {}
        for seed, name, contestant in itertools.product(range(arguments.seeds), arguments.pairs or PAIRS, contestants):
            key = " ".join((*filter(None, [arguments.metric]), name, contestant, str(seed)))
            how = (arguments.seconds, arguments.clock)
            if key in {row["run"] for row in rows_so_far() if (row["budget"], row["clock"]) == how}:
                continue
            if name not in cases:
                own = Path(folder) / name
                own.mkdir()
                cases[name] = case_of(name, own, arguments.metric)
                if len(cases) == 1:
                    short = cases[name].space.merged(Space.from_mapping({"training.max_epochs": 1}))
                    for other in contestants:
                        run(other, replace(cases[name], space=short), WARM_UP_SEED, WARM_UP_SECONDS, arguments.clock)
            found = run(contestant, cases[name], seed, arguments.seconds, arguments.clock)
            row = {"run": key, "table": arguments.metric or "default", **found}
            with LOCK.open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                keep("search", [row], "run")
            console.print(time.strftime("%X"), key, row["scores"][-1:], row["trials"], f"{row['wall_seconds']} s")


def run(contestant: str, case: Case, seed: int, seconds: float, clock: str) -> dict[str, Any]:
    """One run."""
    metric, started, cpu = case.metric, time.perf_counter(), time.process_time()
    curve = Curve(metric.direction, seconds, clock)
    trials = CONTESTANTS[contestant](case, seed, curve)
    return {
        "data": case.name, "contestant": contestant, "seed": seed, "budget": seconds, "clock": clock,
        "wall_seconds": round(time.perf_counter() - started, 1), "cpu_seconds": round(time.process_time() - cpu, 1),
        "metric": metric.title, "direction": metric.direction, "percent": metric.percent, "trials": trials,
        "seconds": curve.seconds, "scores": curve.scores,
    }  # fmt: skip


def rows_so_far() -> list[dict[str, Any]]:
    path = RESULTS / "search.json"
    return json.loads(path.read_text())["rows"] if path.is_file() else []


# -- showing -------------------------------------------------------------------------------------------------------


def same_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with the budget and the clock of the last one."""
    return [row for row in rows if (row["budget"], row["clock"]) == (rows[-1]["budget"], rows[-1]["clock"])]


def sign_of(rows: list[dict[str, Any]]) -> float:
    return 1.0 if rows[0]["direction"] == "maximize" else -1.0


def bests(rows: list[dict[str, Any]], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best scores of runs so far at these times, more is better, `(runs, times)`; -inf before the first."""
    found = []
    for row in rows:
        scores = np.concatenate([[-np.inf], sign_of(rows) * np.array(row["scores"])])
        found.append(scores[np.searchsorted(row["seconds"], times, side="right")])
    return np.array(found)


def seconds_to(rows: list[dict[str, Any]], goal: float) -> float:
    """When the median of runs has reached a goal; infinite where it has not."""
    times = np.unique(np.concatenate([row["seconds"] for row in rows]))
    times = times[times <= rows[0]["budget"]]
    reached = np.median(bests(rows, times), axis=0) >= goal
    return float(times[reached.argmax()]) if reached.any() else math.inf


def quartiles(rows: list[dict[str, Any]], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower quartile, median and upper quartile at these times, in the metric's own sense."""
    found = bests(rows, times)
    with np.errstate(invalid="ignore"):
        return sign_of(rows) * np.quantile(found, (0.25, 0.5, 0.75), axis=0, method="inverted_cdf")


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What is said of a pair."""
    arms = {name: [row for row in rows if row["contestant"] == name] for name in CONTESTANTS}
    arms = {name: own for name, own in arms.items() if own}
    budget = float(arms["plain"][0]["budget"])
    end = np.array([budget])
    goal = float(np.median(bests(arms["plain"], end)))
    return {
        "data": rows[0]["data"], "metric": rows[0]["metric"], "goal": sign_of(rows) * goal, "budget": budget,
        "seeds": {name: len(own) for name, own in arms.items()},
        "share": {name: seconds_to(own, goal) / budget for name, own in arms.items()},
        "end": {name: quartiles(own, end)[:, 0].tolist() for name, own in arms.items()},
    }  # fmt: skip


def panel(rows: list[dict[str, Any]]) -> Panel:
    """The medians of a pair over time, and its quartiles as fainter lines."""
    budget = rows[0]["budget"]
    times = np.geomspace(budget / 100, budget, POINTS)
    lines = []
    for color, name in enumerate(CONTESTANTS):
        own = [row for row in rows if row["contestant"] == name]
        if own:
            low, middle, high = quartiles(own, times)
            for label, values in ((name, middle), ("", low), ("", high)):
                lines.append(Line(label, list(zip(times, values, strict=True)), color, step=True))
    ends = [bests([row], np.array([budget]))[0, 0] for row in rows]
    starts = np.quantile([sign_of(rows) * row["scores"][0] for row in rows], 0.5)
    limits = sorted(sign_of(rows) * value for value in (min(starts, min(ends)), max(ends)))
    room = 0.05 * (limits[1] - limits[0])
    unit: Unit = "percent" if rows[0]["percent"] else "number"
    title = f"{rows[0]['data']}: best validation {rows[0]['metric']} so far"
    return Panel(
        title, Axis("seconds", log=True), Axis(rows[0]["metric"], unit), lines,
        limits=(limits[0] - room, limits[1] + room),
    )  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    """The tables, and a picture beside each."""
    for table in dict.fromkeys(row["table"] for row in rows):
        by_pair = {name: [row for row in rows if (row["table"], row["data"]) == (table, name)] for name in PAIRS}
        alike = (same_time(own) for own in by_pair.values())
        whole = [own for own in alike if {"mapsto", "plain"} <= {row["contestant"] for row in own}]
        if whole:
            _tell(table, [figures(own) for own in whole])
            suffix = "" if table == "default" else f"_{table}"
            (RESULTS / f"search{suffix}.svg").write_text(picture(whole))


def _tell(table: str, found: list[dict[str, Any]]) -> None:
    title = f"Metric: {table}. Best score at the end (median, quartiles), and the share of the time to the goal"
    view = Table(title=title)
    for column in ("data", "metric", "seeds", *CONTESTANTS, "mapsto to the goal", "plain itself", "random"):
        view.add_column(column)
    for one in found:
        ends = [_ends(one["end"].get(name)) for name in CONTESTANTS]
        shares = [_share(one["share"].get(name)) for name in ("mapsto", "plain", "random")]
        counts = "/".join(str(count) for count in one["seeds"].values())
        view.add_row(one["data"], one["metric"], counts, *ends, *shares)
    Console(width=180).print(view)
    passed = sum(one["share"]["mapsto"] <= SHARE for one in found)
    Console().print(f"{passed} of {len(found)} pairs within a third of the time; {NEEDED} of {len(PAIRS)} wanted.")


def picture(pairs: list[list[dict[str, Any]]]) -> str:
    """Medians over time, and fainter the quartiles."""
    drawn = str(sheet("Best validation score over time", [panel(own) for own in pairs], columns=2))
    faint = r'class="curve \1" style="stroke-width:1;opacity:.5"\2'
    return re.sub(r'class="curve (c\d)"( d="[^"]*"><title></title>)', faint, drawn)


def _ends(values: list[float] | None) -> str:
    return "" if values is None else f"{values[1]:.4g} ({values[0]:.4g} to {values[2]:.4g})"


def _share(share: float | None) -> str:
    return "" if share is None else "not reached" if math.isinf(share) else f"{share:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="*", help=f"of {', '.join(PAIRS)}; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=25.0, help="time of a run")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: the time that this process computes")
    parser.add_argument("--metric", help="of the classes, in a table of its own, such as log_loss; default: the task's")
    parser.add_argument("--contestants", nargs="+", default=list(CONTESTANTS), choices=CONTESTANTS)
    parser.add_argument("--show", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not arguments.show:
        measure(arguments)
    show(rows_so_far())


if __name__ == "__main__":
    main()
