"""What the tests of the command line share: a way to run it, and one small finished study."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mapsto.cli.main import app

Run = Callable[..., Result]
SMALL = ("--set", "model.hidden_dim=16", "--set", "training.max_epochs=2", "--set", "search.num_seeds=1")


@pytest.fixture(scope="session")
def mapsto() -> Run:
    """Runs `mapsto ...` in this process."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="mapsto")

    return run


@pytest.fixture(scope="session")
def study(mapsto: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A finished study of two small trials on digits: its folder, and what `tune --json` printed."""
    folder = tmp_path_factory.mktemp("cli") / "digits"
    done = mapsto("tune", "digits", "--trials", 2, *SMALL, "--set", "model.name=mlp", "--out", folder, "--json")
    assert done.exit_code == 0, done.stderr
    return folder, done


@pytest.fixture
def answer(study: tuple[Path, Result]) -> dict[str, object]:
    """What `tune --json` answered."""
    found: dict[str, object] = json.loads(study[1].stdout)
    return found
