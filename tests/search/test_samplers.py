"""Samplers: the contract that all keep, and what each one is for."""

import functools
import itertools
import json
import statistics
import sys
import warnings

import numpy as np
import pytest

from mapsto._messages import Message
from mapsto.errors import MissingPackage, RecipeError
from mapsto.recipe.families import SAMPLERS
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.space import Space
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem
from mapsto.search.samplers._named import named
from mapsto.search.samplers._near import near
from mapsto.search.samplers._optunahub import OptunaHub
from mapsto.search.samplers._scales import controls, is_active, nth_value, num_values, share_of, value_at
from mapsto.search.samplers.auto import Auto
from mapsto.search.samplers.bohb import BOHB
from mapsto.search.samplers.cmaes import CMAES
from mapsto.search.samplers.gp import GP
from mapsto.search.samplers.grid import Grid
from mapsto.search.samplers.nsgaii import NSGAII
from mapsto.search.samplers.nsgaiii import NSGAIII
from mapsto.search.samplers.pbt import PBT, _perturbed
from mapsto.search.samplers.qmc import QMC
from mapsto.search.samplers.random import Random
from mapsto.search.samplers.tpe import TPE
from mapsto.testing.samplers import CONDITIONAL, LISTED, NUMERIC, PICKLES, Toy, check_sampler, explore

# A Gaussian process thinks a quarter of a second for each proposal.
TRIALS = {"gp": 15, "auto": 12}


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_conformance(name):
    check_sampler(SAMPLERS.get(name), n_trials=TRIALS.get(name, 40))


FIVE = Space.from_settings(
    ["optimizer.learning_rate=log(1e-4, 1e-1)", *(f"training.{name}=log(1e-6, 1e-1)" for name in ("l1", "l2"))]
    + ["training.ema_decay=uniform(0.5, 0.99)", "optimizer.weight_decay=log(1e-6, 1e-1)"]
)


def best(sampler, toy, n_trials, seed, prunes=False):
    study = explore(sampler, toy.space, toy.problem(n_trials, seed), toy.train, n_trials, prunes=prunes)
    return max(trial.values[0] for trial in study.trials if trial.values)


@functools.cache
def median_of_seeds(sampler, toy, n_trials, num_seeds=10, prunes=False):
    return statistics.median(best(sampler(), toy, n_trials, seed, prunes) for seed in range(num_seeds))


@pytest.mark.parametrize("sampler", [TPE, CMAES, BOHB])
def test_a_model_beats_chance_on_a_smooth_function(sampler):
    toy = Toy(FIVE)
    assert median_of_seeds(sampler, toy, 40) > 0.5 * median_of_seeds(Random, toy, 40)  # scores are negative


def test_a_gaussian_process_beats_chance_in_few_trials():
    assert median_of_seeds(GP, NUMERIC, 14, 3) > 0.5 * median_of_seeds(Random, NUMERIC, 14, 3)


@pytest.mark.slow
def test_a_gaussian_process_beats_chance_over_ten_seeds():
    assert median_of_seeds(GP, NUMERIC, 20) > 0.2 * median_of_seeds(Random, NUMERIC, 20)


def test_bohb_beats_chance_where_most_trials_are_pruned():
    ours, random = (median_of_seeds(cls, Toy(FIVE), 60, 5, prunes=True) for cls in (BOHB, Random))
    assert ours > 0.5 * random


# -- scales ----------------------------------------------------------------------------------------------------------

RANGES: list[Range] = [
    Log(1e-5, 1.0),
    Uniform(-1, 3),
    Uniform(0, 0.7, step=0.1),
    Uniform(0, 1, step=0.3),
    Int(2, 9),
    Int(2, 10, step=3),
    Int(1, 300, log=True),
    Choice("a", 1, None, True),
    Int(4, 4),
    Log(2.0, 2.0),
]


@pytest.mark.parametrize("range_", RANGES, ids=str)
def test_every_share_is_a_value_and_every_value_has_its_share(range_):
    for share in np.linspace(0, 1, 101):
        value = value_at(range_, float(share))
        assert range_.contains(value)
        back = value_at(range_, share_of(range_, value))
        assert back == pytest.approx(value) if isinstance(value, float) else back is value or back == value


