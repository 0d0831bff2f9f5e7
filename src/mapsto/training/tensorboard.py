"""A trace as TensorBoard event files, where TensorBoard is installed (`pip install 'mapsto[tracking]'`)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from mapsto.training import trace

SCALARS = {
    "train_loss": "loss/train",
    "validation_loss": "loss/validation",
    "score": "score/validation",
    "learning_rate": "learning_rate",
}


def export(path: Path, folder: Path) -> bool:
    """Writes the epochs of a trace as one event file; returns False where TensorBoard is not installed.

    The writer is TensorBoard's own: torch's imports TensorFlow where that is installed, which takes seconds and has
    crashed processes that also load triton.

    Args:
        path: the trace.
        folder: where the event file goes; event files that are there stay.
    """
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    epochs = [record for record in trace.read(path) if record["kind"] == "epoch"]
    if not epochs:
        return True
    start = path.stat().st_mtime - epochs[-1]["seconds"]
    writer = EventFileWriter(str(folder))
    for record in epochs:
        values = [
            Summary.Value(tag=tag, simple_value=record[name])
            for name, tag in SCALARS.items()
            if record[name] is not None
        ]
        event = Event(wall_time=start + record["seconds"], step=record["step"], summary=Summary(value=values))
        writer.add_event(event)
    writer.close()
    return True
