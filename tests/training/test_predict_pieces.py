"""Predictions of many rows are made piece by piece, and are the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mapsto.cli.predict import write, write_pieces
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import Recipe
from mapsto.training import fitted as module
from mapsto.training.fitted import Fitted

ROWS = 6000
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"size": RNG.normal(size=ROWS), "code": ["7"] * 4000 + ["07"] * 2000, "y": RNG.choice(["no", "yes"], ROWS)}
)


@pytest.fixture
def model(tmp_path):
    recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y", "model.name": "mlp"})
    recipe = recipe.replace({"data.columns": {"code": "category"}})
    prepared = prepare(
        read(FRAME, options=recipe.data), task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path / "data"
    )
    network = recipe.model.build(prepared.specs["inputs"], recipe.task.num_outputs(prepared.specs))
    return Fitted(recipe, prepared.preprocessing, network.state_dict())


def test_pieces_are_the_whole(model, monkeypatch):
    table = model.read(FRAME)
    whole = model.predictions(table)
    seen = []
    encode = type(model.preprocessing).encode

    def watched(self, table):
        seen.append(len(table))
        return encode(self, table)

    monkeypatch.setattr(type(model.preprocessing), "encode", watched)
    monkeypatch.setattr(module, "PIECE_ROWS", 2048)
    np.testing.assert_array_equal(model.predictions(table), whole)
    assert max(seen) == 2048
    assert sum(seen) == ROWS


def test_a_streamed_file_gives_what_memory_gives(model, tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    whole = model.predict(tmp_path / "a.csv")
    options = model.preprocessing.options.model_copy(update={"memory": "1MB"})
    model.preprocessing = type(model.preprocessing)(
        model.preprocessing.encoders, options, model.preprocessing.kinds, model.preprocessing.spellings
    )
    pd.testing.assert_frame_equal(model.predict(tmp_path / "a.csv"), whole)


def test_answers_in_pieces_are_the_whole_and_are_made_when_asked_for(model, tmp_path, monkeypatch):
    whole = model.predict(FRAME)
    assert len(list(model.predict_pieces(FRAME))) == 1
    asked = []
    predicted = type(model)._predicted

    def watched(self, table, size):
        asked.append(len(table))
        return predicted(self, table, size)

    monkeypatch.setattr(type(model), "_predicted", watched)
    monkeypatch.setattr(module, "PIECE_ROWS", 2048)
    pieces = model.predict_pieces(FRAME)
    first = next(pieces)
    assert asked == [2048]  # of the rest nothing is predicted yet
    pd.testing.assert_frame_equal(pd.concat([first, *pieces]), whole)
    pd.testing.assert_frame_equal(model.predict(FRAME), whole)
    rows = write_pieces(model.predict_pieces(FRAME), tmp_path / "pieces.csv")
    write(whole.reset_index(), tmp_path / "whole.csv")
    assert rows == ROWS
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_what_fails_midway_leaves_no_file(model, tmp_path):
    def pieces():
        yield model.predict(FRAME[:10])
        raise DataError("a.png is damaged.")

    with pytest.raises(DataError):
        write_pieces(pieces(), tmp_path / "answers.csv")
    assert list(tmp_path.glob("*answers*")) == []
