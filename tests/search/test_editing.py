"""A study keeps the trials that are recipes of its edited space, under their numbers."""

from __future__ import annotations

import pytest

from mapsto.recipe.ranges import choice, integer, log, uniform
from mapsto.recipe.space import Space
from mapsto.search.editing import Kept, distribution, edited, placed, seed_study
from mapsto.search.ledger import suggest
from mapsto.search.outcome import Outcome

RATE, NAME, MOMENTUM, DROPOUT, ACTIVATION = (
    "optimizer.learning_rate", "optimizer.name", "optimizer.momentum", "model.dropout", "model.activation",
)  # fmt: skip
TASK = "task=tabular_classification"
OLD = [
    TASK,
    "optimizer.name=choice(adamw, sgd)",
    "optimizer.momentum=uniform(0, 0.95) if optimizer.name == sgd",
    "optimizer.learning_rate=log(1e-3, 1e-1)",
    "model.activation=choice(relu, gelu)",
]
ADAMW = {NAME: "adamw", RATE: 0.01, ACTIVATION: "relu"}
SGD = {NAME: "sgd", MOMENTUM: 0.5, RATE: 0.05, ACTIVATION: "gelu"}


def outcome(number, chosen, score=0.5, state="complete", **more):
    return Outcome(number, "explore", state, "why", score, 1, 1, 1, 1.0, 1, chosen=chosen, **more)


def after(*settings, defaults=None, chosen=(ADAMW, SGD)):
    """What becomes of trials in the old space with these settings written over it."""
    new = Space.from_settings([*OLD, *settings])
    outcomes = [outcome(number, some) for number, some in enumerate(chosen)]
    return edited(Space.from_settings(OLD), new, outcomes, defaults or {})


def test_the_same_space_keeps_every_trial():
    assert [kept.chosen for kept in after()] == [ADAMW, SGD]


@pytest.mark.parametrize(
    "setting",
    [
        "model.activation=choice(relu, tanh, gelu)",
        "optimizer.learning_rate=log(1e-5, 1)",
        "optimizer.name=choice(sgd, lion, adamw)",
        "optimizer.learning_rate=uniform(1e-3, 0.1)",
        "search.n_trials=100",
        "seed=7",
        "training.device=cpu",
    ],
)
def test_what_only_adds_to_the_space_keeps_every_trial(setting):
    assert [kept.chosen for kept in after(setting)] == [ADAMW, SGD]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("optimizer.learning_rate=log(1e-3, 2e-2)",
         "`optimizer.learning_rate` is searched in log(0.001, 0.02) now; the trial had 0.05."),
        ("model.activation=choice(relu, tanh)",
         "`model.activation` is searched in choice(relu, tanh) now; the trial had gelu."),
        ("model.activation=relu", "`model.activation` is relu now; the trial had gelu."),
        ("model.activation=auto", "`model.activation` is relu now; the trial had gelu."),
        ("optimizer.momentum=auto", "`optimizer.momentum` is 0.9 now; the trial had 0.5."),
        ("optimizer.momentum=uniform(0, 0.95) if optimizer.name == rmsprop",
         "`optimizer.momentum` is 0.9 now; the trial had 0.5."),
    ],
)  # fmt: skip
def test_what_takes_from_the_space_drops_the_trials_that_had_it(setting, reason):
    first, second = after(setting)
    assert first.chosen is not None
    assert {leaf: value for leaf, value in ADAMW.items() if leaf in first.chosen} == first.chosen
    assert second.chosen is None
    assert second.reason.startswith(reason)


def test_a_trial_with_the_value_that_is_now_fixed_stays_without_it():
    first, second = after("model.activation=relu")
    assert first.chosen == {NAME: "adamw", RATE: 0.01}
    assert second.chosen is None


def test_a_new_range_finds_the_default_that_earlier_trials_had():
    for kept, chosen in zip(after("model.dropout=uniform(0, 0.5)"), (ADAMW, SGD), strict=True):
        assert kept.chosen == {**chosen, DROPOUT: 0.0}
    for kept, chosen in zip(
        after("model.dropout=uniform(0, 0.5)", defaults={DROPOUT: 0.25}), (ADAMW, SGD), strict=True
    ):
        assert kept.chosen == {**chosen, DROPOUT: 0.25}


def test_a_new_range_without_the_default_drops_all():
    assert {kept.reason for kept in after("model.dropout=uniform(0.1, 0.5)")} == {
        "`model.dropout` is searched in uniform(0.1, 0.5) now; the trial had 0.0."
    }


def test_a_setting_that_only_some_members_have_concerns_only_their_trials():
    first, second = after("optimizer.nesterov=choice(true, false) if optimizer.name == sgd")
    assert first.chosen == ADAMW
    assert second.chosen == {**SGD, "optimizer.nesterov": False}


