"""What the tuner costs beside the trainings: sampler, journal, planner and bookkeeping, as a study grows.

A real study (its ledger, its journal on the disk, TPE in the default space of tabular classification) is given an
executor whose trainings only sleep, and then give made outcomes with curves. Around trial 10, 100, 1,000 and 5,000,
whose earlier ones were drawn at random and took no time, a window of trials is measured:

- the gap: from the moment a training is over until the worker has its next one. It must stay below 20 ms;
- the time that each part of the tuner takes a trial, most of it on the ledger's thread while networks train.

    make bench-overhead        or        python benchmarks/overhead.py [--trials 10 100 1000 5000] [--workers 1 2]
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import common
from rich.console import Console
from rich.table import Table as RichTable
from sklearn.datasets import load_breast_cancer

from mapsto._files import write_text
from mapsto._given import completed, filled, first_look, first_recipe, given_as_space
from mapsto._runs import silent
from mapsto.search.dispatch import Dispatcher
from mapsto.search.executors.base import Ended, Executor, Place
from mapsto.search.jobs import Job
from mapsto.search.ledger import Ledger
from mapsto.search.outcome import Outcome
from mapsto.search.plan import Plan
from mapsto.search.problem import Problem
from mapsto.search.run import STUDY, Run
from mapsto.search.samplers.base import Sampler
from mapsto.search.samplers.random import Random
from mapsto.search.samplers.tpe import TPE
from mapsto.search.store import DataStore
from mapsto.search.study import Study
from mapsto.search.training_run import execute

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

LIMIT_MS = 20.0
WINDOW, SETTLED = 40, 10
"""Trials that are measured, and those that are proposed and trained in the same way before them."""

SETTINGS = ["task=tabular_classification", "search.sampler=tpe", "training.max_epochs=20"]


class Schedule:
    """Which trials are measured; the others are only to be there."""

    def __init__(self, trials: Sequence[int]) -> None:
        self.windows = {trial: range(trial, trial + WINDOW) for trial in trials}
        self.last = max(trials) + WINDOW

    def window(self, number: int) -> int | None:
        """The window that a trial belongs to."""
        return next((trial for trial, window in self.windows.items() if number in window), None)

    def is_real(self, number: int) -> bool:
        """Whether the sampler proposes the trial and its training takes time."""
        return any(window.start - SETTLED <= number < window.stop for window in self.windows.values())


class ThenTPE(Sampler):
    """TPE for the trials that are measured, chance for those before them."""

    title: ClassVar[str] = "TPE, after chance"
    number: ClassVar[int] = 0
    schedule: ClassVar[Schedule]

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        return (TPE() if self.schedule.is_real(self.number) else Random()).build(problem, seed)


class Sleeping(Executor):
    """Trainings that sleep for 50 to 100 ms and come to a made outcome. The first one is real, and the best."""

    title: ClassVar[str] = "sleeping"

    def __init__(self, place: Place, store: DataStore, schedule: Schedule) -> None:
        super().__init__(place)
        self.store, self.schedule, self._rng = store, schedule, random.Random(0)
        self._out: list[tuple[float, int, Job]] = []
        self._over: list[float] = []
        self.gaps: dict[int, list[float]] = defaultdict(list)

    @property
    def free(self) -> int:
        return self.place.workers - len(self._out)

    def submit(self, job: Job) -> None:
        now = time.perf_counter()
        window = self.schedule.window(job.number)
        if self._over:
            gap = now - self._over.pop(0)
            if window is not None:
                self.gaps[window].append(1000 * gap)
        seconds = self._rng.uniform(0.05, 0.1) if self.schedule.is_real(job.number) else 0.0
        heapq.heappush(self._out, (now + seconds, job.number, job))

    def wait(self, timeout: float) -> list[Ended]:
        ends = self._out[0][0] if self._out else math.inf
        time.sleep(max(0.0, min(timeout, ends - time.perf_counter())))
        ended = []
        while self._out and self._out[0][0] <= time.perf_counter():
            _, _, job = heapq.heappop(self._out)
            outcome = self._outcome(job)
            self._over.append(time.perf_counter())
            ended.append(Ended(job, outcome))
        return ended

    def _outcome(self, job: Job) -> Outcome:
        if job.number == 0:
            return execute(job, self.store.loaded, partial(self.place.on_tick, job))
        rng = random.Random(job.number)
        best = rng.uniform(0.3, 0.6)
        epochs = int(job.leaves["training.max_epochs"])
        curve = tuple((epoch, (best * (1 - 0.5**epoch),)) for epoch in range(1, epochs + 1))
        return Outcome(
            job.number, "explore", "complete", "all epochs", best, epochs, epochs, 10 * epochs, 0.07, 10_000,
            chosen=dict(job.chosen), seed=int(job.leaves["training.seed"]), curve=curve,
        )  # fmt: skip

    def close(self) -> None:
        self._out = []


class Parts:
    """Seconds that parts of the tuner took, by the trial that is at work when they are done."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.clock = schedule, threading.Lock()
        self.wall: dict[tuple[int, str], float] = defaultdict(float)
        self.cpu: dict[tuple[int, str], float] = defaultdict(float)

    def time(self, owner: type, name: str, title: str, number: Callable[..., int]) -> None:
        """Measures a method from now on."""
        method = getattr(owner, name)

        @wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return method(*arguments, **named)
            finally:
                window = self.schedule.window(number(*arguments, **named))
                if window is not None:
                    with self.clock:
                        self.wall[window, title] += 1000 * (time.perf_counter() - wall) / WINDOW
                        self.cpu[window, title] += 1000 * (time.thread_time() - cpu) / WINDOW

        setattr(owner, name, timed)


