"""What a study learns from earlier ones and from the portfolio: which recipes it tries first, fitted into its space."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto._messages import Message, to_json
from mapsto.data.prepared import Facts
from mapsto.errors import RunError
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.search.likeness import Description, distance
from mapsto.search.memory import first_trials, remembered
from mapsto.search.outcome import Outcome
from mapsto.search.past import PastStudy
from mapsto.search.portfolio import FILE, portfolio
from mapsto.search.suggestions import Suggestion, announced, cover, translated

TASK = "tabular_classification"
DEFAULTS = {"task.name": TASK, "model.name": "mlp", "optimizer.name": "adamw", "optimizer.learning_rate": 1e-3}
SPACE = Space.from_mapping({"optimizer.learning_rate": "log(1e-4, 1)", "model.dropout": "uniform(0, 0.5)"})
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def facts(rows=1000, **changes):
    values = {
        "name": "data",
        "task": TASK,
        "target": "y",
        "num_rows": rows * 10 // 7,
        "part_counts": {"train": rows, "validation": rows * 3 // 14, "test": rows * 3 // 14},
        "num_classes": 2,
        "class_names": ("no", "yes"),
        "class_counts": (rows // 2, rows - rows // 2),
        "columns": (
            {"name": "a", "kind": "numeric", "missing": 0, "unique": rows, "used_as": "inputs"},
            {"name": "b", "kind": "category", "missing": 0, "unique": 4, "used_as": "inputs"},
            {"name": "y", "kind": "category", "missing": 0, "unique": 2, "used_as": "target"},
        ),
        "input_shape": (5,),
        "num_features": 5,
        "vocabulary_size": None,
    }
    return Facts(**{**values, **changes})


def outcome(number, chosen, score, **changes):
    values = {"phase": "explore", "state": "complete", "cause": "all epochs were trained", "best_epoch": 2, "epochs": 2}
    values |= {"steps": 20, "seconds": 0.1, "parameters": 100, "number": number, "chosen": chosen, "score": score}
    return Outcome.from_json({**values, **changes})


def finish(run, outcomes, data=None, leaves=None, objective=("accuracy", "maximize"), winner=None):
    """Writes what a finished run leaves that a later study reads."""
    name, direction = objective
    scored = [o for o in outcomes if o.score is not None]
    best = max(scored, key=lambda o: o.score if direction == "maximize" else -o.score)
    number = best.number if winner is None else winner
    chosen = next(o.chosen for o in outcomes if o.number == number)
    recipe = Recipe.from_leaves({**DEFAULTS, **(leaves or {}), **chosen})
    results = {
        "facts": (data or facts()).to_json(),
        "objective": {"name": name, "title": name, "direction": direction, "percent": True},
        "winner": {"number": number, "chosen": chosen},
        "trials": [asdict(o) for o in outcomes],
        "recipe_yaml": recipe.to_yaml(),
    }
    run.mkdir(parents=True)
    (run / "results.json").write_text(json.dumps(results))
    return run


def rates(*scores):
    """Trials of the five step sizes, or of the first ones, with these scores."""
    return [outcome(number, {"optimizer.learning_rate": RATES[number]}, s) for number, s in enumerate(scores)]


def suggested(*paths, data=None, space=SPACE, objective="accuracy", max_trials=5):
    return remembered(paths, data or facts(), space, DEFAULTS, objective, max_trials)


def first_rate(*paths, **more):
    return suggested(*paths, **more)[0].chosen["optimizer.learning_rate"]


# -- which studies speak -----------------------------------------------------------------------------------------


def test_the_winner_of_a_study_of_the_same_data_is_tried_first(tmp_path):
    first = suggested(finish(tmp_path / "churn", rates(0.6, 0.7, 0.8, 0.9, 0.5)))[0]
    assert first.chosen == {"optimizer.learning_rate": 0.1, "model.dropout": 0.0}
    assert first.source == str(tmp_path / "churn")
    assert first.why == "trial 3 of churn, where 100% of the other recipes did worse"


def test_the_likest_data_speak_first(tmp_path):
    finish(tmp_path / "store" / "small", rates(0.9, 0.7, 0.6, 0.5, 0.4), facts(rows=100))
    finish(tmp_path / "store" / "large", rates(0.4, 0.5, 0.6, 0.7, 0.9), facts(rows=100_000))
    assert first_rate(tmp_path / "store", data=facts(rows=200)) == 1e-4
    assert first_rate(tmp_path / "store", data=facts(rows=50_000)) == 1.0


def test_a_recipe_that_is_good_everywhere_comes_before_the_winners_of_single_studies(tmp_path):
    finish(tmp_path / "store" / "one", rates(1.0, 0.1, 0.2, 0.95, 0.3))
    finish(tmp_path / "store" / "other", rates(0.1, 0.2, 0.3, 0.95, 1.0))
    first, *further = [s.chosen["optimizer.learning_rate"] for s in suggested(tmp_path / "store")]
    assert first == 0.1
    assert set(further) == {1e-4, 1.0}


def test_a_minimized_objective_is_read_as_such(tmp_path):
    run = finish(tmp_path / "run", rates(0.6, 0.3, 0.2, 0.1, 0.5), objective=("log_loss", "minimize"))
    assert first_rate(run, objective="log_loss") == 0.1


def test_the_same_objective_counts_more_than_another(tmp_path):
    finish(tmp_path / "store" / "accuracy", rates(0.9, 0.6, 0.5, 0.4, 0.3))
    finish(tmp_path / "store" / "f1", rates(0.3, 0.4, 0.5, 0.6, 0.9), objective=("f1", "maximize"))
    assert first_rate(tmp_path / "store") == 1e-4
    assert first_rate(tmp_path / "store", objective="f1") == 1.0


@pytest.mark.parametrize("leaves", [{"task.name": "tabular_regression"}, {"model.name": "tabm"}])
def test_another_task_or_model_says_nothing(tmp_path, leaves):
    data = facts(task=leaves.get("task.name", TASK))
    assert suggested(finish(tmp_path / "run", rates(0.6, 0.7, 0.8, 0.9, 0.5), data, leaves)) == []


def test_a_single_recipe_was_compared_with_nothing_and_says_nothing(tmp_path):
    assert suggested(finish(tmp_path / "run", rates(0.9))) == []


# -- which recipes of a study ------------------------------------------------------------------------------------


def test_what_fresh_seeds_named_is_the_best_whatever_the_explored_scores(tmp_path):
    trials = rates(0.90, 0.91, 0.92, 0.93, 0.94)
    again = [outcome(n, trials[n].chosen, s, phase="confirm", of=n) for n, s in ((3, 0.95), (4, 0.5))]
    assert first_rate(finish(tmp_path / "run", [*trials, *again], winner=3)) == 0.1


def test_what_was_stopped_or_failed_is_not_suggested(tmp_path):
    trials = rates(0.6, 0.5, 0.55, 0.9, None)
    states = ["complete", "complete", "complete", "pruned", "failed"]
    trials = [outcome(o.number, o.chosen, o.score, state=s) for o, s in zip(trials, states, strict=True)]
    found = suggested(finish(tmp_path / "run", trials, winner=0))
    assert {s.chosen["optimizer.learning_rate"] for s in found} == {1e-4, 1e-2}


def test_a_trial_that_went_on_counts_by_its_later_number(tmp_path):
    trials = rates(0.6, 0.5, 0.55, 0.4, 0.3)
    stopped = outcome(5, {"optimizer.learning_rate": 0.03}, 0.2, state="pruned")
    continued = outcome(6, stopped.chosen, 0.9, starts_from=5)
    study = PastStudy.read(finish(tmp_path / "run", [*trials, stopped, continued]))
    assert [(t.number, t.regret) for t in study.trials if t.number > 4] == [(6, 0.0)]


def test_a_recipe_that_began_with_the_weights_of_another_is_left_out(tmp_path):
    inherited = outcome(5, {"optimizer.learning_rate": 0.03}, 0.95, starts_from=3)
    study = PastStudy.read(finish(tmp_path / "run", [*rates(0.6, 0.5, 0.55, 0.4, 0.3), inherited], winner=0))
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3, 4]


def test_near_copies_and_the_default_recipe_are_not_suggested(tmp_path):
    trials = [
        outcome(n, {"optimizer.learning_rate": rate}, score)
        for n, (rate, score) in enumerate([(1e-3, 0.95), (0.1, 0.9), (0.11, 0.91), (0.12, 0.92), (1.0, 0.1)])
    ]
    found = suggested(finish(tmp_path / "run", trials))
    assert [s.chosen["optimizer.learning_rate"] for s in found] == [0.12]


def test_no_more_are_suggested_than_asked_for(tmp_path):
    assert len(suggested(finish(tmp_path / "run", rates(0.9, 0.5, 0.8, 0.7, 0.2)), max_trials=2)) == 2


# -- in the words of the new space -------------------------------------------------------------------------------


def chosen_from(values, settings, **defaults):
    past = {"model.name": "mlp", "optimizer.name": "adamw", **values}
    return translated(past, Space.from_settings(settings), {**DEFAULTS, **defaults})


@pytest.mark.parametrize(
    ("value", "range_", "expected"),
    [
        (0.03, "log(1e-4, 1e-1)", 0.03),
        (0.5, "log(1e-4, 1e-1)", 0.1),  # a little outside
        (1e-5, "log(1e-4, 1e-1)", 1e-4),
        (5000.0, "log(1e-4, 1e-1)", 1e-3),  # far outside: the default
        (0.0, "log(1e-4, 1e-1)", 1e-3),
        (0.34, "uniform(0.1, 0.5, step=0.1)", pytest.approx(0.3)),
        (True, "uniform(0.1, 0.5)", 0.3),  # nothing usable, and the default lies outside: the middle
    ],
)
def test_a_number_is_fitted_into_its_new_range(value, range_, expected):
    chosen = chosen_from({"optimizer.learning_rate": value}, [f"optimizer.learning_rate={range_}"])
    assert chosen == {"optimizer.learning_rate": expected}


def test_whole_numbers_stay_whole_and_on_their_steps():
    chosen = chosen_from({"model.hidden_dim": 300}, ["model.hidden_dim=int(16, 250, step=16)"])
    assert chosen == {"model.hidden_dim": 240}
    assert isinstance(chosen["model.hidden_dim"], int)


def test_an_option_that_is_not_there_becomes_the_default():
    settings = ["model.activation=choice(relu, silu)"]
    assert chosen_from({"model.activation": "silu"}, settings) == {"model.activation": "silu"}
    assert chosen_from({"model.activation": "gelu"}, settings) == {"model.activation": "relu"}


def test_a_step_size_for_another_optimizer_is_not_taken():
    rate = "optimizer.learning_rate=log(1e-4, 1)"
    assert chosen_from({"optimizer.learning_rate": 0.5, "optimizer.name": "sgd"}, [rate]) == {
        "optimizer.learning_rate": 1e-3
    }
    searched = chosen_from(
        {"optimizer.learning_rate": 0.5, "optimizer.name": "sgd"}, [rate, "optimizer.name=choice(adamw, sgd)"]
    )
    assert searched == {"optimizer.name": "sgd", "optimizer.learning_rate": 0.5}


def test_conditions_of_the_new_space_hold():
    settings = ["optimizer.name=choice(adamw, sgd)", "optimizer.momentum=uniform(0, 0.99) if optimizer.name == sgd"]
    assert chosen_from({"optimizer.momentum": 0.8}, settings) == {"optimizer.name": "adamw"}
    assert chosen_from({"optimizer.momentum": 0.8, "optimizer.name": "sgd"}, settings) == {
        "optimizer.name": "sgd",
        "optimizer.momentum": 0.8,
    }


def test_what_the_past_study_kept_fixed_is_taken_too(tmp_path):
    run = finish(tmp_path / "run", rates(0.6, 0.7, 0.8, 0.9, 0.5), leaves={"model.dropout": 0.4})
    assert suggested(run)[0].chosen["model.dropout"] == 0.4


# -- folders that cannot be learned from -------------------------------------------------------------------------


def test_unfinished_runs_in_a_store_are_passed_over_and_refused_by_name(tmp_path):
    (tmp_path / "store" / "begun").mkdir(parents=True)
    (tmp_path / "store" / "begun" / "study.yaml").write_text("seed: 0\n")
    assert suggested(tmp_path / "store") == []
    with pytest.raises(RunError, match="which is unfinished. End it by `mapsto resume"):
        suggested(tmp_path / "store" / "begun")


def test_an_empty_store_teaches_nothing(tmp_path):
    assert suggested(tmp_path) == []


def test_a_run_that_is_named_twice_counts_once(tmp_path):
    run = finish(tmp_path / "store" / "run", rates(0.6, 0.7, 0.8, 0.9, 0.5))
    assert suggested(tmp_path / "store", run) == suggested(run)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"facts": {"rows": 3}}'])
def test_a_damaged_run_is_named_in_one_paragraph(tmp_path, text):
    run = finish(tmp_path / "run", rates(0.6, 0.7, 0.8, 0.9, 0.5))
    (run / "results.json").write_text(text)
    with pytest.raises(RunError, match="results.json is damaged") as caught:
        suggested(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_of_other_things_and_none_at_all_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a run")
    with pytest.raises(RunError, match="neither is a run of mapsto nor holds any"):
        suggested(tmp_path)
    with pytest.raises(RunError, match="there is no such folder"):
        suggested(tmp_path / "nowhere")


# -- likeness and choice -----------------------------------------------------------------------------------------


def test_ten_times_the_rows_are_a_distance_of_one():
    few, many = Description.of(facts(rows=1000)), Description.of(facts(rows=10_000))
    assert distance(few, few) == 0
    assert distance(few, many) == pytest.approx(1)
    assert distance(few, Description.of(facts(task="tabular_regression"))) == np.inf


def test_the_balance_is_one_where_classes_are_alike_and_falls_with_the_rarest():
    counts = [(500, 500), (900, 100), (1000, 0)]
    balances = [Description.of(facts(class_counts=count)).values["balance"] for count in counts]
    assert balances == pytest.approx([1.0, 0.469, 0.0], abs=1e-3)


def test_texts_and_pictures_are_described_by_what_they_have():
    text = Description.of(facts(input_shape=(200,), vocabulary_size=10_000))
    assert (text.values["length"], text.values["vocabulary"]) == pytest.approx((2.301, 4.0), abs=1e-3)
    picture = Description.of(facts(input_shape=(3, 32, 32)))
    assert 10 ** picture.values["side"] == pytest.approx(32)


def test_the_cover_takes_what_helps_where_those_before_it_do_not():
    regrets = np.array([[0.0, 0.0, 1.0], [0.1, 0.1, 0.9], [1.0, 1.0, 0.2]])
    assert cover(regrets, np.full(3, 1 / 3), 3, start=np.ones(3)) == [0, 2, 1]
    assert cover(regrets, np.full(3, 1 / 3), 1, start=np.array([0.0, 0.0, 1.0])) == [2]


# -- the portfolio -----------------------------------------------------------------------------------------------


def kinds():
    return json.loads(FILE.read_text(encoding="utf-8"))["portfolios"]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: f"{kind['task']}, {kind['model']}")
def test_every_recipe_of_the_portfolio_is_valid_and_says_on_what_it_was_measured(kind):
    for recipe in kind["recipes"]:
        Recipe.from_leaves({"task.name": kind["task"], **kind["under"], **recipe["chosen"]})
    assert len(kind["sets"]) >= 3
    after = [kind["regret_of_default"], *(recipe["regret"] for recipe in kind["recipes"])]
    assert after == sorted(after, reverse=True)


def test_the_portfolio_fits_the_space_that_is_searched():
    defaults = {**DEFAULTS, "model.name": "tabm", "schedule.name": "one_cycle"}
    found = portfolio(TASK, Space.from_settings(["model.dropout=uniform(0, 0.3)"]), defaults, 3)
    assert 0 < len(found) <= 3
    assert all(set(s.chosen) == {"model.dropout"} and 0 < s.chosen["model.dropout"] <= 0.3 for s in found)
    assert found[0].why.startswith("recipe 1 of the portfolio for tabm, measured on")


def test_the_portfolio_has_nothing_for_a_model_or_a_setting_that_was_not_measured():
    assert portfolio(TASK, SPACE, {**DEFAULTS, "model.name": "realmlp"}, 5) == []
    assert portfolio(TASK, Space.from_settings(["training.l1=uniform(0, 1)"]), DEFAULTS, 5) == []


def test_models_that_are_searched_take_turns():
    space = Space.from_settings(["model.name=choice(mlp, tabm)", "model.dropout=uniform(0, 0.5)"])
    found = portfolio(TASK, space, DEFAULTS, 2)
    assert {suggestion.chosen["model.name"] for suggestion in found} == {"mlp", "tabm"}


def test_what_was_learned_comes_before_the_portfolio_and_is_announced(tmp_path):
    run = finish(tmp_path / "churn", rates(0.6, 0.7, 0.8, 0.9, 0.5))
    search = Recipe.from_leaves({"task.name": TASK}).search.model_copy(
        update={"learn_from": (str(run),), "portfolio": True}
    )
    found = first_trials(search, facts(), SPACE, DEFAULTS, "accuracy", 4)
    assert [s.source for s in found][0::3] == [str(run), "portfolio"]
    said = announced(found)
    assert isinstance(said, Message)
    assert said == (
        "First after the default recipe: 4 recipes that did well before, from churn, the portfolio of mapsto."
    )


def test_a_suggestion_comes_back_from_json_with_its_reason_as_a_message(tmp_path):
    (first, *_) = suggested(finish(tmp_path / "run", rates(0.6, 0.7, 0.8, 0.9, 0.5)))
    again = Suggestion.from_json(json.loads(json.dumps(first.to_json())))
    assert again == first
    assert to_json(again.why) == to_json(first.why) is not None


# -- with a real study -------------------------------------------------------------------------------------------


def test_a_real_study_is_learned_from(tmp_path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(200, 4)), columns=list("abcd"))
    frame["y"] = np.where(frame["a"] + frame["b"] > 0, "yes", "no")
    settings = ["model.name=mlp", "training.max_epochs=2", "search.num_seeds=1", "search.finalists=1"]
    ranges = ["model.hidden_dim=int(4, 32, log=True)", "optimizer.learning_rate=log(1e-4, 1e-1)"]
    result = mp.tune(frame, target="y", settings=[*settings, *ranges], n_trials=3, out=tmp_path / "run")
    study = PastStudy.read(result.run)
    assert study.objective == "accuracy"
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    winner = result.summary()["winner"]
    recipe = next(trial.values for trial in study.trials if trial.number == winner["number"])
    assert {leaf: recipe[leaf] for leaf in winner["chosen"]} == winner["chosen"]
    assert recipe["optimizer.name"] == "adamw"
    data = Facts.from_json(result.summary()["facts"])
    space = Space.from_settings(["optimizer.learning_rate=log(1e-3, 1e-2)"])
    for suggestion in remembered([tmp_path], data, space, DEFAULTS, "accuracy", 3):
        assert 1e-3 <= suggestion.chosen["optimizer.learning_rate"] <= 1e-2
