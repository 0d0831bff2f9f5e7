"""Two processes train one recipe as one process does, and end whatever happens."""

import os
import signal
import time

import pytest
import torch

from mapsto.errors import MissingPackage, RecipeError, TrainingError
from mapsto.training import processes

pytest.importorskip("accelerate", reason="the extra `distributed` is not installed")


def run(trainer, **more):
    return list(trainer.advance(trainer.recipe.training.max_epochs, **more))


def agree(first, second, tolerance=1e-4):
    for name, tensor in first.network.state_dict().items():
        assert torch.allclose(tensor, second.network.state_dict()[name], atol=tolerance), name


def ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_two_processes_end_in_the_weights_of_one(small):
    settings = ["training.max_epochs=2", "training.averaging=ema", "training.balance=class_weights"]
    alone, together = small(*settings), small(*settings, "training.num_processes=2")
    before = torch.get_num_threads()
    measured = [run(trainer) for trainer in (alone, together)]
    agree(alone, together)
    for first, second in zip(*measured, strict=True):
        assert first.train_loss == pytest.approx(second.train_loss, rel=1e-4)
        assert first.validation_loss == pytest.approx(second.validation_loss, rel=1e-4)
    assert torch.get_num_threads() == before
    assert not torch.distributed.is_initialized()
    assert not together._processes._helpers


@pytest.mark.slow
def test_a_resumed_training_of_two_processes_ends_in_the_same_weights_bit_for_bit(small, tmp_path):
    settings = ["training.max_epochs=2", "model.dropout=0.4", "training.num_processes=2"]
    whole = small(*settings)
    measurements = whole.advance(2)
    next(measurements)
    whole.save(tmp_path / "state")
    list(measurements)
    again = small(*settings)
    again.restore(tmp_path / "state")
    run(again)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name


def test_helpers_end_when_the_caller_stops(small):
    made = small("training.num_processes=2")
    measurements = made.advance(4)
    next(measurements)
    pids = [helper.pid for helper in made._processes._helpers]
    assert pids
    assert not any(ended(pid) for pid in pids)
    measurements.close()
    assert all(ended(pid) for pid in pids)
    assert not torch.distributed.is_initialized()


@pytest.mark.slow
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_helpers_end_when_the_training_is_broken_off(small, monkeypatch, error):
    made, pids = small("training.num_processes=2"), []

    def broken(*_):
        pids.extend(helper.pid for helper in made._processes._helpers)
        raise error

    monkeypatch.setattr(made.step.regularization, "before_step", broken)
    with pytest.raises(error):
        run(made)
    assert pids
    assert all(ended(pid) for pid in pids)


def test_a_helper_that_dies_is_named(small):
    made = small("training.num_processes=2", "training.max_epochs=1000")
    measurements = made.advance(1000)
    next(measurements)
    os.kill(made._processes._helpers[0].pid, signal.SIGKILL)
    started = time.perf_counter()
    with pytest.raises(TrainingError, match=r"One of the 2 processes .* failed: it was ended with -9"):
        list(measurements)
    assert time.perf_counter() - started < 20
    assert not torch.distributed.is_initialized()


@pytest.mark.slow
def test_a_helper_that_cannot_start_says_why(small, tmp_path):
    made = small("training.num_processes=2")
    made._processes.folder = tmp_path
    with pytest.raises(TrainingError, match="holds no prepared data"):
        run(made)


def test_the_library_is_asked_for_when_it_is_missing(small, monkeypatch):
    def absent(package, *, extra, purpose):
        raise MissingPackage(f"{purpose} needs {package}: pip install 'mapsto[{extra}]'")

    monkeypatch.setattr(processes, "require", absent)
    with pytest.raises(MissingPackage, match=r"mapsto\[distributed\]"):
        small("training.num_processes=2")


def test_a_process_of_another_group_is_refused(small, monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with pytest.raises(RecipeError, match="without a launcher such as torchrun"):
        run(small("training.num_processes=2"))
