"""Augmentations as a training uses them: chance, mixing, masks, repetition, continuation, evaluation, worth."""

import numpy as np
import pytest
import torch

import mapsto.training.epochs as loop
from mapsto import _given, preview
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Range
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.testing.augmentations import LearnedEncoder, sample_rows
from mapsto.testing.models import sample_spec
from mapsto.training.augmenter import Augmenter, Versions
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer

IMAGES = ["task.name=image_classification", "model.name=cnn", "model.channels=4"]
IMAGES += ["training.max_epochs=3", "training.seed=1"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return _prepared("digits", IMAGES, tmp_path_factory.mktemp("digits"))


def _prepared(source, settings, folder):
    made = Space.from_settings(settings).recipe({})
    table = read(source, options=DataOptions())
    return prepare(table, task=made.task, recipe_data=made.data, seed=0, folder=folder)


@pytest.fixture
def trainer(digits):
    tensors = Tensors(digits, "cpu")

    def make(*settings):
        return TorchTrainer(Space.from_settings([*IMAGES, *settings]).recipe({}), digits, tensors)

    return make


def weights(trainer):
    return torch.cat([tensor.flatten().float() for tensor in trainer.network.state_dict().values()])


def run(trainer):
    return list(trainer.advance(trainer.recipe.training.max_epochs))


def augmenter(digits, *settings, seed=0):
    return Augmenter.of(Space.from_settings([*IMAGES, *settings]).recipe({}), digits.encoders, seed)


def batch_of(digits, rows=400):
    return Tensors(digits, "cpu").take(torch.arange(rows))


def test_nothing_is_made_where_nothing_is_on(digits, trainer):
    assert augmenter(digits) is None
    assert augmenter(digits, "augment.rotate=10", "augment.probability=0") is None
    assert trainer().augmenter is None
    assert trainer().versions is None


@pytest.mark.parametrize("member", ["rotate=20", "color=0.5", "randaugment=0.8", "mixup=1", "cutmix=1"])
def test_a_probability_of_a_half_changes_about_half_of_the_rows(digits, member):
    batch = batch_of(digits)
    changed = augmenter(digits, f"augment.{member}", "augment.probability=0.5")(batch)["inputs"]
    moved = ((changed - batch["inputs"]).abs().amax(dim=(1, 2, 3)) > 0).float().mean()
    low = 0.35 if member.startswith("rand") else 0.42  # one of its operations in fourteen leaves a row as it is
    assert low < float(moved) < 0.58


def test_moves_are_read_through_one_map_and_stay_in_range(digits):
    batch = batch_of(digits)
    made = augmenter(digits, *(f"augment.{m}" for m in ("rotate=20", "scale=0.2", "shift=0.1", "shear=0.2", "crop=1")))
    assert len(made.moving) == 5
    inputs = made(batch)["inputs"]
    assert inputs.dtype == torch.float32
    assert float(inputs.min()) >= 0
    assert float(inputs.max()) <= 255
    assert torch.equal(batch["inputs"], batch_of(digits)["inputs"])


def test_the_loss_of_mixed_rows_is_the_weighted_sum(digits, trainer):
    made, batch = trainer(), batch_of(digits, 64)
    for member in ("mixup=1", "cutmix=1"):
        mixing = augmenter(digits, f"augment.{member}")
        mixed = mixing(batch)
        share, partners = float(mixed["share"]), mixed["partners"]
        assert 0.02 < share < 0.98
        if member == "mixup=1":
            stored = batch["inputs"].float()
            assert torch.allclose(mixed["inputs"], share * stored + (1 - share) * stored[partners], atol=1e-3)
        else:
            other = (mixed["inputs"] == batch["inputs"][partners]).all(dim=1)
            assert float(other.float().mean(dim=(1, 2)).min()) >= 1 - share - 1e-6
        outputs = made.task.forward(made.network, mixed)
        own = made.task.loss(outputs, batch)
        others = made.task.loss(outputs, {**batch, "targets": batch["targets"][partners]})
        expected = share * own + (1 - share) * others
        assert mixing.loss(made.task, outputs, mixed).item() == pytest.approx(expected.item(), rel=1e-6)


def test_weights_of_rows_go_with_their_targets(digits, trainer):
    made, batch = trainer(), batch_of(digits, 64)
    mixing = augmenter(digits, "augment.mixup=1")
    mixed = mixing({**batch, "weights": torch.linspace(0.1, 2, 64)})
    outputs = made.task.forward(made.network, mixed)
    partners = mixed["partners"]
    other = {"inputs": mixed["inputs"], "targets": batch["targets"][partners], "weights": mixed["weights"][partners]}
    share = float(mixed["share"])
    expected = share * made.task.loss(outputs, mixed) + (1 - share) * made.task.loss(outputs, other)
    assert mixing.loss(made.task, outputs, mixed).item() == pytest.approx(expected.item(), rel=1e-6)


def test_of_mixup_and_cutmix_each_step_takes_one(digits):
    batch, made = batch_of(digits, 32), augmenter(digits, "augment.mixup=1", "augment.cutmix=1")
    stored, pasted = batch["inputs"].float(), 0
    for _ in range(60):
        mixed = made(batch)
        other = stored[mixed["partners"]]
        pasted += bool(((mixed["inputs"] == stored) | (mixed["inputs"] == other)).all())
    assert 15 < pasted < 45


def test_boxes_go_with_their_images(digits):
    batch = {**batch_of(digits, 40), "boxes": torch.tensor([[[0.0, 0.0, 8.0, 4.0]]]).expand(40, 1, 4)}
    moved = augmenter(digits, "augment.flip_vertical=1", "augment.probability=0.5")(batch)
    is_moved = (moved["inputs"] - batch["inputs"]).abs().amax(dim=(1, 2, 3)) > 1
    assert 10 < int(is_moved.sum()) < 30
    assert torch.allclose(moved["boxes"][is_moved], torch.tensor([0.0, 4.0, 8.0, 8.0]))
    assert torch.allclose(moved["boxes"][~is_moved], torch.tensor([0.0, 0.0, 8.0, 4.0]))


def test_masks_go_with_their_images():
    """The image shows its own mask, so after any change each mask must still be seen in its image."""
    encoders = {"inputs": LearnedEncoder(sample_spec("image")), "targets": LearnedEncoder(_mask_spec())}
    images = sample_rows("image", 200).inputs
    masks = (images[:, 0] > 127).to(torch.uint8)
    settings = ["task.name=semantic_segmentation", "augment.rotate=40", "augment.flip_horizontal=0.5"]
    settings += ["augment.shift=0.2", "augment.cutmix=1", "augment.probability=0.7"]
    made = Augmenter.of(Space.from_settings(settings).recipe({}), encoders, 0)
    assert made is not None
    out = made({"inputs": images.to(torch.uint8), "targets": masks})
    assert out["targets"].dtype == torch.uint8
    assert "partners" not in out  # pixels were pasted with their classes
    assert set(out["targets"].unique().tolist()) == {0, 1, 255}
    clear = (out["targets"] != 255) & ((out["inputs"][:, 0] - 127).abs() > 20)
    seen = (out["inputs"][:, 0] > 127) == (out["targets"] == 1)
    assert float(seen[clear].float().mean()) > 0.98
    assert 0.1 < float((out["targets"] != masks).flatten(1).any(dim=1).float().mean()) <= 1


def _mask_spec():
    from mapsto.data.encoders.base import Spec

    return Spec("masks", (32, 32), "uint8", names=("ground", "thing"), ignore=255)


def test_the_same_seed_gives_the_same_training_and_another_strength_another(trainer):
    on = ("augment.rotate=20", "augment.noise=0.1", "augment.mixup=0.4", "augment.probability=0.8")
    first, second, other, plain = trainer(*on), trainer(*on), trainer("augment.rotate=21", *on[1:]), trainer()
    for made in (first, second, other, plain):
        run(made)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))
    assert not torch.equal(weights(first), weights(plain))


