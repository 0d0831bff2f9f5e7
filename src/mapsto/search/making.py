"""From a chosen recipe to a job: its seed, its stages, its data, how long it may take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mapsto.errors import DataError, RecipeError
from mapsto.recipe.seeds import derive
from mapsto.recipe.sizes import parse_size
from mapsto.search.costs import directions
from mapsto.search.jobs import Job, Limits, Stage
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem
from mapsto.search.samplers._named import named
from mapsto.search.training_run import checkpoint_path

if TYPE_CHECKING:
    from mapsto.recipe.ranges import Range
    from mapsto.recipe.schema import Recipe
    from mapsto.recipe.space import Space
    from mapsto.search.ledger import Ready
    from mapsto.search.outcome import Phase
    from mapsto.search.run import Run
    from mapsto.search.samplers.base import Sampler
    from mapsto.search.store import DataStore

ROW_SHARES = (1 / 9, 1 / 3, 1.0)
"""Training rows of the stages where examples are the fidelity."""
SIZE_SHARES = (1 / 4, 1 / 2, 1.0)
"""Sides of the images where their size is the fidelity, of the whole one; none is smaller than `LEAST_SIDE`."""
LEAST_SIDE = 8


class Maker:
    """Makes the jobs of a study, and says what is searched.

    Args:
        run: in whose folder they are done.
        space: what is searched.
        defaults: values of leaves that the space leaves open.
        store: the data.

    Attributes:
        default_chosen: the values that the default recipe has for the ranges, by dotted name.
        default_recipe: the recipe with these.
        pruner: the name of the one that stops explored trials.
        sampler: who proposes.
    """

    def __init__(self, run: Run, space: Space, defaults: Mapping[str, Any], store: DataStore) -> None:
        self.run, self.space, self.defaults, self.store = run, space, defaults, store
        self.default_chosen = default_values(space, defaults)
        self.default_recipe = self.recipe(self.default_chosen)
        search = self.default_recipe.search
        self.sampler: Sampler = named(search.sampler)
        self.pruner = search.pruner
        if search.pruner == "auto":
            in_steps = self.sampler.interval(self.problem(None)) is not None  # members of a population do not end early
            self.pruner = "racing" if search.repeats else "off" if in_steps else "median"
        if self.pruner == "racing" and not search.repeats:
            raise RecipeError(
                f"`search.pruner: racing` compares recipes over folds or seeds, and `search.fidelity` is "
                f"{search.fidelity}. Set it to folds or seeds, or take another pruner, such as halving."
            )

    def problem(self, n_trials: int | None, **known: Any) -> Problem:
        """What samplers and pruners are to know; `n_trials` are expected, and `known` are further fields of it."""
        return Problem(
            ranges=self.space.ranges,
            directions=directions(self.default_recipe),
            n_trials=n_trials,
            max_fidelity=self.max_fidelity(self.default_recipe),
            seed=self.default_recipe.seed,
            default=self.default_chosen,
            **known,
        )

    def recipe(self, chosen: Mapping[str, Any]) -> Recipe:
        """The recipe with these values for the ranges."""
        return self.space.recipe(chosen, self.defaults)

    def explore(self, ready: Ready, earlier: Mapping[int, Outcome], epochs: int | None) -> Job:
        """A trial of the search, made ahead of its time: `timed` is to say what is known when it begins.

        Args:
            ready: the trial.
            earlier: the trials that are over, by number.
            epochs: to train from where it begins; None: as many as its recipe says.
        """
        number, proposal, known = ready
        recipe = self.recipe(proposal.chosen)
        origin = earlier.get(-1 if proposal.starts_from is None else proposal.starts_from)
        seed = derive(recipe.seed, "trial", number)
        if proposal.goes_on and origin is not None:
            seed = origin.seed
        if recipe.training.seed is None:  # else all runs would be the same one
            recipe = _seeded(recipe, seed)
        stages: tuple[Stage, ...] = ()
        refusal = ""
        try:
            stages = self._stages(recipe)
        except DataError as error:  # a data setting that leaves nothing to learn from
            refusal = str(error)
        checkpoint = None if origin is None else checkpoint_path(self.run.trial(f"{origin.number:04d}"))
        return replace(
            self._job(f"{number:04d}", recipe, proposal.chosen, stages, number=number, phase="explore"),
            refusal=refusal,
            repeats=recipe.search.repeats,
            starts_from=proposal.starts_from,
            checkpoint=checkpoint,
            goes_on=proposal.goes_on,
            epochs=epochs,
            pruner=self.pruner,
            known=known,
            max_fidelity=1 if refusal else self.max_fidelity(recipe),
        )

    def timed(self, job: Job, seconds: float) -> Job:
        """The job as it is begun: how long it may take, and with the checkpoint if that is there still."""
        if job.checkpoint is not None and not job.checkpoint.exists():
            # It was in the way of the disk budget; the same is trained again.
            return replace(job, seconds=seconds, checkpoint=None)
        return replace(job, seconds=seconds)

    def again(
        self, name: str, chosen: Mapping[str, Any], *, number: int, phase: Phase, seed: int, seconds: float,
        fold: int | None = None,
    ) -> Job:  # fmt: skip
        """A whole training of a trial's recipe with another seed, on a fold where one is named."""
        recipe = _seeded(self.recipe(chosen), seed)
        if fold is not None:
            recipe = recipe.replace({"data.fold": fold})
        stages = (Stage({}, str(self.store.folder(recipe))),)
        made = self._job(name, recipe, chosen, stages, number=number, phase=phase)
        return replace(made, seconds=seconds, of=number, keeps_predictions=phase == "confirm")

    def max_fidelity(self, recipe: Recipe) -> int:
        """Units of fidelity of a whole trial."""
        match recipe.search.fidelity:
            case "folds" | "seeds":
                return num_repeats(recipe)
            case "epochs":
                return recipe.training.max_epochs
            case _:
                return self._stages(recipe)[-1].units

    def _job(
        self,
        name: str,
        recipe: Recipe,
        chosen: Mapping[str, Any],
        stages: tuple[Stage, ...],
        *,
        number: int,
        phase: Phase,
    ) -> Job:
        search = recipe.search
        return Job(
            name=name,
            folder=self.run.trial(name),
            tensorboard=self.run.path / "tensorboard",
            leaves=recipe.leaves(),
            number=number,
            phase=phase,
            stages=stages,
            device=self.store.device,
            seconds=math.inf,
            chosen=dict(chosen),
            directions=directions(recipe),
            limits=Limits(
                search.max_parameters,
                search.max_latency,
                None if search.max_memory is None else parse_size(search.max_memory),
            ),
        )

    # -- stages ---------------------------------------------------------------------------------------------------

    def _stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """The trainings of a trial, by its fidelity."""
        own = str(self.store.folder(recipe))
        match recipe.search.fidelity:
            case "epochs":
                return (Stage({}, own),)
            case "seeds":
                seed = recipe.training.seed or 0
                others = [{"training.seed": derive(seed, "stage", k)} for k in range(1, recipe.search.num_seeds)]
                return tuple(Stage(changes, own, units + 1) for units, changes in enumerate([{}, *others]))
            case "folds":
                return tuple(self._folds(recipe))
            case "examples":
                rows = len(self.store.get(recipe)[0].parts["train"])
                return tuple(Stage({}, own, max(2, round(share * rows)), share) for share in ROW_SHARES)
            case "image_size":
                return self._sizes(recipe, own)

    def _folds(self, recipe: Recipe) -> Sequence[Stage]:
        count = num_repeats(recipe)
        folds = [(recipe.data.fold + k) % count for k in range(count)]
        changes: list[dict[str, Any]] = [{"data.fold": fold} if k else {} for k, fold in enumerate(folds)]
        return [
            Stage(change, str(self.store.folder(recipe.replace(change) if change else recipe)), units + 1)
            for units, change in enumerate(changes)
        ]

    def _sizes(self, recipe: Recipe, own: str) -> tuple[Stage, ...]:
        spec = self.store.get(recipe)[0].specs["inputs"]
        side = max(spec.shape[-2:]) if spec.encoder == "image" else 0
        sides = sorted({max(LEAST_SIDE, round(share * side)) for share in SIZE_SHARES[:-1]})
        small: list[dict[str, Any]] = [{"data.image_size": s} for s in sides if s < side]
        return (
            *(Stage(c, str(self.store.folder(recipe.replace(c))), c["data.image_size"]) for c in small),
            Stage({}, own, max(1, side)),
        )


def num_repeats(recipe: Recipe) -> int:
    """Trainings whose mean is the score of a trial: its folds or seeds, or the one that it is."""
    counts = {"folds": max(1, recipe.data.num_folds), "seeds": recipe.search.num_seeds}
    return counts.get(recipe.search.fidelity, 1)


def default_values(space: Space, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the searched leaves would have if they were not searched; where a range does not hold that, its
    middle.
    """

    def value(name: str, range_: Range) -> Any:
        found = defaults.get(name, space.field_default(name, defaults))
        return found if range_.contains(found) else range_.center()

    return space.walk(value, defaults)


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed of its training; all else has been checked, and is not checked again."""
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": seed})})
