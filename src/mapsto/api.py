"""Where the rooms are joined: from data and a budget to a tested network, and back to it later."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _files
from mapsto._given import (
    RecipeLike,
    crew_settings,
    given_as_space,
    limits,
    refuse_ranges,
)
from mapsto._own_network import data_and_network, hand_over_for
from mapsto._runs import go_on, silent, start
from mapsto.errors import RunError
from mapsto.recipe.space import Space
from mapsto.result import Language, Result
from mapsto.search.progress import Listener
from mapsto.search.results import read_results
from mapsto.search.run import REPORT, STATE, STUDY, Run, check_is_run

if TYPE_CHECKING:
    import pandas as pd

    from mapsto.evaluation.fitted_ensemble import FittedEnsemble
    from mapsto.evaluation.scorecard import Scorecard
    from mapsto.training.fitted import Fitted

logger = logging.getLogger("mapsto")


def tune(
    source: Any = None,
    *,
    data: Any = None,
    target: str | None = None,
    task: str | None = None,
    recipe: RecipeLike | None = None,
    space: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    budget: str | float | None = None,
    n_trials: int | None = None,
    seed: int | None = None,
    workers: int | str | None = None,
    executor: str | None = None,
    address: str | None = None,
    storage: str | None = None,
    continue_from: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Finds the best network for the data that the budget can find, and tests it once.

    Args:
        source: a file, a folder, a named set, a data frame, or arrays `(x, y)`; None where the recipe names it. Or a
            network of your own, beside `data`: a builder, a module, or a `Network`.
        data: what a network of your own learns from: all that `source` may be, and arrays `(x, y)`, which it reads as
            they are; x may be a tuple or a dict of arrays.
        target: the column to predict.
        task: what to predict, by name; None is found from the data.
        recipe: a YAML file, or a space in Python; `space`, `settings`, then the other arguments override it.
        space: values and ranges by dotted name, such as `{"optimizer.learning_rate": mp.log(1e-4, 1e-1)}`.
        settings: the same in the command line's notation, such as `["model.hidden_dim=int(32, 256)"]`.
        budget: wall-clock time as text (`"90s"`, `"10m"`, `"1h30m"`) or in seconds.
        n_trials: recipes to explore at most; 20 where neither this nor a budget is given.
        seed: of the splits, the sampler and all trainings.
        workers: trainings at once, each in a process of its own; `"auto"`: one a GPU, or one a core.
        executor: where to train: `"in_process"`, `"processes"` or `"ray"`.
        address: of the Ray cluster.
        storage: Optuna's, as a URL; None keeps a journal in the run folder.
        continue_from: a run whose trials are taken over; `space` and `settings` edit its space, and `n_trials` are
            further ones.
        out: the run folder; None makes `runs/<name of the data>`.
        overwrite: replace a run that is in `out`.
        listener: called with a `Progress` a few times a second.

    Returns:
        The result, whose parts are read from the run folder.

    Raises:
        MapstoError: a setting, the data or the run folder needs mending; the message says how.

    Example:
        ```python
        result = mp.tune("churn.csv", target="churned", budget="10m")
        result.best.predict(frame)
        ```
    """
    source, network = data_and_network(source, data)
    given = given_as_space(
        recipe,
        network=network,
        space=space,
        settings=settings,
        source=source,
        target=target,
        task=task,
        budget=budget,
        n_trials=n_trials,
        seed=seed,
        crew=crew_settings(workers, executor, address, storage),
    )
    old = None if continue_from is None else Path(continue_from)
    return Result(start(given, source, out, overwrite, listener or silent, searching=True, old=old))