@pytest.mark.parametrize("mid_epoch", [False, True])
def test_a_restored_training_ends_in_the_same_weights_bit_for_bit(trainer, tmp_path, monkeypatch, mid_epoch):
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.0)
    on = ("augment.rotate=20", "augment.erase=0.2", "augment.mixup=0.4", "augment.cutmix=1", "augment.probability=0.8")
    more = ("augment.augmix=0.3", "model.dropout=0.3", "training.batch_size=64")
    whole, part, again = (trainer(*on, *more) for _ in range(3))
    run(whole)
    path = tmp_path / "state.safetensors"
    if mid_epoch:
        list(part.advance(3, on_tick=lambda t: part.save(path) if (t.epoch, t.step) == (2, 5) else None))
    else:
        list(part.advance(1))
        part.save(path)
    again.restore(path)
    assert again.step_in_epoch == (5 if mid_epoch else 0)
    run(again)
    assert torch.equal(weights(whole), weights(again))
    assert (whole.best.score, whole.best.epoch) == (again.best.score, again.best.epoch)


def test_evaluation_and_predictions_are_not_augmented(trainer, digits):
    made = trainer("augment.rotate=90", "augment.noise=1", "augment.erase=0.9")
    rows = digits.parts["validation"]
    run(made)
    assert np.array_equal(made.predict(rows), made.predict(rows))
    fitted = made.fitted()
    with torch.inference_mode():
        batch = {"inputs": torch.from_numpy(np.array(digits.arrays["inputs"][rows]))}
        plain = made.task.predict(fitted.network(batch["inputs"])).numpy()
    assert np.array_equal(plain, made.predict(rows))


