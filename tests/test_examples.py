"""Every example runs as its first lines say, on a small part of its data."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SHORT = {
    "from_optuna/quadratic": (), "from_optuna/sklearn_choice": (), "from_optuna/sklearn_arguments": (),
    "from_optuna/pruning": (),
}  # fmt: skip
"""Those that take no arguments."""

MNIST, IMDB = "mnist/mnist.npz", "imdb/imdb_9k.csv.gz"
NEEDS = {
    "mnist_keras": MNIST,
    "mnist_torch": MNIST,
    "imdb_keras": IMDB,
    "imdb_torch": IMDB,
    "from_keras_tuner/text": IMDB,
}
KERAS = ("mnist_keras", "imdb_keras", "from_optuna/keras_model")
FAST = {("mnist_keras", "torch")}
"""Keras examples of the fast suite, each on one backend."""


def names():
    found = sorted(str(path.relative_to(EXAMPLES).with_suffix("")) for path in EXAMPLES.rglob("*.py"))
    return [name for name in found if name != "sets"]


def cases():
    for name in names():
        uses_keras = name in KERAS or name.startswith("from_keras_tuner/")
        for backend in ("torch", "tensorflow", "jax") if uses_keras else ("none",):
            slow = uses_keras and (name, backend) not in FAST
            marks = [pytest.mark.slow, pytest.mark.timeout(600)] if slow else []
            yield pytest.param(name, backend, id=f"{name}-{backend}", marks=marks)


def run(name, backend, folder):
    data = Path(os.environ.get("MAPSTO_DATA", EXAMPLES.parent.parent / "shared" / "data"))
    if name in NEEDS and not (data / NEEDS[name]).exists():
        pytest.skip(f"{NEEDS[name]} is not in {data} (set MAPSTO_DATA)")
    if backend != "none" and (importlib.util.find_spec("keras") is None or importlib.util.find_spec(backend) is None):
        pytest.skip(f"keras or {backend} is not installed: pip install 'mapsto[keras,tensorflow,jax]'")
    words = [] if name in SHORT else ["--rows", "150", "--trials", "1", "--epochs", "1", "--out", str(folder / "run")]
    environment = {
        **os.environ, "PYTHONPATH": str(EXAMPLES), "MAPSTO_DATA": str(data), "KERAS_BACKEND": backend,
        "KERAS_HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "2",
    }  # fmt: skip
    if backend == "none":
        del environment["KERAS_BACKEND"]
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "backend"), list(cases()))
def test_an_example_runs(name, backend, tmp_path):
    done = run(name, backend, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    if name.startswith("from_optuna/"):
        float(done.stdout.split()[0])  # the best value
        if name.endswith("pruning"):
            assert int(done.stdout.split()[-2]) > 5
    else:
        assert done.stdout.startswith("test part, ")


def test_there_are_ten_of_others_and_each_shows_its_one_changed_line():
    theirs = [name for name in names() if name.startswith("from_")]
    assert len(theirs) >= 10
    for name in theirs:
        text = (EXAMPLES / f"{name}.py").read_text()
        assert text.count("# was: ") == 1, name
        after = text.partition("# was: ")[2].partition("\n")[2].lstrip()
        assert "mp.tune" in after.partition("\n")[0], name
        assert ast.get_docstring(ast.parse(text)), name
