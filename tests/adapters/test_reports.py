import json
import math
import os
import subprocess
import sys

import pytest

from mapsto.adapters.reporting import report_values
from mapsto.adapters.reports import MAX_NAMES, Reports, read_line
from mapsto.errors import RecipeError


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("accuracy=0.91 epoch=3", {"accuracy": 0.91, "epoch": 3}),
        ("Epoch 3 - loss: 2.1e-3 - accuracy : .5.", {"loss": 0.0021, "accuracy": 0.5}),
        ("[INFO] val/acc=91.5%, best-acc = +92%", {"val/acc": 0.915, "best-acc": 0.92}),
        ("{'eval_loss': 0.25, 'epoch': 1.0}", {"eval_loss": 0.25, "epoch": 1.0}),
        ('{"accuracy": 0.9, "done": true, "name": "x", "deep": {"a": 1}}', {"accuracy": 0.9}),
        ('{"accuracy": NaN}', {"accuracy": math.nan}),
        ("\x1b[32maccuracy=0.5\x1b[0m", {"accuracy": 0.5}),
        ("loss=-inf x=nan", {"loss": -math.inf, "x": math.nan}),
        ("version=1.2.3 file=3d time 12:30 a==b x=0x1f =5", {}),
        ("", {}),
        ("{" * 10_000, {}),
        ('{"a": ' + "9" * 5000 + "}", {"a": math.inf}),
    ],
)
def test_values_of_a_line(line, values):
    assert read_line(line) == pytest.approx(values, nan_ok=True)


def test_a_name_is_whole_or_it_is_another():
    reports = Reports("accuracy")
    assert not reports.read("val_accuracy=0.5 top.accuracy=0.4 accuracy2=0.3")
    assert reports.read("accuracy=0.6")
    assert reports.values == {"accuracy": 0.6}


def test_steps_are_told_or_counted():
    reports = Reports("loss")
    for line in ("loss=5", "loss=4", "loss=3 epoch=10", "loss=2.9 epoch=10.7", "epoch=11 step=400 loss=2", "loss=1"):
        reports.read(line)
    assert reports.points == [(1, 5), (2, 4), (10, 3), (400, 2), (401, 1)]
    assert reports.value == 1


def test_pairs_count_beside_the_metric_and_objects_always():
    reports = Reports("loss")
    reports.read("lr=0.1 threads=8")
    reports.read('{"parameters": 12}')
    reports.read("loss=3 memory=7")
    assert reports.values == {"parameters": 12, "loss": 3, "memory": 7}


def test_a_number_that_is_not_finite_is_no_point_but_the_last_value():
    reports = Reports("loss")
    reports.read("loss=3")
    assert not reports.read("loss=nan")
    assert reports.points == [(1, 3)]
    assert str(reports.value) == "nan"


def test_silence_names_what_was_spoken_of():
    reports = Reports("accuracy")
    reports.read("epoch=3 acuracy=0.5")
    assert 'It spoke of acuracy. Did you mean "acuracy"?' in reports.silence()


def test_names_without_end_do_not_fill_the_memory():
    reports = Reports("loss")
    for number in range(1000):
        reports.read(json.dumps({f"x{number}": number}))
    assert len(reports.values) == MAX_NAMES


def test_a_metric_that_no_line_can_have_is_refused():
    with pytest.raises(RecipeError, match="Received: 'top 1'"):
        Reports("top 1")


def test_report_values_appends_a_line_and_looks_for_a_word_to_stop(tmp_path, monkeypatch):
    path = tmp_path / "report.jsonl"
    monkeypatch.setenv("MAPSTO_REPORT", str(path))
    assert report_values(accuracy=0.5, epoch=1) is False
    (tmp_path / "report.jsonl.stop").touch()
    assert report_values(accuracy=0.6, epoch=2) is True
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"accuracy": 0.5, "epoch": 1},
        {"accuracy": 0.6, "epoch": 2},
    ]


def test_report_values_does_nothing_outside_of_a_study(monkeypatch):
    monkeypatch.delenv("MAPSTO_REPORT", raising=False)
    assert report_values(accuracy=1) is False
    with pytest.raises(TypeError, match="`accuracy` must be a number to be reported. Received: 'high'."):
        report_values(accuracy="high")  # type: ignore[arg-type]


def test_reporting_loads_neither_torch_nor_optuna():
    program = "import sys; from mapsto.adapters.reporting import report_values; report_values(a=1); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert not {"torch", "optuna", "numpy", "pydantic"} & set(done.stdout.split())