def test_test_time_augmentation_averages_versions_whatever_the_neighbors(trainer, digits):
    settings = ("augment.shift=0.1", "augment.rotate=10", "augment.noise=0.5")
    plain, made = trainer(*settings), trainer(*settings, "training.tta=5")
    run(plain)
    run(made)
    assert torch.equal(weights(plain), weights(made))  # training knows nothing of it
    rows = digits.parts["validation"]
    answers = made.predict(rows)
    assert not np.allclose(answers, plain.predict(rows), atol=1e-3)
    assert np.array_equal(answers, made.predict(rows))
    np.testing.assert_allclose(answers[7:9], made.predict(rows[7:9]), atol=1e-5)
    assert len(made.versions.seeds) == 5
    versions = made.versions
    assert [type(m).__name__ for m, _ in (*versions.augmenter.moving, *versions.augmenter.changing)] == [
        "Rotate",
        "Shift",
    ]
    fitted = made.fitted()
    assert isinstance(fitted.versions, Versions)
    assert fitted.versions.seeds == versions.seeds


def test_averaged_masks_are_moved_back_and_count_what_is_seen():
    """A network that answers each pixel by its own color gives the same mask, whatever the versions do."""
    encoders = {"inputs": LearnedEncoder(sample_spec("image")), "targets": LearnedEncoder(_mask_spec())}
    settings = ["task.name=semantic_segmentation", "augment.flip_horizontal=0.5", "augment.shift=0.4", "training.tta=6"]
    recipe = Space.from_settings(settings).recipe({})
    versions = Versions.of(recipe, encoders)
    assert versions is not None
    images = sample_rows("image", 8).inputs

    class ByColor(torch.nn.Module):
        def forward(self, inputs):
            return torch.cat([inputs[:, :1], 255 - inputs[:, :1]], dim=1)

    network = ByColor()
    batch = {"inputs": images}
    averaged = versions.forward(recipe.task, network, batch)
    assert float((averaged - network(images)).abs().mean()) < 6
    assert not torch.equal(averaged, network(images))


def test_augmentation_improves_the_answers_on_shifted_rows(tmp_path):
    """Training images lie still, those of the test are shifted: who has seen shifts answers more of them."""
    rng = np.random.Generator(np.random.PCG64(3))
    table = read("digits", options=DataOptions())
    images, labels = table.columns["image"].values, table.columns[table.target].values
    wide = np.zeros((600, 16, 16), dtype=np.uint8)
    wide[:, 4:12, 4:12] = images[:600, ..., 0] if images.ndim == 4 else images[:600]
    data = _prepared((wide, labels[:600].astype(str)), IMAGES, tmp_path)
    rows = data.parts["test"]
    shifted = np.stack([np.roll(image, rng.integers(-3, 4, 2), axis=(1, 2)) for image in data.arrays["inputs"][rows]])
    right = {}
    for name, on in {"plain": [], "shift": ["augment.shift=0.2"]}.items():
        settings = [*IMAGES, "model.channels=8", "training.max_epochs=20", "training.batch_size=32", *on]
        settings += ["optimizer.learning_rate=0.005"]
        made = TorchTrainer(Space.from_settings(settings).recipe({}), data, Tensors(data, "cpu"))
        run(made)
        with torch.inference_mode():
            answers = made.network.eval()(torch.from_numpy(shifted)).argmax(dim=1).numpy()
        right[name] = float((answers == data.arrays["targets"][rows]).mean())
    assert right["shift"] > right["plain"] + 0.1, right


