"""The journal of a run: lines of one operation together, nothing twice, readable by Optuna."""

from __future__ import annotations

import errno
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from mapsto.errors import DiskFull, RunError
from mapsto.search.journal import Journal, together
from mapsto.search.storage import open_study


def lines(path):
    return path.read_bytes().count(b"\n")


def opened_by_optuna(path):
    return optuna.load_study(study_name="mapsto", storage=JournalStorage(JournalFileBackend(str(path))))


class FullOnce(JournalFileBackend):
    """Half a line fits, the first time."""

    is_full = True

    def append_logs(self, logs):
        if self.is_full and any(log.get("op_code") == 4 for log in logs):
            self.is_full = False
            with Path(self._file_path).open("ab") as file:
                file.write(b'{"op_code":4,"wor')
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append_logs(logs)


def test_what_an_operation_writes_reaches_the_file_when_it_ends(tmp_path):
    path = tmp_path / "study.journal"
    study = open_study(path, None, "mapsto", ("minimize",), alone=True)
    before = lines(path)
    with together(study):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        study.tell(trial, x**2)
        assert lines(path) == before
    assert lines(path) == before + 3
    (read,) = opened_by_optuna(path).trials
    assert (read.params["x"], read.value) == (x, x**2)


def test_lines_that_found_no_space_are_written_once_there_is_some(tmp_path):
    path = tmp_path / "study.journal"
    study = optuna.create_study(study_name="mapsto", storage=JournalStorage(Journal(path, FullOnce(str(path)))))  # type: ignore[arg-type]
    before = path.read_bytes()
    with pytest.raises(DiskFull), together(study):
        study.ask()
    assert path.read_bytes() == before
    assert len(study.trials) == 1
    with together(study):
        study.tell(0, 0.5)
    (read,) = opened_by_optuna(path).trials
    assert read.value == 0.5


def test_a_journal_that_cannot_be_written_is_told_in_words(tmp_path):
    path = tmp_path / "study.journal"
    study = open_study(path, None, "mapsto", ("minimize",), alone=True)
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match="study.journal cannot be written"), together(study):
        study.ask()