def train(
    source: Any = None,
    *,
    data: Any = None,
    target: str | None = None,
    task: str | None = None,
    recipe: RecipeLike | None = None,
    space: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    budget: str | float | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Trains one recipe, without search, and tests it once. Arguments are those of `tune`.

    Raises:
        RecipeError: the recipe holds a range.
    """
    source, network = data_and_network(source, data)
    given = given_as_space(
        recipe,
        network=network,
        space=space,
        settings=settings,
        source=source,
        target=target,
        task=task,
        budget=budget,
        seed=seed,
    )
    refuse_ranges(given, "train")
    return Result(start(given, source, out, overwrite, listener or silent, searching=False))


def resume(
    run: str | Path,
    *,
    network: Any = None,
    budget: str | float | None = None,
    n_trials: int | None = None,
    listener: Listener | None = None,
) -> Result:
    """Goes on with a study that was interrupted; a finished one is returned as it is.

    Args:
        run: its folder.
        network: your own, where it is one; no run folder makes code run, so it is handed over again.
        budget: a new budget for the whole study, if it shall be longer.
        n_trials: a new number of trials.
        listener: as in `tune`.
    """
    path = Path(run)
    check_is_run(path)
    hand_over_for(path, network)
    if read_results(path) is not None:
        if not (path / REPORT).exists():  # killed between the last result and its report
            report(path)
        if budget is not None or n_trials is not None:
            raise RunError(
                f"{path} is finished: its winner has been tested, and the test part is used once. For a longer study "
                f"start another: `mapsto tune {path / STUDY} --budget ...`."
            )
        return Result(path)
    folder = Run.open(path)
    try:
        changed = limits(budget, n_trials)
        if changed:
            given = Space.from_yaml(folder.state["given"], where=str(path / STUDY)).merged(Space.from_mapping(changed))
            folder.save_state(given=given.to_yaml(), explored=False)
        go_on(folder, None, listener or silent)
    finally:
        folder.close()
    return Result(path)


def open_run(run: str | Path) -> Result:
    """The result of a run, finished or not.

    Raises:
        RunError: it is not a run.
    """
    check_is_run(Path(run))
    return Result(Path(run))


def load(path: str | Path, *, network: Any = None) -> Fitted:
    """The fitted model of a run, or of its `best` folder.

    Args:
        path: the run, or the folder.
        network: your own, where it is one; a folder makes no code run, so it is handed over again.

    Raises:
        RunError: there is none yet.
    """
    from mapsto.training.fitted import Fitted  # here, since a recipe can be shown without torch

    folder = Path(path)
    hand_over_for(folder, network)
    return Fitted.load(folder / "best" if (folder / STUDY).exists() else folder)


def load_ensemble(run: str | Path, *, network: Any = None) -> FittedEnsemble:
    """The ensemble that a run offers beside its winner (`search.ensemble`); `network` as in `load`.

    Raises:
        RunError: it has none.
    """
    from mapsto.evaluation.fitted_ensemble import FittedEnsemble
    from mapsto.search.ensembling import FOLDER

    hand_over_for(Path(run), network)
    return FittedEnsemble.load(Path(run) / FOLDER)


def predict(
    run: str | Path, source: Any, *, network: Any = None, images: str | Path | None = None, ensemble: bool = False
) -> pd.DataFrame:
    """Answers of a run's best model, or of its ensemble, for raw inputs, one row each; see `load`, `Fitted.predict`."""
    model = (load_ensemble if ensemble else load)(run, network=network)
    return model.predict(source, images=images)


def evaluate(run: str | Path, source: Any = None, *, target: str | None = None, network: Any = None) -> Scorecard:
    """Scores a run's best model.

    Args:
        run: its folder.
        source: rows with a target; None is the test part of the run's own data, as scored when it ended.
        target: the target's column in `source`; None is that of the training data.
        network: your own, where it is one; see `load`.
    """
    from mapsto.adapters.trainers import reported_metrics
    from mapsto.evaluation.scorecard import score

    if source is None:
        return open_run(run).scorecard
    fitted = load(run, network=network)
    table = fitted.read_with_target(source, target)
    state = Path(run) / STATE
    if state.exists() and _files.read_json(state).get("fingerprint") == table.fingerprint:
        logger.warning(
            "%s is what the network was trained on, so this score says little of new data; `mapsto evaluate %s` gives "
            "the score on the rows that were kept apart.",
            table.name,
            run,
        )
    predictions, targets = fitted.predictions(table), fitted.truth(table)
    names = fitted.preprocessing.specs["targets"].names or None
    return score(reported_metrics(fitted.recipe), predictions, targets, names, "given", seed=fitted.recipe.seed)


def report(run: str | Path, *, language: Language = "en", out: str | Path | None = None) -> Path:
    """Writes a run's report as one HTML file and returns its path."""
    return open_run(run).report(out, language)
