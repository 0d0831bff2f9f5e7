"""What every sampler must do. `check_sampler(MySampler)` tests one of your own."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.errors import RecipeError
from mapsto.metrics.base import Direction
from mapsto.recipe.seeds import derive
from mapsto.recipe.space import Space
from mapsto.search.outcome import Outcome, Point, State
from mapsto.search.problem import Problem, Proposal
from mapsto.search.samplers._scales import share_of
from mapsto.search.samplers.base import Sampler
from mapsto.search.ledger import suggest

if TYPE_CHECKING:
    import optuna

LOOKAHEAD = 4
"""Trials that run at once: a trial knows all but the last so many before it."""

MAX_FIDELITY = 9

PICKLES = re.compile(r'"80 ?0[2-5][0-9a-f ]{8,}|gA[JMNQRUV][A-Za-z0-9+/]{8,}|cma(wm)?:')
"""How a pickle begins in hexadecimal and in base 64, and the attributes that Optuna keeps such in."""

Train = Callable[[Mapping[str, Any], Outcome | None], tuple[Point, ...]]
"""The curve of a training with these values, which began with the checkpoint of that trial."""


@dataclass(frozen=True)
class Toy:
    """A space and trainings in it that take no time.

    Attributes:
        space: what is searched.
        best: where the best scores lie, each a share of its range.
        num_objectives: the score, and distances from other places than the best.
    """

    space: Space
    best: float = 0.7
    num_objectives: int = 1

    def problem(self, n_trials: int | None, seed: int = 0) -> Problem:
        """What a sampler is told of it; the default recipe lies in the middle."""
        costs: list[Direction] = ["minimize"] * (self.num_objectives - 1)
        default = self.space.walk(lambda _, range_: range_.center())
        return Problem(self.space.ranges, ("maximize", *costs), n_trials, MAX_FIDELITY, seed, default)

    def train(self, chosen: Mapping[str, Any], parent: Outcome | None) -> tuple[Point, ...]:
        """Scores of at most 0, the mean squared distance from the best place; early ones are too low."""
        shares = [share_of(self.space.ranges[name], value) for name, value in sorted(chosen.items())]
        score = -math.fsum((share - self.best) ** 2 for share in shares) / len(shares)
        costs = [
            math.fsum((share - 0.3 * index) ** 2 for share in shares) / len(shares)
            for index in range(1, self.num_objectives)
        ]
        return tuple((unit, (score - 0.1 * (MAX_FIDELITY - unit), *costs)) for unit in (1, 3, MAX_FIDELITY))


NUMERIC = Toy(
    Space.from_settings(["optimizer.learning_rate=log(1e-4, 1e-1)", "optimizer.weight_decay=log(1e-6, 1e-1)"])
)
MIXED = Toy(
    Space.from_settings(
        [
            "task=tabular_classification",
            "optimizer.learning_rate=log(1e-4, 1e-1)",
            "training.batch_size=int(16, 256, log=True)",
            "model.dropout=uniform(0, 0.6, step=0.1)",
            "model.activation=choice(relu, gelu, tanh)",
        ]
    )
)
CONDITIONAL = Toy(
    Space.from_settings(
        [
            "task=tabular_classification",
            "optimizer.name=choice(sgd, adamw)",
            "optimizer.learning_rate=log(1e-4, 1e-1)",
            "optimizer.momentum=uniform(0, 0.95)",
            "model.activation=choice(relu, gelu)",
            "model.dropout=uniform(0, 0.5) if optimizer.name == adamw",
        ]
    )
)
LISTED = Toy(
    Space.from_settings(
        [
            "optimizer.name=choice(sgd, adamw)",
            "optimizer.nesterov=choice(true, false)",
            "optimizer.learning_rate=choice(0.1, 0.01, 0.001)",
            "training.batch_size=int(32, 128, step=32)",
        ]
    )
)
"""A space with an end, for samplers that can search no other."""


def explore(
    sampler: Sampler,
    space: Space,
    problem: Problem,
    train: Train,
    n_trials: int,
    *,
    path: Path | None = None,
    prunes: bool = False,
    killed_at: int | None = None,
) -> optuna.Study:
    """Runs the trials of a study as a search does, four at once, without training anything.

    Args:
        sampler: proposes; it is built anew for each trial.
        space: what is searched.
        problem: what the sampler is told of it. Trial 0 has its default values.
        train: gives the curves; the score is that of the last point.
        n_trials: trials of the study in all, those that are in it already included.
        path: of the journal; one that exists is carried on. None: in memory.
        prunes: trials are cut after the first point of their curve if they are worse than the median there.
        killed_at: ends before this trial is asked for, while the last ones are still running.
    """
    study, outcomes, asked = _opened(problem, path), dict[int, Outcome](), dict[int, Proposal]()
    for number in range(n_trials + LOOKAHEAD):
        done = number - LOOKAHEAD
        if number == killed_at:
            break
        if 0 <= done < n_trials:
            outcomes[done] = _told(study, done, asked.get(done), problem, train, outcomes, prunes)
        if number < n_trials:
            history = [outcomes[other] for other in sorted(outcomes)]
            seed = derive(problem.seed, "sampler", number)
            proposal = (
                Proposal(dict(problem.default)) if number == 0 else sampler.propose(problem, history, number, seed)
            )
            if proposal is not None:
                asked[number] = proposal
            if number >= len(study.get_trials(deepcopy=False)):
                _ask(study, sampler, space, problem, seed, proposal)
    return study


def _opened(problem: Problem, path: Path | None) -> optuna.Study:
    import optuna  # here, since it takes a quarter of a second to import
    from optuna.storages import InMemoryStorage, JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        storage=InMemoryStorage() if path is None else JournalStorage(JournalFileBackend(str(path))),
        study_name="toy",
        directions=problem.directions,
        load_if_exists=True,
    )


def _ask(
    study: optuna.Study, sampler: Sampler, space: Space, problem: Problem, seed: int, proposal: Proposal | None
) -> None:
    if proposal is not None:
        study.enqueue_trial(proposal.chosen)
    study.sampler = sampler.build(problem, seed)
    trial = study.ask()
    space.walk(lambda name, range_: suggest(trial, name, range_))


def _told(
    study: optuna.Study,
    number: int,
    proposal: Proposal | None,
    problem: Problem,
    train: Train,
    outcomes: Mapping[int, Outcome],
    prunes: bool,
) -> Outcome:
    """Trains a trial that was asked for, tells the study unless it knows, and says what became of it."""
    from optuna.trial import TrialState

    trial = study.get_trials(deepcopy=False)[number]
    parent = None if proposal is None or proposal.starts_from is None else outcomes[proposal.starts_from]
    curve, state = train(trial.params, parent), "complete"
    if prunes and number >= 8 and _is_poor(curve, outcomes, problem):
        curve, state = curve[:1], "pruned"
    if not trial.state.is_finished():
        if len(problem.directions) == 1:
            for unit, values in curve:
                study._storage.set_trial_intermediate_value(trial._trial_id, unit, values[0])
        if state == "pruned":
            study.tell(number, state=TrialState.PRUNED)
        else:
            study.tell(number, list(curve[-1][1]))
    return _outcome(number, state, curve, trial.params, proposal)  # type: ignore[arg-type]


def _is_poor(curve: tuple[Point, ...], outcomes: Mapping[int, Outcome], problem: Problem) -> bool:
    """Whether the first score is below the median of the others' first ones."""
    sign = 1 if problem.directions[0] == "maximize" else -1
    firsts = sorted(sign * outcome.curve[0][1][0] for outcome in outcomes.values())
    return sign * curve[0][1][0] < firsts[len(firsts) // 2]


def _outcome(
    number: int, state: State, curve: tuple[Point, ...], chosen: dict[str, Any], proposal: Proposal | None
) -> Outcome:
    return Outcome(
        number=number,
        phase="explore",
        state=state,
        cause="",
        score=curve[-1][1][0],
        best_epoch=curve[-1][0],
        epochs=curve[-1][0],
        steps=0,
        seconds=0.0,
        parameters=0,
        chosen=chosen,
        starts_from=None if proposal is None else proposal.starts_from,
        curve=curve,
    )


def check_sampler(sampler: type[Sampler], *, n_trials: int = 40, bound: float = 0.02) -> None:
    """Checks the contract of `Sampler`: proposals lie in the ranges and follow from seed and history alone.

    On spaces that are numeric, mixed and conditional: with four trials at once, with pruned trials, in a study that is
    interrupted and read again from its journal, and with several objectives, which it searches or refuses. No pickle
    may lie in the journal.

    Args:
        sampler: the class.
        n_trials: of each study.
        bound: mean squared distance from the best place, in shares of the ranges, that the best numeric trial must
            stay within. That of the middle, the default recipe, is 0.04.

    Raises:
        AssertionError: the sampler breaks the contract.
    """
    toys = _toys(sampler)
    studies = [_check_values(sampler, toy, n_trials) for toy in toys]
    best = max(trial.values[0] for trial in studies[0].trials)
    assert -best <= bound, f"after {n_trials} trials the best one is still {-best:.4f} from the best place"
    with tempfile.TemporaryDirectory() as folder:
        _check_repeats(sampler, toys[-1], n_trials, Path(folder) / "study.journal")
    _check_objectives(sampler, replace(toys[0], num_objectives=2), n_trials)


def _toys(sampler: type[Sampler]) -> list[Toy]:
    """Spaces that it can search."""
    try:
        sampler().build(NUMERIC.problem(10), 0)
    except RecipeError:
        return [LISTED]
    return [NUMERIC, MIXED, CONDITIONAL]


def _check_values(sampler: type[Sampler], toy: Toy, n_trials: int) -> optuna.Study:
    study = explore(sampler(), toy.space, toy.problem(n_trials), toy.train, n_trials)
    for trial in study.trials:
        active = toy.space.active(trial.params)
        assert trial.params.keys() == active.keys(), f"trial {trial.number} has values of other ranges: {trial.params}"
        for name, value in trial.params.items():
            assert active[name].contains(value), f"trial {trial.number} has {name} = {value!r}, outside {active[name]}"
    other = explore(sampler(), toy.space, toy.problem(n_trials, seed=4), toy.train, 5)
    assert _params(other)[1:] != _params(study)[1:5], "the seed makes no difference"
    return study


def _check_repeats(sampler: type[Sampler], toy: Toy, n_trials: int, journal: Path) -> None:
    problem = toy.problem(n_trials, seed=3)
    whole = explore(sampler(), toy.space, problem, toy.train, n_trials, prunes=True)
    explore(sampler(), toy.space, problem, toy.train, n_trials, path=journal, prunes=True, killed_at=n_trials // 2)
    parted = explore(sampler(), toy.space, problem, toy.train, n_trials, path=journal, prunes=True)
    pairs = zip(_params(whole), _params(parted), strict=True)
    differing = [number for number, (ours, theirs) in enumerate(pairs) if ours != theirs]
    assert not differing, f"after an interruption other values are proposed, first in trial {differing[0]}"
    found = PICKLES.search(journal.read_text("utf-8"))
    assert found is None, f"a pickle lies in the journal: {found}"


def _params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.get_trials(deepcopy=False)]


def _check_objectives(sampler: type[Sampler], toy: Toy, n_trials: int) -> None:
    problem = toy.problem(n_trials)
    if not sampler.many_objectives:
        try:
            sampler().build(problem, 0)
        except RecipeError:
            return
        raise AssertionError("it says that it searches for one objective, and does not refuse two")
    study = explore(sampler(), toy.space, problem, toy.train, max(10, n_trials // 2))
    assert study.best_trials, "a study with two objectives has no front"
