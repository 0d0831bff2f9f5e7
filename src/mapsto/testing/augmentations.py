"""What every augmentation must do. `check_augmentation(MyAugmentation)` tests one of your own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import torch
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.recipe.schema import AugmentOptions, DataOptions
from mapsto.recipe.sections import AUGMENT
from mapsto.testing.models import sample_inputs, sample_spec
from mapsto.training.augmentations._draws import Draws
from mapsto.training.augmentations.base import Augmentation, Geometric, Rows

ROWS = 48


class LearnedEncoder(Encoder):
    """An encoder that has learned a spec already, for augmentations to ask."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(("inputs",), DataOptions())
        self._spec = spec
        self.scale = (0.05,) * spec.shape[-2] if spec.encoder == "spectrogram" else spec.scale
        """What a decibel is in the values of each band."""

    @property
    def spec(self) -> Spec:
        return self._spec

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        raise NotImplementedError("this encoder is fitted")

    def encode(self, table: Table) -> NDArray[Any]:
        raise NotImplementedError("this encoder has no columns")

    def state(self) -> dict[str, Any]:
        raise NotImplementedError("this encoder has no state")

    def load(self, state: dict[str, Any]) -> None:
        raise NotImplementedError("this encoder has no state")


def sample_rows(kind: str, rows: int = ROWS) -> Rows:
    """Rows as an augmentation gets them: smooth images, spectrograms, features, or texts with padding."""
    stored = sample_inputs(sample_spec(kind), rows)
    if kind == "tokens":
        stored[:, :3] = 0
        return Rows(stored)
    inputs = stored.float()
    if kind == "image":  # such as photographs are: neighbors alike, and contrasts between regions
        coarse = torch.nn.functional.avg_pool2d(inputs, 8).sub(127).mul(5).add(127).clamp(0, 255)
        inputs = torch.nn.functional.interpolate(coarse, size=inputs.shape[-2:], mode="bilinear").contiguous()
    return Rows(inputs)


def check_augmentation(augmentation: type[Augmentation], options: AugmentOptions | None = None) -> None:
    """Checks the contract of `Augmentation` on every kind that it works on.

    Shapes, types and ranges stay; rows get draws of their own, and the same ones from the same seed; what came in is
    not changed; a stronger one changes more; one row, empty rows and the greatest strength do no harm; masks follow
    the pixels; the setting has a range that begins at 0, off.

    Args:
        augmentation: the class.
        options: the section `augment`, where it needs more than its strength.

    Raises:
        AssertionError: the augmentation breaks the contract.
    """
    field = augmentation.strength
    assert field.default == 0, "the strength's default must be 0, which is off"
    assert field.description, "the strength has no description"
    limits = {key: getattr(one, key) for one in field.metadata for key in ("ge", "le") if hasattr(one, key)}
    assert limits.get("ge") == 0 < augmentation.typical <= limits.get("le", 0), f"no sound range: {limits}"
    for kind in augmentation.kinds:
        made = augmentation(LearnedEncoder(sample_spec(kind)), options or AUGMENT())
        _check_rows(made, kind)
        _check_strength(made, kind, limits["le"])
        _check_corners(made, kind, limits["le"])
    if issubclass(augmentation, Geometric):
        _check_masks(augmentation(LearnedEncoder(sample_spec("image")), options or AUGMENT()))


def run(augmentation: Augmentation, rows: Rows, strength: float, *, seed: int = 0, common: bool = False) -> Rows:
    """The rows augmented with draws from a seed."""
    generator = torch.Generator().manual_seed(seed)
    return augmentation.apply(rows, strength, Draws(generator, len(rows.inputs), "cpu", common=common))


def _check_rows(made: Augmentation, kind: str) -> None:
    rows = sample_rows(kind)
    before = rows.inputs.clone()
    first, again, other = (run(made, rows, made.typical, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(rows.inputs, before), "the rows that came in were changed in place"
    assert first.inputs.shape == before.shape, f"shape {tuple(first.inputs.shape)}, expected {tuple(before.shape)}"
    assert first.inputs.dtype == before.dtype, f"type {first.inputs.dtype}, expected {before.dtype}"
    assert torch.equal(first.inputs, again.inputs), "the same seed gives other rows"
    assert not torch.equal(first.inputs, other.inputs), "another seed gives the same rows"
    assert bool(torch.isfinite(first.inputs.float()).all()), "some values are not finite"
    changed = (first.inputs != before).flatten(1).any(dim=1).float().mean()
    assert changed > 0.2, f"only {changed:.0%} of the rows are changed at the strength {made.typical:g}"
    same = Rows(before[:1].expand_as(before).contiguous())
    if first.partners is None and made.stage < 4 and type(made).__name__ != "FeatureMask":
        drawn = run(made, same, made.typical).inputs.flatten(1)
        assert not bool((drawn == drawn[0]).all()), "all rows get the same draw"
    if made.for_answers:
        drawn = run(made, same, made.typical, common=True).inputs.flatten(1)
        assert torch.allclose(drawn.float(), drawn[0].float(), atol=1e-3), "a common draw differs from row to row"


def _check_strength(made: Augmentation, kind: str, most: float) -> None:
    rows = sample_rows(kind)
    weak, strong = (
        sum(float((run(made, rows, s, seed=seed).inputs - rows.inputs).abs().float().mean()) for seed in range(8))
        for s in (made.typical / 50, min(most, made.typical * 2))
    )
    assert weak < strong, f"a strength of {made.typical / 50:g} changes as much as one of {made.typical * 2:g}"


def _check_corners(made: Augmentation, kind: str, most: float) -> None:
    """One row, the greatest strength, and rows in which all is the same (padding, black, silence)."""
    rows = sample_rows(kind)
    for case in (rows.inputs[:1], torch.zeros_like(rows.inputs)):
        for seed in range(3):
            out = run(made, Rows(case), most, seed=seed).inputs
            assert out.shape == case.shape, f"shape {tuple(out.shape)}, expected {tuple(case.shape)}"
            assert bool(torch.isfinite(out.float()).all()), f"not finite at the strength {most:g}"


def _check_masks(made: Augmentation) -> None:
    """Pixels brighter than the middle are class 1; after the change they still are, but near edges."""
    images = sample_rows("image").inputs
    middle = images.flatten(1).median(dim=1).values.view(-1, 1, 1)
    masks = (images[:, 0] > middle).to(torch.uint8)
    moved = run(made, Rows(images, masks=masks), made.typical)
    assert moved.masks is not None, "the masks are lost"
    assert moved.masks.dtype == masks.dtype, f"masks of type {moved.masks.dtype}, expected {masks.dtype}"
    inside = moved.masks != moved.void
    clear = inside & ((moved.inputs[:, 0] - middle).abs() > 12)
    agrees = (moved.masks == (moved.inputs[:, 0] > middle))[clear].float().mean()
    assert agrees > 0.97, f"{1 - agrees:.0%} of the masks' pixels did not follow the image's"