@pytest.mark.parametrize("range_", [range_ for range_ in RANGES if num_values(range_)], ids=str)
def test_listed_values_are_distinct_and_in_the_range(range_):
    values = [nth_value(range_, index) for index in range(num_values(range_) or 0)]
    assert len({repr(value) for value in values}) == len(values)
    assert all(range_.contains(value) for value in values)


def test_a_setting_that_a_member_lacks_is_not_active_beside_it():
    ranges = CONDITIONAL.space.ranges
    assert controls(ranges, "optimizer.momentum") == ["optimizer.name"]
    assert controls(ranges, "optimizer.learning_rate") == []
    for name, optimizer in itertools.product(ranges, ("sgd", "adamw")):
        chosen = {"optimizer.name": optimizer}
        assert is_active(ranges, name, chosen) == (name in CONDITIONAL.space.active(chosen)), (name, chosen)


# -- grid ------------------------------------------------------------------------------------------------------------


def test_the_grid_has_each_point_once():
    ranges = LISTED.space.ranges
    size = Grid().size(ranges)
    assert size == (2 + 1) * 3 * 4  # AdamW has no nesterov
    study = explore(Grid(), LISTED.space, LISTED.problem(None), LISTED.train, size + 1)
    points = {json.dumps(trial.params, sort_keys=True) for trial in study.trials[1:]}
    assert len(points) == size


def test_a_large_grid_is_not_written_down():
    ranges = {f"model.a{number}": Choice(*range(10)) for number in range(40)}
    assert Grid().size(ranges) == 10**40
    Grid().build(Problem(ranges), 0)


def test_the_grid_refuses_what_has_no_end():
    with pytest.raises(RecipeError, match=r"`model.dropout: uniform\(0, 0.5\)` has no end .* give a `step`"):
        Grid().build(Problem({"model.dropout": Uniform(0, 0.5)}), 0)


# -- quasi-random ----------------------------------------------------------------------------------------------------


def points_of(sampler, seed):
    study = explore(sampler, NUMERIC.space, NUMERIC.problem(None, seed), NUMERIC.train, 65)
    ranges = NUMERIC.space.ranges
    return [[share_of(ranges[name], value) for name, value in sorted(t.params.items())] for t in study.trials[1:]]


def test_quasi_random_points_leave_smaller_gaps_than_random_ones():
    from scipy.stats.qmc import discrepancy

    quasi, random = ([discrepancy(points_of(cls(), seed)) for seed in range(5)] for cls in (QMC, Random))
    assert max(quasi) < min(random)


def test_options_are_tried_equally_often():
    space = Space.from_settings(
        ["task=tabular_regression", "model.activation=choice(relu, gelu, tanh, silu)", "model.dropout=uniform(0, 0.5)"]
    )
    study = explore(QMC(), space, Toy(space).problem(None), Toy(space).train, 33)
    options = [trial.params["model.activation"] for trial in study.trials[1:]]
    assert {options.count(option) for option in set(options)} == {8}


# -- CMA-ES ----------------------------------------------------------------------------------------------------------


def test_cmaes_says_how_to_install_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(MissingPackage, match=r"pip install 'mapsto\[search\]'"):
        CMAES().build(NUMERIC.problem(10), 0)


def test_optunas_own_cmaes_would_leave_a_pickle(tmp_path):
    """The search for pickles in a journal finds those that there are."""
    from optuna.samplers import CmaEsSampler

    class Pickling(Random):
        def build(self, problem, seed):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return CmaEsSampler(seed=seed)

    path = tmp_path / "study.journal"
    explore(Pickling(), NUMERIC.space, NUMERIC.problem(20), NUMERIC.train, 20, path=path)
    assert PICKLES.search(path.read_text())


def test_cmaes_narrows_down_to_the_best_place():
    assert best(CMAES(), NUMERIC, 120, seed=0) > -1e-5


# -- BOHB ------------------------------------------------------------------------------------------------------------


def test_bohb_learns_from_the_largest_fidelity_that_enough_trials_reached():
    from optuna.trial import TrialState, create_trial

    from mapsto.search.samplers.bohb import _reached, _score

    pruned = create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.2, 3: 0.1})
    complete = create_trial(value=0.9, intermediate_values={1: 0.3, 3: 0.5, 9: 0.9})
    assert _reached(pruned) == 3
    assert _score(pruned, 3, "maximize") == [0.2]
    assert _score(pruned, 9, "maximize") is None
    assert _score(complete, 3, "maximize") == [0.5]
    assert _score(complete, _reached(complete), "maximize") == [0.9]


