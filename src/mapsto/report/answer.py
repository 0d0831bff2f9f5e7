"""The answer before the evidence: what was found, how good it is, how sure that is, and what it is better than.

Each claim follows from one comparison of recorded numbers, stated in the function that makes it.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from markupsafe import Markup, escape

from mapsto.report.figures import metric_name, part_name
from mapsto.report.format import chance, decimals, exact, number, points
from mapsto.report.study import Baseline, Measure, Study, finite
from mapsto.report.text import Texts


class Claim(NamedTuple):
    """One statement; `tone` (`good`, `even`, `bad`, `plain`) decides the sign beside it."""

    tone: str
    label: Markup
    text: Markup


class Answer(NamedTuple):
    """The top of the page: a headline, the line under it, and claims."""

    headline: Markup
    under: list[Markup]
    lead: Markup
    claims: list[Claim]


class Standing(Enum):
    """Where the winner stands against the best plain baseline on the same rows."""

    CLEAR = "clear"
    BETTER = "better"
    WORSE = "worse"
    LOST = "lost"
    BARE = "bare"
    NONE = "none"


def answer(study: Study, say: Texts) -> Answer:
    """The answer of a finished study, or of one that is not."""
    if study.finished is None:
        return _unfinished(study, say)
    measure = study.measure or study.objective
    value = _value(measure)
    under = [say("answer.on", part=part_name(say, study.part), rows=say.count("row", study.rows))]
    if measure.has_interval:
        under.insert(0, say("answer.interval", **_interval(measure, say)))
    key = "answer.found_default" if study.winner_number == study.default_trial else "answer.found"
    key = "answer.found_only" if len(study.explored) == 1 else key
    lead = say(key, trials=say.count("trial", len(study.explored)), number=study.winner_number)
    used, seconds = finite(study.budget.get("used")), finite(study.budget.get("seconds"))
    if used is not None and seconds is not None:
        time = say("answer.used", used=say.duration(used), budget=say.duration(seconds))
        lead = say.join(lead, time)
    claims = [_good(study, measure, say), _sure(study, say), _baselines(study, say)]
    default, looked = _default(study, say), _looked(study, say)
    headline = say("answer.headline", metric=metric_name(say, measure), value=value)
    return Answer(headline, under, lead, [c for c in [*claims, default, looked] if c is not None])


def best_baseline(study: Study) -> tuple[Baseline, Measure] | None:
    """The plain baseline with the best value of the objective's metric."""
    found = [(b, b.measures[study.objective.name]) for b in study.baselines if study.objective.name in b.measures]
    found = [(b, m) for b, m in found if m.value is not None]
    sign = 1 if study.objective.direction == "maximize" else -1
    return max(found, key=lambda pair: sign * (pair[1].value or 0.0)) if found else None


def standing(study: Study) -> Standing:
    """Compares the winner with the baselines: by value, then by the interval of their difference on the same rows.

    `CLEAR` asks that the winner leads every baseline beyond chance, not the best one only. An interval that holds zero
    does not prove that two models are equal, so such a lead is `BETTER` and the text says it is unsure.
    """
    measure, best = study.measure, best_baseline(study)
    if measure is None or measure.value is None or best is None:
        return Standing.NONE
    leads = [b.lead for b in study.baselines if measure.name in b.measures and b.lead is not None]
    if best[0].lead is None:
        return Standing.BARE
    sign = 1 if measure.direction == "maximize" else -1
    if measure.beats(measure.value, best[1].value):
        ahead = all(min(sign * end for end in lead) > 0 for lead in leads)
        return Standing.CLEAR if ahead else Standing.BETTER
    return Standing.LOST if max(sign * end for end in best[0].lead) < 0 else Standing.WORSE


def _value(measure: Measure) -> Markup:
    return exact(measure.value, measure.unit, digits=decimals(measure.low, measure.high))


def _interval(measure: Measure, say: Texts) -> dict[str, Markup | str]:
    digits = decimals(measure.low, measure.high)
    return {
        "level": number(measure.level, "percent", digits=0),
        "low": exact(measure.low, measure.unit, digits=digits),
        "high": exact(measure.high, measure.unit, digits=digits),
        "method": say.method(measure.method),
    }


def _good(study: Study, measure: Measure, say: Texts) -> Claim:
    rows, part = say.count("row", study.rows), part_name(say, study.part)
    text = say("answer.good_text", part=part, rows=rows, metric=metric_name(say, measure), value=_value(measure))
    if measure.has_interval:
        text = say.join(text, say("answer.good_interval", **_interval(measure, say)))
    return Claim("plain", say("answer.good"), text)


