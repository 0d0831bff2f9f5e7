"""What the trials say of their space is seldom wrong where there is nothing to say, and found where there is."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace

import numpy as np
import pytest

from mapsto._messages import Message
from mapsto.recipe.leaves import holders, range_fault
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform, choice, integer, log, uniform
from mapsto.recipe.space import Space
from mapsto.search.editing import distribution
from mapsto.search.health import health
from mapsto.search.importance import Importance
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem
from mapsto.search.regions import chance_of
from mapsto.search.widening import position, widened

RATE, DROPOUT, WIDTH, LAYERS, DECAY, ACTIVATION = (
    "optimizer.learning_rate", "model.dropout", "model.hidden_dim", "model.num_layers", "optimizer.weight_decay",
    "model.activation",
)  # fmt: skip
RANGES: dict[str, Range] = {
    RATE: log(1e-4, 1e-1),
    DROPOUT: uniform(0.05, 0.5),
    WIDTH: integer(32, 512, log=True),
    LAYERS: integer(1, 4),
    DECAY: log(1e-6, 1e-2),
    ACTIVATION: choice("relu", "gelu", "tanh"),
}
UNKNOWN = Importance(None, None, 0, "not asked for")
"""Keeps `health` from working it out, which takes a second."""


def outcome(number, chosen, score, state="complete", **more):
    return Outcome(number, "explore", state, "", score, 1, 1, 1, 1.0, 1, chosen=chosen, **more)


def drawn(ranges, rng):
    chosen = {}
    for leaf, range_ in ranges.items():
        if range_.when is not None and not range_.when.holds(chosen.get(range_.when.leaf)):
            continue
        match range_:
            case Log():
                chosen[leaf] = float(np.exp(rng.uniform(math.log(range_.low), math.log(range_.high))))
            case Uniform():
                chosen[leaf] = float(rng.uniform(range_.low, range_.high))
            case Int(log=True):
                chosen[leaf] = int(np.exp(rng.uniform(math.log(range_.low), math.log(range_.high + 1))))
            case Int():
                chosen[leaf] = int(rng.integers(range_.low, range_.high + 1))
            case Choice():
                chosen[leaf] = range_.options[rng.integers(len(range_.options))]
    return chosen


def studied(score, n, seed, ranges=RANGES):
    """Random trials; `score` takes what was chosen and a generator."""
    rng = np.random.default_rng(seed)
    return [outcome(number, (chosen := drawn(ranges, rng)), score(chosen, rng)) for number in range(n)]


def noise(chosen, rng):
    return float(rng.normal())


def rate(chosen):
    return position(log(1e-4, 1e-1), chosen[RATE])


PROBLEM = Problem(RANGES)


def edges(history, problem=PROBLEM):
    return [finding for finding in health(problem, history, UNKNOWN) if finding.kind == "edge"]


# -- edge ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 40, 100])
def test_where_nothing_matters_an_edge_is_seldom_found(n):
    assert sum(bool(edges(studied(noise, n, seed))) for seed in range(200)) / 200 <= 0.06


def test_an_optimum_beyond_an_edge_is_mostly_found():
    def score(chosen, rng):
        return 4 * math.sqrt(12) * rate(chosen) + float(rng.normal())

    found = [edges(studied(score, 40, seed)) for seed in range(100)]
    right = sum(any(f.leaf == RATE and f.proposal.high > 0.1 for f in findings) for findings in found)
    assert right / 100 >= 0.75


def test_an_optimum_in_the_middle_is_no_edge():
    def score(chosen, rng):
        return -8 * abs(rate(chosen) - 0.5) + float(rng.normal())

    assert sum(any(f.leaf == RATE for f in edges(studied(score, 60, seed))) for seed in range(100)) <= 1


@pytest.mark.slow
def test_a_sampler_that_gathers_its_trials_makes_no_edges():
    import optuna

    distributions = {leaf: distribution(range_) for leaf, range_ in RANGES.items()}
    wrong = 0
    for seed in range(60):
        rng, history = np.random.default_rng(seed), []
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), direction="maximize")
        for number in range(40):
            trial = study.ask(distributions)
            history.append(outcome(number, dict(trial.params), noise(trial.params, rng)))
            study.tell(trial, history[-1].score)
        wrong += bool(edges(history))
    assert wrong / 60 <= 0.1


def test_an_edge_says_what_to_type():
    history = studied(lambda chosen, rng: rate(chosen) + 0.01 * float(rng.normal()), 40, 0)
    (finding,) = edges(history)
    assert isinstance(finding.message, Message)
    assert finding.message.startswith(f"The best trial has `{RATE}` 0.0")
    assert str(finding.proposal) == "log(0.0001, 3)"
    assert finding.setting == f"{RATE}='log(0.0001, 3)'"
    assert Space.from_settings(shlex.split(finding.setting)).ranges == {RATE: finding.proposal}
    assert finding.evidence["near"] == finding.evidence["top"] == 10


def test_the_direction_turns_the_edge():
    history = studied(lambda chosen, rng: rate(chosen) + 0.01 * float(rng.normal()), 40, 0)
    (finding,) = edges(history, Problem(RANGES, directions=("minimize",)))
    assert (finding.proposal.low, finding.proposal.high) == (3e-06, 0.1)


def test_the_limit_of_a_setting_is_no_edge():
    ranges: dict[str, Range] = {DROPOUT: uniform(0, 0.5), RATE: log(1e-4, 1e-1)}
    history = studied(lambda chosen, rng: -chosen[DROPOUT], 40, 0, ranges)
    assert edges(history, Problem(ranges)) == []


def test_a_trial_that_was_continued_counts_once():
    history = studied(lambda chosen, rng: rate(chosen), 11, 0)
    again = [replace(o, number=11 + o.number, starts_from=o.number) for o in history]
    assert edges([*(replace(o, state="pruned") for o in history), *again]) == []  # eleven recipes are too few


@pytest.mark.parametrize(
    ("leaf", "range_", "side", "expected"),
    [
        (RATE, log(1e-4, 1e-1), "low", "log(3e-06, 0.1)"),
        ("optimizer.momentum", uniform(0, 0.9), "high", "uniform(0, 0.99)"),
        (DROPOUT, uniform(0.1, 0.5), "low", "uniform(0, 0.5)"),
        (DROPOUT, uniform(0.1, 0.5, step=0.1), "high", "uniform(0.1, 0.7, step=0.1)"),
        (WIDTH, integer(32, 512, log=True), "high", "int(32, 2048, log=True)"),
        (WIDTH, integer(8, 64, step=8), "high", "int(8, 88, step=8)"),
        (LAYERS, integer(1, 4), "low", "None"),
        ("training.ema_decay", uniform(0.9, 0.999), "high", "None"),
        ("optimizer.momentum", Uniform(0, 0.9).only_if("optimizer.name", "sgd"), "high",
         "uniform(0, 0.99) if optimizer.name == sgd"),
    ],
)  # fmt: skip
def test_a_range_grows_as_far_as_the_setting_allows(leaf, range_, side, expected):
    wide = widened(leaf, range_, side)
    assert str(wide) == expected
    if wide is not None:
        assert all(
            range_fault(leaf, wide, cls) is None
            for cls in holders(leaf).values()
            if range_fault(leaf, range_, cls) is None
        )


# -- insensitive -----------------------------------------------------------------------------------------------------


def sensitive(weight):
    def score(chosen, rng):
        dropout = (chosen[DROPOUT] - 0.05) / 0.45
        return -8 * abs(rate(chosen) - 0.6) + weight * math.sqrt(12) * dropout + float(rng.normal())

    return score


def test_a_setting_that_does_not_matter_is_found_and_one_that_does_is_not():
    problem = Problem(RANGES, default={LAYERS: 2})
    found = [f for seed in range(3) for f in health(problem, studied(sensitive(1.0), 60, seed))]
    leaves = [f.leaf for f in found if f.kind == "insensitive"]
    assert not {RATE, DROPOUT} & set(leaves)
    assert len(leaves) >= 3  # of the 12 that there are
    assert "model.num_layers=2" in {f.setting for f in found}  # its default, not where the best trial happens to be
    assert "(fANOVA)" in next(f for f in found if f.kind == "insensitive").message


def test_a_few_trials_call_nothing_insensitive():
    assert [f.kind for f in health(Problem(RANGES), studied(sensitive(0.0), 39, 0))] == []


# -- infeasible ------------------------------------------------------------------------------------------------------


def lost(history, is_lost):
    return [replace(o, state="failed", score=None) if is_lost(o) else o for o in history]


def test_failures_that_one_setting_explains_name_it_and_its_range():
    history = lost(studied(noise, 40, 0), lambda o: rate(o.chosen) > 0.65)
    finding = health(Problem(RANGES), history, UNKNOWN)[0]
    assert (finding.kind, finding.leaf) == ("infeasible", RATE)
    best_sound = max(o.chosen[RATE] for o in history if o.state == "complete")
    assert finding.proposal == Log(1e-4, best_sound)
    assert "are among the" in finding.message
    assert "at least" in finding.message


def test_failures_of_one_option_take_it_out():
    history = lost(studied(noise, 40, 0), lambda o: o.chosen[ACTIVATION] == "tanh")
    finding = health(Problem(RANGES), history, UNKNOWN)[0]
    assert (finding.leaf, finding.proposal) == (ACTIVATION, Choice("relu", "gelu"))
    assert finding.setting == "model.activation='choice(relu, gelu)'"


def test_failures_by_chance_are_blamed_on_no_setting():
    blamed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        history = lost(studied(noise, 40, seed), lambda o, rng=rng: rng.random() < 0.4)
        findings = [f for f in health(Problem(RANGES), history, UNKNOWN) if f.kind == "infeasible"]
        blamed += any(f.leaf for f in findings)
    assert blamed / 60 <= 0.02


def test_a_few_failures_are_not_worth_a_word():
    history = lost(studied(noise, 40, 0), lambda o: o.number < 4)
    assert health(Problem(RANGES), history, UNKNOWN) == []


# -- few points, unused conditions -----------------------------------------------------------------------------------


def test_few_trials_for_many_settings_are_called_few():
    (finding,) = health(Problem(RANGES), studied(noise, 11, 0), UNKNOWN)
    assert (finding.kind, finding.setting) == ("few_points", "search.n_trials=49")
    assert finding.message.startswith("11 trials for 6 settings, searched at once, are few; 60 would show more.")
    assert health(Problem(RANGES), [], UNKNOWN) == []


def test_a_condition_that_never_held_is_told():
    ranges: dict[str, Range] = {
        "optimizer.name": choice("adamw", "sgd"),
        "optimizer.momentum": uniform(0, 0.9).only_if("optimizer.name", "sgd"),
    }
    history = [outcome(n, {"optimizer.name": "adamw"}, float(n)) for n in range(12)]
    findings = health(Problem(ranges), history, UNKNOWN)
    by_leaf = {f.leaf: f for f in findings if f.kind == "unused_condition"}
    assert by_leaf["optimizer.momentum"].setting == "optimizer.momentum=auto"
    assert "`optimizer.name == sgd` never held" in by_leaf["optimizer.momentum"].message
    assert by_leaf["optimizer.name"].message == "None of the 12 trials that searched `optimizer.name` had: sgd."


def test_an_option_that_chance_may_have_missed_is_not_told():
    history = [outcome(n, {ACTIVATION: "relu" if n % 2 else "gelu"}, float(n)) for n in range(10)]
    assert health(Problem({ACTIVATION: RANGES[ACTIVATION]}), history, UNKNOWN) == []


# -- the tests themselves --------------------------------------------------------------------------------------------


def test_the_chance_is_that_of_fishers_test():
    from scipy.stats import fisher_exact

    for hits, of, marked, total in [(7, 10, 15, 40), (0, 5, 5, 20), (5, 12, 15, 22), (600, 1250, 2000, 5000)]:
        table = np.asarray([[hits, of - hits], [marked - hits, total - marked - of + hits]])
        expected = fisher_exact(table, "greater").pvalue
        assert math.isclose(chance_of(hits, of=of, marked=marked, total=total), expected, rel_tol=1e-9)