# -- genetic ---------------------------------------------------------------------------------------------------------


def front(sampler, n_trials, seed):
    toy = Toy(FIVE, num_objectives=2)
    study = explore(sampler(), toy.space, toy.problem(n_trials, seed), toy.train, n_trials)
    return study, [trial.values for trial in study.best_trials]


def hypervolume(values):
    """Between a front (the first maximized, the second minimized) and the corner where each is as bad as it is at the
    best place of the other one.
    """
    volume, low = 0.0, 0.16
    for score, cost in sorted((value for value in values if value[0] > -0.16), reverse=True):
        volume += max(0.0, low - cost) * (score + 0.16)
        low = min(low, cost)
    return volume


@pytest.mark.parametrize("sampler", [NSGAII, NSGAIII, TPE])
def test_a_front_is_found(sampler):
    ours, random = (
        statistics.median(hypervolume(front(cls, 100, seed)[1]) for seed in range(3)) for cls in (sampler, Random)
    )
    assert ours > 1.05 * random


def test_generations_are_of_the_size_that_was_asked_for():
    study, _ = front(NSGAII, 80, 0)
    generations = [trial.system_attrs["NSGAIIOfAll:generation"] for trial in study.trials]
    assert generations == sorted(generations)
    counts = [generations.count(generation) for generation in range(generations[-1])]
    assert set(counts) <= {10, 13}, counts  # three are on their way when the tenth is over
    assert generations[0] == 0


@pytest.mark.parametrize("sampler", [NSGAII, NSGAIII])
def test_generations_survive_an_interruption(sampler, tmp_path):
    toy, path = Toy(FIVE, num_objectives=2), tmp_path / "study.journal"
    problem = toy.problem(48)
    explore(sampler(), toy.space, problem, toy.train, 48, path=path, killed_at=29)
    parted, whole = (explore(sampler(), toy.space, problem, toy.train, 48, path=where) for where in (path, None))
    assert [trial.params for trial in parted.trials] == [trial.params for trial in whole.trials]


def test_a_sampler_for_one_objective_names_those_for_several():
    with pytest.raises(RecipeError, match=r"cmaes` searches for one objective, and this search has 2.*auto, .*tpe"):
        CMAES().build(Toy(NUMERIC.space, num_objectives=2).problem(10), 0)


# -- population based training ---------------------------------------------------------------------------------------


def outcome(number, score, chosen, state="complete"):
    return Outcome(number, "explore", state, "", score, 1, 1, 1, 1.0, 1, chosen=chosen)


RATE, MODEL = "optimizer.learning_rate", "model.activation"
POPULATION = Problem({RATE: Log(1e-4, 1e-1), MODEL: Choice("relu", "gelu")}, n_trials=64, max_fidelity=16)


def members(scores):
    return [
        outcome(number, score, {RATE: 0.001 * (number + 1), MODEL: "gelu" if number % 2 else "relu"})
        for number, score in enumerate(scores)
    ]


def step(history, number):
    proposal = PBT().propose(POPULATION, history, number, 0)
    assert proposal is not None
    return proposal


def test_a_good_member_goes_on_and_a_poor_one_takes_over():
    history = members([0.1, 0.9, 0.5, 0.6, 0.7, 0.4, 0.3, 0.8])
    assert PBT().population(POPULATION) == 8
    assert PBT().interval(POPULATION) == 2
    assert PBT().propose(POPULATION, history[:4], 7, 0) is None
    good = step(history, 9)
    assert good.chosen == history[1].chosen
    assert good.starts_from == 1
    poor = step(history, 8)
    assert poor.starts_from in {1, 7}
    parent = history[poor.starts_from or 0].chosen
    assert poor.chosen[MODEL] == parent[MODEL]
    assert round(poor.chosen[RATE] / parent[RATE], 6) in {0.8, 1.2}


def test_a_failed_member_takes_over():
    history = members([0.1, 0.9, 0.5, 0.6, 0.7, 0.4, 0.3, 0.8])
    history[2] = outcome(2, None, history[2].chosen, state="failed")
    assert step(history, 10).starts_from in {1, 7}


def test_a_population_that_is_trained_makes_way_for_the_next():
    steps = POPULATION.max_fidelity // PBT().interval(POPULATION)
    assert PBT().propose(POPULATION, members([0.5] * 8), 8 * steps, 0) is None


