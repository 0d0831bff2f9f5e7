"""Each augmentation by its effect."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mapsto.errors import RecipeError
from mapsto.recipe.families import AUGMENTATIONS
from mapsto.recipe.sections import AUGMENT
from mapsto.testing.augmentations import LearnedEncoder, check_augmentation, run, sample_rows
from mapsto.testing.models import sample_spec
from mapsto.training.augmentations import _colors as colors
from mapsto.training.augmentations._draws import Draws
from mapsto.training.augmentations._geometry import (
    inverse,
    move_boxes,
    rotation,
    shearing,
    translation,
    warp,
    warp_masks,
)
from mapsto.training.augmentations._operations import MOVES, VALUES
from mapsto.training.augmentations.base import Rows


@pytest.fixture
def options(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("\n".join(f"w{n}, W{n + 1}, nothing" for n in range(2, 50, 2)), encoding="utf-8")
    return AUGMENT(synonyms_file=str(path))


def made(name, kind, options=None):
    return AUGMENTATIONS.get(name)(LearnedEncoder(sample_spec(kind)), options or AUGMENT())


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_conformance(name, options):
    check_augmentation(AUGMENTATIONS.get(name), options)


def same(count):
    return torch.ones(count)


# ---------------------------------------------------------------------------------------------- geometry


def test_a_rotated_batch_rotated_back_is_the_batch_it_was():
    images = sample_rows("image").inputs
    angles = torch.linspace(-40, 40, len(images))
    back = warp(warp(images, rotation(angles)), rotation(-angles))
    middle = (slice(None), slice(None), slice(10, 22), slice(10, 22))
    assert float((back - images)[middle].abs().mean()) < 3
    assert float((warp(images, rotation(angles)) - images)[middle].abs().mean()) > 8


def test_a_quarter_turn_is_exact_and_clockwise():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    turned = warp(image, rotation(torch.tensor([90.0])))
    assert torch.allclose(turned[0, 0], torch.rot90(image[0, 0], k=-1), atol=1e-3)


def test_a_turn_keeps_the_shape_of_things_in_images_that_are_not_square():
    image = torch.zeros(1, 1, 20, 60)
    image[:, :, 5:15, 25:35] = 1
    turned = warp(image, rotation(torch.tensor([90.0])))
    assert torch.allclose(turned, image, atol=1e-3)


def test_the_inverse_of_a_matrix_undoes_it():
    matrix = rotation(torch.tensor([10.0, -70.0])) @ translation(torch.tensor([3.0, 1.0]), torch.tensor([0.5, -2.0]))
    matrix = shearing(torch.tensor([0.2, 0.0]), torch.tensor([0.1, 0.3])) @ matrix
    assert torch.allclose(inverse(matrix) @ matrix, torch.eye(3).expand(2, 3, 3), atol=1e-6)


def test_shifted_pixels_go_where_they_should_and_the_border_is_repeated():
    image = torch.arange(25.0).view(1, 1, 5, 5)
    moved = warp(image, translation(torch.tensor([2.0]), torch.tensor([0.0])))
    assert torch.allclose(moved[..., 2:], image[..., :3], atol=1e-4)
    assert torch.allclose(moved[..., :2], image[..., :1].expand(1, 1, 5, 2), atol=1e-4)


def test_masks_are_void_where_nothing_is_and_hold_no_new_classes():
    masks = torch.full((1, 6, 6), 3, dtype=torch.uint8)
    moved = warp_masks(masks, translation(torch.tensor([2.0]), torch.tensor([-1.0])), void=255)
    expected = torch.full((1, 6, 6), 3, dtype=torch.uint8)
    expected[:, :, :2] = 255
    expected[:, -1:] = 255
    assert torch.equal(moved, expected)
    turned = warp_masks(torch.randint(0, 5, (8, 16, 16)).to(torch.uint8), rotation(torch.linspace(0, 90, 8)), void=9)
    assert set(turned.unique().tolist()) <= {0, 1, 2, 3, 4, 9}
    still = torch.randint(0, 5, (2, 7, 9)).to(torch.uint8)
    assert torch.equal(warp_masks(still, rotation(torch.zeros(2)), void=255), still)


def test_boxes_follow_the_pixels():
    images = torch.zeros(3, 1, 32, 48)
    boxes = torch.tensor([[[10.0, 8.0, 20.0, 16.0]]]).expand(3, 1, 4)
    images[:, :, 8:16, 10:20] = 255
    matrix = translation(torch.tensor([5.0, -4.0, 30.0]), torch.tensor([3.0, 2.0, 0.0]))
    moved = Rows(images, boxes=boxes).warped(matrix)
    for image, box in zip(moved.inputs[:, 0], moved.boxes[:, 0], strict=True):
        y, x = (image > 127).nonzero().unbind(1)
        assert box.tolist() == pytest.approx([int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1])
    flipped = move_boxes(boxes[:1], made("flip_horizontal", "image").matrix((32, 48), 1.0, draws(1)), 32, 48)
    assert flipped[0, 0].tolist() == pytest.approx([28, 8, 38, 16])


def draws(rows, seed=0):
    return Draws(torch.Generator().manual_seed(seed), rows, "cpu")


@pytest.mark.parametrize(("name", "dim"), [("flip_horizontal", 3), ("flip_vertical", 2)])
def test_flips_exchange_sides_of_their_share_of_the_rows(name, dim):
    rows = Rows(sample_rows("image", 1).inputs.expand(2000, 3, 32, 32))
    flipped = run(made(name, "image"), rows, 0.3).inputs
    is_flipped = ((flipped - rows.inputs.flip(dim)).abs().amax(dim=(1, 2, 3))) < 0.01
    is_kept = ((flipped - rows.inputs).abs().amax(dim=(1, 2, 3))) < 0.01
    assert bool((is_flipped ^ is_kept).all())
    assert float(is_flipped.float().mean()) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize(
    ("name", "strength", "of"),
    [
        ("rotate", 25, lambda m: torch.rad2deg(torch.atan2(m[:, 1, 0], m[:, 0, 0]))),
        ("scale", 0.5, lambda m: m[:, 0, 0].log() / np.log(1.5) * 0.5),
        ("shear", 0.3, lambda m: m[:, 0, 1] + m[:, 1, 0]),
        ("shift", 0.2, lambda m: m[:, 0, 2] / 48),
        ("crop", 4, lambda m: m[:, 0, 2]),
    ],
)
def test_the_strength_is_the_range_that_draws_fill(name, strength, of):
    drawn = of(made(name, "image").matrix((32, 48), strength, draws(4000)))
    assert float(drawn.abs().max()) <= strength * 1.0001
    assert float(drawn.min()) < -0.95 * strength
    assert float(drawn.max()) > 0.95 * strength
    assert abs(float(drawn.mean())) < 0.05 * strength


# ---------------------------------------------------------------------------------------------- values of images


def test_colors_against_their_formulas():
    images = sample_rows("image", 4).inputs
    assert torch.allclose(colors.brightness(images, torch.full((4,), 0.5)), images * 0.5)
    assert torch.allclose(colors.saturation(images, torch.zeros(4)), colors.gray(images).expand_as(images), atol=1e-3)
    flat = colors.contrast(images, torch.zeros(4))
    assert float(flat.std(dim=(1, 2, 3)).max()) < 1e-3
    assert torch.allclose(colors.hue(images, same(4)), images, atol=0.05)
    turned = colors.hue(images, torch.full((4,), 0.3))
    assert float((turned - images).abs().mean()) > 5
    assert torch.allclose(colors.gray(turned), colors.gray(images), atol=0.6)


def test_color_leaves_gray_images_gray():
    rows = Rows(sample_rows("image").inputs[:, :1].expand(-1, 3, -1, -1))
    changed = run(made("color", "image"), rows, 0.8).inputs
    assert float((changed[:, 0] - changed[:, 2]).abs().max()) < 0.5
    single = run(made("color", "image"), Rows(sample_rows("image").inputs[:, :1]), 0.5).inputs
    assert single.shape[1] == 1


def test_blur_is_the_gaussian_of_scipy():
    from scipy.ndimage import gaussian_filter

    images = sample_rows("image", 3).inputs
    blurred = colors.gaussian_blur(images, torch.tensor([0.7, 1.5, 2.0]), 2.0)
    for image, mine, sigma in zip(images, blurred, (0.7, 1.5, 2.0), strict=True):
        theirs = gaussian_filter(image.numpy(), (0, sigma, sigma), mode="nearest", radius=6)
        np.testing.assert_allclose(mine.numpy(), theirs, atol=0.05)


def test_equalize_and_autocontrast_use_the_whole_range():
    images = sample_rows("image", 5).inputs * 0.3 + 60
    for change in (colors.equalize, colors.autocontrast):
        changed = change(images)
        assert float(changed.amin(dim=(2, 3)).max()) < 1
        assert float(changed.amax(dim=(2, 3)).min()) > 254
    flat = torch.full((1, 1, 4, 4), 70.0)
    assert torch.equal(colors.equalize(flat), flat)
    assert torch.equal(colors.autocontrast(flat), flat)
    ramp = torch.arange(256.0).view(1, 1, 16, 16)
    assert torch.allclose(colors.equalize(ramp), ramp)


def test_posterize_solarize_and_sharpness():
    ramp = torch.arange(256.0).view(1, 1, 16, 16)
    assert len(colors.posterize(ramp, torch.tensor([4.0])).unique()) == 16
    solarized = colors.solarize(ramp, torch.tensor([128.0]))
    assert float(solarized.max()) == 127
    images = sample_rows("image", 2).inputs
    assert torch.allclose(colors.sharpness(images, same(2)), images, atol=1e-3)
    smooth = colors.sharpness(images, torch.zeros(2))
    assert float(smooth.std()) < float(images.std())


def test_erased_rectangles_keep_to_their_share():
    rows = Rows(torch.full((500, 1, 40, 40), -1.0))
    erased = run(made("erase", "image"), rows, 0.3).inputs[:, 0] >= 0
    shares = erased.float().mean(dim=(1, 2))
    assert float(shares.min()) > 0
    assert 0.25 < float(shares.max()) < 0.36
    for one in erased[:50]:  # each is one full rectangle
        assert int(one.sum()) == int(one.any(dim=0).sum()) * int(one.any(dim=1).sum())


def test_noise_has_the_deviation_that_was_asked_for():
    rows = Rows(torch.full((400, 1, 32, 32), 127.0))
    noisy = run(made("noise", "image"), rows, 0.1).inputs - 127
    deviations = noisy.std(dim=(1, 2, 3))
    assert 24 < float(deviations.max()) < 27
    assert float(deviations.mean()) == pytest.approx(12.75, rel=0.1)


def test_policies_choose_every_operation_and_stay_in_range():
    count = len(VALUES) + len(MOVES)
    assert count == 14
    picked = draws(3000).pick(count)
    assert picked.bincount(minlength=count).min() > 120
    rows = sample_rows("image")
    for name in ("randaugment", "trivialaugment", "augmix"):
        changed = run(made(name, "image"), rows, 1.0).inputs
        assert float(changed.min()) >= 0
        assert float(changed.max()) <= 255.001


@pytest.mark.parametrize("name", ["randaugment", "trivialaugment", "augmix"])
def test_masks_follow_the_policies(name):
    images = torch.zeros(200, 3, 32, 32)
    images[:, :, 8:24, 8:24] = 200
    masks = (images[:, 0] > 100).to(torch.uint8)
    moved = run(made(name, "image"), Rows(images, masks=masks), 0.6)
    if name == "augmix":
        assert moved.masks is masks
        return
    assert moved.masks is not None
    assert not torch.equal(moved.masks, masks)
    # In each image the pixels of class 1 are of one value, those of class 0 of another (but near the edge).
    for image, mask in zip(moved.inputs, moved.masks, strict=True):
        inner = image[0][mask == 1]
        assert float((inner - inner.median()).abs().median()) < 3


# ---------------------------------------------------------------------------------------------- texts


def test_word_dropout_hides_its_share_of_words_and_no_padding():
    rows = Rows(torch.full((400, 20), 7, dtype=torch.int32))
    rows.inputs[:, :5] = 0
    dropped = run(made("word_dropout", "tokens"), rows, 0.25).inputs
    assert bool((dropped[:, :5] == 0).all())
    assert float((dropped[:, 5:] == 1).float().mean()) == pytest.approx(0.25, abs=0.02)


def test_word_swap_exchanges_neighbors_and_loses_no_word():
    rows = Rows(torch.arange(1, 21, dtype=torch.int32).repeat(300, 1))
    rows.inputs[:, :4] = 0
    swapped = run(made("word_swap", "tokens"), rows, 0.5).inputs
    assert torch.equal(swapped.sort(dim=1).values, rows.inputs.sort(dim=1).values)
    assert bool((swapped[:, :4] == 0).all())
    assert int((swapped[:, 4:] - rows.inputs[:, 4:]).abs().max()) == 1
    assert 0.4 < float((swapped[:, 4:] != rows.inputs[:, 4:]).float().mean()) < 0.55


def test_span_masking_hides_one_passage():
    rows = Rows(torch.full((300, 30), 9, dtype=torch.int32))
    rows.inputs[:, :10] = 0
    hidden = run(made("span_masking", "tokens"), rows, 0.5).inputs == 1
    count = hidden.sum(dim=1)
    assert int(count.max()) == 10
    assert int(count.min()) >= 1
    starts = (hidden[:, 1:] & ~hidden[:, :-1]).sum(dim=1) + hidden[:, 0]
    assert bool((starts == 1).all())
    assert not bool(hidden[:, :10].any())


def test_synonyms_are_taken_from_the_list_alone(options):
    rows = Rows(torch.randint(0, 50, (200, 12)).to(torch.int32))
    replaced = run(made("synonyms", "tokens", options), rows, 0.5).inputs
    changed = replaced != rows.inputs
    assert 0.4 < float(changed[rows.inputs >= 2].float().mean()) < 0.6
    # "w2" and "w3" stand for each other, "w4" and "w5", ...
    assert torch.equal(replaced[changed], (rows.inputs ^ 1)[changed])


def test_a_list_without_words_of_the_vocabulary_is_refused(tmp_path):
    path = tmp_path / "none.txt"
    path.write_text("car, automobile", encoding="utf-8")
    with pytest.raises(RecipeError, match="No line of .* holds two words of the vocabulary"):
        made("synonyms", "tokens", AUGMENT(synonyms_file=str(path)))
    with pytest.raises(RecipeError, match="cannot be read"):
        made("synonyms", "tokens", AUGMENT(synonyms_file=str(tmp_path / "missing.txt")))


# ---------------------------------------------------------------------------------------------- tables and recordings


def test_masked_features_are_values_of_the_same_feature():
    rows = Rows(torch.arange(7.0).expand(500, 7) * 1000 + torch.arange(500.0).view(-1, 1))
    masked = run(made("feature_mask", "features"), rows, 0.3).inputs
    assert torch.equal((masked / 1000).floor(), (rows.inputs / 1000).floor())
    assert float((masked != rows.inputs).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_feature_noise_has_its_deviation():
    rows = sample_rows("features", 2000)
    noise = run(made("feature_noise", "features"), rows, 0.2).inputs - rows.inputs
    assert float(noise.std()) == pytest.approx(0.2, rel=0.05)


def test_levels_of_categories_are_neither_blended_nor_noisy():
    spec = replace(sample_spec("features"), levels=(0, 0, 0, 2, 0, 12, 40))
    rows = Rows(torch.randint(0, 9, (300, 7)).float())
    for name, strength in (("mixup", 1), ("feature_noise", 0.3)):
        changed = AUGMENTATIONS.get(name)(LearnedEncoder(spec), AUGMENT()).apply(rows, strength, draws(300)).inputs
        assert bool((changed[:, 5:] == changed[:, 5:].round()).all())
        assert float((changed[:, 0] != changed[:, 0].round()).float().mean()) > 0.5
    noisy = run(AUGMENTATIONS.get("feature_noise")(LearnedEncoder(spec), AUGMENT()), rows, 0.3).inputs
    assert torch.equal(noisy[:, [3, 5, 6]], rows.inputs[:, [3, 5, 6]])
    mixed = AUGMENTATIONS.get("mixup")(LearnedEncoder(spec), AUGMENT()).apply(rows, 1, draws(300, seed=4))
    own, other = rows.inputs[:, 5:], rows.inputs[mixed.partners][:, 5:]
    assert bool(((mixed.inputs[:, 5:] == own) | (mixed.inputs[:, 5:] == other)).all())
    differ = own != other
    assert float((mixed.inputs[:, 5:] == own)[differ].float().mean()) == pytest.approx(mixed.share, abs=0.06)


def test_spec_augment_hides_bands_and_times_up_to_its_share():
    rows = Rows(torch.randn(300, 1, 40, 80))
    changed = (run(made("spec_augment", "spectrogram"), rows, 0.2).inputs != rows.inputs)[:, 0]
    bands, times = changed.all(dim=2).float().mean(dim=1), changed.all(dim=1).float().mean(dim=1)
    for shares in (bands, times):
        assert 0.25 < float(shares.max()) <= 0.45
        assert 0.1 < float(shares.mean()) < 0.25


def test_time_stretch_keeps_the_beginning_and_the_pitch():
    ramp = torch.arange(50.0).expand(100, 1, 8, 50) + 100 * torch.arange(8.0).view(1, 1, 8, 1)
    stretched = run(made("time_stretch", "spectrogram"), Rows(ramp), 0.5).inputs
    speed = stretched[:, 0, 0, 20] - stretched[:, 0, 0, 10]  # frames of the old one in ten of the new
    assert 1 / 1.5 - 0.01 < float(speed.min()) / 10 < 0.75
    assert 1.3 < float(speed.max()) / 10 < 1.51
    assert torch.allclose(stretched[:, 0, 3] - stretched[:, 0, 0], torch.tensor(300.0), atol=0.01)
    assert float(stretched[:, 0, 0, 0].max()) < 1


def test_gain_is_in_decibels():
    rows = sample_rows("spectrogram")
    change = run(made("gain", "spectrogram"), rows, 10).inputs - rows.inputs
    per_row = change.flatten(1)
    assert torch.allclose(per_row, per_row[:, :1].expand_as(per_row), atol=1e-4)
    decibels = per_row[:, 0] / 0.05
    assert 8 < float(decibels.abs().max()) <= 10.001
