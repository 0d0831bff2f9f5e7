"""Keras models on each backend: trained by Keras itself, exact to go on with, and theirs again in the end."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("keras_checks.py")
NEEDS = {"torch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
FAST = {"torch": (), "tensorflow": ("resume", "optimizer", "fitted")}
"""Checks of the fast suite, all where none is named: TensorFlow traces and JAX compiles every model for seconds."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the checks of a backend gave; each backend runs once, in a process of its own."""
    known = {}

    def run(backend, *checks):
        if importlib.util.find_spec("keras") is None or importlib.util.find_spec(NEEDS[backend]) is None:
            pytest.skip(f"keras or {backend} is not installed: pip install 'mapsto[keras,tensorflow]'")
        if (backend, checks) not in known:
            folder = tmp_path_factory.mktemp(f"keras-{backend}")
            environment = {
                **os.environ,
                "KERAS_BACKEND": backend,
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "KERAS_HOME": str(folder),
            }
            done = subprocess.run(
                [sys.executable, str(CHECKS), str(folder / "checks"), *checks],
                env=environment, capture_output=True, text=True, timeout=170, check=False,
            )  # fmt: skip
            lines = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
            assert lines, done.stderr[-3000:]
            known[backend, checks] = json.loads(lines[0].removeprefix("RESULTS "))
        return known[backend, checks]

    return run


BACKENDS = [
    *(pytest.param(backend, FAST[backend], id=backend) for backend in FAST),
    pytest.param("tensorflow", (), id="tensorflow, all", marks=pytest.mark.slow),
    pytest.param("jax", (), id="jax", marks=pytest.mark.slow),
]


def of(found, check):
    if check not in found:
        pytest.skip("among the slow checks on this backend")
    return found[check]


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_a_training_goes_on_exactly_in_the_middle_of_an_epoch(results, backend, checks):
    found = of(results(backend, *checks), "resume")
    assert found["position"] == [1, 4]
    assert len(found["same"]) == 9
    assert all(found["same"])
    for one, other in zip(found["losses"], found["others"], strict=True):
        assert one == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_an_optimizer_is_kept_where_compiled_and_made_where_not(results, backend, checks):
    found = of(results(backend, *checks), "optimizer")
    assert found["kept"] == ["SGD", pytest.approx(0.05), "own", "own"]
    assert found["made"] == ["Adam", pytest.approx(0.01), pytest.approx(0.8)]
    rate, expected = found["stated"]
    assert rate == pytest.approx(expected, rel=1e-5)
    assert rate < 0.19


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_what_is_saved_answers_the_same_and_keras_saves_what_comes_back(results, backend, checks):
    found = of(results(backend, *checks), "fitted")
    assert found["same"] == [True, True]
    assert found["keras"] < 1e-6
    assert found["compiled"]
    assert found["files"] == ["card.md", "model.safetensors", "preprocessing.json", "recipe.yaml"]


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_time_and_seeds(results, backend, checks):
    found = results(backend, *checks)
    assert of(found, "deadline") == {"measured": 1, "ending": "TIME", "steps": 1}
    seeds = of(found, "seeds")
    assert seeds["one"] == seeds["again"] != seeds["other"]


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_losses_are_the_models_own_and_classes_can_weigh(results, backend, checks):
    found = results(backend, *checks)
    weighed = of(found, "class_weights")
    assert weighed["class_weights"] > weighed["none"] + 0.1
    own = of(found, "own_loss")
    assert own["validation"] == pytest.approx(own["ten times"], rel=1e-4)
    assert own["train"] > 5  # of three classes, ten times the usual loss


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_several_inputs_and_outputs(results, backend, checks):
    found = of(results(backend, *checks), "several")
    assert found["predicted"] == [5, 3]
    assert all(0 < score < 1 for score in found["scores"])
    assert found["losses"][1] < found["losses"][0]


REFUSED = {
    "raw scores for probabilities": "from_logits=True, or end the network in a softmax",
    "probabilities for raw scores": "applies a softmax or sigmoid once more",
    "too many outputs": r"has the shape (8, 4); (8, 3) is needed",
    "a wrong input": "fails on the inputs (float32 of shape (rows, 6))",
    "a loss that fails": "has a loss that fails on a batch: ZeroDivisionError",
    "find": "a Keras model takes its steps inside Keras",
    "training.averaging": "`training.averaging` is something that mapsto's own training loop does",
    "augment.feature_noise": "what fits: none",
    "optimizer.name": "`optimizer.name` is muon, which Keras does not have",
}


@pytest.mark.parametrize(("backend", "checks"), BACKENDS)
def test_models_at_fault_are_refused_in_one_paragraph(results, backend, checks):
    found = of(results(backend, *checks), "refused")
    for name, words in REFUSED.items():
        assert words in found[name], name
        assert "\n" not in found[name]
        assert "\x1b" not in found[name]


KILLED = """\
import os, signal, sys
import keras, numpy as np
import mapsto as mp

def build(hp):
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(hp.Int("units", 4, 32), activation="relu"),
        keras.layers.Dropout(0.1), keras.layers.Dense(3, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(hp.Float("lr", 1e-3, 1e-1)), "sparse_categorical_crossentropy")
    return model

def listener(progress):
    if "kill" in sys.argv and progress.trial == 2 and progress.epoch >= 2:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    settings = ["training.max_epochs=4", "search.num_seeds=1", "search.finalists=1"]
    if sys.argv[1] == "resume":
        result = mp.resume(sys.argv[2], network=build)
    else:
        result = mp.tune(
            build, data=(x, y), n_trials=4, settings=settings, out=sys.argv[2], listener=listener
        )
    board = result.leaderboard().sort_values("trial")
    print("SCORES", board["score"].tolist(), isinstance(result.best.model, keras.Model))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_a_killed_study_goes_on_to_the_same_scores(tmp_path, backend):
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec(NEEDS[backend]) is None:
        pytest.skip(f"keras or {backend} is not installed: pip install 'mapsto[keras,tensorflow]'")
    script = tmp_path / "study.py"
    script.write_text(KILLED)
    environment = {**os.environ, "KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "2"}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, script, *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip

    assert run("tune", "killed", "kill").returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "results.json").exists()
    whole, resumed = (run(*words).stdout.splitlines()[-1] for words in (("tune", "whole"), ("resume", "killed")))
    assert whole.startswith("SCORES")
    assert whole.endswith("True")
    assert resumed == whole