@pytest.mark.parametrize("range_", [range_ for range_ in RANGES if not isinstance(range_, Choice)], ids=str)
def test_changed_settings_stay_in_their_range(range_):
    import random

    rng = random.Random(0)
    for share in np.linspace(0, 1, 21):
        assert range_.contains(_perturbed(range_, value_at(range_, float(share)), rng))


def test_zero_does_not_stay_zero_for_ever():
    import random

    rng = random.Random(0)
    assert {_perturbed(Uniform(0, 0.5), 0.0, rng) for _ in range(20)} == {0.0, 0.05}
    assert {_perturbed(Int(1, 8), 1, rng) for _ in range(20)} == {1, 2}


def follow(chosen, parent):
    """A training whose best learning rate falls with time: each step does as much as the rate is near it."""
    done, weights = (0, 0.0) if parent is None else (parent.curve[-1][0], parent.curve[-1][1][0])
    miss = abs(share_of(POPULATION.ranges[RATE], chosen[RATE]) - (0.8 - 0.6 * done / POPULATION.max_fidelity))
    return ((done + 2, (weights + max(0.0, 1 - 3 * miss),)),)


def test_the_schedule_of_a_population_beats_the_best_constant():
    space = Space.from_settings(
        ["task=tabular_regression", "optimizer.learning_rate=log(1e-4, 1e-1)", "model.activation=choice(relu, gelu)"]
    )

    def constant(share):
        step = None
        for _ in range(8):
            step = outcome(0, 0.0, {}) if step is None else step
            curve = follow({RATE: value_at(POPULATION.ranges[RATE], share)}, step if step.curve else None)
            step = Outcome(0, "explore", "complete", "", 0.0, 1, 1, 1, 1.0, 1, curve=curve)
        return step.curve[-1][1][0]

    study = explore(PBT(), space, POPULATION, follow, 64)
    assert max(t.values[0] for t in study.trials) > max(constant(share) for share in np.linspace(0, 1, 51))


def test_a_population_is_never_smaller_than_what_is_made_ahead():
    assert [PBT().population(Problem(MIXED, n_trials=20, lookahead=ahead)) for ahead in (1, 4, 8)] == [4, 4, 8]


# -- auto ------------------------------------------------------------------------------------------------------------

CONTINUOUS = {f"training.l{n}": Log(1e-4, 1e-1) for n in (1, 2)}


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        (Problem(LISTED.space.ranges, n_trials=40), "grid"),
        (Problem(LISTED.space.ranges), "grid"),
        (Problem(LISTED.space.ranges, n_trials=20), "tpe"),
        (Problem(CONTINUOUS, n_trials=8), "qmc"),
        (Problem(CONTINUOUS, n_trials=60), "gp"),
        (Problem(CONTINUOUS, n_trials=200), "tpe"),
        (Problem(CONTINUOUS, n_trials=400), "cmaes"),
        (Problem(CONTINUOUS), "tpe"),
        (Problem(CONDITIONAL.space.ranges, n_trials=60), "tpe"),
        (Problem(CONTINUOUS, ("maximize",) * 2, n_trials=60), "tpe"),
        (Problem(CONTINUOUS, ("maximize",) * 2, n_trials=2000), "nsgaii"),
        (Problem(CONTINUOUS, ("maximize",) * 4, n_trials=2000), "nsgaiii"),
    ],
)
def test_auto_chooses(problem, name):
    assert Auto().choice(problem) == name
    assert isinstance(Auto().why(problem), Message)
    Auto().build(problem, 0)


MIXED: dict[str, Range] = {
    "optimizer.learning_rate": Log(1e-4, 1e-1),
    "model.hidden_dim": Int(16, 256, log=True),
    "model.activation": Choice("relu", "gelu", "tanh"),
}
DEFAULT = {"optimizer.learning_rate": 1e-3, "model.hidden_dim": 64, "model.activation": "gelu"}


def test_auto_begins_near_the_default_recipe_and_looks_elsewhere_too():
    problem = Problem(MIXED, n_trials=200, default=DEFAULT)
    own = [Auto().propose(problem, [], number, seed=number) is not None for number in range(9)]
    assert own == [False, True, True, False, True, True, False, False, False]  # a model proposes after six
    assert Auto().propose(Problem(MIXED, n_trials=3, default=DEFAULT), [], 1, seed=1) is None  # a Sobol sequence's


