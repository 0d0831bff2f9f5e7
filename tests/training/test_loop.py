"""The training loop on small real data: every setting by its effect, and exact continuation."""

import time

import numpy as np
import pytest
import torch

from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.training import trace as traces
from mapsto.training.base import Ending
from mapsto.training.batches import Tensors
from mapsto.training.epochs import steps_per_epoch
from mapsto.training.loop import TorchTrainer
from mapsto.training.trace import Trace

BASE = [
    "task.name=image_classification",
    "model.name=mlp",
    "model.hidden_dim=32",
    "model.num_layers=1",
    "training.max_epochs=3",
    "training.seed=1",
]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    recipe = Space.from_settings(BASE).recipe({})
    table = read("digits", options=DataOptions())
    folder = tmp_path_factory.mktemp("data")
    return prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=folder)


@pytest.fixture
def trainer(digits):
    tensors = Tensors(digits, "cpu")

    def make(*settings, trace=None):
        return TorchTrainer(Space.from_settings([*BASE, *settings]).recipe({}), digits, tensors, trace=trace)

    return make


def weights(trainer):
    return torch.cat([tensor.flatten().float() for tensor in trainer.network.state_dict().values()])


def run(trainer):
    return list(trainer.advance(trainer.recipe.training.max_epochs))


def test_it_learns_digits(trainer):
    made = trainer("training.max_epochs=15", "training.batch_size=32")
    scores = [measurement.score for measurement in run(made)]
    assert scores[-1] > 0.93 > 0.5 > scores[0] - 0.4
    assert made.ending is Ending.COMPLETE


def test_the_same_seed_gives_the_same_weights_and_another_one_others(trainer):
    first, second, other = trainer("model.dropout=0.3"), trainer("model.dropout=0.3"), trainer("training.seed=2")
    for made in (first, second, other):
        run(made)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_training_leaves_the_users_generator_alone(trainer):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    run(trainer("model.dropout=0.5"))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_a_restored_training_ends_in_the_same_weights_bit_for_bit(trainer, tmp_path, optimizer, model):
    settings = ["model.dropout=0.3", f"optimizer.name={optimizer}", "schedule.name=cosine", f"model.name={model}"]
    settings = settings if model == "mlp" else [s for s in settings if "hidden" not in s]
    whole = _made(trainer, model, settings)
    run(whole)
    part = _made(trainer, model, settings)
    list(part.advance(1))
    part.save(tmp_path / "state.safetensors")
    again = _made(trainer, model, settings)
    again.restore(tmp_path / "state.safetensors")
    run(again)
    assert torch.equal(weights(whole), weights(again))
    assert (whole.best.score, whole.best.epoch) == (again.best.score, again.best.epoch)


def _made(trainer, model, settings):
    if model == "mlp":
        return trainer(*settings)
    made = Space.from_settings([s for s in BASE if not s.startswith("model.")] + ["model.channels=4", *settings])
    template = trainer()
    return TorchTrainer(made.recipe({}), template.prepared, template.tensors)


def test_a_training_restored_in_mid_epoch_ends_in_the_same_weights(trainer, tmp_path):
    settings = ["model.dropout=0.4", "training.batch_size=16", "training.max_epochs=4"]
    whole = trainer(*settings)
    run(whole)
    part = trainer(*settings, trace=Trace(tmp_path / "trace.jsonl"))
    path, saved = tmp_path / "state.safetensors", []

    def save_once(tick):
        if not saved and tick.epoch >= 2:
            part.save(path)
            saved.append(tick.step)

    import mapsto.training.epochs as loop

    loop.TICK_SECONDS, kept = 0.0, loop.TICK_SECONDS
    try:
        list(part.advance(4, on_tick=save_once))
    finally:
        loop.TICK_SECONDS = kept
    again = trainer(*settings, trace=Trace(tmp_path / "trace.jsonl"))
    again.restore(path)
    assert (again.epoch, again.step_in_epoch) == (1, saved[0])
    run(again)
    assert torch.equal(weights(whole), weights(again))
    epochs = [record["epoch"] for record in traces.read(tmp_path / "trace.jsonl") if record["kind"] == "epoch"]
    assert epochs == [1, 2, 3, 4]


