"""What builders ask for, in three dialects, and how their spaces are found."""

import pytest

from mapsto.errors import RecipeError
from mapsto.recipe.hyperparameters import MOST_RUNS, HyperParameters, discover
from mapsto.recipe.ranges import Choice, Int, Log, Uniform
from mapsto.recipe.space import Space


def ranges(build):
    return {name: str(range_) for name, range_ in discover(build).ranges.items()}


def test_three_dialects_ask_for_the_same():
    hp = HyperParameters({"width": 64, "rate": 0.01, "kind": "b"})
    assert [hp.int("width", 32, 512), hp.Int("width", 32, 512), hp.suggest_int("width", 32, 512)] == [64, 64, 64]
    assert [hp.float("rate", 1e-4, 1, log=True), hp.suggest_float("rate", 1e-4, 1, log=True)] == [0.01, 0.01]
    kinds = ["a", "b"]
    assert [hp.choice("kind", kinds), hp.Choice("kind", kinds), hp.suggest_categorical("kind", kinds)] == ["b"] * 3
    assert {name: one.range for name, one in hp.asked.items()} == {
        "width": Int(32, 512), "rate": Log(1e-4, 1), "kind": Choice("a", "b"),
    }  # fmt: skip
    assert hp.params == hp.values == {"width": 64, "rate": 0.01, "kind": "b"}


def test_defaults_are_those_of_each_dialect():
    hp = HyperParameters()
    assert (hp.int("a", 10, 30), hp.Int("b", 10, 30), hp.suggest_int("c", 10, 30)) == (20, 10, 20)
    assert (hp.float("d", 1e-4, 1, log=True), hp.Float("e", 0.0, 1.0)) == (pytest.approx(0.01), 0.0)
    assert (hp.Boolean("f"), hp.boolean("g", default=True), hp.Choice("h", [3, 4], default=4)) == (False, True, 4)
    assert hp.Fixed("i", 7) == 7


def test_keras_tuners_steps_add_or_multiply():
    hp = HyperParameters()
    hp.Int("add", 10, 100, step=32)
    hp.Int("times", 8, 100, step=2, sampling="log")
    hp.Float("tenths", 0.001, 1, step=10, sampling="log")
    found = {name: one.range for name, one in hp.asked.items()}
    assert found["add"] == Int(10, 74, step=32)
    assert found["times"] == Choice(8, 16, 32, 64)
    assert found["tenths"].options == pytest.approx((0.001, 0.01, 0.1, 1))


def test_what_a_scope_holds_is_none_outside_of_it():
    def build(hp):
        hp.Choice("model", ["mlp", "cnn"])
        with hp.conditional_scope("model", ["cnn"]):
            return hp.Int("filters", 8, 16), hp.Choice(
                "pool", ["max", "avg"], parent_name="model", parent_values=["cnn"]
            )

    assert build(HyperParameters()) == (None, None)
    assert build(HyperParameters({"model": "cnn", "filters": 9})) == (9, "max")
    assert ranges(build)["hp.filters"] == "int(8, 16) if hp.model == cnn"


def test_names_are_made_of_letters_and_two_that_would_be_one_are_refused():
    hp = HyperParameters({"learning_rate": 0.5})
    assert hp.Float("learning rate", 0.0, 1.0) == 0.5
    assert hp.get("learning rate") == 0.5
    with hp.name_scope("block"):
        hp.Int("size", 1, 2)
    assert "block_size" in hp.asked
    with pytest.raises(RecipeError, match='"learning rate" and "learning-rate" would both be'):
        hp.Float("learning-rate", 0.0, 1.0)


def test_loops_and_branches_have_conditions():
    def build(hp):
        for number in range(hp.int("layers", 1, 3)):
            hp.int(f"units_{number}", 4, 8)
        if hp.choice("kind", ["a", "b", "c"]) in ("b", "c") and hp.boolean("deep"):
            hp.float("rate", 0, 1)

    assert ranges(build) == {
        "hp.layers": "int(1, 3)",
        "hp.units_0": "int(4, 8)",
        "hp.units_1": "int(4, 8) if hp.layers in (2, 3)",
        "hp.units_2": "int(4, 8) if hp.layers == 3",
        "hp.kind": "choice(a, b, c)",
        "hp.deep": "choice(false, true) if hp.kind in (b, c)",
        "hp.rate": "uniform(0, 1) if hp.deep == true",
    }
    space = Space.from_mapping(discover(build).ranges)
    assert Space.from_yaml(space.to_yaml()) == space
    assert set(space.walk(lambda name, range_: range_.center())) == {"hp.layers", "hp.units_0", "hp.units_1", "hp.kind"}


def test_a_branch_that_fails_is_its_trials_to_say_and_the_first_run_the_users():
    def build(hp):
        if hp.choice("kind", ["good", "bad"]) == "bad":
            raise ValueError("no such network")
        hp.float("rate", 0, 1)

    assert ranges(build) == {"hp.kind": "choice(good, bad)", "hp.rate": "uniform(0, 1)"}
    with pytest.raises(ZeroDivisionError):
        discover(lambda hp: 1 / 0)


def test_a_builder_is_not_run_without_end():
    runs = []

    def build(hp):
        runs.append(1)
        for number in range(20):
            hp.choice(f"switch_{number}", list(range(8)))

    found = discover(build)
    assert len(runs) == MOST_RUNS + 1
    assert not found.is_whole
    assert len(found.ranges) == 20


def test_what_cannot_be_a_range_is_refused():
    hp = HyperParameters()
    with pytest.raises(RecipeError, match="takes `log` or `step`, not both"):
        hp.float("a", 0.1, 1, log=True, step=0.1)
    with pytest.raises(RecipeError, match="above zero"):
        hp.float("b", 0, 1, log=True)
    with pytest.raises(KeyError):
        hp.get("never asked for")


def test_a_fixed_value_is_a_default_and_no_range():
    found = discover(lambda hp: hp.Fixed("rows", 7))
    assert (found.ranges, found.defaults) == ({}, {"hp.rows": 7})


@pytest.mark.parametrize("name", ["hp.", "hp.a b", "hp.a.b", f"hp.{'a' * 101}"])
def test_names_of_the_section_are_plain(name):
    with pytest.raises(RecipeError):
        Space.from_mapping({name: 1})
    assert Space.from_mapping({"hp.any_name": 1, "hp.other": Uniform(0, 1)}).leaves["hp.any_name"] == 1
