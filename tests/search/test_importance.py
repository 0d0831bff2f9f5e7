"""What decides about the score is found, on the range's own scale, also where settings come and go."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mapsto.recipe.ranges import Range, choice, integer, log, uniform
from mapsto.search.importance import importances
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem

RANGES: dict[str, Range] = {"optimizer.learning_rate": log(1e-4, 1e-1), "model.dropout": uniform(0, 0.5)}
CONDITIONAL: dict[str, Range] = {
    "optimizer.name": choice("adamw", "sgd"),
    "optimizer.momentum": uniform(0, 0.9).only_if("optimizer.name", "sgd"),
    "model.hidden_dim": integer(32, 512, log=True),
    "model.dropout": uniform(0, 0.5),
}


def outcome(number, chosen, score, state="complete"):
    return Outcome(number, "explore", state, "", score, 1, 1, 1, 1.0, 1, chosen=chosen)


def of_rates(n, score, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        power, dropout = rng.uniform(-4, -1), rng.uniform(0, 0.5)
        chosen = {"optimizer.learning_rate": 10**power, "model.dropout": dropout}
        found.append(outcome(number, chosen, score(power, dropout) + 0.01 * rng.normal()))
    return found


def conditional(n, score, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        chosen = {"optimizer.name": "sgd" if number % 2 else "adamw", "model.dropout": rng.uniform(0, 0.5)}
        chosen["model.hidden_dim"] = int(2 ** rng.uniform(5, 9))
        if number % 2:
            chosen["optimizer.momentum"] = rng.uniform(0, 0.9)
        found.append(outcome(number, chosen, score(chosen) + 0.01 * rng.normal()))
    return found


def test_both_kinds_find_what_matters_and_are_shares():
    found = importances(Problem(RANGES), of_rates(60, lambda power, dropout: power))
    for shares in (found.fanova, found.ped_anova):
        assert shares is not None
        assert list(shares) == ["optimizer.learning_rate", "model.dropout"]
        assert math.isclose(sum(shares.values()), 1)
        assert shares["optimizer.learning_rate"] > 0.9
    assert (found.num_trials, found.note) == (60, "Over 60 of 60 complete trials.")


def test_a_learning_rate_is_judged_on_its_logarithm():
    """It matters below 0.01 only: two thirds of its range, and a tenth of what lies between its ends."""

    def score(power, dropout):
        return -0.1 * max(0.0, -2 - power) + 0.1 * dropout

    assert importances(Problem(RANGES), of_rates(150, score)).fanova["optimizer.learning_rate"] > 0.9


def test_a_setting_with_a_condition_counts_by_the_trials_that_have_it():
    """Half of the trials have a momentum, so half of its variance is in them: as much as that of dropout has in all."""

    def score(chosen):
        return math.sqrt(2) * chosen.get("optimizer.momentum", 0.45) / 0.9 + chosen["model.dropout"] / 0.5

    found = importances(Problem(CONDITIONAL), conditional(160, score))
    assert 0.4 < found.fanova["optimizer.momentum"] < 0.6
    assert 0.4 < found.fanova["model.dropout"] < 0.6
    assert set(found.ped_anova or ()) == set(CONDITIONAL)
    assert found.ped_anova["model.hidden_dim"] < 0.1


def test_the_first_of_several_objectives_is_explained():
    problem = Problem(RANGES, directions=("minimize", "maximize"))
    found = importances(problem, of_rates(40, lambda power, dropout: -10 * dropout))
    assert [next(iter(shares or ())) for shares in (found.fanova, found.ped_anova)] == ["model.dropout"] * 2


def test_only_complete_trials_count():
    history = of_rates(30, lambda power, dropout: power)
    pruned = [outcome(30 + n, o.chosen, -o.score, "pruned") for n, o in enumerate(history)]
    assert importances(Problem(RANGES), [*history, *pruned]) == importances(Problem(RANGES), history)


@pytest.mark.parametrize(
    ("history", "note"),
    [
        (of_rates(9, lambda power, dropout: power), "Importance needs 10 complete trials; there are 9."),
        (
            [outcome(n, {"model.dropout": n / 20}, 0.5) for n in range(10)],
            "All 10 complete trials have the same score.",
        ),
        ([outcome(n, {"model.dropout": n / 20}, math.inf) for n in range(10)], "Importance needs 10 complete trials; "),
    ],
)
def test_what_cannot_be_explained_says_why(history, note):
    found = importances(Problem(RANGES), history)
    assert (found.fanova, found.ped_anova) == (None, None)
    assert found.note.startswith(note)


def test_a_long_history_is_drawn_from_the_same_way_each_time(monkeypatch):
    monkeypatch.setattr("mapsto.search.importance.MAX_TRIALS", 30)
    history = of_rates(50, lambda power, dropout: power)
    first = importances(Problem(RANGES, seed=3), history)
    assert first == importances(Problem(RANGES, seed=3), history)
    assert (first.num_trials, first.note) == (30, "Over 30 of 50 complete trials.")
