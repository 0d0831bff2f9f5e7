"""The ensemble that is offered beside the winner: of the networks whose checkpoints the study has kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapsto.evaluation.ensembles import combined, greedy
from mapsto.evaluation.fitted_ensemble import FittedEnsemble
from mapsto.search.training_run import checkpoint_path, load_trainer

if TYPE_CHECKING:
    from mapsto.search.study import Study
    from mapsto.training.epochs import EpochTrainer
    from mapsto.training.fitted import Fitted

FOLDER = "ensemble"
"""In the run folder: the saved ensemble."""


class _Member(NamedTuple):
    number: int
    fitted: Fitted
    validation: NDArray[Any]
    test: NDArray[Any]
    parameters: int
    seconds: float


def ensemble(study: Study, winner: EpochTrainer) -> tuple[dict[str, Any], NDArray[Any]] | None:
    """Chooses an ensemble on the validation rows, saves it, and says what it is and costs.

    Members are the final training of the winner and the best explored trials; they are chosen on the validation part,
    and only then asked for their answers on the test part.

    Returns:
        What `results.json` says of it, and its predictions for the test rows; None where none was asked for, answers
        have no mean (masks), or no two networks together are better than the best one.
    """
    size = study.default_recipe.search.ensemble
    if size < 2 or study.metric.takes == "masks":
        return None
    members = [_member(study.candidates()[0].number, winner), *_explored(study, winner, size)]
    truth = _truth(winner)
    found = greedy(study.metric, [member.validation for member in members], truth, size)
    chosen = [(m, w) for m, w in zip(members, found.weights, strict=True) if w > 0]
    if len(chosen) < 2:
        return None
    weights = [weight for _, weight in chosen]
    FittedEnsemble([member.fitted for member, _ in chosen], weights).save(study.run.path / FOLDER)
    described = {
        "members": [{"number": m.number, "weight": w, "parameters": m.parameters} for m, w in chosen],
        "validation": found.score,
        "best_validation": found.best_score,
        "parameters": sum(member.parameters for member, _ in chosen),
        "best_parameters": members[0].parameters,
        "seconds": sum(member.seconds for member, _ in chosen),
        "best_seconds": members[0].seconds,
    }
    return described, combined([member.test for member, _ in chosen], weights)


def _explored(study: Study, winner: EpochTrainer, size: int) -> list[_Member]:
    """The best explored trials on the winner's own rows that have a checkpoint still."""
    found = []
    for outcome in study.standing.ranked(size):
        job = study.explored_job(outcome.number)
        if outcome.state != "complete" or not checkpoint_path(job.folder).exists():
            continue
        trainer = load_trainer(job, study.store.loaded)
        same = all(
            np.array_equal(trainer.prepared.parts[part], winner.prepared.parts[part]) for part in ("validation", "test")
        )
        if same:  # else a setting that leaves rows out was searched
            found.append(_member(outcome.number, trainer))
        trainer.close()
    return found


def _member(number: int, trainer: EpochTrainer) -> _Member:
    parts = trainer.prepared.parts
    validation = trainer.predict(parts["validation"])
    started = time.perf_counter()
    test = trainer.predict(parts["test"])
    return _Member(number, trainer.fitted(), validation, test, trainer.num_parameters, time.perf_counter() - started)


def _truth(trainer: EpochTrainer) -> NDArray[Any]:
    rows = trainer.prepared.parts["validation"]
    stored = np.asarray(trainer.prepared.arrays["targets"][rows])
    return np.asarray(trainer.task.truth(stored, trainer.prepared.encoders["targets"]))
