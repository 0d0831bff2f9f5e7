"""YAML, settings and Python say the same; what is wrong is told with its place and the nearest right name."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mapsto.errors import RecipeError
from mapsto.recipe.describe import init_text, json_schema, listing
from mapsto.recipe.ranges import Choice, Int, Log, Uniform, choice, integer, log, parse, uniform
from mapsto.recipe.schema import Recipe
from mapsto.recipe.seeds import derive
from mapsto.recipe.space import Space

TASK = {"task.name": "tabular_classification", "model.name": "mlp"}
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=".="), min_size=1, max_size=8).filter(
    lambda name: name.strip() == name
)
KINDS = st.sampled_from(["numeric", "category", "text", "image", "mask", "ignore"])
CONDITIONS = st.sampled_from([(), ("optimizer.name", "sgd"), ("model.name", "mlp", "cnn"), ("training.batch_size", 32)])


def ranges(low, high):
    ends = st.floats(low, high, allow_nan=False).filter(lambda x: x >= 1e-12)
    pairs = st.tuples(ends, ends)
    logs = pairs.map(lambda p: Log(min(p), max(p)))
    return st.one_of(logs, pairs.map(lambda p: Uniform(min(p), max(p))), ends)


def conditioned(strategy):
    def add(pair):
        value, condition = pair
        return value.only_if(*condition) if condition and hasattr(value, "only_if") else value

    return st.tuples(strategy, CONDITIONS).map(add)


SPACES = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**62),
        "data.source": st.text(max_size=12) | st.sampled_from(["auto", "1e-4", "no", "log(1, 2)", "null", "a: b # c"]),
        "data.columns": st.dictionaries(NAMES, KINDS, min_size=1, max_size=3),
        "model.dropout": conditioned(ranges(0, 0.99)),
        "model.hidden_dim": st.builds(lambda a, b: Int(min(a, b), max(a, b), log=True), *[st.integers(1, 65536)] * 2),
        "model.activation": st.lists(st.sampled_from(["relu", "gelu", "tanh"]), min_size=1, unique=True).map(
            lambda names: Choice(*names)
        ),
        "optimizer.name": st.just(Choice("sgd", "adam")) | st.just("sgd"),
        "optimizer.learning_rate": conditioned(ranges(1e-9, 99)),
        "training.max_grad_norm": st.none() | st.floats(1e-3, 1e3),
        "search.budget": st.sampled_from([None, "90s", "1h30m"]),
    },
)


@given(SPACES)
@settings(max_examples=150, deadline=None)
def test_the_three_notations_turn_into_each_other_without_loss(leaves):
    space = Space.from_mapping({**TASK, **{k: v for k, v in leaves.items() if not isinstance(v, str)}})
    texts = {name: value for name, value in leaves.items() if isinstance(value, str)}
    space = Space({**space.leaves, **texts})
    assert Space.from_yaml(space.to_yaml()) == space
    assert Space.from_settings(space.to_settings()) == space
    assert Space.from_mapping(space.to_mapping()) == space


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log(1e-4,1e-1)", log(1e-4, 1e-1)),
        ("uniform(0, 0.5, step=0.1)", uniform(0, 0.5, step=0.1)),
        ("int(32, 512, log=True)", integer(32, 512, log=True)),
        ('choice(relu, "a, b", 3, true, null)', choice("relu", "a, b", 3, True, None)),
        ("uniform(0, 0.9) if optimizer.name == sgd", uniform(0, 0.9).only_if("optimizer.name", "sgd")),
    ],
)
def test_range_notation(text, expected):
    assert parse(text) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["log(0, 1)", "log(2, 1)", "int(1.5, 3)", "choice()", "uniform(1", "log(a, b)"])
def test_a_range_that_is_none_is_refused(text):
    with pytest.raises(RecipeError):
        parse(text)


def test_all_faults_are_told_at_once_with_line_key_and_nearest_name():
    text = "optimizer:\n  name: adam\n  momentum: 0.9\nmodle: cnn\ntraining:\n  max_epochs: -3\n  batchsize: 3\n"
    with pytest.raises(RecipeError) as caught:
        Space.from_yaml(text, "recipe.yaml")
    message = str(caught.value)
    assert "recipe.yaml, line 3: `optimizer.momentum` is not a setting of adam, but of muon, rmsprop and sgd" in message
    assert "recipe.yaml, line 4: There is no setting `modle`. Did you mean `model`?" in message
    assert "recipe.yaml, line 6: `training.max_epochs` must be a whole number" in message
    assert "Received: -3" in message
    assert "line 7: There is no setting `training.batchsize`. Did you mean `training.batch_size`?" in message


def test_momentum_is_searched_only_with_sgd():
    space = Space.from_mapping(
        {**TASK, "optimizer.name": choice("sgd", "adam"), "optimizer.momentum": uniform(0.5, 0.9)}
    )
    with_sgd = space.walk(lambda name, range_: "sgd" if name == "optimizer.name" else range_.center(), {})
    with_adam = space.walk(lambda name, range_: "adam" if name == "optimizer.name" else range_.center(), {})
    assert with_sgd == {"optimizer.name": "sgd", "optimizer.momentum": 0.7}
    assert with_adam == {"optimizer.name": "adam"}
    assert space.recipe(with_sgd).optimizer.momentum == 0.7
    assert space.recipe(with_adam).optimizer.name == "adam"


def test_a_condition_on_another_leaf():
    space = Space.from_settings(
        [*(f"{k}={v}" for k, v in TASK.items()), "model.num_layers=int(1, 3)"]
        + ["model.dropout=uniform(0, 0.5) if model.num_layers in (2, 3)"]
    )
    one = space.walk(lambda name, range_: 1 if name == "model.num_layers" else 0.3, {})
    two = space.walk(lambda name, range_: 2 if name == "model.num_layers" else 0.3, {})
    assert (set(one), set(two)) == ({"model.num_layers"}, {"model.num_layers", "model.dropout"})


def test_auto_leaves_a_setting_open():
    space = Space.from_mapping({**TASK, "training.batch_size": 7})
    opened = space.merged(Space.from_settings(["training.batch_size=auto"]))
    assert opened.recipe({}, {"training.batch_size": 64}).training.batch_size == 64


def test_numbers_and_words_follow_yaml_1_2():
    space = Space.from_yaml("optimizer: {name: sgd, learning_rate: 1e-4}\ndata: {target: no}\n")
    assert space.leaves["optimizer.learning_rate"] == 1e-4
    assert space.leaves["data.target"] == "no"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training:\n\tmax_epochs: 3", "line 2: this line is indented with a tab"),
        ("a: &x [1]\nb: [*x, *x]", "no anchors or aliases"),
        ("a: !!python/object:os.system x", "no tags"),
        ("- a", "Received: a list"),
        ("seed: 0\n---\nseed: 1", "document"),
        ("seed: 1\nseed: 2", "twice"),
        ("x" * (2**20 + 1), "longer than 1 MiB"),
    ],
)
def test_yaml_that_no_recipe_needs_is_refused(text, message):
    with pytest.raises(RecipeError, match=message):
        Space.from_yaml(text, "recipe.yaml")


def test_a_recipe_round_trips_through_yaml():
    recipe = Space.from_mapping({**TASK, "data.source": "no"}).recipe()
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert recipe.replace({"training.batch_size": 3}).get("training.batch_size") == 3


def test_the_schema_takes_what_the_reader_takes():
    validator = Draft202012Validator(json_schema())
    good = {"task": "tabular_classification", "optimizer": {"name": "sgd", "momentum": "uniform(0, 0.9)"}, "seed": 3}
    assert validator.is_valid(good)
    assert validator.is_valid(json.loads(json.dumps(Space.from_mapping(TASK).to_mapping())))
    assert not validator.is_valid({"optimizer": {"name": "adam", "momentum": 0.9}})
    assert not validator.is_valid({"training": {"max_epochs": -3}})
    assert not validator.is_valid({"modle": "cnn"})


def test_every_setting_is_described():
    assert [setting.leaf for setting in listing() if not setting.description] == []


def test_the_starting_recipe_loads_as_a_space():
    recipe = Space.from_mapping(TASK).recipe()
    text = init_text(Space.from_mapping(recipe.leaves()), {"model.dropout": uniform(0, 0.5)})
    assert "worth searching: uniform(0, 0.5)" in text
    assert Space.from_yaml(text).leaves["model.name"] == "mlp"


def test_derived_seeds_differ_and_stay():
    assert derive(0, "trial", 7) == 398214851
    assert len({derive(seed, "trial", number) for seed in range(20) for number in range(20)}) == 400


def test_kinds_of_several_columns_on_the_command_line():
    settings = ["data.columns.zip=text", "data.columns.age=numeric", "data.columns.zip=category"]
    assert Space.from_settings(settings).leaves == {"data.columns": {"zip": "category", "age": "numeric"}}
