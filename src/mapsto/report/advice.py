"""What to do next: rules that follow from the recorded numbers, each true as it stands, the most useful first.

A rule is a function of the study that returns a sentence or None. `RULES` is their order of weight; a report shows
the first five that speak.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Range
from mapsto.recipe.space import Space
from mapsto.report.answer import Standing, best_baseline, standing
from mapsto.report.commands import continuing
from mapsto.report.figures import MAX_CLASSES
from mapsto.report.format import exact, number, shortened
from mapsto.report.study import Study, Trace, finite
from mapsto.report.text import Texts

MAX_STEPS = 5


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: the study, the trace of the run that was kept, and the ranges that were searched."""

    study: Study
    trace: Trace
    ranges: Mapping[str, Range]


Rule = Callable[[Evidence, Texts], Markup | None]


def advice(study: Study, trace: Trace, say: Texts) -> list[Markup]:
    """At most five next steps; none where no rule speaks."""
    evidence = Evidence(study, trace, _ranges(study))
    spoken = [text for text in (rule(evidence, say) for rule in RULES) if text is not None]
    return spoken[:MAX_STEPS]


def resume(evidence: Evidence, say: Texts) -> Markup | None:
    """The study has no results yet."""
    if evidence.study.finished is not None:
        return None
    return say("next.resume", command=f"mapsto resume {shlex.quote(str(evidence.study.folder))}")


def simpler(evidence: Evidence, say: Texts) -> Markup | None:
    """A plain baseline is as good as the network or better."""
    best, result = best_baseline(evidence.study), standing(evidence.study)
    if best is None or result not in (Standing.WORSE, Standing.LOST):
        return None
    key = "next.better" if result is Standing.LOST else "next.simpler"
    return say(key, name=say.name("baseline", best[0].title))


def warnings(evidence: Evidence, say: Texts) -> Markup | None:
    """The data room warned."""
    count = sum(note.get("level") == "warning" for note in evidence.study.notes)
    return say("next.warnings", warnings=say.count("warning", count)) if count else None


def failures(evidence: Evidence, say: Texts) -> Markup | None:
    """More than a fifth of the trials failed."""
    trials = evidence.study.explored
    failed = [t for t in trials if t.state == "failed"]
    if not failed or len(failed) * 5 <= len(trials):
        return None
    cause = Counter(t.cause or "–" for t in failed).most_common(1)[0][0]
    total = say.count("trial", len(trials))
    return say("next.failures", failed=len(failed), trials=total, cause=shortened(cause, 200))


def one(evidence: Evidence, say: Texts) -> Markup | None:
    """There was a space to search, and one recipe was trained."""
    if evidence.study.finished is None or not evidence.ranges or len(evidence.study.explored) != 1:
        return None
    return say("next.one", ranges=say.count("range", len(evidence.ranges)))


def cut(evidence: Evidence, say: Texts) -> Markup | None:
    """The network that was kept was still training when the time was up."""
    run = evidence.study.fitted
    if evidence.study.finished is None or run is None or run.state != "stopped":
        return None
    return say("next.cut", epochs=say.count("epoch", run.epochs or 0))


def longer(evidence: Evidence, say: Texts) -> Markup | None:
    """The kept epoch is the last one trained, so the validation score had not yet begun to fall."""
    run = evidence.study.fitted
    if evidence.study.finished is None or run is None or run.state != "complete":
        return None
    if not run.epochs or run.epochs < 2 or run.best_epoch != run.epochs:
        return None
    return say("next.longer", epoch=run.best_epoch, epochs=run.epochs)


def edge(evidence: Evidence, say: Texts) -> Markup | None:
    """The search found that good trials gather at an end of a range (`mapsto.search.health`)."""
    found = next((f for f in evidence.study.health if f.get("kind") == "edge"), None)
    command = (
        "" if found is None else continuing(evidence.study.folder, found.get("setting"), evidence.study.recipe_yaml)
    )
    if found is None or not command:
        return None
    leaf, wider = (shortened(str(found.get(key)), 120) for key in ("leaf", "proposal"))
    return say("next.edge", leaf=leaf, range=wider, command=command)


