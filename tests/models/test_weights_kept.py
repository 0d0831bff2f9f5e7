"""Networks whose weights have unusual names come back from disk with the same answers."""

import numpy as np
import pytest

import mapsto as mp

SHORT = ["training.max_epochs=1", "search.num_seeds=1"]


@pytest.mark.parametrize(
    "settings",
    [
        ["model.name=mlp", "model.normalization=weight"],
        ["model.name=resnet", "model.normalization=weight", "model.blocks=1-1", "model.channels=4"],
        ["model.name=convnext", "model.blocks=1-1", "model.channels=4"],
        ["model.name=cnn", "model.initialization=lsuv", "model.channels=4"],
    ],
)
def test_a_saved_network_answers_as_before(tmp_path, settings):
    result = mp.train("digits", settings=[*SHORT, *settings], out=tmp_path / "run")
    again = mp.load(tmp_path / "run")
    columns = [name for name in result.best.predict("digits").columns if name.startswith("p(")]
    first, second = (model.predict("digits")[columns].to_numpy() for model in (result.best, again))
    assert np.array_equal(first, second)
    assert np.isfinite(first).all()
