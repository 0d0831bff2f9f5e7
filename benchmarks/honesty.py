"""How often a study names the best recipe, and how often it calls one better than the default that is not.

    make bench-honesty        or        python benchmarks/honesty.py [--studies 1000] [--more 5000]

Studies are simulated: the score of a training is its recipe's own mean plus the noise of its seed, of standard
deviation 1. The exploration trains each recipe once; heats, final and verdict are those of `mapsto.evaluation`, as a
study drives them. Two worlds:

- equal: no recipe is better than another. Whoever is called better is called so wrongly; at most 5 % of 200 studies
  may do it.
- one better: one recipe, not the default, is better than all others by two standard deviations of a seed. It must win
  in at least 90 % of 200 studies.

With rows, each recipe moreover suits the validation rows by chance, as much as a seed moves its score, and the same in
all its trainings: luck that no number of seeds reveals. Then the best recipe of these rows is often another one than
the best; only the claims are held against the limit.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import keep
from rich.console import Console
from rich.table import Table

from mapsto.evaluation.heats import contenders, finalists, grouped
from mapsto.evaluation.selection import Race
from mapsto.search.outcome import Outcome

ROWS = 100
BETTER = 2.0
MIN_SEEDS, MAX_SEEDS = 3, 10
AT_MOST, AT_LEAST = 0.05, 0.90


@dataclass(frozen=True)
class World:
    """What is simulated.

    Attributes:
        explored: recipes, the default among them.
        num_finalists: places in the final beside the default.
        gap: by how much one recipe is better than the others, in standard deviations of a seed.
        rows: standard deviation of what the validation rows do to a recipe, in those of a seed.
        has_heats: whether recipes may be repeated before the final.
    """

    explored: int
    num_finalists: int
    gap: float
    rows: float
    has_heats: bool = True

    @property
    def name(self) -> str:
        heats = "" if self.has_heats else ", no heats"
        return f"{self.explored} explored, {self.num_finalists} finalists, gap {self.gap:g}, rows {self.rows:g}{heats}"


class Simulated:
    """The recipes of one study, and their trainings."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.rng = rng
        self.best = world.explored // 2
        self.truth = np.zeros(world.explored)
        self.truth[self.best] += world.gap
        self.luck = rng.normal(0, world.rows * math.sqrt(ROWS), (world.explored, ROWS)) if world.rows else None
        self.runs: list[Outcome] = []

    def score(self, number: int) -> float:
        of_rows = 0.0 if self.luck is None else float(self.luck[number].mean())
        return float(self.truth[number]) + of_rows + float(self.rng.normal())

    def train(self, recipe: int) -> None:
        number, score = len(self.runs), self.score(recipe)
        self.runs.append(Outcome(number, "explore", "complete", "", score, 1, 1, 1, 1.0, 1, {"r": recipe}, seed=number))

    def rows(self, numbers: list[int]) -> dict[int, Any] | None:
        return None if self.luck is None else {n: self.luck[n] - self.luck[0] for n in numbers}


def study(world: World, seed: int) -> dict[str, Any]:
    """One simulated study: what was named and claimed, and what it cost."""
    simulated = Simulated(world, np.random.default_rng(seed))
    for recipe in range(world.explored):
        simulated.train(recipe)
    groups = grouped(simulated.runs, "maximize")
    places = {"num_finalists": world.num_finalists}
    while world.has_heats and (again := contenders(groups, "maximize", **places)):
        for number in again:
            simulated.train(number)
        groups = grouped(simulated.runs, "maximize")
    alive = finalists(groups, world.num_finalists)
    race = Race(
        "maximize", num_finalists=len(set(alive) - {0}) or 1, min_rounds=MIN_SEEDS, max_rounds=MAX_SEEDS,
        num_explored=world.explored if world.rows else 1,
    )  # fmt: skip
    scores: dict[int, list[float]] = {number: [] for number in alive}
    rows, is_over = simulated.rows(alive), False
    while not is_over:
        for number in alive:
            scores[number].append(simulated.score(number))
        decision = race.decide({n: scores[n] for n in alive}, 0, rows)
        alive, is_over = list(decision.alive), decision.is_over
    winner = decision.leader
    judged = race.judge(scores, winner, 0, rows)
    found, lead = judged.comparison, float(simulated.truth[winner] - simulated.truth[0])
    claims = found is not None and found.verdict == "better"
    return {
        "named": winner == simulated.best and world.gap > 0,
        "claimed": claims,
        "wrong": claims and lead <= 0,
        "missed": found is not None and not (found.low <= lead <= found.high or math.isnan(found.low)),
        "in_final": simulated.best in scores,
        "heats": len(simulated.runs) - world.explored,
        "rounds": len(scores[winner]),
        "final": sum(map(len, scores.values())),
        "flattery": float(np.mean(scores[winner]) - simulated.truth[winner]),
        "corrected": judged.corrected_mean - float(simulated.truth[winner]),
        "chance": judged.probability_better,
        "reason": decision.reason,
    }


