"""A few faults, each of another kind, while a study runs; `make bench-chaos` has two hundred of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import chaos  # type: ignore[import-not-found]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_studies_end_whatever_happens_to_their_processes_their_disk_and_their_clock():
    found = chaos.run(8, seed=1, n_trials=8, pause=0.3, tell=lambda line: None)
    assert sum(found["faults"].values()) + sum(found["skipped"].values()) == 8


@pytest.mark.timeout(120)
def test_every_kind_of_fault_is_as_frequent_as_the_others():
    import random

    faults = chaos.drawn(40, random.Random(0))
    assert {faults.count(name) for name in chaos.FAULTS} == {5}