# ---------------------------------------------------------------------------------------------- settings


def test_an_augmentation_of_another_kind_of_input_is_refused():
    with pytest.raises(RecipeError, match=r"`augment.rotate` changes image arrays, and text_classification reads tok"):
        Space.from_settings(["task=text_classification", "augment.rotate=5"])
    with pytest.raises(RecipeError, match=r"`augment.word_dropout` changes tokens .* what fits: augmix, blur"):
        Space.from_settings(["task=image_classification", "augment.word_dropout=uniform(0, 0.3)"])
    with pytest.raises(RecipeError, match="`training.tta` averages versions of images or recordings"):
        Space.from_settings(["task=tabular_regression", "training.tta=3"])
    Space.from_settings(["task=text_classification", "augment.rotate=0", "training.tta=0"])


def test_synonyms_without_a_list_are_refused():
    with pytest.raises(RecipeError, match="augment.synonyms needs a list of words"):
        Space.from_settings(["task=text_classification", "augment.synonyms=0.1"])


def test_strengths_beyond_their_range_are_refused():
    with pytest.raises(RecipeError, match=r"`augment.rotate` must be a number in \[0, 180\]. Received: 200"):
        Space.from_settings(["augment.rotate=200"])


def test_auto_is_one_word_in_every_notation():
    spaces = [
        Space.from_settings(["augment=auto"]),
        Space.from_yaml("augment: auto\n"),
        Space.from_mapping({"augment": "auto"}),
        Space.from_settings(["augment.auto=true"]),
    ]
    assert len({space.to_yaml() for space in spaces}) == 1
    assert spaces[0].leaves == {"augment.auto": True}
    with pytest.raises(RecipeError, match="`augment` is a section"):
        Space.from_settings(["augment=strong"])


def digits_task():
    return Space.from_settings(IMAGES).recipe({}).task


def test_auto_searches_a_small_set_and_trains_with_typical_strengths(digits):
    given = Space.from_settings([*IMAGES, "augment=auto", "augment.color=0.1"])
    searched, _ = _given.completed(given, {}, digits, searching=True)
    ranges = {name for name in searched.ranges if name.startswith("augment.")}
    assert ranges == {"augment.shift", "augment.rotate", "augment.scale", "augment.mixup"}
    assert searched.ranges["augment.shift"] == digits_task().augmentations(digits.facts)["augment.shift"]
    assert searched.leaves["augment.color"] == 0.1  # what the user says counts
    fixed, defaults = _given.completed(given, {}, digits, searching=False)
    made = fixed.recipe({}, defaults)
    assert made.get("augment.rotate") == 10.0
    assert made.get("augment.flip_horizontal") == 0


@pytest.mark.parametrize("task", ["text_classification", "tabular_regression", "semantic_segmentation"])
def test_what_auto_searches_fits_the_task(task, digits):
    from mapsto.recipe.families import TASKS

    ranges = TASKS.get(task)().augmentations(digits.facts)
    assert ranges
    assert all(isinstance(range_, Range) for range_ in ranges.values())
    Space.from_mapping({"task": task, **ranges})


# ---------------------------------------------------------------------------------------------- the sheet


def test_a_sheet_shows_originals_beside_their_versions(tmp_path, digits):
    from PIL import Image

    path = preview.show_augmented("digits", out=tmp_path / "sheet.png", settings=["augment.shift=0.3"])
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (6 + 8 * 70, 18 + 8 * 70, 3)
    original = sheet[6:70:8, 6:70:8]
    assert np.array_equal(original[..., 0], digits.arrays["inputs"][digits.parts["train"][0], 0])
    version = sheet[6:70:8, 88:152:8]
    assert not np.array_equal(original, version)


def test_a_sheet_of_a_table_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    with pytest.raises(RecipeError, match="needs images or recordings"):
        preview.show_augmented((rng.normal(size=(50, 3)), rng.normal(size=50)), out=tmp_path / "sheet.png")
