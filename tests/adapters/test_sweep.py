"""Sweeps of Weights & Biases: what is read, what is run, what is refused."""

import json
import subprocess
import sys

import pytest

from mapsto.adapters.sweep import read_sweep
from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Choice, Int, Log, Uniform
from mapsto.search.command_study import tune_sweep

WHOLE = """\
program: train.py
name: a sweep
project: somebody's
method: bayes
metric: {name: val/loss, goal: minimize}
run_cap: 7
early_terminate: {type: hyperband, min_iter: 2, eta: 3}
parameters:
  lr: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
  batch_size: {values: [32, 64]}
  epochs: {value: 10}
  dropout: {min: 0.0, max: 0.5}
  layers: {min: 1, max: 4}
  width: {distribution: q_uniform, min: 32, max: 100, q: 32}
  decay: {distribution: log_uniform, min: -9.210340371976182, max: 0}
  optimizer:
    parameters:
      kind: {values: [adam, sgd]}
"""


def written(tmp_path, text):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    return path


def test_a_whole_sweep_is_read(tmp_path):
    sweep = read_sweep(written(tmp_path, WHOLE))
    ranges = sweep.space.ranges
    assert ranges["lr"] == Log(1e-5, 0.1)
    assert ranges["batch_size"] == Choice(32, 64)
    assert ranges["dropout"] == Uniform(0.0, 0.5)
    assert ranges["layers"] == Int(1, 4)
    assert ranges["width"] == Int(32, 96, step=32)
    assert (ranges["decay"].low, ranges["decay"].high) == (pytest.approx(1e-4), 1.0)
    assert ranges["optimizer.kind"] == Choice("adam", "sgd")
    assert sweep.space.settings["epochs"] == 10
    assert (sweep.metric, sweep.direction) == ("val/loss", "minimize")
    assert sweep.options == {"sampler": "tpe", "n_trials": 7, "pruner": "hyperband", "max_fidelity": 54}
    assert sweep.command.startswith("/usr/bin/env python train.py '--lr={lr}' '--batch_size={batch_size}'")
    assert sweep.unused == ("name", "project")


def test_its_command_is_kept(tmp_path):
    text = "program: x.py\nmethod: grid\nmetric: {name: a}\nparameters: {p: {values: [1, 2]}}\n"
    own = text + 'command: ["${interpreter}", "-u", "${program}", "--fixed={}", "${args_no_hyphens}"]\n'
    assert read_sweep(written(tmp_path, own)).command == "python -u x.py '--fixed={{}}' 'p={p}'"


@pytest.mark.parametrize("by", ["python", "command line"])
def test_a_sweep_runs(tmp_path, by):
    (tmp_path / "train.py").write_text(
        "import sys\n"
        "given = dict(word.lstrip('-').split('=') for word in sys.argv[1:])\n"
        "print('loss=' + str((float(given['x']) - 2) ** 2 + (given['kind'] == 'b')))\n"
    )
    text = (
        f"method: grid\nmetric: {{name: loss, goal: minimize}}\n"
        f"command: ['{sys.executable}', '${{program}}', '${{args}}']\n"
        "program: train.py\nparameters:\n  x: {values: [1, 2, 3]}\n  kind: {values: [a, b]}\n"
    )
    path = written(tmp_path, text)
    if by == "python":
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            result = tune_sweep(path, out=tmp_path / "run", workers=2)
        best, count = result.best, len(result.trials)
    else:
        words = [
            sys.executable,
            "-m",
            "mapsto",
            "tune",
            "--sweep",
            "sweep.yaml",
            "--out",
            "run",
            "--json",
            "--workers",
            "2",
        ]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
        answer = json.loads(done.stdout)
        best, count = answer["winner"]["settings"], len(answer["trials"])
    assert best == {"x": 2, "kind": "a"}
    assert count >= 6


REFUSED = {
    "no yaml": ("a: [", "is not YAML"),
    "no sweep": ("a: 1", "needs the keys `method` and `parameters`"),
    "an unknown key": (WHOLE + "controller: {type: local}\n", "`controller` of a sweep is not understood"),
    "an unknown method": (WHOLE.replace("bayes", "genetic"), "`method` is grid, random or bayes"),
    "no metric": (WHOLE.replace("metric: {name: val/loss, goal: minimize}", ""), "`metric` needs a `name`"),
    "a normal distribution": (
        WHOLE.replace("{min: 1, max: 4}", "{distribution: normal, min: 0, max: 1}"), "`layers.distribution` is normal",
    ),
    "probabilities": (WHOLE.replace("[32, 64]}", "[32, 64], probabilities: [0.9, 0.1]}"), "`batch_size.probabilities`"),
    "half a range": (WHOLE.replace("{min: 1, max: 4}", "{min: 1}"), "`layers` .* needs value, values, or min and max"),
    "another pruner": (WHOLE.replace("hyperband", "asha"), "`early_terminate.type` is hyperband"),
    "an unknown place": (WHOLE + 'command: ["${envvar:HOME}"]\n', r"`\$\{envvar:HOME\}` in `command`"),
    "no program": (WHOLE.replace("program: train.py\n", ""), "`program` is not given"),
    "aliases": ("a: &a [1]\nmethod: *a\n", "has aliases"),
    "code": ("method: !!python/object/apply:os.system [ls]\nparameters: {}\n", "is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_named(tmp_path, name):
    text, message = REFUSED[name]
    with pytest.raises(RecipeError, match=message) as caught:
        read_sweep(written(tmp_path, text))
    assert "\n" not in str(caught.value)
