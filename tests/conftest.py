"""What all tests share. Read before any test imports torch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two test processes share the cores: one thread each, and idle threads sleep. Set here because OpenMP reads them
# when torch is imported; child processes inherit them.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

ROOT = Path(__file__).parent.parent


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
