"""What the trials of a search say about its space: where it is too narrow, too wide, or cannot be trained.

Each rule is a test that chance alone seldom passes, for advice that is often wrong is not read. How often each is wrong
where there is nothing to find, and right where there is, is simulated in the tests.

References:
    Loeppky, Sacks and Welch, 2009, "Choosing the Sample Size of a Computer Experiment", on ten points a dimension.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mapsto._messages import counted, listing, opening, say
from mapsto.recipe.leaves import shown
from mapsto.recipe.ranges import Choice, Range
from mapsto.recipe.scalars import AUTO, same
from mapsto.search.importance import Importance, importances
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem
from mapsto.search.regions import chance_of, regions, short
from mapsto.search.widening import Numeric, Side, narrowed, position, widened

Kind = Literal["edge", "insensitive", "few_points", "infeasible", "unused_condition"]

EDGE_LEVEL, REGION_LEVEL, LEVEL_LEVEL = 0.15, 0.01, 0.05
"""Chances, over all settings, below which a gathering of good trials, one of lost trials, or a missing option counts.
The first is not strict, since the best trial must lie at the edge besides, which one in five does by chance."""

OUTERMOST, OUTER = 0.1, 0.2
"""The best trial lies at an edge in this share of the range next to it; others that count as near it, in that."""

LEAST_FOR_EDGE, LEAST_FOR_INSENSITIVE, LEAST_FOR_LEVEL = 12, 40, 10
"""Trials below which a rule says nothing."""

UNIMPORTANT = 0.05
"""A setting may be called insensitive if its importance of either kind is below this."""

POINTS_A_SETTING, WANTED_A_SETTING = 5, 10
"""Trials a setting below which they are called few, and what they should be."""

LOST = 0.25
"""Share of infeasible and failed trials from which it is worth a word."""

EXPLAINED = 0.75
"""A region explains them if it holds this share of them, and this share of what it holds are such trials."""


@dataclass(frozen=True)
class SpaceFinding:
    """Something that the trials say about the space.

    Attributes:
        kind: `"edge"` (the best trials lie at one end of a range), `"insensitive"` (a range that does not matter),
            `"few_points"` (too few trials for so many settings), `"infeasible"` (many trials cannot be trained or are
            beyond a limit) or `"unused_condition"` (a range or an option that no trial ever had).
        leaf: dotted name of the setting; empty where it is about the space as a whole.
        message: what was found, with its figures, as a sentence.
        evidence: the figures, by name.
        proposal: the wider or narrower range, where there is one.
        setting: what `mapsto tune --continue RUN --set` takes to act on it, as a shell reads it; empty where there is
            nothing to set.
    """

    kind: Kind
    leaf: str
    message: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    proposal: Range | None = None
    setting: str = ""


def health(problem: Problem, history: Sequence[Outcome], importance: Importance | None = None) -> list[SpaceFinding]:
    """What the trials of a search say about its space.

    Args:
        problem: what was searched. Of several objectives the first is looked at.
        history: explored trials, in the order of their numbers.
        importance: of these trials, where it is known already.

    Returns:
        Findings, those that cost the most first: infeasible, edge, unused conditions, few points, insensitive.
    """
    last = _last_of_each_recipe(history)
    return [
        *_infeasible(problem, last),
        *_edges(problem, last),
        *_unused(problem, last),
        *_few_points(problem, last),
        *_insensitive(problem, last, importance),
    ]


# -- edge ------------------------------------------------------------------------------------------------------------


def _edges(problem: Problem, trials: Sequence[Outcome]) -> list[SpaceFinding]:
    """Ranges at one end of which the best trial lies, and more of the best quarter than of the rest.

    The number of the best quarter in the outer fifth is judged by Fisher's exact test, at a level that is divided by
    the number of ranges. A range that a limit of the setting holds is left alone: it cannot be wider.
    """
    ordered = _best_first(problem, trials)
    numeric = {leaf: range_ for leaf, range_ in problem.ranges.items() if not isinstance(range_, Choice)}
    found = []
    for leaf, range_ in numeric.items():
        values = [o.chosen[leaf] for o in ordered if leaf in o.chosen]
        if len(values) < LEAST_FOR_EDGE or range_.low == range_.high:
            continue
        for side in _SIDES:
            finding = _edge(leaf, range_, side, values, EDGE_LEVEL / len(numeric))
            if finding is not None:
                found.append(finding)
    return found


_SIDES: tuple[Side, Side] = ("low", "high")


def _edge(leaf: str, range_: Numeric, side: Side, values: Sequence[Any], level: float) -> SpaceFinding | None:
    """A finding if values of the trials, the best first, gather at this end."""
    end = range_.low if side == "low" else range_.high
    places = [position(range_, value) if side == "low" else 1 - position(range_, value) for value in values]
    near = [place <= OUTER or value == end for place, value in zip(places, values, strict=True)]
    top = max(5, len(values) // 4)
    chance = chance_of(sum(near[:top]), of=top, marked=sum(near), total=len(near))
    if (places[0] > OUTERMOST and values[0] != end) or chance > level:
        return None
    wide = widened(leaf, range_, side)
    if wide is None:
        return None
    message = say(
        "The best trial has `{leaf}` {value}, {side} of {range}, and {near} of the best {top} lie near that end; of "
        "the other {others:,}, {rest:,} do. The optimum may lie beyond it.",
        leaf=leaf,
        value=shown(short(values[0])),
        side=say("at the lower end") if side == "low" else say("at the upper end"),
        range=str(range_),
        near=sum(near[:top]),
        top=top,
        others=len(near) - top,
        rest=sum(near[top:]),
    )
    evidence = {"best": values[0], "near": sum(near[:top]), "top": top, "others": len(near) - top}
    evidence |= {"near_of_others": sum(near[top:]), "chance": chance}
    return SpaceFinding("edge", leaf, message, evidence, wide, _setting(leaf, wide))


# -- insensitive -----------------------------------------------------------------------------------------------------


def _insensitive(problem: Problem, trials: Sequence[Outcome], importance: Importance | None) -> list[SpaceFinding]:
    """Settings of no importance, along whose range the scores of the better half differ no more than by chance."""
    complete = [o for o in _best_first(problem, trials) if o.state == "complete"]
    if len(complete) < max(LEAST_FOR_INSENSITIVE, POINTS_A_SETTING * len(problem.ranges)):
        return []
    known = importances(problem, complete) if importance is None else importance
    if known.fanova is None or known.ped_anova is None:
        return []
    found = []
    for leaf, range_ in problem.ranges.items():
        active = [o for o in complete if leaf in o.chosen]
        shares = known.fanova.get(leaf, 0.0), known.ped_anova.get(leaf, 0.0)
        if len(active) < LEAST_FOR_INSENSITIVE or max(shares) > UNIMPORTANT:
            continue
        chances = [_chance_of_groups(_groups(range_, leaf, some)) for some in (active, active[: len(active) // 2])]
        if min(chances) < 0.2:
            continue
        value = problem.default.get(leaf, short(active[0].chosen[leaf]))
        message = say(
            "`{leaf}` does not matter in {range}: its importance is {fanova} (fANOVA) and {ped} (PED-ANOVA), "
            "and the scores of {count:,} trials differ along it no more than by chance. It can be set to {value}.",
            leaf=leaf,
            range=str(range_),
            fanova=_percent(shares[0]),
            ped=_percent(shares[1]),
            count=len(active),
            value=shown(short(value)),
        )
        evidence = {"fanova": shares[0], "ped_anova": shares[1], "trials": len(active), "chance": min(chances)}
        found.append(SpaceFinding("insensitive", leaf, message, evidence, None, _setting(leaf, value)))
    return found


def _groups(range_: Range, leaf: str, trials: Sequence[Outcome]) -> list[list[float]]:
    """Scores by option, or by thirds of the trials along a range of numbers."""
    if isinstance(range_, Choice):
        return [[o.score or 0.0 for o in trials if same(o.chosen[leaf], option)] for option in range_.options]
    ordered = sorted(trials, key=lambda o: (o.chosen[leaf], o.number))
    return [[o.score or 0.0 for o in ordered[i * len(ordered) // 3 : (i + 1) * len(ordered) // 3]] for i in range(3)]


def _chance_of_groups(groups: Sequence[Sequence[float]]) -> float:
    """Chance of ranks that differ between groups as much as these do, by Kruskal and Wallis."""
    filled = [group for group in groups if len(group) > 1]
    if len(filled) < 2:
        return 0.0  # nothing can be said of it
    from scipy.special import chdtrc  # a tenth of a second
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate(filled))
    total = len(ranks)
    parts = np.split(ranks, np.cumsum([len(group) for group in filled])[:-1])
    spread = float(np.var(ranks)) * total / (total - 1)
    between = sum(len(part) * (float(part.mean()) - (total + 1) / 2) ** 2 for part in parts)
    return float(chdtrc(len(filled) - 1, between / spread)) if spread > 0 else 1.0


# -- infeasible ------------------------------------------------------------------------------------------------------


def _infeasible(problem: Problem, trials: Sequence[Outcome]) -> list[SpaceFinding]:
    """Many trials that failed or were infeasible, and the region where they lie if one setting explains it."""
    bad = [o for o in trials if _is_lost(o)]
    if len(bad) < 5 or len(bad) < LOST * len(trials):
        return []
    evidence: dict[str, float] = {"lost": len(bad), "trials": len(trials)}
    found = list(regions(problem.ranges, trials, _is_lost))
    level = REGION_LEVEL / max(1, len(found))
    sound = [r for r in found if r.chance < level and r.marked >= EXPLAINED * max(len(bad), r.size)]
    if not sound:
        message = say(
            "{bad:,} of {all:,} trials could not be trained or were beyond a limit, and no single setting explains it.",
            bad=len(bad),
            all=len(trials),
        )
        return [SpaceFinding("infeasible", "", message, evidence)]
    best = min(sound, key=lambda region: (region.chance, region.leaf))
    evidence |= {"region_lost": best.marked, "region_trials": best.size, "chance": best.chance}
    message = say(
        "{bad:,} of {all:,} trials could not be trained or were beyond a limit; {inside:,} of them are among the "
        "{size:,} with `{leaf}` {region}.",
        bad=len(bad),
        all=len(trials),
        inside=best.marked,
        size=best.size,
        leaf=best.leaf,
        region=best.words,
    )
    left = best.left_of(problem.ranges[best.leaf], trials)
    return [SpaceFinding("infeasible", best.leaf, message, evidence, left, _setting(best.leaf, left))]


def _is_lost(outcome: Outcome) -> bool:
    return outcome.state in ("failed", "infeasible")


# -- few points, unused conditions ---------------------------------------------------------------------------------


def _few_points(problem: Problem, trials: Sequence[Outcome]) -> list[SpaceFinding]:
    """Fewer scored trials than `POINTS_A_SETTING` for each setting, those with a condition counted by their share."""
    scored = [o for o in trials if o.score is not None and not _is_lost(o)]
    if not scored or not problem.ranges:
        return []
    settings = sum(leaf in o.chosen for o in scored for leaf in problem.ranges) / len(scored)
    if len(scored) >= POINTS_A_SETTING * settings:
        return []
    wanted = math.ceil(WANTED_A_SETTING * settings)
    message = say(
        "{trials} for {settings}, searched at once, are few; {wanted:,} would show more. What they say of single "
        "settings is not sure.",
        trials=opening(len(scored), "trial"),
        settings=counted(max(1, round(settings)), "setting"),
        wanted=wanted,
    )
    evidence = {"trials": len(scored), "settings": settings, "wanted": wanted}
    further = wanted - len(scored)  # a study that is continued counts those
    return [SpaceFinding("few_points", "", message, evidence, None, f"search.n_trials={further}")]


def _unused(problem: Problem, trials: Sequence[Outcome]) -> list[SpaceFinding]:
    """Ranges that were active in no trial, and options that no trial had though chance would have brought them up."""
    if len(trials) < LEAST_FOR_LEVEL:
        return []
    found = []
    for leaf, range_ in problem.ranges.items():
        had = [o.chosen[leaf] for o in trials if leaf in o.chosen]
        if not had:
            if range_.when is None:
                cause = say("what was chosen has no such setting")
            else:
                cause = say("`{condition}` never held", condition=str(range_.when).removeprefix(" if "))
            message = say(
                "`{leaf}` was searched in none of {all:,} trials: {cause}.", leaf=leaf, all=len(trials), cause=cause
            )
            evidence: dict[str, float] = {"trials": len(trials)}
            found.append(SpaceFinding("unused_condition", leaf, message, evidence, None, f"{leaf}={AUTO}"))
        elif isinstance(range_, Choice):
            found += _untried(leaf, range_, had)
    return found


def _untried(leaf: str, range_: Choice, had: Sequence[Any]) -> list[SpaceFinding]:
    chance = len(range_.options) * (1 - 1 / len(range_.options)) ** len(had)
    missing = [option for option in range_.options if not any(same(option, value) for value in had)]
    if chance > LEVEL_LEVEL or not missing:
        return []
    message = say(
        "None of the {had:,} trials that searched `{leaf}` had: {options}.",
        had=len(had),
        leaf=leaf,
        options=listing(shown(option) for option in missing),
    )
    evidence = {"trials": len(had), "missing": len(missing), "chance": chance}
    left = narrowed(range_, lambda value: any(same(value, option) for option in missing), [])
    return [
        SpaceFinding("unused_condition", leaf, message, evidence, left, "" if left is None else _setting(leaf, left))
    ]


# -- shared ----------------------------------------------------------------------------------------------------------


def _last_of_each_recipe(history: Sequence[Outcome]) -> list[Outcome]:
    """The trials without those that a later one continued: a recipe counts once."""
    by_number = {o.number: o for o in history}
    went_on = {
        o.starts_from for o in history if o.starts_from in by_number and by_number[o.starts_from].chosen == o.chosen
    }
    return [o for o in history if o.number not in went_on]


def _best_first(problem: Problem, trials: Sequence[Outcome]) -> list[Outcome]:
    """Trials with a score, those that were stopped early after all others, for they did worse at equal length."""
    sign = -1 if problem.directions[0] == "maximize" else 1
    scored = [o for o in trials if o.score is not None and math.isfinite(o.score) and not _is_lost(o)]
    return sorted(scored, key=lambda o: (o.state == "pruned", sign * (o.score or 0.0), o.number))


def _setting(leaf: str, value: Any) -> str:
    """The setting as a shell reads it; empty where there is no value for it."""
    return "" if value is None else f"{leaf}={shlex.quote(shown(value))}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
