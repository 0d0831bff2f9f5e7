"""From a run folder to a study, with all that may be missing or cut off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mapsto.report.reading import read
from mapsto.report.study import Study, Trial, finite, read_trace
from mapsto.report.text import Texts
from mapsto.report.views import finalists, leaderboard, mistakes, picture_of, settings


def test_finished_study_knows_its_winner_and_what_was_kept(digits: Study):
    assert digits.best is not None
    assert digits.fitted is not None
    assert (digits.best.number, digits.best.phase) == (12, "explore")
    assert (digits.fitted.phase, digits.fitted.folder) == ("final", "final")
    assert digits.measure is not None
    assert digits.measure.name == "accuracy"


def test_winner_stands_in_where_the_final_training_failed(digits: Study):
    failed = [replace(t, state="failed") if t.phase == "final" else t for t in digits.trials]
    fitted = replace(digits, trials=tuple(failed)).fitted
    assert fitted is not None
    assert fitted.phase == "explore"


def test_unfinished_study_takes_task_and_objective_from_recipe_and_data(runs: Path):
    study = read(runs / "unfinished")
    assert study.finished is None
    assert study.task == {"name": "image_classification", "title": "image classification"}
    assert (study.objective.name, study.objective.percent) == ("accuracy", True)
    assert [t.state for t in study.trials][-1] == "running"
    assert study.best is not None
    assert study.best.score == max(t.score for t in study.trials if t.is_candidate and t.score is not None)


def test_recipe_names_another_objective(tmp_path: Path, sample: ModuleType):
    sample.unfinished(tmp_path)
    recipe = tmp_path / "study.yaml"
    recipe.write_text(sample.SPACE_YAML + "search:\n  metric: log_loss\n")
    assert read(tmp_path).objective.direction == "minimize"
    recipe.write_text("task: [")
    assert read(tmp_path).objective.name == "accuracy"


def test_trace_ends_before_half_a_line_and_counts_a_repeated_epoch_once(tmp_path: Path):
    path = tmp_path / "trace.jsonl"
    lines = [{"kind": "steps", "first": 0, "stride": 5, "loss": [1.0], "learning_rate": [0.1, 0.2, None]},
             {"kind": "epoch", "epoch": 1, "score": 0.5}, {"kind": "epoch", "epoch": 2, "score": None},
             {"kind": "epoch", "epoch": 1, "score": 0.6}]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "epo')
    trace = read_trace(path, steps=True)
    assert trace.curve("score") == ((1.0, 0.6),)
    assert trace.learning_rate == ((0, 0.1), (5, 0.2))
    assert read_trace(tmp_path / "none.jsonl", steps=True).epochs == ()


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 1.0), (True, None), (float("inf"), None), ("1", None), (None, None)]
)
def test_only_finite_numbers_are_numbers(value: object, expected: float | None):
    assert finite(value) == expected


def test_candidates_rank_before_those_that_were_stopped_early(digits: Study, say: Texts):
    places = leaderboard(digits, say)
    states = [place.trial.state for place in places]
    assert states == sorted(states, key=["complete", "pruned", "failed"].index)
    assert [p.rank for p in places][:2] == ["1", "2"]
    assert {p.rank for p in places if p.trial.state != "complete"} == {"–"}
    assert [str(m) for m in places[0].marks] == ["winner"]


def test_finalists_are_shown_with_their_fresh_runs_only(digits: Study):
    found = finalists(digits)
    assert [line.number for line in found] == [12, 0]
    assert [line.n for line in found] == [3, 3]


def test_settings_are_short_unless_that_is_ambiguous():
    found = settings({"optimizer.name": "adam", "model.dropout": 0.25, "a.size": 1, "b.size": 2})
    assert [(s.short, s.value) for s in found] == [
        ("optimizer", "adam"),
        ("dropout", "0.25"),
        ("a.size", "1"),
        ("b.size", "2"),
    ]


def test_pictures_are_png_of_bearable_size(sample: ModuleType):
    small = sample.png(np.zeros((8, 8), np.uint8))
    assert picture_of(small) == (small, True)
    assert picture_of(sample.png(np.zeros((200, 100), np.uint8)))[1] is False
    noise = np.random.default_rng(0).integers(0, 255, (400, 400), dtype=np.uint8)
    assert picture_of(sample.png(noise)) == ("", False)


def test_rows_are_cut_to_what_a_card_can_hold(digits: Study, say: Texts):
    example = {"kind": "row", "values": {f"column {i}": i for i in range(60)}}
    study = replace(digits, worst=({**digits.worst[0], "example": example},) * 20)
    found = mistakes(study, say)
    assert len(found) == 12
    assert (len(found[0].values), found[0].num_left_out) == (24, 36)


def test_trial_without_a_result_is_no_candidate():
    assert not Trial(number=3).is_candidate
    assert not Trial(number=3, state="pruned", score=0.9).is_candidate
    assert Trial(number=3, state="stopped", score=0.9).is_candidate


def test_baseline_borrows_titles_from_the_scorecard_but_no_interval(tmp_path: Path, sample: ModuleType):
    results = sample.classification(tmp_path)
    results["baselines"] = [{"name": "linear", "title": "line", "metrics": {"accuracy": {"value": 0.5}}, "seconds": 1}]
    sample.write(tmp_path / "results.json", results)
    measure = read(tmp_path).baselines[0].measures["accuracy"]
    assert (measure.title, measure.percent, measure.value) == ("accuracy", True, 0.5)
    assert not measure.has_interval
