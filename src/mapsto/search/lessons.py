"""What a finished search says of itself: of its space, of what mattered, of trade-offs, of how it was searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mapsto._messages import to_json
from mapsto.search.costs import directions, names
from mapsto.search.health import SpaceFinding, health
from mapsto.search.importance import Importance
from mapsto.search.outcome import Outcome, is_candidate

if TYPE_CHECKING:
    from mapsto.search.study import Study


def lessons(study: Study, importance: Importance) -> dict[str, Any]:
    """What `results.json` holds of the search itself, in JSON's types."""
    history = [study.standing.explored[number] for number in sorted(study.standing.explored)]
    why = study.maker.sampler.why(study.problem)
    return {
        "search": {
            "sampler": study.default_recipe.search.sampler,
            "why": str(why),
            "why_said": to_json(why) if why else None,
            "pruner": study.maker.pruner,
            "fidelity": study.default_recipe.search.fidelity,
            "workers": study.plan.workers,
            "lookahead": study.lookahead,
            "order": study.default_recipe.search.order,
        },
        "health": [_finding(found) for found in health(study.problem, history, importance)]
        if study.space.ranges
        else [],
        "importance": {
            "fanova": importance.fanova,
            "ped_anova": importance.ped_anova,
            "num_trials": importance.num_trials,
            "note": str(importance.note),
            "note_said": to_json(importance.note),
        },
        "objectives": [
            {"name": name, "direction": direction}
            for name, direction in zip(names(study.default_recipe), directions(study.default_recipe), strict=True)
        ],
        "front": front(history, names(study.default_recipe), directions(study.default_recipe)),
    }


def front(history: Sequence[Outcome], names: Sequence[str], directions: Sequence[str]) -> list[dict[str, Any]]:
    """The trials that no other one beats in every objective, in the order of the first one; none for one objective."""
    if len(names) < 2:
        return []
    signs = [1.0 if direction == "minimize" else -1.0 for direction in directions]
    found = [o for o in history if is_candidate(o) and all(name in o.values for name in names)]
    losses = {o.number: [sign * o.values[name] for sign, name in zip(signs, names, strict=True)] for o in found}
    best = [o for o in found if not any(_dominates(losses[p.number], losses[o.number]) for p in found)]
    return [
        {"number": o.number, "values": dict(o.values), "chosen": o.chosen, "parameters": o.parameters}
        for o in sorted(best, key=lambda o: losses[o.number])
    ]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _finding(found: SpaceFinding) -> Mapping[str, Any]:
    return {
        "kind": found.kind,
        "leaf": found.leaf,
        "message": str(found.message),
        "said": to_json(found.message),
        "evidence": dict(found.evidence),
        "proposal": None if found.proposal is None else str(found.proposal),
        "setting": found.setting,
    }
