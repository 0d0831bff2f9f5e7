"""What all tests share. Read before any test imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Two test processes share the cores: one thread each, and idle threads sleep. Set here because OpenMP reads them
# when torch is imported; child processes inherit them.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

from mapsto.recipe import family

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def own_members_are_forgotten() -> Iterator[None]:
    """Metrics that a test adds stay for its process, where a later test would find them among those of mapsto."""
    before = dict(family._added)
    yield
    family._added.clear()
    family._added.update(before)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: MAPSTO_DATA, or ../shared/data. Tests that need it are skipped without it."""
    folder = Path(os.environ.get("MAPSTO_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder} (set MAPSTO_DATA)")
    return folder
