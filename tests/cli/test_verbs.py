"""Each verb on a real run: what it prints as JSON, in short, and for a person."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

LINE = re.compile(r".*: accuracy [\d.]+% \([\d.]+% to [\d.]+%\) on 2\d\d test rows\n")


def test_tune_answers_with_the_whole_summary(study):
    folder, done = study
    answer = json.loads(done.stdout)
    assert answer["objective"]["name"] == "accuracy"
    assert (answer["run"], answer["report"]) == (str(folder), str(folder / "report.html"))
    assert (folder / "report.html").is_file()
    assert done.stderr == ""


def test_tune_prints_a_line_a_trial_and_then_the_answer(mapsto, tmp_path: Path):
    small = ["--set", "model.name=mlp", "--set", "training.max_epochs=1", "--set", "model.hidden_dim=int(8, 16)"]
    done = mapsto("tune", "digits", "--trials", 2, *small, "--set", "search.num_seeds=1", "--out", tmp_path / "run")
    assert done.exit_code == 0
    assert (
        len(re.findall(r"trial \d complete, accuracy [\d.]+%, best [\d.]+% \(trial \d\), 1 of 1 epochs", done.stderr))
        >= 2
    )
    assert re.search(r"winner +trial \d", done.stdout)
    assert "use it  mapsto predict" in done.stdout


def test_train_trains_one_recipe(mapsto, tmp_path: Path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("data: {source: digits}\nmodel: {name: mlp, hidden_dim: 8}\ntraining: {max_epochs: 1}\n")
    done = mapsto("train", recipe, "--out", tmp_path / "run", "--quiet")
    assert done.exit_code == 0, done.stderr
    assert LINE.fullmatch(done.stdout)
    assert done.stderr == ""
    assert len(list((tmp_path / "run" / "trials").iterdir())) == 1


def test_train_refuses_a_range(mapsto, tmp_path: Path):
    done = mapsto("train", "digits", "--set", "training.batch_size=int(8, 32)", "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "`training.batch_size` is a range: int(8, 32)" in done.stderr


def test_resume_of_a_finished_run_answers_again(mapsto, study, answer):
    again = mapsto("resume", study[0], "--json")
    assert json.loads(again.stdout) == answer


def test_evaluate_gives_the_stored_test(mapsto, study, answer):
    done = mapsto("evaluate", study[0], "--json")
    assert json.loads(done.stdout) == answer["scorecard"]
    person = mapsto("evaluate", study[0]).stdout
    assert f"test part, {answer['scorecard']['rows']} rows" in person
    assert re.search(r"class +rows +precision +recall +F1", person)
    assert re.match(r"accuracy [\d.]+%, ", mapsto("evaluate", study[0], "--quiet").stdout)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_predict_writes_a_row_for_each_row(mapsto, study, tmp_path: Path, suffix: str):
    out = tmp_path / f"answers{suffix}"
    done = mapsto("predict", study[0], "digits", "--out", out)
    assert (done.exit_code, done.stdout) == (0, f"1,797 answers in {out}\n")
    assert len(getattr(pd, f"read_{suffix[1:]}")(out)) == 1797


def test_predict_prints_csv_or_json(mapsto, study):
    csv = mapsto("predict", study[0], "digits").stdout.split("\n")
    records = json.loads(mapsto("predict", study[0], "digits", "--json").stdout)
    assert len(csv) - 2 == len(records) == 1797
    assert csv[0] == ",".join(records[0])


def test_predict_does_not_overwrite_unless_told_to(mapsto, study, tmp_path: Path):
    out = tmp_path / "answers.csv"
    out.write_text("mine\n")
    refused = mapsto("predict", study[0], "digits", "--out", out)
    assert refused.exit_code == 2
    assert "is there already. Choose another, or give --overwrite." in refused.stderr
    assert out.read_text() == "mine\n"
    assert mapsto("predict", study[0], "digits", "--out", out, "--overwrite").exit_code == 0
    assert out.read_text() != "mine\n"


@pytest.mark.parametrize(("language", "tag"), [("en", 'lang="en"'), ("zh", 'lang="zh')])
def test_report_writes_a_page_in_either_language(mapsto, study, tmp_path: Path, language: str, tag: str):
    out = tmp_path / "report.html"
    done = mapsto("report", study[0], "--language", language, "--out", out, "--json")
    assert json.loads(done.stdout) == {"report": str(out)}
    assert tag in out.read_text(encoding="utf-8")


def test_init_writes_a_recipe_that_show_accepts(mapsto, tmp_path: Path):
    out = tmp_path / "recipe.yaml"
    written = mapsto("init", "digits", "--set", "model.name=mlp", "--out", out)
    assert (written.exit_code, written.stdout) == (0, f"{out}\n")
    assert written.stderr == f"Edit it, then: mapsto tune {out}\n"
    assert mapsto("show", out).exit_code == 0
    assert mapsto("init", "digits", "--out", out).exit_code == 2


def test_show_model_prints_the_network_and_what_a_step_costs(mapsto):
    small = ("--set", "model.name=mlp", "--set", "model.num_layers=1", "--set", "model.hidden_dim=10")
    answer = json.loads(mapsto("show", "digits", "--model", *small, "--json").stdout)
    assert [layer["kind"] for layer in answer["layers"]] == ["Flatten", "Linear", "Linear"]
    assert answer["parameters"] == 65 * 10 + 11 * 10
    assert answer["macs"] == 64 * 10 + 10 * 10
    memory = answer["memory"]
    assert memory["gradients"] == 4 * answer["parameters"]
    assert memory["optimizer"] >= 2 * memory["gradients"]  # both moments of AdamW
    assert memory["activations"] == answer["batch_size"] * 4 * (64 + 10)  # what the dense layers read
    assert memory["total"] == sum(size for part, size in memory.items() if part != "total")
    shown = mapsto("show", "digits", "--model", *small).stdout
    assert re.search(r"1 +Flatten +64 +– +– *\n +2 +Linear +10 +650 +640", shown)
    assert "receptive field" not in shown
    assert "receptive field: " in mapsto("show", "digits", "--model", "--quiet").stdout
    refused = mapsto("show", "digits", "--model", "--set", "model.channels=int(8, 16)")
    assert refused.exit_code == 2
    assert "`model.channels` is a range" in refused.stderr


@pytest.mark.parametrize(
    ("setting", "less"), [("training.accumulate_steps=4", 0.26), ("training.checkpoint_activations=true", 0.9)]
)
def test_show_model_tells_the_memory_that_a_setting_saves(mapsto, setting, less):
    given = ("show", "digits", "--model", "--set", "model.name=resnet", "--set", "model.channels=4", "--json")
    plain, saving = (json.loads(mapsto(*given, *more).stdout)["memory"] for more in ((), ("--set", setting)))
    assert saving["activations"] < less * plain["activations"]


def test_show_model_counts_averages_and_leaves_out_what_is_frozen(mapsto):
    given = ("show", "digits", "--model", "--set", "model.name=mlp", "--set", "optimizer.name=adam", "--json")
    plain, averaged, frozen = (
        json.loads(mapsto(*given, *more).stdout)["memory"]
        for more in ((), ("--set", "training.averaging=ema"), ("--set", "training.freeze=*.weight"))
    )
    assert averaged["optimizer"] - plain["optimizer"] >= plain["gradients"]
    assert frozen["optimizer"] < 0.1 * plain["optimizer"]


def test_show_fills_in_defaults(mapsto):
    shown = mapsto("show", "digits", "--set", "optimizer.name=sgd")
    assert shown.exit_code == 0
    assert "momentum:" in shown.stdout
    assert (
        json.loads(mapsto("show", "digits", "--set", "optimizer.name=sgd", "--json").stdout)["recipe"] == shown.stdout
    )


def test_schema_is_a_json_schema(mapsto):
    schema = json.loads(mapsto("schema").stdout)
    assert "optimizer" in schema["properties"]
    assert json.loads(mapsto("schema", "--json").stdout) == schema


def test_datasets_are_listed(mapsto):
    assert mapsto("datasets", "--quiet").stdout.split("\n")[:3] == ["digits", "mnist", "fashion-mnist"]
    assert json.loads(mapsto("datasets", "--json").stdout)[0]["name"] == "digits"
    assert "1,797" in mapsto("datasets").stdout


def test_check_says_that_all_is_well(mapsto):
    done = mapsto("check", "--quiet")
    assert (done.exit_code, done.stdout) == (0, "all is well\n")
    assert all(row["ok"] for row in json.loads(mapsto("check", "--json").stdout))
    assert "torch" in mapsto("check").stdout


@pytest.mark.parametrize("verb", ["evaluate", "report", "resume", "predict"])
def test_a_run_that_is_not_there_is_said_in_words_and_in_json(mapsto, tmp_path: Path, verb: str):
    missing = mapsto(verb, tmp_path / "none", *(["digits"] if verb == "predict" else []), "--json")
    assert missing.exit_code == 2
    error = json.loads(missing.stdout)
    assert error["kind"] == "RunError"
    assert missing.stderr == f"Error: {error['error']}\n"
    assert "Traceback" not in missing.stderr