def test_early_stopping_restores_the_best_weights(trainer, digits):
    made = trainer("training.max_epochs=60", "training.patience=3", "optimizer.learning_rate=0.02")
    scores = [measurement.score for measurement in run(made)]
    assert made.ending is Ending.EARLY
    assert len(scores) == made.best.epoch + 3
    rows = digits.parts["validation"]
    answered = made.predict(rows).argmax(axis=1)
    assert np.mean(answered == digits.arrays["targets"][rows]) == made.best.score == max(scores)


def test_divergence_is_an_ending_and_not_an_exception(trainer):
    made = trainer("optimizer.name=sgd", "optimizer.learning_rate=100", "training.max_epochs=20", "model.num_layers=8")
    run(made)
    assert made.ending is Ending.DIVERGED


def test_the_deadline_ends_in_mid_epoch_with_one_measurement(trainer):
    made = trainer("training.batch_size=1", "training.max_epochs=50")
    started = time.perf_counter()
    (measurement,) = made.advance(50, deadline=started + 0.1)
    assert made.ending is Ending.TIME
    assert time.perf_counter() - started < 2
    assert 0 < measurement.step < made.steps_per_epoch


def test_a_deadline_after_the_first_epoch_keeps_what_was_measured(trainer):
    made = trainer("training.max_epochs=5000", "training.patience=0")
    measurements = list(made.advance(5000, deadline=time.perf_counter() + 1.0))
    assert made.ending is Ending.TIME
    assert made.best in measurements


def test_the_learning_rate_follows_the_schedule(trainer, tmp_path):
    made = trainer("schedule.name=cosine", "schedule.warmup_steps=5", trace=Trace(tmp_path / "t.jsonl"))
    run(made)
    rates = [
        r for record in traces.read(tmp_path / "t.jsonl") if record["kind"] == "steps" for r in record["learning_rate"]
    ]
    total = 3 * made.steps_per_epoch
    expected = [made.recipe.optimizer.learning_rate * made.recipe.schedule.factor(step, total) for step in range(total)]
    assert rates == pytest.approx(expected)


def test_the_batch_size_decides_the_steps(trainer, digits):
    rows = len(digits.parts["train"])
    made = trainer("training.batch_size=100", "training.max_epochs=1")
    (measurement,) = run(made)
    assert measurement.step == steps_per_epoch(rows, 100) == -(-rows // 100)


def test_l1_makes_exact_zeros_and_l2_makes_weights_small(trainer):
    plain, l1, l2 = (
        trainer("optimizer.name=sgd", s) for s in ("training.l1=0", "training.l1=0.05", "training.l2=0.01")
    )
    for made in (plain, l1, l2):
        run(made)
    share = [float((made.network.state_dict()["2.weight"] == 0).float().mean()) for made in (plain, l1)]
    assert share[0] == 0 < 0.2 < share[1]
    norms = [float(made.network.state_dict()["2.weight"].norm()) for made in (plain, l2)]
    assert norms[1] < 0.9 * norms[0]


def test_label_smoothing_keeps_the_loss_above_its_entropy(trainer):
    made = trainer("loss.label_smoothing=0.4", "training.max_epochs=8")
    losses = [measurement.train_loss for measurement in run(made)]
    p, q = 0.6 + 0.04, 0.04
    assert min(losses) > -(p * np.log(p) + 9 * q * np.log(q)) - 1e-3


def test_weight_decay_shrinks_weights(trainer):
    small, large = trainer("optimizer.name=adamw"), trainer("optimizer.name=adamw", "optimizer.weight_decay=5")
    for made in (small, large):
        run(made)
    assert float(weights(large).norm()) < 0.95 * float(weights(small).norm())


def test_a_checkpoint_of_another_recipe_is_refused(trainer, tmp_path):
    made = trainer()
    made.save(tmp_path / "s")
    from mapsto.errors import RunError

    with pytest.raises(RunError, match=r"written with other settings \(training.batch_size\)"):
        trainer("training.batch_size=7").restore(tmp_path / "s")


def test_a_damaged_checkpoint_is_refused(trainer, tmp_path):
    from mapsto.errors import RunError

    (tmp_path / "s").write_bytes(b"not safetensors at all")
    with pytest.raises(RunError, match="is damaged"):
        trainer().restore(tmp_path / "s")
