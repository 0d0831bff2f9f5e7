"""A study of settings with free names: what it is, and what it proposes.

Both who asks and tells (`mapsto.search.asking`) and who runs a program (`mapsto.search.command_study`) work on one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mapsto import _files
from mapsto.adapters.free_space import FreeSpace
from mapsto.adapters.reports import METRIC_NAME
from mapsto.errors import RecipeError, RunError
from mapsto.metrics.base import Direction
from mapsto.recipe.families import PRUNERS, SAMPLERS
from mapsto.recipe.faults import Fault, refuse
from mapsto.recipe.seeds import derive
from mapsto.search.free_journal import FreeJournal
from mapsto.search.ledger import suggest
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem
from mapsto.search.pruners.base import Pruner
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FREE_STUDY = "study.json"
KNOWN = "known"
"""What a journal holds beside a trial: what its pruner may know."""


class Checked(BaseModel):
    """Values that were checked; what a user gives is checked by `of`, which says what is wrong in a paragraph."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """From what a user gave.

        Raises:
            RecipeError: a value is of the wrong kind or out of range.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            details = [(".".join(map(str, detail["loc"])), detail) for detail in error.errors(include_url=False)]
            refuse(Fault(f"`{name}`: {detail['msg']}. Received: {detail['input']!r}.") for name, detail in details)
            raise


class CommandPlan(Checked):
    """What a program is run with.

    Attributes:
        command: its command line, with places.
        lookahead: trials that are proposed before the first of them has to be known; see `mapsto.search.command_study`.
        n_trials, budget: how many settings to try, and seconds for all of it.
        time_limit: seconds for one trial.
        finalists, num_seeds: how many of the best are run again, and how often.
        workers: programs that run at once, where `resume` says nothing else.
    """

    command: str
    lookahead: int = Field(4, ge=1)
    n_trials: int | None = Field(None, ge=1)
    budget: float | None = Field(None, gt=0)
    time_limit: float | None = Field(None, gt=0)
    finalists: int = Field(3, ge=1)
    num_seeds: int = Field(0, ge=0)
    workers: int = Field(1, ge=1)


class Definition(Checked):
    """All that a study's proposals follow from, besides what its trials come to; `study.json` holds it.

    Attributes:
        settings: the space, as `name=value` texts.
        metric: the name of what is optimized.
        direction: whether more of it is better.
        sampler, pruner: names of members of these families.
        max_fidelity: steps (epochs) that a whole trial reports; what most pruners have to know.
        seed: what all randomness follows from.
        start: values that the first trial begins with; other ranges begin in their middle.
        plan: where a program is run; None where somebody asks and tells.
    """

    format: int = Field(1, ge=1, le=1)
    settings: tuple[str, ...]
    metric: str
    direction: Direction
    sampler: str = "tpe"
    pruner: str = "off"
    max_fidelity: int = Field(1, ge=1)
    seed: int = Field(0, ge=0, lt=2**63)
    start: dict[str, str | bool | int | float] = Field(default_factory=dict)
    plan: CommandPlan | None = None

    @cached_property
    def space(self) -> FreeSpace:
        """What is searched."""
        return FreeSpace.from_settings(self.settings)

    @cached_property
    def problem(self) -> Problem:
        """The same, for samplers and pruners."""
        return Problem(
            ranges=self.space.ranges,
            directions=(self.direction,),
            n_trials=None if self.plan is None else self.plan.n_trials,
            max_fidelity=self.max_fidelity,
            seed=self.seed,
            default=self.space.start(self.start),
        )

    def make_sampler(self) -> Sampler:
        """The sampler that was named."""
        sampler: Sampler = SAMPLERS.get(self.sampler)()
        return sampler

    def make_pruner(self) -> Pruner:
        """The pruner that was named."""
        pruner: Pruner = PRUNERS.get(self.pruner)()
        return pruner

    def trial_seed(self, number: int) -> int:
        """The seed of a trial."""
        return derive(self.seed, "trial", number)

    @property
    def limit(self) -> int | None:
        """Trials after which a sampler has nothing new, the first one counted; None where there is no end."""
        if not self.problem.ranges:
            return 1
        points = self.make_sampler().size(self.problem.ranges)
        return None if points is None else points + 1

    def check(self) -> None:
        """Refuses what no study can be made of.

        Raises:
            RecipeError: the space, the metric's name, the sampler or the pruner is at fault.
        """
        SAMPLERS.check(self.sampler)
        PRUNERS.check(self.pruner)
        if not METRIC_NAME.fullmatch(self.metric):
            raise RecipeError(f"The metric's name has letters, digits and _ . / -. Received: {self.metric!r}.")
        if self.limit is None:
            self.make_sampler().build(self.problem, 0)  # refuses ranges that it cannot search

    def write(self, folder: Path) -> None:
        """Writes it into the study's folder."""
        _files.write_json(folder / FREE_STUDY, self.model_dump())

    @classmethod
    def read(cls, folder: Path) -> Definition:
        """From a study's folder.

        Raises:
            RunError: there is none, or its file is damaged.
        """
        path = folder / FREE_STUDY
        if not path.exists():
            raise RunError(
                f"There is no study in {folder}: it has no {FREE_STUDY}. `mapsto ask {folder} --new --set ...` begins "
                f"one, `mapsto tune --command ...` another."
            )
        values = _files.read_json(path)
        try:
            definition = cls.model_validate(values)
            definition.space  # noqa: B018 - its settings are read here
        except (ValidationError, RecipeError) as error:
            raise RunError(
                f"{path} is damaged: {error}. Restore it, or begin a new study in another folder."
            ) from error
        return definition


class Proposer:
    """Proposes settings from the trials that it has been told of, and from nothing else.

    Args:
        definition: of the study.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._sampler, self._pruner = definition.make_sampler(), definition.make_pruner()
        self._memory = FreeJournal.in_memory(definition.direction)
        self.add, self.tell = self._memory.add, self._memory.tell

    def ask(self, history: Sequence[Outcome]) -> FrozenTrial:
        """The next trial, to be done; with what its pruner may know.

        Args:
            history: the trials that may be known, in the order of their numbers: those that it was told of.

        Raises:
            RecipeError: the sampler wants to go on with the weights of an earlier trial, which a program cannot do.
        """
        definition, study = self._definition, self._memory.study
        problem, number = definition.problem, len(self._memory.trials())
        seed = derive(definition.seed, "sampler", number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # samplers that Optuna calls experimental; the user can do nothing about it
            study.sampler = self._sampler.build(problem, seed)
            proposal = self._sampler.propose(problem, history, number, seed) if number else None
        if proposal is not None and proposal.starts_from is not None:
            raise RecipeError(
                f"search.sampler {definition.sampler} goes on with the weights of earlier trials, which settings alone "
                f"cannot say. Choose another sampler, such as tpe."
            )
        chosen = problem.default if not number else None if proposal is None else proposal.chosen
        if chosen:
            study.enqueue_trial(dict(chosen))
        trial = study.ask()
        definition.space.walk(lambda name, range_: suggest(trial, name, range_))
        trial.set_user_attr(KNOWN, self._pruner.knows(problem, history, number))
        return study.get_trials(deepcopy=False)[number]

    def stops(self, trial: FrozenTrial, curve: Sequence[tuple[int, float]]) -> bool:
        """Whether a trial that was proposed should end, with this curve so far."""
        known, problem = trial.user_attrs.get(KNOWN), self._definition.problem
        if known is None or not curve or curve[-1][0] >= problem.max_fidelity:
            return False
        return self._pruner.stops(problem, known, [(step, (value,)) for step, value in curve])
