"""Where Optuna keeps the study: a journal in the run folder, or a storage that several programs look at."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto import _files
from mapsto._imports import require
from mapsto.errors import RunError
from mapsto.search.journal import Journal
from mapsto.search.run import JOURNAL

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

    from mapsto.metrics.base import Direction
    from mapsto.recipe.schema import SearchOptions
    from mapsto.search.run import Run

STUDY_NAME = "mapsto"
"""A journal holds one study, and its name does not change when the folder is moved."""

GRPC = "grpc://"


def open_study(
    path: Path, url: str | None, name: str, directions: tuple[Direction, ...], *, alone: bool = False
) -> optuna.Study:
    """Opens the study, or begins it.

    Args:
        path: of the journal, where there is no `url`.
        url: `sqlite:///...`, `postgresql://...`, `mysql://...`, `grpc://host:port`, or None.
        name: of the study in its storage.
        directions: of the objectives.
        alone: nobody else writes to the journal until this process has ended.

    Raises:
        RunError: the storage cannot be reached.
    """
    import optuna  # here, since it takes a quarter of a second to import

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # What is called experimental is Optuna's own default (multivariate TPE), and the user can do nothing about it.
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    storage = _journal(path, alone) if url is None else _remote(url)
    try:
        study = optuna.create_study(storage=storage, study_name=name, directions=list(directions), load_if_exists=True)
    except Exception as error:  # each database has errors of its own
        if url is None:
            raise RunError(
                f"{path} cannot be read ({' '.join(str(error).split())[:300]}). Put its last whole version back, or "
                f"begin another study."
            ) from error
        raise _unusable(url, error) from error
    return study


def study_of(run: Run, search: SearchOptions, directions: tuple[Direction, ...], *, alone: bool = True) -> optuna.Study:
    """The study of a run, opened or begun: in its folder, or in the storage that its recipe names.

    There it is called `mapsto-` and the name of the folder, with a number behind it where another run's is called so.

    Raises:
        RunError: the storage cannot be reached.
    """
    path, url = run.path / JOURNAL, search.storage
    if url is None:
        return open_study(path, None, STUDY_NAME, directions, alone=alone)
    if "study_name" not in run.state:
        wanted = f"{STUDY_NAME}-{run.path.resolve().name}"
        taken = _names(url)
        names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
        run.save_state(study_name=next(name for name in names if name not in taken))
    return open_study(path, url, run.state["study_name"], directions)


def _names(url: str) -> set[str]:
    """What the studies of a storage are called."""
    import optuna  # here, since it takes a quarter of a second to import

    storage = _remote(url)
    try:
        return set(optuna.get_all_study_names(storage))
    except Exception as error:  # each database has errors of its own
        raise _unusable(url, error) from error


def _unusable(url: str, error: Exception) -> RunError:
    return RunError(
        f"The storage {url} cannot be used ({' '.join(str(error).split())[:300]}). Start its server, or leave "
        f"`search.storage` out: the study then lies in its run folder."
    )


def _journal(path: Path, alone: bool) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    # The folder's own lock is held, so a lock on the journal, or half a line, is what a killed process left.
    Path(f"{path}.lock").unlink(missing_ok=True)
    with _files.explained(path):
        mend_journal(path)
        file = JournalFileBackend(str(path))
        return JournalStorage(Journal(path, file) if alone else file)  # type: ignore[arg-type]  # it has what is called


def mend_journal(path: Path) -> None:
    """Cuts off a last line that was not written whole: another one behind it could not be read."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)


def _remote(url: str) -> BaseStorage:
    if url.startswith(GRPC):
        require("grpc", extra="search", purpose="A storage behind gRPC")
        from optuna.storages import GrpcStorageProxy

        host, _, port = url.removeprefix(GRPC).partition(":")
        if not port.isdecimal():
            raise RunError(f"A gRPC storage is written grpc://host:port. Received: {url}.")
        return GrpcStorageProxy(host=host, port=int(port))
    from optuna.storages import RDBStorage

    try:
        return RDBStorage(url)
    except Exception as error:  # each database has errors of its own
        raise RunError(
            f"The storage {url} cannot be opened ({' '.join(str(error).split())[:300]}). It is written "
            f"sqlite:///file.db, postgresql://..., mysql://... or grpc://host:port; a database needs its own package."
        ) from error