def gap(evidence: Evidence, say: Texts) -> Markup | None:
    """At the kept epoch the validation loss was at least three times the training loss, and the score leaves room."""
    run, measure = evidence.study.fitted, evidence.study.measure
    if run is None or measure is None or (measure.percent and (measure.value or 0) > 0.97):
        return None
    epoch = next((e for e in evidence.trace.epochs if e.get("epoch") == run.best_epoch), {})
    train, validation = finite(epoch.get("train_loss")), finite(epoch.get("validation_loss"))
    if train is None or validation is None or train <= 0 or validation < 3 * train:
        return None
    ratio = number(float(f"{validation / train:.2g}"))
    return say("next.gap", validation=exact(validation), train=exact(train), ratio=ratio)


def keep_default(evidence: Evidence, say: Texts) -> Markup | None:
    """The winner cannot be told from the default recipe."""
    return say("next.default") if evidence.study.verdict == "not distinguishable" else None


def improving(evidence: Evidence, say: Texts) -> Markup | None:
    """The best score came in the last quarter of at least eight trials."""
    study = evidence.study
    best = next((t for t in study.ranked if t.is_candidate), None)
    if study.finished is None or best is None or len(study.explored) < 8:
        return None
    place = study.explored.index(best) + 1
    if place <= 0.75 * len(study.explored):
        return None
    return say("next.improving", number=best.number, trials=say.count("trial", len(study.explored)))


def repeat(evidence: Evidence, say: Texts) -> Markup | None:
    """Something was searched, and the winner was named from fewer than two fresh runs."""
    repeats = evidence.study.winner
    if repeats is None or len(evidence.study.explored) < 2 or repeats.n >= 2:
        return None
    return say(evidence.study.repeated("next.repeat"), times=say.count("repeat", repeats.n))


def few_rows(evidence: Evidence, say: Texts) -> Markup | None:
    """The interval of a percentage is wider than eight points."""
    measure = evidence.study.measure
    if measure is None or not measure.percent or measure.low is None or measure.high is None:
        return None
    if measure.high - measure.low <= 0.08:
        return None
    wide = number(float(f"{100 * (measure.high - measure.low):.2g}"))
    return say("next.rows", rows=say.count("row", evidence.study.rows), wide=wide)


def confused(evidence: Evidence, say: Texts) -> Markup | None:
    """The pair of classes that is confused most often, if more than once."""
    table = evidence.study.confusion
    if not table or not table.get("counts"):
        return None
    names, counts = table["names"], table["counts"]
    pairs = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
    most, i, j = max(pairs, default=(0, 0, 0))
    if most < 2 or evidence.study.task.get("name") == "semantic_segmentation":
        return None
    rows = say.count("row", sum(counts[i]))
    truth, answer = shortened(str(names[i]), 60), shortened(str(names[j]), 60)
    return say("next.confused", truth=truth, answer=answer, times=say.count("time", most), rows=rows)


def weak_class(evidence: Evidence, say: Texts) -> Markup | None:
    """The class with the lowest recall (or IoU), where there are more than two and it is below nine tenths."""
    classes = evidence.study.per_class
    key = "iou" if any("iou" in c for c in classes) else "recall"
    known = [(value, c) for c in classes if (value := finite(c.get(key))) is not None]
    if len(known) < 3 or len(known) > 5 * MAX_CLASSES:
        return None
    value, lowest = min(known, key=lambda pair: pair[0])
    if value >= 0.9:
        return None
    rows = say.count("row", int(lowest.get("rows") or 0))
    name = shortened(str(lowest.get("name")), 60)
    return say("next.weak", name=name, metric=say.name("metric", key), value=exact(value, "percent"), rows=rows)


RULES: tuple[Rule, ...] = (
    resume,
    simpler,
    failures,
    warnings,
    one,
    cut,
    repeat,
    longer,
    edge,
    gap,
    keep_default,
    few_rows,
    weak_class,
    confused,
    improving,
)


def _ranges(study: Study) -> Mapping[str, Range]:
    """The ranges that were searched; none where the study's file is missing or from another version."""
    path = study.folder / "study.yaml"
    if not path.is_file():
        return {}
    try:
        return Space.from_yaml(path.read_text(encoding="utf-8"), where=str(path)).ranges
    except (RecipeError, UnicodeDecodeError):  # a report can be made without this one piece of advice
        return {}