@contextmanager
def made(folder: Path, workers: int, schedule: Schedule) -> Iterator[tuple[Study, Sleeping]]:
    """A study over a small table, in the space that is searched by default."""
    given = given_as_space(settings=[*SETTINGS, f"search.workers={workers}"], n_trials=schedule.last)
    table, defaults = first_look(given, load_breast_cancer(return_X_y=True))
    first = first_recipe(given, defaults)
    run = Run.create(folder)
    store = DataStore(run, lambda: table, "cpu", silent)
    space, defaults = completed(given, defaults, store.get(first)[0], searching=True)
    plan = Plan(None, schedule.last, first.search.finalists, 2, 0.0, workers=workers)
    study = Study(run, space, defaults, store, plan, silent)
    write_text(run.path / STUDY, filled(space, study.default_recipe).to_yaml())
    study.maker.sampler = ThenTPE()
    executor = Sleeping(Place("cpu", workers, on_tick=study._tick), store, schedule)
    study.dispatcher.executor.close()
    study.dispatcher = Dispatcher(executor, study.patience)
    try:
        yield study, executor
    finally:
        study.close()
        run.close()


def measure(workers: int, trials: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """One study, up to the last window."""
    schedule = Schedule(trials)
    ThenTPE.schedule = schedule
    parts = Parts(schedule)
    ask = Ledger._ask

    def numbered(ledger: Ledger) -> None:
        ThenTPE.number = ledger._asked
        ask(ledger)

    Ledger._ask = numbered  # type: ignore[method-assign]
    parts.time(Ledger, "_ask", "ask (sampler, journal)", lambda ledger: ledger._asked - 1)
    parts.time(Ledger, "_with_known", "  what the pruner must know", lambda ledger, number, proposal, first: number)
    parts.time(Ledger, "_tell", "tell (journal)", lambda ledger, outcome: outcome.number)
    parts.time(Study, "_explored_job", "  make the job", lambda study, ready: ready.number)
    parts.time(Study, "_end", "standing, state, telling", lambda study, job, outcome: job.number)
    parts.time(Study, "_keep_the_best", "keep the best", lambda study, job, outcome: job.number)
    with made(folder, workers, schedule) as (study, executor):
        began = time.perf_counter()
        study.explore()
        print(f"{workers} at once, {schedule.last} trials, {time.perf_counter() - began:.0f} s", flush=True)
        ranges = len(study.space.ranges)
    return [
        {
            "case": f"trial {trial:,}, {workers} at once",
            "trial": trial,
            "workers": workers,
            "ranges": ranges,
            "gap_ms": statistics.median(gaps),
            "gap_ms_p90": statistics.quantiles(gaps, n=10)[-1],
            "gap_ms_max": max(gaps),
            "wall_ms": {title: wall for (t, title), wall in parts.wall.items() if t == trial},
            "cpu_ms": {title: cpu for (t, title), cpu in parts.cpu.items() if t == trial},
        }
        for trial, gaps in executor.gaps.items()
    ]


def shown(rows: Sequence[Mapping[str, Any]]) -> RichTable:
    view = RichTable(title=f"Overhead of the tuner, ms a trial (a gap must stay below {LIMIT_MS:g} ms)")
    view.add_column("")
    for row in rows:
        view.add_column(f"trial {row['trial']:,}\n{row['workers']} at once", justify="right")
    for name, key in (("gap, median", "gap_ms"), ("gap, 90 %", "gap_ms_p90"), ("gap, longest", "gap_ms_max")):
        view.add_row(name, *(f"{row[key]:.1f}" for row in rows))
    titles = list(dict.fromkeys(title for row in rows for title in row["cpu_ms"]))
    for title in titles:
        view.add_row(f"CPU: {title}", *(f"{row['cpu_ms'].get(title, 0.0):.1f}" for row in rows))
    inner = [title for title in titles if title.startswith(" ")]
    view.add_row("CPU: in all", *(f"{sum(v for t, v in row['cpu_ms'].items() if t not in inner):.1f}" for row in rows))
    return view


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[10, 100, 1000, 5000], help="where to measure")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="trainings at once")
    arguments = parser.parse_args()
    rows = []
    for workers in arguments.workers:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(workers, arguments.trials, Path(folder) / "run")
    Console(width=160).print(shown(rows))
    common.keep("overhead", rows, "case")
    late = [row["case"] for row in rows if row["gap_ms_p90"] >= LIMIT_MS]
    raise SystemExit(f"The gap is too long: {'; '.join(late)}." if late else 0)


if __name__ == "__main__":
    main()
