"""The end of a study: the winner is tested, once, beside plain baselines on the same rows; all is written down."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto import _files
from mapsto._messages import Message, say, to_json
from mapsto.adapters.trainers import reported_metrics
from mapsto.data.images import png_uri
from mapsto.evaluation.baselines import fit_baselines
from mapsto.evaluation.comparison import Comparison, paired_difference
from mapsto.evaluation.scorecard import Scorecard, score
from mapsto.evaluation.selection import Judgment
from mapsto.recipe.seeds import derive
from mapsto.search.ensembling import ensemble
from mapsto.search.lessons import lessons
from mapsto.search.pace import Pace
from mapsto.search.run import AUDIT, RESULTS

if TYPE_CHECKING:
    from mapsto.data.encoders.base import Encoder
    from mapsto.data.prepare import Prepared
    from mapsto.data.table import Note
    from mapsto.recipe.schema import Recipe
    from mapsto.search.run import Run
    from mapsto.search.standing import Candidate
    from mapsto.search.study import Study
    from mapsto.tasks.base import Task
    from mapsto.training.epochs import EpochTrainer

NUM_WORST = 12
KINDS = {"array": "values"}
"""What targets are for baselines, where their encoder is called otherwise."""

SCORECARD, PREDICTIONS = Path("evaluation") / "scorecard.json", Path("evaluation") / "predictions.npz"


def conclude(
    study: Study, trainer: EpochTrainer, *, baseline_seconds: float, environment: dict[str, Any]
) -> dict[str, Any]:
    """Tests the winner on the test part and writes `results.json`, `evaluation/` and `best/`.

    Args:
        study: explored and confirmed.
        trainer: of the final training; its best weights are what is tested and saved.
        baseline_seconds: time for the plain baselines.
        environment: versions and hardware, for the record.

    Returns:
        What `results.json` holds.
    """
    run, recipe, prepared = study.run, trainer.recipe, trainer.prepared
    task, rows = recipe.task, prepared.parts["test"]
    predictions = trainer.predict(rows)
    targets = truth_of(task, prepared, rows)
    scorecard = scored(recipe, prepared, predictions, targets, "test")
    _write_arrays(run.path / PREDICTIONS, rows=rows, predictions=predictions, targets=targets)
    _files.write_json(run.path / SCORECARD, scorecard.to_json())

    candidates = study.candidates()
    winner = candidates[0]
    default = next((candidate for candidate in candidates if candidate.number == study.standing.default), None)
    judgment = study.confirming.judgment()
    comparison = None if judgment is None else judgment.comparison
    verdict = verdict_text(winner, comparison, study)
    offered = ensemble(study, trainer)
    results = {
        "name": run.path.name,
        "task": {"name": task.name, "title": task.title},
        "objective": {
            "name": recipe.search.metric or task.metrics[0],
            "title": study.metric.title,
            "direction": study.metric.direction,
            "percent": study.metric.percent,
        },
        "source": recipe.data.source or prepared.facts.name,
        "target": prepared.facts.target,
        "facts": prepared.facts.to_json(),
        "notes": [note.to_json() for note in (*prepared.notes, *_pace(run))],
        "audit": _files.read_json(run.path / AUDIT) if (run.path / AUDIT).exists() else [],
        "default_trial": study.standing.default,
        "winner": {"number": winner.number, "chosen": winner.chosen, "validation": _validation(winner)},
        "default": None if default is None else {"validation": _validation(default)},
        "verdict": None if comparison is None else comparison.verdict,
        "verdict_text": verdict,
        "verdict_said": to_json(verdict),
        "judgment": None if judgment is None else _judged(judgment),
        **lessons(study, study.importance),
        "ablation": study.path,
        "ensemble": None if offered is None else _offered(offered, recipe, prepared, predictions, targets, study),
        "suggested": run.state.get("suggested", []),
        "continued": run.state.get("continued"),
        "trials": [outcome.to_json() for _, outcome in sorted(study.standing.outcomes.items())],
        "scorecard": scorecard.to_json(),
        "baselines": _baselines(study, trainer, predictions, targets, baseline_seconds),
        "colors": task.colors(prepared.encoders["targets"]),
        "worst": _worst(task, prepared, rows, predictions, targets),
        "recipe_yaml": recipe.to_yaml(),
        "environment": environment,
        "budget": {"text": recipe.search.budget, "seconds": study.plan.seconds, "used": run.elapsed},
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    trainer.fitted().save(run.path / "best", card=_card(results))
    _files.write_json(run.path / RESULTS, results)
    run.save_state(done=True)
    return results


def truth_of(task: Task, prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[Any]:
    """The targets of prepared rows as the metrics take them."""
    return task.truth(np.asarray(prepared.arrays["targets"][rows]), prepared.encoders["targets"])


def scored(
    recipe: Recipe, prepared: Prepared, predictions: NDArray[Any], targets: NDArray[Any], part: str
) -> Scorecard:
    """The scorecard of predictions for one part of the data."""
    names = prepared.specs["targets"].names or None
    seed = derive(recipe.seed, "bootstrap")
    return score(reported_metrics(recipe), predictions, targets, names, part, seed=seed)


def verdict_text(winner: Candidate, comparison: Comparison | None, study: Study) -> str:
    """How the winner stands to the default recipe, in a sentence."""
    if study.standing.outcomes and not any(outcome.epochs for outcome in study.standing.outcomes.values()):
        return say("There was no time for a single epoch, so this network is all but untrained: give a larger budget.")
    if not study.space.ranges:
        return say("One recipe was trained; there was nothing to compare it with.")
    if len(study.standing.ranked()) == 1:
        return say("Only one recipe could be trained in the time, so there is nothing to compare it with.")
    if winner.number == study.standing.default:
        return say("No recipe was better on average than the default one, so the default is the winner.")
    unable = study.standing.explored.get(study.standing.default)
    if comparison is None and unable is not None and unable.state in ("failed", "infeasible"):
        return say("The default recipe could not be trained here, so there is nothing to compare the winner with.")
    if comparison is None:
        fresh = say("other folds" if study.default_recipe.data.num_folds else "other seeds")
        return say(
            "There was no time for {fresh}, so the difference from the default recipe is not known.", fresh=fresh
        )
    if not np.isfinite(comparison.mean_difference):
        return say(
            "A training failed when the winner and the default recipe were run again, so the difference between "
            "them is not known."
        )
    scale = 100.0 if study.metric.percent else 1.0
    gain, low, high = (scale * value for value in (comparison.mean_difference, comparison.low, comparison.high))
    figures = say(
        "{gain:+.4g}{unit} of {metric} on the {part}{interval}",
        gain=gain,
        unit=say(" points") if study.metric.percent else "",
        metric=study.metric.title,
        part=say("validation parts of the folds" if comparison.num_folds else "validation part"),
        interval=say(" (95 % interval {low:+.4g} to {high:+.4g}, {runs})", low=low, high=high, runs=_runs(comparison))
        if np.isfinite(low)
        else "",
    )
    if comparison.verdict == "better":
        return say("The winner is better than the default recipe: {figures}.", figures=figures)
    if comparison.verdict == "not distinguishable":
        return say("The winner is not distinguishable from the default recipe: {figures}.", figures=figures)
    return say("The default recipe is better: {figures}.", figures=figures)


def _runs(comparison: Comparison) -> Message:
    """What the interval is over, as `Comparison.runs` says it."""
    seeds, folds = comparison.num_seeds, comparison.num_folds
    if not folds:
        return say("{number} seeds", number=seeds)
    if seeds == folds:
        return say("{number} folds", number=folds)
    return say("{seeds} runs on {folds} folds", seeds=seeds, folds=folds)


def _validation(candidate: Candidate) -> dict[str, Any]:
    scores = candidate.scores
    return {
        "mean": candidate.mean,
        "std": float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        "n": len(scores),
        "scores": list(scores),
        "explored": candidate.explored_score,
    }


def _offered(
    offered: tuple[dict[str, Any], NDArray[Any]],
    recipe: Recipe,
    prepared: Prepared,
    ours: NDArray[Any],
    targets: NDArray[Any],
    study: Study,
) -> dict[str, Any]:
    """The ensemble with its test scores, and by how much it differs from the winner on the same rows."""
    described, predictions = offered
    card = scored(recipe, prepared, predictions, targets, "test").to_json()
    difference = paired_difference(study.metric, predictions, ours, targets)
    return {
        **described,
        "metrics": card["metrics"],
        "difference": dict(zip(("value", "low", "high"), map(_finite, difference), strict=True)),
    }


def _pace(run: Run) -> list[Note]:
    """That trainings were shortened, where they were."""
    return [Pace(**run.state["pace"]).note] if "pace" in run.state else []


def _judged(judgment: Judgment) -> dict[str, Any]:
    """How sure it is that the winner is better, and what of its mean is luck."""
    return {
        "probability_better": _finite(judgment.probability_better),
        "optimism": _finite(judgment.optimism),
        "corrected_mean": _finite(judgment.corrected_mean),
        "std": _finite(judgment.std),
        "method": None if judgment.comparison is None else judgment.comparison.method,
        "low": None if judgment.comparison is None else _finite(judgment.comparison.low),
        "high": None if judgment.comparison is None else _finite(judgment.comparison.high),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _baselines(
    study: Study, trainer: EpochTrainer, ours: NDArray[Any], targets: NDArray[Any], seconds: float
) -> list[dict[str, Any]]:
    study.tell("baselines")
    prepared, task = trainer.prepared, trainer.task
    test = prepared.parts["test"]
    everything = np.arange(len(prepared.arrays["targets"]))
    found = fit_baselines(
        prepared.arrays["inputs"],
        truth_of(task, prepared, everything),
        kind=KINDS.get(prepared.specs["targets"].encoder, prepared.specs["targets"].encoder),
        train_rows=prepared.parts["train"],
        max_seconds=seconds,
        seed=trainer.recipe.seed,
        levels=prepared.specs["inputs"].levels,
    )
    rows = []
    for baseline in found:
        metrics: dict[str, Any] = {}
        difference: dict[str, float] | None = None
        predictions = baseline.predict(np.asarray(prepared.arrays["inputs"][test]))
        if predictions is not None:
            metrics = scored(trainer.recipe, prepared, predictions, targets, "test").to_json()["metrics"]
            found_difference = paired_difference(study.metric, ours, predictions, targets)
            if np.isfinite(found_difference).all():
                difference = dict(zip(("value", "low", "high"), found_difference, strict=True))
        rows.append(
            {
                "name": baseline.name,
                "title": baseline.title,
                "metrics": metrics,
                "difference": difference,
                "seconds": baseline.seconds,
                "note": baseline.note,
                "said": to_json(baseline.note),
            }
        )
    return rows


def _worst(
    task: Task, prepared: Prepared, rows: NDArray[np.int64], predictions: NDArray[Any], targets: NDArray[Any]
) -> list[dict[str, Any]]:
    badness = task.badness(predictions, targets)
    encoder = prepared.encoders["targets"]
    answers = task.answers(predictions, encoder)
    truths = task.shown_truth(targets, encoder)
    worst = []
    for index in np.argsort(-badness, kind="stable")[:NUM_WORST]:
        row = int(rows[index])
        worst.append(
            {
                "row": row,
                "name": prepared.row_name(row),
                "example": prepared.example(row),
                "truth": truths[index],
                "answer": _shown(answers["answer"][index]),
                "badness": float(badness[index]),
                "pictures": _pictures(task, encoder, {"truth": targets[index], "answer": predictions[index]}),
            }
        )
    return worst


def _pictures(task: Task, encoder: Encoder, values: dict[str, NDArray[Any]]) -> dict[str, str]:
    """What of the given values can be looked at, as data URIs of PNG images."""
    drawn = {name: task.picture(np.asarray(value), encoder) for name, value in values.items()}
    return {name: png_uri(pixels) for name, pixels in drawn.items() if pixels is not None}


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    with _files.writing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _card(results: dict[str, Any]) -> str:
    """A short model card: what the model is, how good, on what, and what was not looked at."""
    facts, card = results["facts"], results["scorecard"]
    lines = [
        f"# {results['name']}",
        "",
        f"A network for {results['task']['title']}, trained on {results['source']}, target {results['target']}.",
        "",
        f"Scores on the {card['part']} part ({card['rows']} rows that neither trained nor selected it):",
        "",
        "| metric | value | interval | method |",
        "| --- | --- | --- | --- |",
        *(
            f"| {m['title']} | {m['value']:.4f} | {m['low']:.4f} to {m['high']:.4f} | {m['level']:.0%}, {m['method']} |"
            for m in card["metrics"].values()
            if None not in (m["value"], m["low"], m["high"])
        ),
        "",
        results["verdict_text"],
        "",
        f"Trained on {facts['part_counts']['train']} rows. It was tested on rows of the same source only; on data from "
        f"elsewhere it may do worse. Load it with `mapsto.load(...)`; `recipe.yaml` holds every setting.",
        "",
    ]
    return "\n".join(lines)


def read_results(run: Path) -> dict[str, Any] | None:
    """What `results.json` of a run holds, or None while it is unfinished."""
    path = run / RESULTS
    return _files.read_json(path) if path.exists() else None
