"""Traces survive a kill in mid-line, and are cut back to a checkpoint."""

import math
from dataclasses import replace

import pytest

from mapsto.training import tensorboard
from mapsto.training.base import Measurement
from mapsto.training.trace import MAX_STEPS_A_LINE, Trace, read

FIRST = Measurement(1, 10, 0.5, 1.2, 1.1, 0.7, 0.01)


def test_what_is_written_is_read(tmp_path):
    trace = Trace(tmp_path / "trace.jsonl")
    trace.steps(0, [3.0, 2.0], [0.1, 0.2])
    trace.epoch(FIRST)
    steps, epoch = read(tmp_path / "trace.jsonl")
    assert steps == {"kind": "steps", "first": 0, "stride": 1, "loss": [3.0, 2.0], "learning_rate": [0.1, 0.2]}
    assert epoch["validation_loss"] == 1.1


def test_a_torn_last_line_is_ignored(tmp_path):
    path = tmp_path / "trace.jsonl"
    Trace(path).epoch(FIRST)
    path.write_bytes(path.read_bytes() + b'{"kind": "epo')
    assert len(read(path)) == 1


def test_cut_forgets_what_came_later(tmp_path):
    trace = Trace(tmp_path / "trace.jsonl")
    trace.epoch(FIRST)
    size = trace.size
    trace.epoch(FIRST)
    again = Trace(tmp_path / "trace.jsonl")
    again.cut(size)
    assert len(read(again.path)) == 1
    assert again.size == again.path.stat().st_size


def test_numbers_that_are_not_finite_become_null(tmp_path):
    trace = Trace(tmp_path / "trace.jsonl")
    trace.steps(0, [math.nan, math.inf], [0.1, 0.1])
    assert read(trace.path)[0]["loss"] == [None, None]


def test_long_epochs_are_thinned(tmp_path):
    trace = Trace(tmp_path / "trace.jsonl")
    trace.steps(0, [float(i) for i in range(5000)], [0.1] * 5000)
    record = read(trace.path)[0]
    assert len(record["loss"]) <= MAX_STEPS_A_LINE
    assert record["loss"][1] == record["stride"]


def test_tensorboard_reads_the_events(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trace = Trace(tmp_path / "trace.jsonl")
    trace.epoch(FIRST)
    tensorboard.export(trace.path, tmp_path / "events")
    trace.epoch(replace(FIRST, epoch=2, step=70_000, seconds=2.0, validation_loss=-0.25))
    tensorboard.export(trace.path, tmp_path / "events")
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(tensorboard.SCALARS.values())
    first, second = events.Scalars("loss/validation")
    assert [(one.step, round(one.value, 3)) for one in (first, second)] == [(10, 1.1), (70_000, -0.25)]
    assert second.wall_time - first.wall_time == pytest.approx(1.5, abs=1e-3)


def test_a_record_of_tensorboard_is_what_its_own_writer_writes(tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    data = Event(wall_time=12.5, step=300, summary=Summary(value=[Summary.Value(tag="a/b", simple_value=0.1)]))
    with (tmp_path / "one").open("wb") as file:
        RecordWriter(file).write(data.SerializeToString())
    assert tensorboard._record(tensorboard._event(12.5, 300, {"a/b": 0.1})) == (tmp_path / "one").read_bytes()


def test_a_trace_without_epochs_has_no_events(tmp_path):
    tensorboard.export(tmp_path / "trace.jsonl", tmp_path / "events")
    assert not (tmp_path / "events").exists()
