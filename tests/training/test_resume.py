"""A training interrupted at any step and resumed by another trainer ends in the same weights, bit for bit."""

import pytest
import torch

import mapsto.training.epochs as loop
from mapsto.recipe.families import OPTIMIZERS, SCHEDULES

STATEFUL = {
    "ema": ["training.averaging=ema", "model.normalization=batch"],
    "swa": ["training.averaging=swa", "training.swa_start=0.3", "model.normalization=batch"],
    "percentile": ["training.grad_percentile=30"],
    "sam": ["training.sam_rho=0.1", "model.normalization=batch"],
    "accumulation": ["training.accumulate_steps=3"],
    "fp16": ["training.precision=fp16"],
    "unfreezing": ["training.unfreeze_epochs=1", "training.l1=0.01"],
    "groups": ["optimizer.name=adamw", "training.layer_decay=0.5", 'training.learning_rates={"*.bias": 3}'],
    "penalties": ["training.l1=0.001", "training.max_weight_norm=0.8", "training.max_grad_value=0.01"],
    "checkpointing": ["training.checkpoint_activations=true", "model.num_layers=4"],
    "deterministic": ["training.deterministic=true"],
    "members": ["model.name=tabm", "training.accumulate_steps=2", "training.averaging=ema"],
    "weights from data": ["model.initialization=lsuv"],
    "schedule-free average": ["optimizer.name=schedule_free_adamw", "model.normalization=batch"],
    "everything": [
        "training.averaging=ema",
        "training.sam_rho=0.1",
        "training.accumulate_steps=2",
        "augment.mixup=0.4",
    ],
}
STATEFUL |= {f"optimizer {name}": [f"optimizer.name={name}"] for name in OPTIMIZERS.built_in()}
STATEFUL |= {f"schedule {name}": [f"schedule.name={name}", "schedule.warmup_steps=3"] for name in SCHEDULES.names()}


def run(trainer, **more):
    return list(trainer.advance(trainer.recipe.training.max_epochs, **more))


def states(trainer):
    return {
        "last": trainer.network.state_dict(),
        "kept": trainer._best_weights,
        **{str(number): slots for number, slots in trainer.optimizer.state_dict()["state"].items()},
    }


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.0)


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step")
@pytest.mark.parametrize("name", STATEFUL)
def test_interrupted_at_any_step(small, tmp_path, every_step, name):
    settings = ["model.dropout=0.3", *STATEFUL[name]]
    whole = small(*settings)
    steps = []

    def save(tick):
        steps.append(tmp_path / f"{len(steps)}")
        whole.save(steps[-1])

    measurements = run(whole, on_tick=save)
    assert len(steps) == whole.total_steps
    for path in (steps[0], steps[4], steps[whole.steps_per_epoch - 1], steps[-3]):
        torch.manual_seed(99)  # nothing may depend on it
        again = small(*settings)
        again.restore(path)
        assert run(again)[-1].score == measurements[-1].score
        for part, tensors in states(whole).items():
            for key, tensor in tensors.items():
                assert torch.equal(tensor, states(again)[part][key]), f"{part} {key}, resumed from {path.name}"


@pytest.mark.parametrize("name", ["contiguous", "measured", "swa", "ema"])
def test_interrupted_in_a_convolutional_network(small, tmp_path, every_step, name):
    settings = {
        "contiguous": ["training.memory_format=contiguous"],
        "measured": ["training.memory_format=measured"],
        "swa": STATEFUL["swa"],
        "ema": STATEFUL["ema"],
    }[name]
    whole, path = small(*settings, kind="image"), tmp_path / "state"

    def save(tick):
        if (tick.epoch, tick.step) == (2, 2):
            whole.save(path)

    run(whole, on_tick=save)
    again = small(*settings, kind="image")
    again.restore(path)
    assert again.step.layout.channels_last == whole.step.layout.channels_last
    run(again)
    for part, tensors in states(whole).items():
        for key, tensor in tensors.items():
            assert torch.equal(tensor, states(again)[part][key]), f"{part} {key}"


def test_two_trainers_from_one_seed_agree_with_every_setting(small):
    for settings in STATEFUL.values():
        first, second = small("training.max_epochs=1", *settings), small("training.max_epochs=1", *settings)
        run(first)
        run(second)
        for key, tensor in first.network.state_dict().items():
            assert torch.equal(tensor, second.network.state_dict()[key]), (settings, key)