def test_what_is_near_the_default_recipe():
    drawn = [near(Problem(MIXED, default=DEFAULT), seed) for seed in range(300)]
    assert all(MIXED[name].contains(value) for chosen in drawn for name, value in chosen.items())
    for name in ("optimizer.learning_rate", "model.hidden_dim"):
        shares = [share_of(MIXED[name], chosen[name]) for chosen in drawn]
        assert abs(statistics.mean(shares) - share_of(MIXED[name], DEFAULT[name])) < 0.03
        assert 0.12 < statistics.stdev(shares) < 0.18
    assert 0.6 < sum(chosen["model.activation"] == "gelu" for chosen in drawn) / 300 < 0.8
    choices = {f"training.{name}": Choice(1, 2, 3, 4, 5) for name in ("batch_size", "patience", "max_epochs")}
    default = dict.fromkeys(choices, 3)
    assert all(near(Problem(choices, default=default), seed) != default for seed in range(100))


def test_what_did_well_on_other_data_is_a_neighborhood_too():
    learned = {"optimizer.learning_rate": 5e-2, "model.hidden_dim": 200, "model.activation": "tanh"}
    problem = Problem(MIXED, n_trials=200, default=DEFAULT, learned=(learned,))
    drawn = [near(problem, seed)["optimizer.learning_rate"] for seed in range(200)]
    assert 0.4 < sum(rate > 7e-3 for rate in drawn) / 200 < 0.6
    assert Auto().propose(problem, [], 7, seed=0) is not None  # one further, since a trial was given to the learned one


def test_near_the_default_a_range_that_another_choice_shuts_off_has_no_value():
    space = Space.from_settings(["optimizer.name=choice(sgd, adamw)", "optimizer.momentum=uniform(0, 0.99)"])
    problem = Problem(space.ranges, default={"optimizer.name": "sgd", "optimizer.momentum": 0.9})
    drawn = [near(problem, seed) for seed in range(40)]
    assert {(chosen["optimizer.name"], "optimizer.momentum" in chosen) for chosen in drawn} == {
        ("sgd", True), ("adamw", False),
    }  # fmt: skip


def test_auto_ends_where_a_small_grid_ends():
    assert Auto().size(LISTED.space.ranges) == 36
    assert Auto().size({"training.batch_size": Int(1, 65)}) is None


# -- OptunaHub -------------------------------------------------------------------------------------------------------


def test_names_are_resolved():
    assert isinstance(named("tpe"), TPE)
    assert isinstance(named("optunahub/auto_sampler"), OptunaHub)
    with pytest.raises(RecipeError, match="No sampler is called"):
        named("tpee")
    with pytest.raises(RecipeError, match="named by its folder"):
        named("optunahub/../secrets")


PACKAGE = """
from optuna.samplers import RandomSampler

class HalfSampler(RandomSampler):
    pass

class NeedsMore(RandomSampler):
    def __init__(self, space):
        super().__init__()

__all__ = ["{name}"]
"""


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """OptunaHub's cache, with packages that need not be fetched; git may not use the network."""
    pytest.importorskip("optunahub")
    monkeypatch.setenv("OPTUNAHUB_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    for package, name in (("mapsto_half", "HalfSampler"), ("mapsto_needs", "NeedsMore")):
        folder = tmp_path / "github.com/optuna/optunahub-registry/main/package/samplers" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(PACKAGE.format(name=name))


def test_a_package_of_optunahub_proposes(hub):
    study = explore(named("optunahub/mapsto_half"), NUMERIC.space, NUMERIC.problem(8), NUMERIC.train, 8)
    assert type(study.sampler).__name__ == "HalfSampler"
    again = explore(named("optunahub/mapsto_half"), NUMERIC.space, NUMERIC.problem(8), NUMERIC.train, 8)
    assert [t.params for t in study.trials] == [t.params for t in again.trials]


def test_a_package_that_needs_more_than_a_seed_is_refused(hub):
    with pytest.raises(RecipeError, match="has to be told space"):
        named("optunahub/mapsto_needs").build(NUMERIC.problem(8), 0)


def test_without_the_network_optunahub_says_what_works(hub):
    with pytest.raises(RecipeError, match=r"could not be fetched .*`search.sampler: auto` chooses among"):
        named("optunahub/mapsto_elsewhere").build(NUMERIC.problem(8), 0)
