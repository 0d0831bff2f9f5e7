"""The trials of a study as Optuna holds them, in memory or in the journal of a study's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mapsto.metrics.base import Direction
from mapsto.search.outcome import Outcome, State
from mapsto.search.run import JOURNAL
from mapsto.search.storage import STUDY_NAME, open_study

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

CAUSE = "cause"
"""What a journal holds beside a trial: why it ended."""


class FreeJournal:
    """Trials in the order of their numbers, as Optuna's study holds them; in memory or in a journal.

    Args:
        study: Optuna's, touched by nobody else.
    """

    def __init__(self, study: optuna.Study) -> None:
        self.study = study
        self._storage, self._id = study._storage, study._study_id

    @classmethod
    def in_memory(cls, direction: Direction) -> FreeJournal:
        """An empty one."""
        import optuna  # here, since it takes a quarter of a second to import

        return cls(optuna.create_study(direction=direction))

    @classmethod
    def in_folder(cls, folder: Path, direction: Direction) -> FreeJournal:
        """That of a study's folder, which this process must have locked."""
        return cls(open_study(folder / JOURNAL, None, STUDY_NAME, (direction,)))

    def trials(self) -> list[FrozenTrial]:
        """All trials, by number."""
        return self.study.get_trials(deepcopy=False)

    def add(self, trial: FrozenTrial) -> None:
        """Adds a trial that is to be done, whole or not at all."""
        from optuna.trial import TrialState, create_trial

        self.study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
                system_attrs=trial.system_attrs,
            )
        )

    def report(self, number: int, step: int, value: float) -> None:
        """Adds a point to a trial's curve."""
        self._storage.set_trial_intermediate_value(self._trial(number), step, value)

    def tell(self, outcome: Outcome) -> None:
        """Ends a trial; one that has been ended stays as it is."""
        from optuna.trial import TrialState

        number = outcome.number
        if self.study.get_trials(deepcopy=False)[number].state.is_finished():
            return
        for step, values in outcome.curve:
            self.report(number, step, values[0])
        if outcome.cause:
            self._storage.set_trial_user_attr(self._trial(number), CAUSE, outcome.cause)
        if outcome.state == "pruned":
            self.study.tell(number, state=TrialState.PRUNED)
        elif outcome.state == "failed" or outcome.score is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, outcome.score)

    def _trial(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)


def outcome_of(trial: FrozenTrial, seed: int) -> Outcome:
    """A trial of a journal that has ended, as samplers and pruners know it."""
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}
    curve = sorted(trial.intermediate_values.items())
    last = curve[-1][0] if curve else 0
    return Outcome(
        number=trial.number,
        phase="explore",
        state=states.get(trial.state, "failed"),
        cause=str(trial.user_attrs.get(CAUSE, "")),
        score=trial.value if trial.values else None,
        best_epoch=last,
        epochs=last,
        steps=len(curve),
        seconds=0.0,
        parameters=0,
        chosen=dict(trial.params),
        seed=seed,
        curve=tuple((step, (value,)) for step, value in curve),
    )
