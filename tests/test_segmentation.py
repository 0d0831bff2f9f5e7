"""Semantic segmentation from a folder of images and masks to masks written as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mapsto
from mapsto.errors import DataError, RunError

SETTINGS = ["training.max_epochs=8", "model.channels=8", "model.depth=2", "data.image_size=16", "seed=1"]


def scenes(folder: Path, count: int) -> Path:
    """Bright rectangles on dark ground, 24 × 32 pixels; the mask is 7 where the rectangle is, else 3."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(count):
        pixels = rng.integers(0, 60, (24, 32), dtype=np.uint8)
        mask = np.full((24, 32), 3, dtype=np.uint8)
        top, left = rng.integers(0, 12), rng.integers(0, 16)
        pixels[top : top + 12, left : left + 16] += 150
        mask[top : top + 12, left : left + 16] = 7
        Image.fromarray(pixels).save(folder / "images" / f"scene{index:02d}.jpg", quality=95)
        Image.fromarray(mask).save(folder / "masks" / f"scene{index:02d}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("segmentation")
    source = scenes(place / "scenes", 60)
    return source, mapsto.train(source, settings=SETTINGS, out=place / "run")


def test_masks_are_learned(run):
    _, result = run
    assert result.scorecard.metrics["mean_iou"].value > 0.8


def test_worst_errors_show_the_truth_and_the_answer(run):
    _, result = run
    summary = result.summary()
    assert set(summary["worst"][0]["pictures"]) == {"truth", "answer"}
    assert set(summary["colors"]) == {"3", "7"}
    page = (result.run / "report.html").read_text()
    assert page.count(summary["worst"][0]["pictures"]["answer"]) == 1
    assert summary["colors"]["7"] in page


def test_predicted_masks_are_written_as_files_of_the_inputs_size(run, tmp_path):
    source, result = run
    answers = mapsto.predict(result.run, source / "images", images=tmp_path / "out")
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [f"scene{index:02d}.png" for index in range(60)] == sorted(answers["image"])
    predicted = np.stack([np.asarray(Image.open(tmp_path / "out" / name)) for name in files])
    true = np.stack([np.asarray(Image.open(source / "masks" / name)) for name in files])
    assert predicted.shape == (60, 24, 32)
    assert set(np.unique(predicted)) == {3, 7}
    assert (predicted == true).mean() > 0.9


def test_a_folder_with_something_in_it_is_left_alone(run, tmp_path):
    source, result = run
    (tmp_path / "mine.png").write_bytes(b"mine")
    with pytest.raises(RunError, match="not empty"):
        mapsto.predict(result.run, source / "images", images=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


def test_answers_that_are_no_images_are_refused(tmp_path):
    run = mapsto.train("digits", settings=["model.name=mlp", "training.max_epochs=1"], out=tmp_path / "run").run
    with pytest.raises(RunError, match="image classification are no images"):
        mapsto.predict(run, "digits", images=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_batch_of_void_pixels_only_has_no_loss():
    import torch

    from mapsto.data.encoders.base import Spec
    from mapsto.recipe.schema import Recipe

    recipe = Recipe.from_leaves({"task.name": "semantic_segmentation"})
    spec = Spec("masks", (4, 4), "uint8", names=tuple("abc"), ignore=255)
    outputs = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = recipe.task.trained_by(recipe.loss, spec).loss(
        outputs, {"targets": torch.full((2, 4, 4), 255, dtype=torch.uint8)}
    )
    loss.backward()
    assert loss.item() == 0.0
    assert not outputs.grad.any()


def test_a_target_that_is_no_mask_is_refused_and_the_run_before_it_stays(tmp_path):
    mapsto.train("digits", settings=["model.name=mlp", "training.max_epochs=1"], out=tmp_path / "run")
    with pytest.raises(DataError, match='needs a target of kind mask, and "target" of digits is of kind category'):
        mapsto.train("digits", task="semantic_segmentation", out=tmp_path / "run", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "report.html").is_file()