def _sure(study: Study, say: Texts) -> Claim | None:
    repeats, unit = study.winner, study.objective.unit
    if repeats is None:
        return None
    if repeats.n < 2:
        return Claim("even", say("answer.sure"), say(study.repeated("answer.sure_once")))
    text = say(
        study.repeated("answer.sure_text"),
        n=repeats.n,
        metric=metric_name(say, study.objective),
        mean=exact(repeats.mean, unit, digits=2),
        low=exact(min(repeats.scores, default=None), unit, digits=2),
        high=exact(max(repeats.scores, default=None), unit, digits=2),
        std=exact(repeats.std, unit, digits=2),
    )
    return Claim("plain", say("answer.sure"), say.join(text, *_luck(study, say)))


def _luck(study: Study, say: Texts) -> list[Markup]:
    """What of the mean is the luck of having been picked as the best, where it was estimated."""
    judged, objective = study.judgment, study.objective
    if judged is None or not judged.optimism or judged.corrected_mean is None:
        return []
    key = "answer.luck_points" if objective.percent else "answer.luck"
    optimism = points(judged.optimism, percent=objective.percent).lstrip("+")
    return [say(key, optimism=optimism, corrected=exact(judged.corrected_mean, objective.unit, digits=2))]


def _baselines(study: Study, say: Texts) -> Claim:
    result, best = standing(study), best_baseline(study)
    tone = {Standing.CLEAR: "good", Standing.LOST: "bad", Standing.WORSE: "bad"}.get(result, "even")
    if best is None or result is Standing.NONE:
        return Claim(tone, say("answer.plain"), say("answer.plain_none"))
    baseline, measure = best
    name = say.name("baseline", baseline.title)
    text = say(f"answer.plain_{result.value}", n=len(study.baselines), name=name, value=_value(measure))
    return Claim(tone, say("answer.plain"), text)


def _default(study: Study, say: Texts) -> Claim | None:
    """What the study itself said of the difference; its own sentence, with the interval, where the language allows."""
    keys = {"better": ("good", "answer.default_better"), "not distinguishable": ("even", "answer.default_same")}
    label = say("answer.default")
    if len(study.explored) < 2:
        return None
    if study.winner_number == study.default_trial:
        return Claim("even", label, say("answer.default_best"))
    first = next((t for t in study.explored if t.number == study.default_trial), None)
    if first is not None and first.state in ("failed", "infeasible"):
        return Claim("even", label, say("answer.default_lost", state=say.name("state", first.state)))
    if study.verdict not in keys:
        return Claim("even", label, say(study.repeated("answer.default_unknown")))
    tone, key = keys[study.verdict]
    likely = _likely(study, say)
    told = say.told(study.verdict_text, study.verdict_said)
    if told and (say.language == "en" or told is not study.verdict_text):
        return Claim(tone, label, say.join(Markup(escape(told)), *likely))
    unit = study.objective.unit
    means = {
        "winner": exact(study.winner.mean if study.winner else None, unit, digits=2),
        "default": exact(study.default.mean if study.default else None, unit, digits=2),
    }
    return Claim(tone, label, say.join(say(study.repeated(key), **means), *likely))


def _likely(study: Study, say: Texts) -> list[Markup]:
    """How probable it is that the winner is better than the default, where that was estimated."""
    if study.judgment is None or study.judgment.probability_better is None:
        return []
    key = "answer.likely" if study.verdict == "better" else "answer.likely_same"
    return [say(key, chance=chance(study.judgment.probability_better))]


def _looked(study: Study, say: Texts) -> Claim | None:
    """A warning where the test part had been looked at before this study."""
    if not study.test_looks:
        return None
    return Claim("bad", say("answer.looked"), say("answer.looked_text", times=say.count("time", study.test_looks)))


def _unfinished(study: Study, say: Texts) -> Answer:
    text = say("answer.unfinished_text", trials=say.count("trial", len(study.explored)))
    best = study.best
    if best is None or best.score is None:
        claim = Claim("plain", say("nav.search"), say("answer.none_so_far"))
    else:
        value = exact(best.score, study.objective.unit, digits=2)
        metric = metric_name(say, study.objective)
        line = say("answer.best_so_far", metric=metric, value=value, number=best.number)
        claim = Claim("plain", say("nav.search"), line)
    return Answer(say("answer.unfinished"), [], text, [claim])
