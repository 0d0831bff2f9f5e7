"""Bad input through the command line: one clear paragraph and status 2, or a warning where the work can go on."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from mapsto.cli.main import app

SMALL = ["--trials", "1", "--set", "search.num_seeds=1", "--set", "training.max_epochs=1"]
TABLE = pd.DataFrame({"a": np.arange(60.0), "b": np.tile([1.0, 5.0, 2.0], 20), "y": np.tile(["no", "yes"], 30)})


def csv(folder, text):
    (folder / "data.csv").write_text(text)
    return ["tune", folder / "data.csv", "--target", "y"]


def frame(folder, table, target="y"):
    table.to_csv(folder / "data.csv", index=False)
    return ["tune", folder / "data.csv", "--target", target]


def recipe(folder, text):
    (folder / "recipe.yaml").write_text(text)
    return ["tune", folder / "recipe.yaml"]


def truncated(folder, name):
    if name.endswith("parquet"):
        TABLE.to_parquet(folder / name)
    else:
        np.savez(folder / name, x=np.zeros((50, 4)), y=np.arange(50) % 2)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    return ["tune", folder / name, "--target", "y"]


def photos(folder, classes, *, broken=0):
    rng = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(20):
            pixels = rng.integers(number * 100, number * 100 + 100, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{index}.png")
    for index in range(broken):
        (folder / "photos" / classes[0] / f"broken{index}.png").write_bytes(b"\x89PNG no more")
    return ["tune", folder / "photos"]


REFUSED = {
    "no file": (lambda d: ["tune", d / "churn.csv"], r"churn\.csv"),
    "empty file": (lambda d: csv(d, ""), r"data\.csv.* empty|holds no"),
    "header only": (lambda d: csv(d, "a,b,y\n"), r"data\.csv.*(no rows|header)"),
    "one row": (lambda d: csv(d, "a,b,y\n1,2,no\n"), r"row"),
    "one class": (lambda d: frame(d, TABLE.assign(y="no")), r"class|constant|same value|one value"),
    "target not there": (
        lambda d: frame(d, TABLE, "churned"),
        r'no column "churned" \(the target\). Its columns: "a", "b", "y"',
    ),
    "all targets missing": (lambda d: frame(d, TABLE.assign(y=np.nan)), r"target|`?y`?"),
    "all targets infinite": (
        lambda d: [*frame(d, TABLE.assign(y=np.inf)), "--task", "tabular_regression"],
        r"target|`?y`?",
    ),
    "folder with one class": (lambda d: photos(d, ["cat"]), r"class"),
    "truncated Parquet": (lambda d: truncated(d, "data.parquet"), r"data\.parquet"),
    "truncated npz": (lambda d: truncated(d, "data.npz"), r"data\.npz"),
    "duplicate columns": (lambda d: csv(d, "a,a,y\n" + "1,2,no\n3,4,yes\n" * 20), r'more than one column called "a"'),
    "YAML with tabs": (lambda d: recipe(d, "training:\n\tmax_epochs: 3\n"), r"line 2.*tab"),
    "alias bomb": (
        lambda d: recipe(d, "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(30))),
        r"no anchors or aliases",
    ),
    "negative epochs": (
        lambda d: recipe(d, "data:\n  source: digits\ntraining:\n  max_epochs: -3\n"),
        r"recipe\.yaml, line 4: `training\.max_epochs` must be a whole number.*Received: -3",
    ),
    "unknown setting": (lambda d: ["tune", "digits", "--set", "modle.name=cnn"], r"no setting `modle\.name`"),
    "setting without a value": (lambda d: ["tune", "digits", "--set", "model.name"], r"name=value"),
    "budget in words": (lambda d: ["tune", "digits", "--budget", "soon"], r"soon"),
    "impossible combination": (
        lambda d: ["tune", "digits", "--set", "optimizer.name=adam", "--set", "optimizer.momentum=0.9"],
        r"momentum` is not a setting of adam, but of muon, rmsprop and sgd",
    ),
    "a model for other inputs": (lambda d: ["tune", "digits", "--set", "model.name=rnn"], r"rnn"),
    "ten thousand poolings": (lambda d: ["tune", "digits", "--set", "model.num_blocks=9"], r"num_blocks` must be"),
}


def run(arguments, out):
    return CliRunner().invoke(app, [str(a) for a in [*arguments, *SMALL, "--out", out]], prog_name="mapsto")


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_ends_in_one_paragraph_and_status_2(name, tmp_path):
    make, message = REFUSED[name]
    done = run(make(tmp_path), tmp_path / "run")
    told = " ".join(done.stderr.split())
    assert done.exit_code == 2, told
    assert re.search(message, told), told
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "results.json").exists()


def warned(out):
    return " ".join(note["message"] for note in json.loads((out / "results.json").read_text())["notes"])


WORKS = {
    "NaN among the targets": (
        lambda d: frame(d, TABLE.assign(y=[np.nan, *TABLE["y"][1:]])),
        r"One row without a usable value of the target",
    ),
    "infinite inputs": (lambda d: frame(d, TABLE.assign(a=[np.inf, *TABLE["a"][1:]])), r"infinit"),
    "a broken image among good ones": (lambda d: photos(d, ["cat", "dog"], broken=1), r"broken0\.png"),
    "ten thousand columns": (
        lambda d: frame(
            d,
            pd.DataFrame(np.random.default_rng(0).normal(size=(60, 10_000))).rename(columns=str).assign(y=TABLE["y"]),
        ),
        r"",
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_can_go_on_goes_on_with_a_warning(name, tmp_path):
    make, message = WORKS[name]
    done = run(make(tmp_path), tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert re.search(message, warned(tmp_path / "run")), warned(tmp_path / "run")


def test_a_run_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    done = run(["tune", "digits"], tmp_path / "run")
    assert done.exit_code == 2
    assert "is not overwritten" in " ".join(done.stderr.split())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_an_unwritable_run_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    done = run(["tune", "digits"], tmp_path / "file" / "run")
    assert done.exit_code == 2
    assert "cannot be written" in " ".join(done.stderr.split())
    assert (tmp_path / "file").read_text() == "x"


def test_a_full_disk(tmp_path):
    mounted = 'mount -t tmpfs -o size=300k none "$0" && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, str(tmp_path)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    # A study waits a quarter of an hour for space; here it waits a second.
    impatient = (
        "import mapsto.search.patience as patience; patience.LONGEST_PAUSE_SECONDS = 1.0; "
        "from mapsto.cli.main import main; main()"
    )
    tune = [sys.executable, "-c", impatient, "tune", "digits", *SMALL, "--out", str(tmp_path / "run")]
    done = subprocess.run([*command, *tune], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "The disk is full:" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
