"""Categories as numbers of levels, hashes and mean targets."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mapsto.data.encoders.features import Features
from mapsto.errors import DataError
from mapsto.recipe.families import LEVELS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def fitted(table, columns, rows=None, **options):
    encoder = Features(columns, DataOptions(**options))
    encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder


CITIES = ["Ulm", "Ulm", "Bonn", "Bonn", "Jena", "Kiel", None, "Lund"]


def test_embedding_numbers_the_levels_from_one_and_zero_is_new():
    table = make_table({"city": CITIES})
    encoder = fitted(table, ["city"], range(7), categories="embedding", max_levels=2)
    assert encoder.encode(table)[:, 0].tolist() == [2, 2, 1, 1, 4, 4, 3, 4]
    assert encoder.spec.levels == (5,)
    assert encoder.spec.names == ("city",)
    known = fitted(table, ["city"], range(4), categories="embedding")
    assert known.encode(table)[:, 0].tolist() == [2, 2, 1, 1, 0, 0, 0, 0]


def test_hashing_keeps_nothing_of_levels_and_gives_new_ones_a_feature():
    table = make_table({"city": [f"city {row}" for row in range(5000)] + [None]})
    encoder = fitted(table, ["city"], [*range(2000), 5000], categories="hashing", hash_bins=32)
    found = encoder.encode(table)
    assert found.shape == (5001, 33)
    assert (np.abs(found).sum(axis=1) == 1).all()
    assert found[5000, 32] == 1
    used = np.abs(found[:5000, :32]).sum(axis=0)
    assert used.min() > 100  # evenly, 156 levels a feature
    assert len(json.dumps(encoder.state())) < 500


def test_the_hash_is_the_same_in_every_process():
    code = (
        "import numpy as np; from mapsto.data.levels.hashing import Hashing;"
        "from mapsto.recipe.schema import DataOptions;"
        "h = Hashing('c', DataOptions(hash_bins=16)); m = np.zeros((3, 16), np.float32);"
        "h.write(m, np.array(['Ulm', '北京', 'a\\ud800'], dtype=object)); print(m @ np.arange(1, 17))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {"[ 13. -11.  -8.]\n"}


def many_levels(rows=4000, levels=400, seed=0):
    rng = np.random.default_rng(seed)
    level = rng.integers(0, levels, rows)
    effect = rng.normal(size=levels)
    value = effect[level] + rng.normal(0, 0.5, rows)
    return [f"k{one}" for one in level], value


def test_target_encoding_beats_one_hot_at_many_levels():
    from sklearn.linear_model import Ridge

    names, value = many_levels()
    table = make_table({"k": names, "y": value}, target="y")
    scores = {}
    for categories in ("target", "onehot"):
        encoder = fitted(table, ["k"], range(3000), categories=categories)
        train, test = encoder.encode_rows(table, np.arange(3000)), encoder.encode(table)[3000:]
        scores[categories] = Ridge().fit(train, value[:3000]).score(test, value[3000:])
    assert scores["target"] > 0.6
    assert scores["onehot"] < 0.3


def test_out_of_fold_encoding_is_what_keeps_a_model_honest_at_two_rows_a_level():
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(0)
    names, value = [f"k{row // 2}" for row in range(2000)], rng.normal(size=2000)  # nothing to learn
    table = make_table({"k": names, "y": value}, target="y")
    encoder = fitted(table, ["k"], categories="target", target_smoothing=1.0)
    own, careless = encoder.encode_rows(table, np.arange(2000)), encoder.encode(table)
    assert LinearRegression().fit(careless, value).score(careless, value) > 0.4
    assert LinearRegression().fit(own, value).score(own, value) < 0.02


def test_the_mean_is_smoothed_towards_the_overall_one_and_new_levels_are_zero():
    names = ["a"] * 30 + ["b"] * 30 + ["c"] * 2 + [None] * 10 + ["new"]
    value = np.asarray([1.0] * 30 + [-1.0] * 30 + [1.0] * 2 + [0.0] * 10 + [9.0])
    table = make_table({"k": names, "y": value}, target="y")
    encoder = fitted(table, ["k"], range(72), categories="target", target_smoothing=10.0)
    prior, deviation = value[:72].mean(), value[:72].std()
    found = encoder.encode(table)[:, 0]
    assert found[0] == pytest.approx((1 - prior) / deviation * 30 / 40)
    assert found[60] == pytest.approx((1 - prior) / deviation * 2 / 12)
    assert found[62] == pytest.approx((0 - prior) / deviation * 10 / 20)
    assert found[72] == 0


def test_of_several_classes_each_has_a_feature_and_of_two_the_second():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 600)
    names = [f"level {one}" for one in kind]
    several = make_table({"k": names, "y": np.asarray(["x", "y", "z"], dtype=object)[kind]}, target="y")
    encoder = fitted(several, ["k"], categories="target")
    assert encoder.spec.names == ("mean target of k (x)", "mean target of k (y)", "mean target of k (z)")
    assert (encoder.encode_rows(several, np.arange(600)).argmax(axis=1) == kind).all()
    two = replace(several, columns={**several.columns})
    values = np.asarray(["no", "yes"], dtype=object)[(kind == 2).astype(int)]
    two.columns["y"] = replace(two.columns["y"], values=values)
    encoder = fitted(two, ["k"], categories="target")
    assert encoder.spec.names == ("mean target of k",)
    found = encoder.encode(two)[:, 0]
    assert found[kind == 2].min() > 0 > found[kind < 2].max()


def test_target_encoding_needs_a_target():
    with pytest.raises(DataError, match=r"`data.categories: target` needs a target .* and table has none\."):
        fitted(make_table({"k": ["a", "b"]}), ["k"], categories="target")


@pytest.mark.parametrize("categories", LEVELS.names())
def test_a_row_is_answered_the_same_alone_and_after_a_save(categories):
    names, value = many_levels(300, 40)
    table = make_table({"k": [*names[:-1], None], "n": value, "y": value}, target="y")
    encoder = fitted(table, ["k", "n"], range(200), categories=categories, max_levels=8)
    again = Features(encoder.columns, encoder.options)
    again.load(json.loads(json.dumps(encoder.state(), allow_nan=False)))
    assert again.spec == encoder.spec
    assert len(again.spec.levels) == len(again.spec.names)
    alone = np.concatenate([again.encode(table.take(np.asarray([row]))) for row in range(300)])
    assert alone.tobytes() == encoder.encode(table).tobytes()


@pytest.mark.parametrize("categories", LEVELS.names())
def test_a_constant_category_is_left_out(categories):
    table = make_table({"k": ["a"] * 9 + ["b"], "n": range(10), "y": range(10)}, target="y")
    encoder = fitted(table, ["k", "n"], range(9), categories=categories)
    assert encoder.spec.names == ("n",)


@pytest.mark.parametrize("categories", ["onehot", "embedding", "target"])
def test_a_new_level_is_told_where_training_had_more_levels_than_are_kept(categories):
    table = make_table({"city": [f"city {row // 2}" for row in range(200)], "y": ["a", "b"] * 100}, target="y")
    encoder = fitted(table, ["city"], range(100), categories=categories, max_levels=5)
    again = Features(["city"], encoder.options)
    again.load(json.loads(json.dumps(encoder.state())))
    assert again.unseen(table.take(np.arange(100))) == []
    told = again.unseen(table.take(np.arange(98, 102)))
    assert [note.message for note in told] == [
        '"city" has levels that training did not have (city 50); what they mean is unknown.'
    ]