def measure(world: World, studies: int) -> dict[str, Any]:
    started = time.perf_counter()
    found = [study(world, seed) for seed in range(studies)]

    def mean(key: str) -> float:
        return float(np.mean([float(one[key]) for one in found]))

    sure = [one for one in found if one["chance"] is not None and one["chance"] >= 0.95]
    return {
        "world": world.name, "studies": studies, "explored": world.explored, "finalists": world.num_finalists,
        "gap": world.gap, "rows": world.rows, "heats": world.has_heats,
        **{key: mean(key) for key in ("named", "claimed", "wrong", "missed", "in_final", "flattery", "corrected")},
        "named_of_200": mean_of_first(found, "named"), "wrong_of_200": mean_of_first(found, "wrong"),
        "heat_runs": mean("heats"), "final_runs": mean("final"), "rounds": mean("rounds"),
        "sure": len(sure) / studies,
        "reasons": {r: sum(one["reason"] == r for one in found) / studies for r in ("clear", "hopeless", "all rounds")},
        "seconds": time.perf_counter() - started,
    }  # fmt: skip


def mean_of_first(found: list[dict[str, Any]], key: str, number: int = 200) -> int:
    return sum(bool(one[key]) for one in found[:number])


def worlds() -> list[World]:
    grid = itertools.product((5, 10, 20, 40), (1, 2, 3, 4), (0.0, BETTER), (0.0, 1.0))
    plain = [World(20, 2, gap, 0.0, has_heats=False) for gap in (0.0, BETTER)]
    return [*(World(*values) for values in grid), *plain]


def is_default(world: World) -> bool:
    return world.num_finalists == 2 and world.explored == 20 and world.has_heats


def show(rows: list[dict[str, Any]]) -> None:
    view = Table(title=f"Simulated studies, {MIN_SEEDS} to {MAX_SEEDS} seeds")
    for column in (
        "world", "studies", "wrong claims", "of 200", "interval misses", "named", "of 200", "claimed", "heats",
        "rounds", "runs",
    ):  # fmt: skip
        view.add_column(column)
    for row in rows:
        has_best = row["gap"] > 0
        view.add_row(
            row["world"], str(row["studies"]), f"{row['wrong']:.1%}", str(row["wrong_of_200"]), f"{row['missed']:.1%}",
            f"{row['named']:.1%}" if has_best else "", str(row["named_of_200"]) if has_best else "",
            f"{row['claimed']:.1%}", f"{row['heat_runs']:.1f}", f"{row['rounds']:.1f}",
            f"{row['heat_runs'] + row['final_runs']:.1f}",
        )  # fmt: skip
    Console(width=160).print(view)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000, help="of each world")
    parser.add_argument("--more", type=int, default=5000, help="of 20 recipes and 2 finalists")
    given = parser.parse_args()
    rows = []
    for world in worlds():
        rows.append(measure(world, max(given.studies, given.more) if is_default(world) else given.studies))
        Console().print(f"{rows[-1]['world']}: {rows[-1]['seconds']:.0f} s")
    keep("honesty", rows, "world", level=0.95, at_most=AT_MOST, at_least=AT_LEAST)
    show(rows)
    wrong = max(row["wrong"] for row in rows)
    named = min(row["named"] for row in rows if row["gap"] and not row["rows"] and row["heats"])
    Console().print(
        f"Wrong claims at most {wrong:.1%} ({AT_MOST:.0%} allowed); the better recipe named in at least {named:.1%} "
        f"({AT_LEAST:.0%} wanted)."
    )


if __name__ == "__main__":
    main()
