"""What TPE looks at in a long study."""

from __future__ import annotations

import gc

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState, create_trial

from mapsto.search.samplers._window import BEST, MOST_SEEN, WindowTPE, _Past, _relaxed, _rounded

WIDTH = IntDistribution(8, 512, log=True)


def study(count, direction="maximize"):
    """Many trials, of which early ones are the best, and one of which still runs."""
    made = optuna.create_study(direction=direction, sampler=WindowTPE(seed=0, multivariate=True, n_startup_trials=10))
    for number in range(count):
        state = TrialState.FAIL if number % 50 == 49 else TrialState.COMPLETE
        value = None if state == TrialState.FAIL else float(-number if direction == "maximize" else number)
        params = {"width": 8 + number % 505}
        made.add_trial(create_trial(state=state, value=value, params=params, distributions={"width": WIDTH}))
    made.ask()
    return made


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_and_the_latest_are_seen(direction):
    made = study(500, direction)
    numbers = [trial.number for trial in _Past.of(made).window(made.trials)]
    assert numbers == sorted(numbers)
    assert numbers[:BEST] == list(range(BEST))
    assert numbers[-1] == 500
    assert len(numbers) == MOST_SEEN
    assert not any(made.trials[number].state == TrialState.FAIL for number in numbers)


def test_a_short_study_is_seen_whole():
    made = study(200)
    assert len(_Past.of(made).window(made.trials)) == 201 - 4


def test_what_is_kept_from_one_look_to_the_next_changes_nothing():
    looked = study(700)
    for number in range(700, 900):
        _Past.of(looked).window(looked.trials)
        looked.add_trial(create_trial(value=-5.5, params={"width": 9 + number % 9}, distributions={"width": WIDTH}))
    again = _Past(["maximize"]).window(looked.trials)
    assert [t.number for t in _Past.of(looked).window(looked.trials)] == [t.number for t in again]


def test_proposals_of_whole_numbers_are_in_their_range():
    made = study(400)
    for _ in range(5):
        trial = made.ask()
        assert 8 <= trial.suggest_int("width", 8, 512, log=True) <= 512
        made.tell(trial, 0.0)


def test_the_ends_of_a_relaxed_range_round_to_the_ends_of_the_range():
    whole = IntDistribution(0, 100, step=5)
    relaxed = _relaxed(whole)
    assert [_rounded(whole, value) for value in (relaxed.low, 2.6, 47.4, relaxed.high)] == [0, 5, 45, 100]


def test_a_study_that_is_gone_is_forgotten():
    made = study(10)
    _Past.of(made)
    storage = made._storage
    assert storage in _Past._known
    count = len(_Past._known)
    del made, storage
    gc.collect()
    assert len(_Past._known) < count
