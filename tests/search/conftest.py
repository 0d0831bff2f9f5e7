"""What the tests of the search share: one small study that any executor can train."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto.search.progress import Progress

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=int(8, 32, log=True)", "optimizer.learning_rate=log(1e-3, 1e-1)",
    "training.max_epochs=3", "training.batch_size=8", "search.num_seeds=1", "search.finalists=1", "search.pruner=off",
]  # fmt: skip

Study = Callable[..., pd.DataFrame]


@pytest.fixture
def two_cores() -> Iterator[None]:
    """Two workers have a thread each, as the tests themselves have: sums of other lengths would be other sums."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mapsto.search.crew.num_cores", lambda: 2)
        yield


def run_study(out: Path, *settings: str, listener: Callable[[Progress], None] | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 4))
    y = np.where(x[:, 0] + x[:, 1] * x[:, 2] > 0, "yes", "no")
    result = mp.tune((x, y), settings=[*SETTINGS, *settings], n_trials=4, out=out, listener=listener)
    return result.leaderboard().drop(columns="seconds")


@pytest.fixture
def small_study(two_cores: None) -> Study:
    """Runs the study in a folder with further settings, and gives its leaderboard without what the clock decides."""
    return run_study


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The leaderboard of the study, trained in this process."""
    return run_study(tmp_path_factory.mktemp("reference") / "run", "search.executor=in_process")
