"""Where Optuna keeps the study: a journal in the run folder, or a storage that several programs look at."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto import _files
from mapsto._imports import require
from mapsto.errors import RunError
from mapsto.search.journal import Journal

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

    from mapsto.metrics.base import Direction

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
        RunError: the storage cannot be reached, or holds another study of that name.
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
            raise
        raise RunError(
            f"The storage {url} cannot be used ({' '.join(str(error).split())[:300]}). Start its server, or leave "
            f"`search.storage` out: the study then lies in its run folder."
        ) from error
    if len(study.directions) != len(directions):
        raise RunError(f'The storage {url} holds another study called "{name}". Rename the run folder, or the study.')
    return study


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
