"""What a study tells while it runs: one frozen snapshot at a time, for whoever listens.

The study calls its listener after every step of note (about ten times a second at most while a network trains, and
always when a trial ends or a phase begins). A listener shows it, or does nothing; it must not change anything, and
must return at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Phase = Literal["prepare", "explore", "heat", "confirm", "ablate", "final", "test", "baselines"]
PHASES: tuple[Phase, ...] = ("prepare", "explore", "heat", "confirm", "ablate", "final", "test", "baselines")


@dataclass(frozen=True)
class PlanView:
    """How the rest of the budget is to be used, as far as is known now.

    Attributes:
        run_seconds: what one training of a promising recipe takes.
        explore_until: elapsed seconds at which exploring ends.
        confirm_runs: trainings that confirm the finalists, at least.
        confirm_seconds: what these take.
        final_seconds: what the final training takes.
        test_seconds: kept for the test, the baselines and the report.
    """

    run_seconds: float
    explore_until: float
    confirm_runs: int
    confirm_seconds: float
    final_seconds: float
    test_seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a study stands at one moment.

    Attributes:
        phase: what is being done: data are prepared, recipes explored, the finalists confirmed with further seeds,
            the winner trained, the winner tested, plain baselines fitted beside it.
        trial: number of the trial that is being trained or has just ended, or None between trials.
        chosen: the values that the search chose for this trial, by dotted name.
        state: what became of the trial, in the one snapshot that tells its end; else None.
        epoch: epochs of this trial that are complete.
        max_epochs: epochs after which this trial ends at the latest; 0 when none is being trained.
        step: steps done in the current epoch.
        steps_per_epoch: steps of an epoch; 0 when none is being trained.
        score: the objective on the validation part, best epoch of this trial so far; None before its first epoch.
        best: the best score of all trials so far.
        best_trial: the trial that reached `best`.
        finished: trials that ran to their end.
        pruned: trials that were stopped early because others did better.
        failed: trials that could not be trained.
        elapsed: seconds since the study began, interruptions not counted.
        budget: seconds that the study may take, or None.
        n_trials: trials that the study may run, or None.
        objective: what `score` and `best` measure, in words: `"accuracy"`.
        direction: whether a higher or a lower score is better.
        percent: whether a score is a share in [0, 1] that reads best as a percentage.
        run: the run folder; empty while there is none.
        message: one line for the user, such as why a trial failed; empty where there is nothing to say.
        infeasible: trials that were beyond a limit.
        workers: trials that are trained at once.
        plan: how the budget is divided; None without a budget, and before that is known.

    Example:
        >>> progress = Progress(phase="explore", trial=3, elapsed=12.0, budget=60.0)
        >>> progress.remaining
        48.0
    """

    phase: Phase
    trial: int | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    state: Literal["complete", "pruned", "stopped", "failed", "infeasible"] | None = None
    epoch: int = 0
    max_epochs: int = 0
    step: int = 0
    steps_per_epoch: int = 0
    score: float | None = None
    best: float | None = None
    best_trial: int | None = None
    finished: int = 0
    pruned: int = 0
    failed: int = 0
    elapsed: float = 0.0
    budget: float | None = None
    n_trials: int | None = None
    objective: str = "score"
    direction: Literal["maximize", "minimize"] = "maximize"
    percent: bool = False
    run: str = ""
    message: str = ""
    infeasible: int = 0
    workers: int = 1
    plan: PlanView | None = None

    @property
    def remaining(self) -> float | None:
        """Seconds left of the budget, never negative; None without a budget."""
        return None if self.budget is None else max(0.0, self.budget - self.elapsed)

    @property
    def ended(self) -> int:
        """Trials that are over, whatever became of them."""
        return self.finished + self.pruned + self.failed + self.infeasible


Listener = Callable[[Progress], None]
