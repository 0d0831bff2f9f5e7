"""mapsto in scikit-learn: its own checks, weights, frames, pipelines, saving."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import mapsto as mp

SMALL = {"model.name": "mlp", "optimizer.learning_rate": 0.01, "training.max_epochs": 12}
SHORT = {**SMALL, "search.finalists": 1, "search.num_seeds": 1}
FIXED = (mp.NetworkClassifier(settings=SMALL), mp.NetworkRegressor(settings=SMALL))
AS_THEY_COME = (mp.NetworkClassifier(), mp.NetworkRegressor())
TUNED = tuple(each(budget=None, n_trials=1, settings=SHORT) for each in (mp.TunedClassifier, mp.TunedRegressor))


def checks_of(estimators):
    """Each check of scikit-learn for each estimator; no failure of any is expected."""
    return [
        pytest.param(
            estimator, check, id=f"{type(estimator).__name__}-{place}-{getattr(check, 'func', check).__name__}"
        )
        for estimator in estimators
        for place, (_, check) in enumerate(estimator_checks_generator(estimator))
    ]


quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")


@quiet
@pytest.mark.parametrize(("estimator", "check"), checks_of(FIXED))
def test_checks_of_scikit_learn(estimator, check):
    check(clone(estimator))


@quiet
@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), checks_of((*AS_THEY_COME, *TUNED)))
def test_checks_of_scikit_learn_with_the_default_recipe_and_tuned(estimator, check):
    check(clone(estimator))


def iris(n=150):
    X, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(150)[:n]
    return X[rows], y[rows]


def mixed(n=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 9, n), "plan": rng.choice(["basic", "pro"], n)})
    frame.loc[3, "age"] = np.nan
    return frame, np.where((frame["plan"] == "pro") ^ (frame["age"] > 60), "stays", "goes")


def test_a_pipeline_is_validated_and_searched():
    X, y = iris()
    pipeline = make_pipeline(StandardScaler(), mp.NetworkClassifier(settings=SMALL))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.9
    grid = {"settings": [{**SMALL, "training.max_epochs": 1}, SMALL]}
    search = GridSearchCV(mp.NetworkClassifier(), grid, cv=2).fit(X, y)
    assert search.best_params_ == {"settings": SMALL}


def test_frames_with_words_and_gaps_are_read_and_checked():
    X, y = mixed()
    model = mp.NetworkClassifier(settings=SMALL).fit(X, y)
    assert list(model.classes_) == ["goes", "stays"]
    assert list(model.feature_names_in_) == ["age", "plan"]
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"age": "years"}))


def test_a_regressor_answers_in_the_unit_of_its_target():
    X, y = load_diabetes(return_X_y=True)
    model = mp.NetworkRegressor(settings=SMALL).fit(X, 1000 + y)
    assert model.score(X, 1000 + y) > 0.3
    assert 1000 < model.predict(X).mean() < 1300


def test_whole_weights_are_counts_and_others_weigh_the_loss():
    X, y = iris(60)
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, 60)
    weighted = mp.NetworkClassifier(settings=SMALL).fit(X, y, sample_weight=counts)
    repeated = mp.NetworkClassifier(settings=SMALL).fit(X.repeat(counts, axis=0), y.repeat(counts))
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    # Noise whose rows count next to nothing is as if it were not there; where it counts, it is learned.
    noise, labels = rng.normal(5, 1, (60, 4)), rng.integers(0, 2, 60)
    labels[:40] = 0
    both, targets = np.r_[X, noise], np.r_[y, labels]
    little = np.r_[np.ones(60), np.full(60, 1e-6)]
    plain = mp.NetworkClassifier(settings={**SMALL, "training.max_epochs": 30}).fit(both, targets)
    down = clone(plain).fit(both, targets, sample_weight=little)
    assert down.predict_proba(noise)[:, 0].mean() < plain.predict_proba(noise)[:, 0].mean() - 0.2
    assert down.fitted_.recipe.data.weight_column == "sample weight"


def test_copies_of_a_row_are_all_trained_on_or_all_scored_by():
    X, y = iris(40)
    model = mp.NetworkClassifier(settings=SMALL).fit(np.r_[X, X], np.r_[y, y])
    assert model.fitted_.recipe.data.split == "stratified_group"


def test_classes_that_read_as_missing_keep_their_names():
    X, y = iris(90)
    words = np.asarray(["None", "nan", "some"], dtype=object)[y]
    model = mp.NetworkClassifier(settings=SMALL).fit(X, words)
    assert set(model.predict(X)) <= {"None", "nan", "some"}
    assert model.score(X, words) > 0.8


def test_the_seed_decides():
    X, y = iris(60)

    def answers(state):
        return mp.NetworkClassifier(settings=SMALL, random_state=state).fit(X, y).predict_proba(X)

    np.testing.assert_array_equal(answers(1), answers(1))
    assert np.abs(answers(1) - answers(2)).max() > 1e-3
    assert np.abs(answers(None) - answers(None)).max() > 1e-3
    np.testing.assert_array_equal(answers(np.random.RandomState(3)), answers(np.random.RandomState(3)))


@pytest.mark.parametrize("names", [["a", "b", "c"], [7, 3, 5], [0.5, 1.5, 2.5]])
def test_saved_without_pickle_and_with_it(tmp_path, names):
    X, y = iris(60)
    frame = pd.DataFrame(X, columns=list("abcd"))
    labels = np.asarray(names)[y] if not isinstance(names[0], float) else np.asarray(["x", "y", "z"], dtype=object)[y]
    model = mp.NetworkClassifier(settings=SMALL).fit(frame, labels)
    model.save(tmp_path / "model")
    loaded = mp.NetworkClassifier.load(tmp_path / "model")
    for same in (loaded, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(same.predict_proba(frame), model.predict_proba(frame))
        np.testing.assert_array_equal(same.predict(frame), model.predict(frame))
        assert list(same.feature_names_in_) == list("abcd")
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix in (".pkl", ".pt", ".joblib")]
    with pytest.raises(mp.MapstoError, match="another class"):
        mp.NetworkRegressor.load(tmp_path / "model")
    with pytest.raises(mp.MapstoError, match="holds no estimator"):
        mp.NetworkClassifier.load(tmp_path)
    # The folder is a fitted model as any other.
    assert list(mp.load(tmp_path / "model").predict(frame)["answer"].astype(str)) == [
        str(x) for x in model.predict(frame)
    ]


def test_skops_saves_it_without_code(tmp_path):
    sio = pytest.importorskip("skops.io", reason="skops is not installed")
    X, y = iris(60)
    model = mp.NetworkClassifier(settings=SMALL).fit(X, y)
    sio.dump(model, tmp_path / "model.skops")
    foreign = sio.get_untrusted_types(file=tmp_path / "model.skops")
    assert all(name.startswith("mapsto.") for name in foreign), foreign
    loaded = sio.load(tmp_path / "model.skops", trusted=foreign)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_tuned_one_is_tested_on_rows_kept_apart(tmp_path):
    X, y = iris()
    settings = [f"{name}={value}" for name, value in SHORT.items()]
    model = mp.TunedClassifier(budget=None, n_trials=2, settings=settings, out=tmp_path / "run").fit(X, y)
    assert model.score(X, y) > 0.9
    assert 0 < model.scorecard_.metrics["accuracy"].value <= 1
    assert (tmp_path / "run" / "report.html").exists()
    clone(model).fit(X, y)
    assert (tmp_path / "run-2" / "report.html").exists()


REFUSED = {
    "a range": (lambda X, y: mp.NetworkClassifier(settings=["model.dropout=uniform(0, 0.5)"]).fit(X, y), "is a range"),
    "numbers as classes": (lambda X, y: mp.NetworkClassifier().fit(X, y + 0.3 * X[:, 0]), "Unknown label type"),
    "one class": (lambda X, y: mp.NetworkClassifier().fit(X, np.zeros(len(X), dtype=int)), "at least two classes"),
    "one class with weights": (lambda X, y: mp.NetworkClassifier().fit(X, y, y == 0), "at least two classes"),
    "a negative weight": (lambda X, y: mp.NetworkClassifier().fit(X, y, -1.0 * np.ones(len(X))), "Negative values"),
    "no test in a study": (
        lambda X, y: mp.TunedClassifier(budget=None, n_trials=1, settings={"data.test_share": 0}).fit(X, y),
        "nothing would be known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fitted_is_refused(name):
    call, message = REFUSED[name]
    with pytest.raises((ValueError, mp.MapstoError), match=message):
        call(*iris())
