"""Several labels a row: told from the data, read from joined cells or from columns of 0 and 1, and split evenly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mapsto.data.encoders.labels import Labels
from mapsto.data.labels import flag_names, sure_separator
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.families import TASKS
from mapsto.recipe.schema import DataOptions
from mapsto.tasks._choice import choose
from mapsto.testing.tables import make_table

RNG = np.random.default_rng(0)
NAMES = np.array(["rain", "fog", "wind", "hail"])
FLAGS = RNG.random((400, 4)) < [0.5, 0.3, 0.3, 0.04]
JOINED = ["|".join(NAMES[row]) for row in FLAGS]
FRAME = pd.DataFrame(RNG.normal(size=(400, 2)), columns=["a", "b"])


def fitted(cells, rows=None, **options):
    table = make_table({"y": cells})
    encoder = Labels(["y"], DataOptions(**options))
    notes = encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, encoder.encode(table), [note.message for note in notes]


def objects(cells):
    values = np.empty(len(cells), dtype=object)
    values[:] = [cell or None for cell in cells]
    return values


def test_labels_become_flags_and_flags_labels():
    encoder, flags, _ = fitted(["rain|fog", None, "fog | rain|fog", "rain"])
    assert (encoder.spec.names, encoder.spec.shape, flags.dtype) == (("fog", "rain"), (2,), np.uint8)
    assert flags.tolist() == [[1, 1], [0, 0], [1, 1], [0, 1]]
    assert encoder.decode(flags).tolist() == ["fog|rain", "", "fog|rain", "rain"]


def test_a_label_that_no_training_row_has_makes_a_row_unusable_and_a_rare_one_is_kept():
    encoder, _, notes = fitted(["a|b", "a|b", "a|c", "a|d"], range(3))
    assert encoder.spec.names == ("a", "b", "c")
    assert notes == ["One label has only one training row: c. A network can hardly learn them."]
    assert encoder.unusable(make_table({"y": ["a", None, "d|a"]})).tolist() == [False, False, True]


def test_rows_without_a_label_are_kept_and_told():
    _, flags, notes = fitted(["a|b", None, "a|b", "a|b"])
    assert flags[1].tolist() == [0, 0]
    assert notes[0].startswith('One row of 4 in training without a label in "y", which is taken as having none.')


def test_a_stated_separator_goes_before_what_is_found():
    assert fitted(["a|x; b", "b", "a|x"], label_separator=";")[0].spec.names == ("a|x", "b")
    assert fitted(["a|x; b", "b", "a|x"])[0].spec.names == ("a", "b", "x; b")[:1] + ("b", "x", "x; b")


def test_one_label_is_refused():
    with pytest.raises(DataError, match=r"has one label in the 2 training rows; at least 2 are needed"):
        fitted(["a", "a"])


@pytest.mark.parametrize("separator", ["|", ";", ",", ", "])
def test_joined_labels_are_told_beyond_doubt(separator):
    assert sure_separator(objects([separator.join(NAMES[row]) for row in FLAGS])) == separator.strip()


@pytest.mark.parametrize(
    "cells",
    [
        [f"{city}, {state}" for city, state in zip("ABCDEF" * 40, "xyzzyx" * 40, strict=True)],
        [f"{size}|{color}" for size in "SML" for color in "rgbw"] * 20,
        ["yes", "no"] * 100,
        [f"It was {word}, and I liked it, {number}" for number, word in enumerate(["fine", "bad"] * 100)],
        [" ".join(NAMES[row]) for row in FLAGS],
        [None] * 5,
    ],
    ids=["places", "sizes and colors", "classes", "sentences", "words", "nothing"],
)
def test_other_text_is_not_taken_for_labels(cells):
    assert sure_separator(objects(cells)) is None


def test_the_task_follows_from_labels_beyond_doubt_and_a_stated_category_overrules():
    frame = FRAME.assign(sky=JOINED)
    table = read(frame, options=DataOptions(target="sky"))
    assert choose(table) == "multilabel_table"
    assert any('"sky" holds 4 labels joined by "|"' in note.message for note in table.notes)
    assert (
        choose(read(frame, options=DataOptions(target="sky", columns={"sky": "category"}))) == "tabular_classification"
    )
    texts = pd.DataFrame({"text": [f"the sky was {i} and then it {i % 7} rained" for i in range(400)], "sky": JOINED})
    assert choose(read(texts, options=DataOptions(target="sky"))) == "multilabel_text"
    pictures = np.zeros((400, 8, 8), dtype=np.uint8), np.array(JOINED)
    assert choose(read(pictures, options=DataOptions())) == "multilabel_image"


def test_a_separator_that_is_stated_makes_labels_of_numbers():
    frame = FRAME.assign(codes=["1,3", "3", "1", "1,5"] * 100)
    table = read(frame, options=DataOptions(target="codes", label_separator=","))
    assert (table.columns["codes"].kind, choose(table)) == ("category", "multilabel_table")
    encoder = Labels(["codes"], DataOptions(target="codes", label_separator=","))
    encoder.fit(table, np.arange(400))
    assert encoder.spec.names == ("1", "3", "5")


def flagged(**more):
    return FRAME.assign(**{name: FLAGS[:, place].astype(int) for place, name in enumerate(NAMES)}, **more)


def test_columns_of_0_and_1_are_the_same_as_joined_labels(tmp_path):
    options = DataOptions(target="rain,fog, wind,hail")
    table = read(flagged(), options=options)
    assert (choose(table), list(table.columns)) == ("multilabel_table", ["rain,fog, wind,hail", "a", "b"])
    found = prepare(table, task=TASKS.get("multilabel_table")(), recipe_data=options, seed=0, folder=tmp_path)
    other = DataOptions(target="sky")
    joined = read(FRAME.assign(sky=JOINED), options=other)
    same = prepare(joined, task=TASKS.get("multilabel_table")(), recipe_data=other, seed=0, folder=tmp_path)
    assert found.specs["targets"].names == ("fog", "hail", "rain", "wind")
    np.testing.assert_array_equal(found.arrays["targets"], FLAGS[:, [1, 3, 0, 2]])
    np.testing.assert_array_equal(found.arrays["targets"], same.arrays["targets"])
    assert found.facts.class_counts == tuple(FLAGS[found.parts["train"]][:, [1, 3, 0, 2]].sum(axis=0))
    assert not any("without a label" in note.message for note in found.notes)


@pytest.mark.parametrize("values", [[True, False], ["yes", "no"], [1.0, 0.0], ["1", "0"]])
def test_flags_may_be_written_in_any_plain_way(values):
    table = read({"x": range(8), "p": values * 4, "q": values[::-1] * 4}, options=DataOptions(target="p,q"))
    assert table.columns["p,q"].values.tolist() == ["p", "q"] * 4


def test_a_row_with_a_missing_flag_is_left_out(tmp_path):
    frame = flagged().astype({"rain": float})
    frame.loc[3, "rain"] = np.nan
    options = DataOptions(target="rain,fog")
    task = TASKS.get("multilabel_table")()
    found = prepare(read(frame, options=options), task=task, recipe_data=options, seed=0, folder=tmp_path)
    assert found.facts.num_rows == 399
    assert any('One row without a usable value of the target "rain,fog"' in note.message for note in found.notes)


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("rain,fogg", r'no column "rain,fogg".* "fogg" is not there. Did you mean "fog"\?'),
        ("rain,a", r'must hold 0 and 1 \(or yes and no\), and "a" holds'),
    ],
)
def test_other_columns_are_refused(target, cause):
    with pytest.raises(DataError, match=cause):
        read(flagged(), options=DataOptions(target=target))


def test_a_name_with_commas_is_one_column_where_it_is_there():
    assert flag_names("a,b", ["a", "b", "a,b"]) == ()
    assert flag_names("a,b", ["a", "c"]) == ()
    assert flag_names("a,b", ["b", "a"]) == ("a", "b")


@pytest.mark.parametrize("split", ["random", "stratified_group"])
def test_every_part_has_its_share_of_every_label(split, tmp_path):
    """20 rows have the rarest label: by chance alone a part of 60 rows would often have 0, 1 or 6 of them."""
    rng = np.random.default_rng(1)
    shares = dict(zip("abcdef", [0.6, 0.3, 0.2, 0.1, 0.07, 0.05], strict=True))
    flags = np.stack([rng.permutation(np.arange(400) < share * 400) for share in shares.values()], axis=1)
    cells = ["|".join(np.array(list(shares))[row]) for row in flags]
    frame = FRAME.assign(y=cells, g=[f"g{row // 2}" for row in range(400)])
    options = DataOptions(target="y", split=split, group_column="g" if "group" in split else None)
    task = TASKS.get("multilabel_table")()
    for seed in range(3):
        found = prepare(read(frame, options=options), task=task, recipe_data=options, seed=seed, folder=tmp_path)
        for part, rows in found.parts.items():
            counts = found.arrays["targets"][rows].sum(axis=0)
            wanted = flags.sum(axis=0) * len(rows) / 400
            assert np.abs(counts - wanted).max() <= (1 if split == "random" else 2), part


def test_target_encoding_of_categories_knows_the_labels(tmp_path):
    table = read(
        FRAME.assign(city=np.where(FLAGS[:, 0], "wet", "dry"), sky=JOINED),
        options=DataOptions(target="sky", categories="target"),
    )
    options = DataOptions(target="sky", categories="target", clean="none")
    found = prepare(table, task=TASKS.get("multilabel_table")(), recipe_data=options, seed=0, folder=tmp_path)
    named = [name for name in found.specs["inputs"].names if "target of city" in name]
    assert len(named) == 4
    rain = next(name for name in named if "rain" in name)
    values = found.arrays["inputs"][:, found.specs["inputs"].names.index(rain)]
    assert values[FLAGS[:, 0]].min() > values[~FLAGS[:, 0]].max()


def test_what_is_learned_does_not_depend_on_rows_that_are_not_for_training(tmp_path):
    table = read(FRAME.assign(sky=JOINED), options=DataOptions(target="sky"))
    options = DataOptions(target="sky")
    task = TASKS.get("multilabel_table")()
    parts = np.array(["train"] * 300 + ["validation"] * 50 + ["test"] * 50)
    table = replace(table, given_parts=parts)
    first = prepare(table, task=task, recipe_data=options, seed=0, folder=tmp_path)
    values = table.columns["sky"].values.copy()
    values[350:] = "snow|rain"
    changed = replace(table, columns={**table.columns, "sky": replace(table.columns["sky"], values=values)})
    changed = replace(changed, fingerprint="other")
    with pytest.raises(DataError, match=r"50 rows left out: no training row has their class \(snow\|rain\)"):
        prepare(changed, task=task, recipe_data=options, seed=0, folder=tmp_path)
    values[360:] = table.columns["sky"].values[360:]
    second = prepare(replace(changed, fingerprint="third"), task=task, recipe_data=options, seed=0, folder=tmp_path)
    assert second.encoders["targets"].state() == first.encoders["targets"].state()
    assert len(second.parts["test"]) == 40


def test_audit_takes_combinations_for_no_classes():
    from mapsto.data.audit._door import audit

    table = read(FRAME.assign(sky=JOINED), options=DataOptions(target="sky"))
    assert audit(table, only=("imbalance", "label_errors", "spellings")) == []
    plain = read(FRAME.assign(sky=JOINED), options=DataOptions(target="sky", columns={"sky": "category"}))
    assert audit(plain, only=("imbalance",)) != []


def test_lists_of_labels_are_the_same_as_joined_ones(tmp_path):
    lists = [sorted(NAMES[row]) for row in FLAGS]
    table = read(FRAME.assign(sky=pd.Series(lists)), options=DataOptions(target="sky"))
    assert (choose(table), table.columns["sky"].values[0]) == ("multilabel_table", "fog|hail|wind")
    lines = FRAME.assign(sky=pd.Series(lists)).to_json(orient="records", lines=True)
    (tmp_path / "sky.jsonl").write_text(lines)
    file = read(tmp_path / "sky.jsonl", options=DataOptions(target="sky"))
    assert file.columns["sky"].values.tolist() == table.columns["sky"].values.tolist()


def test_a_label_in_a_list_that_holds_the_sign_is_refused_unless_another_is_stated():
    frame = FRAME.assign(sky=pd.Series([["rain|snow"], ["fog", "rain|snow"], []] * 133 + [["fog"]]))
    with pytest.raises(DataError, match=r'the label "rain\|snow" holds "\|".* Name another sign'):
        read(frame, options=DataOptions(target="sky"))
    table = read(frame, options=DataOptions(target="sky", label_separator=";"))
    assert table.columns["sky"].values[:3].tolist() == ["rain|snow", "fog;rain|snow", ""]


def test_an_empty_cell_is_no_missing_target():
    from mapsto.data.audit._door import audit

    table = read(FRAME.assign(sky=JOINED), options=DataOptions(target="sky"))
    assert "" in table.columns["sky"].values
    assert audit(table, only=("missing",)) == []
