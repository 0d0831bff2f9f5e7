"""Sample run folders and their pages, made once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mapsto.report import build
from mapsto.report.reading import read
from mapsto.report.study import Study
from mapsto.report.text import Texts


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """The module that writes sample run folders."""
    spec = importlib.util.spec_from_file_location("report_sample", Path(__file__).with_name("sample.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def runs(sample: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the sample runs: digits, searched, housing, camvid, unfinished."""
    folder = tmp_path_factory.mktemp("runs")
    for name, make in sample.SAMPLES.items():
        make(folder / name)
    return folder


@pytest.fixture(scope="session")
def page(runs: Path) -> Callable[..., str]:
    """The page of a sample run, as text."""
    known: dict[tuple[str, str], str] = {}

    def text(name: str, language: str = "en") -> str:
        if (name, language) not in known:
            out = runs / f"{name}.{language}.html"
            known[name, language] = build(runs / name, language=language, out=out).read_text("utf-8")  # type: ignore[arg-type]
        return known[name, language]

    return text


@pytest.fixture(scope="session")
def digits(runs: Path) -> Study:
    """The finished classification study."""
    return read(runs / "digits")


@pytest.fixture(scope="session")
def searched(runs: Path) -> Study:
    """The same with all that a study says of its search."""
    return read(runs / "searched")


@pytest.fixture
def say() -> Texts:
    """The English sentences."""
    return Texts("en")