@pytest.mark.parametrize("setting", ["training.max_epochs=60", "search.metric=f1", "data.scale=minmax"])
def test_scores_that_cannot_be_compared_are_dropped(setting):
    leaf, value = setting.split("=")
    for kept in after(setting):
        assert kept.chosen is None
        assert kept.reason.startswith(f"`{leaf}` is {value} now; the trial had ")


def test_after_two_edits_the_recipe_itself_tells():
    recipe = Space.from_settings(OLD).recipe(SGD)
    narrow = Space.from_settings([*OLD, "model.activation=relu"])
    wide = Space.from_settings([*OLD, "model.activation=choice(gelu, relu, tanh)"])
    assert placed(recipe, narrow, {})[0] is None
    assert placed(recipe, wide, {}) == (SGD, "")


# -- Optuna's side -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "range_",
    [
        log(1e-4, 1e-1), uniform(0, 0.5), uniform(0, 0.5, step=0.1), uniform(0.1, 0.7, step=0.2), integer(1, 4),
        integer(8, 64, step=8), integer(32, 512, log=True), choice("relu", "gelu"), choice(None, True, 3, 0.5),
        uniform(0, 0.9).only_if(NAME, "sgd"),
    ],
)  # fmt: skip
def test_a_distribution_is_the_one_that_suggest_makes(range_):
    import optuna

    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest(trial, "x", range_)
    assert trial.distributions["x"] == distribution(range_)


def test_an_end_beside_the_steps_is_the_last_step_as_in_optuna():
    import optuna

    for range_ in (uniform(0, 0.95, step=0.1), integer(0, 20, step=8)):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        with pytest.warns(UserWarning, match="not divisible by `step`"):
            suggest(trial, "x", range_)
        assert trial.distributions["x"] == distribution(range_)


def journal(path, directions=("maximize",)):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return optuna.create_study(storage=JournalStorage(JournalFileBackend(str(path))), directions=list(directions))


def test_a_fresh_study_goes_on_after_the_last_number(tmp_path):
    import optuna
    from optuna.trial import TrialState

    new = Space.from_settings([*OLD, "model.activation=choice(relu, tanh)"])
    outcomes = [
        outcome(0, ADAMW, 0.9, curve=((1, (0.8,)), (2, (0.9,)))),
        outcome(1, SGD, 0.8),
        outcome(3, {**ADAMW, RATE: 0.02}, 0.3, "pruned", curve=((1, (0.3,)),)),
        outcome(4, {**ADAMW, RATE: 0.03}, None, "infeasible", violations={"parameters": 0.5}),
        outcome(5, {**ADAMW, RATE: 0.04}, None, "failed"),
        outcome(6, {**ADAMW, RATE: 0.05}, 0.7, "stopped"),
    ]
    study = journal(tmp_path / "study.journal")
    seed_study(study, edited(Space.from_settings(OLD), new, outcomes, {}), new.ranges)
    states = [trial.state for trial in study.trials]
    complete, pruned, fail = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
    assert states == [complete, fail, fail, pruned, pruned, fail, complete]
    assert [trial.number for trial in study.trials] == list(range(7))
    assert study.trials[0].params == ADAMW
    assert study.trials[0].intermediate_values == {1: 0.8, 2: 0.9}
    assert study.trials[1].user_attrs["cause"].startswith("`model.activation` is searched in choice(relu, tanh) now")
    assert study.trials[4].constraints == {"parameters": 0.5}

    study.sampler = optuna.samplers.TPESampler(seed=0)
    trial = study.ask()
    chosen = new.walk(lambda leaf, range_: suggest(trial, leaf, range_))
    study.tell(trial, 0.5)
    assert (trial.number, chosen[ACTIVATION] in ("relu", "tanh")) == (7, True)
    assert study.best_trial.number == 0


def test_several_objectives_are_told_by_their_values(tmp_path):
    space = Space.from_settings(OLD)
    outcomes = [
        outcome(0, ADAMW, 0.9, values={"accuracy": 0.9, "parameters": 1000.0}, curve=((1, (0.9, 1000.0)),)),
        outcome(1, SGD, 0.9),
    ]
    study = journal(tmp_path / "study.journal", ("maximize", "minimize"))
    seed_study(study, edited(space, space, outcomes, {}), space.ranges)
    assert [trial.values for trial in study.trials] == [[0.9, 1000.0], None]


def test_a_study_with_trials_or_numbers_in_disorder_is_refused(tmp_path):
    kept = [Kept(outcome(number, ADAMW), ADAMW) for number in (1, 0)]
    ranges = Space.from_settings(OLD).ranges
    with pytest.raises(ValueError, match="order of their numbers"):
        seed_study(journal(tmp_path / "a.journal"), kept, ranges)
    study = journal(tmp_path / "b.journal")
    seed_study(study, kept[:1], ranges)
    with pytest.raises(ValueError, match="must be without trials"):
        seed_study(study, kept[:1], ranges)
