"""Small trainings for the tests of single settings: 90 rows of a table, or 60 images of 8×8 pixels."""

import numpy as np
import pytest

from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer

BASE = {
    "table": [
        "task.name=tabular_classification",
        "model.name=mlp",
        "model.hidden_dim=8",
        "training.batch_size=16",
        "training.max_epochs=4",
        "training.patience=0",
        "training.seed=1",
    ],
    "image": [
        "task.name=image_classification",
        "model.name=cnn",
        "model.channels=4",
        "model.num_blocks=1",
        "training.batch_size=16",
        "training.max_epochs=3",
        "training.patience=0",
        "training.seed=1",
    ],
}


def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 5))
    return x, np.where(x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=90) > 0, "yes", "no")


def images():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.integers(0, 120, (60, 8, 8)) + 45 * y[:, None, None]
    return x.astype(np.uint8), y.astype(str)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Makes a trainer on small data: `small("model.dropout=0.2", kind="image")`."""
    made = {}

    def make(*settings, kind="table", trace=None):
        given = {setting.partition("=")[0]: setting for setting in (*BASE[kind], *settings)}
        recipe = Space.from_settings(list(given.values())).recipe({})
        if kind not in made:
            data = read({"table": table, "image": images}[kind](), options=DataOptions())
            folder = tmp_path_factory.mktemp(kind)
            prepared = prepare(data, task=recipe.task, recipe_data=recipe.data, seed=0, folder=folder)
            made[kind] = prepared, Tensors(prepared, "cpu")
        return TorchTrainer(recipe, *made[kind], trace=trace)

    return make
