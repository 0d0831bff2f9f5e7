"""The path from the default recipe to the winner, gone with real trainings within a share of the budget."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mapsto.recipe.seeds import derive
from mapsto.search.ablation import Path
from mapsto.search.importance import Importance
from mapsto.search.plan import SAFETY

if TYPE_CHECKING:
    from mapsto.search.jobs import Job
    from mapsto.search.study import Study

MOST_SEEDS = 3
"""Paired runs of each recipe on the path; the finalists' own may be more."""


def ablate(study: Study, importance: Importance) -> list[dict[str, Any]]:
    """Which changed settings made the winner better than the default, by trainings with the final's seeds.

    Args:
        study: explored and confirmed.
        importance: of its settings, which decides the order where runs are few.

    Returns:
        The steps as plain data; none where there is no share of the budget for it, nothing to explain, or no time.
    """
    path = _path(study, importance)
    if path is None:
        return []
    until = study.plan.ablate_until(study.run_seconds)
    seeds = range(len(path.winner_scores))
    while recipes := path.next_recipes():
        study.run_all(  # each is made when it begins, with the time that is left then
            _job(study, chosen, seed, until)
            for chosen in recipes
            for seed in seeds
            if _name(chosen, seed) not in study.standing.outcomes and study.run.elapsed < until
        )
        names = [[_name(chosen, seed) for seed in seeds] for chosen in recipes]
        if any(name not in study.standing.outcomes for own in names for name in own):
            break  # the time was up: a step without all its runs says nothing
        path.add([[_score(study, name) for name in own] for own in names])
    return [_plain(asdict(step)) for step in path.steps]


def _path(study: Study, importance: Importance) -> Path | None:
    winner, default = study.candidates()[0], study.default_candidate
    if not study.plan.ablation or default is None or winner.number == default.number:
        return None
    count = min(MOST_SEEDS, len(winner.scores), len(default.scores))
    if not count:
        return None
    return Path(
        study.space,
        default.chosen,
        winner.chosen,
        default_scores=default.scores[:count],
        winner_scores=winner.scores[:count],
        direction=study.standing.direction,
        max_runs=_max_runs(study),
        importance=importance.fanova,
        defaults=study.defaults,
    )


def _max_runs(study: Study) -> int:
    """Trainings that the share of the budget holds; without a time, that share of those that were explored."""
    plan, each = study.plan, SAFETY * study.run_seconds
    if plan.seconds is None:
        return math.ceil(plan.ablation * len(study.standing.explored))
    left = plan.ablate_until(study.run_seconds) - study.run.elapsed
    return int(plan.workers * max(0.0, left) / each) if each else 0


def _name(chosen: Mapping[str, Any], seed_number: int) -> str:
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:8]
    return f"path-{digest}-seed{seed_number + 1}"


def _job(study: Study, chosen: Mapping[str, Any], seed_number: int, until: float) -> Job:
    return study.maker.again(
        _name(chosen, seed_number),
        chosen,
        number=study.standing.default,
        phase="ablate",
        seed=derive(study.default_recipe.seed, "confirm", seed_number),
        seconds=study.left(until),
        fold=study.fold(seed_number),
    )


def _score(study: Study, name: str) -> float:
    outcome = study.standing.outcomes[name]
    return math.nan if outcome.state != "complete" or outcome.score is None else outcome.score


def _plain(step: dict[str, Any]) -> dict[str, Any]:
    """In JSON's types."""
    finite = {name: step[name] if math.isfinite(step[name]) else None for name in ("gain", "low", "high")}
    return {**step, "settings": list(step["settings"]), **finite}
