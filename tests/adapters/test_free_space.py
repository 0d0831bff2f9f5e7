from pathlib import Path

import pytest

from mapsto.adapters.free_space import FreeSpace, variable
from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Log, Uniform, log, uniform

TEXTS = ["opt=choice(sgd, adam)", "momentum=uniform(0, 0.99) if opt == sgd", "lr=log(1e-4, 1)", "epochs=3", "bias=true"]


def test_texts_are_values_and_ranges():
    space = FreeSpace.from_settings([*TEXTS, 'note="1e-4"', "epochs=4"])
    assert space.ranges["lr"] == Log(1e-4, 1)
    assert {name: space.settings[name] for name in ("epochs", "bias", "note")} == {
        "epochs": 4,
        "bias": True,
        "note": "1e-4",
    }
    assert FreeSpace.from_settings(space.to_settings()) == space


def test_objects_and_texts_stand_side_by_side():
    assert FreeSpace.from_mapping({"lr": log(1e-4, 1), "drop": "uniform(0, 1)"}).ranges == {
        "lr": Log(1e-4, 1),
        "drop": Uniform(0, 1),
    }


def test_a_range_is_asked_for_after_what_it_depends_on_and_only_if_it_is_searched():
    space = FreeSpace.from_settings(["c=int(1, 2) if b == 1", "b=int(1, 2) if a == x", "a=choice(x, y)"])
    assert list(space.walk(lambda name, range_: range_.center())) == ["a", "b", "c"]
    assert space.walk(lambda name, range_: "y") == {"a": "y"}
    assert space.complete({"a": "x", "b": 2}) == {"b": 2, "a": "x"}


def test_a_condition_on_a_fixed_value_is_decided_at_once():
    space = FreeSpace.from_settings(["opt=sgd", "momentum=uniform(0, 1) if opt in (sgd, rmsprop)"])
    assert space.walk(lambda name, range_: 0.5) == {"momentum": 0.5}


def test_a_start_is_what_was_given_and_the_middle_of_the_rest():
    space = FreeSpace.from_settings(TEXTS)
    assert space.start({"opt": "adam", "lr": 0.5}) == {"opt": "adam", "lr": 0.5}
    assert space.start({}) == {"opt": "sgd", "momentum": 0.495, "lr": pytest.approx(0.01)}
    with pytest.raises(RecipeError, match=r"`lrr` is not searched at the start. Did you mean \"lr\"\?"):
        space.start({"lrr": 0.5})
    with pytest.raises(RecipeError, match=r"`lr` is searched in log\(0.0001, 1\). Received: 2, to start with."):
        space.start({"lr": 2})


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["lr"], "A setting is written name=value"),
        (["1r=3"], "`1r` is no name of a setting"),
        (["seed=3"], "`seed` is what a program is told in any case"),
        (["a.b=1", "a_b=2"], "`a.b` and `a_b` would both be MAPSTO_A_B in the environment"),
        (["lr=log(0, 1)"], "`lr`: A logarithmic range log"),
        (["lr=.nan"], "`lr` must be a range, a text, a finite number, true or false. Received: nan."),
        (["x=choice(1, null)"], "`x`: null is no value for a program"),
        (["x=3 if y == 1", "y=1"], "`x`: only a range has a condition"),
        (
            ["opt=choice(a, b)", "x=int(1, 2) if optt == a"],
            '`x` depends on `optt`, which is no setting. Did you mean "opt"?',
        ),
        (
            ["opt=choice(a, b)", "x=int(1, 2) if opt == c"],
            "`x` depends on `opt`, which is never c: it is choice(a, b).",
        ),
        (["opt=a", "x=int(1, 2) if opt == b"], "`x` is never searched, since `opt` is a."),
        (["a=int(1, 2) if b == 1", "b=int(1, 2) if a == 1"], "go in a circle"),
        (["1=2", "seed=3"], "2 settings are at fault."),
    ],
)
def test_what_is_refused(texts, message):
    with pytest.raises(RecipeError) as refused:
        FreeSpace.from_settings(texts)
    assert message in str(refused.value)


def test_a_file_nests_names_and_keeps_texts_texts(tmp_path: Path):
    path = tmp_path / "space.yaml"
    path.write_text("optimizer:\n  lr: log(1e-4, 1)\n  name: 'choice(sgd, adam)'\nepochs: 3\ncode: '007'\n")
    space = FreeSpace.from_file(path)
    assert list(space.settings) == ["optimizer.lr", "optimizer.name", "epochs", "code"]
    assert (space.settings["epochs"], space.settings["code"]) == (3, "007")
    path.write_text('{"x": "uniform(0, 1)", "n": 2}')
    assert FreeSpace.from_file(path).settings == {"x": uniform(0, 1), "n": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2]", "line 1: a space is a mapping"),
        ("a: 1\na: 2", "line 2: `a` is given twice"),
        ("a: &x 1\nb: *x", "no anchors"),
        ("a: [", "is not YAML"),
        ("", "a space is a mapping"),
    ],
)
def test_a_file_that_is_no_space_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        FreeSpace.from_file(path)


def test_the_variable_of_a_dotted_name():
    assert variable("optimizer.lr") == "MAPSTO_OPTIMIZER_LR"
