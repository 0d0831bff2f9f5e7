"""Groups stay whole, time does not run back, folds divide, classes and labels keep their shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.data.split import split
from mapsto.errors import DataError, RecipeError
from mapsto.recipe.families import SPLITTERS, TASKS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.splitters import check_splitter
from mapsto.testing.tables import make_table

EVERY = SPLITTERS.names()
GROUPED = {"split": "group", "group_column": "g"}
COLUMNS = {"group": {"group_column": "g"}, "stratified_group": {"group_column": "g"}, "time": {"time_column": "t"}}


def divided(values, strata=None, seed=0, parts=None, **options):
    table = make_table(values, parts=parts)
    strata = None if strata is None else np.asarray(strata, dtype=np.int64)
    return split(table, strata, DataOptions(**options), seed)


def parts_of(*args, **options):
    return divided(*args, **options)[0]


def table_for(rows, num_groups=12, seed=0):
    rng = np.random.default_rng(seed)
    return {"g": [f"g{i}" for i in rng.integers(0, num_groups, rows)], "t": rng.permutation(rows).astype(float)}


def folds_of(values, num_folds, strata=None, **options):
    return [parts_of(values, strata, num_folds=num_folds, fold=i, **options) for i in range(num_folds)]


def lists(parts):
    return {part: rows.tolist() for part, rows in parts.items()}


# ------------------------------------------------------------------------------------------------ every splitter


@pytest.mark.parametrize("name", EVERY)
def test_it_keeps_the_contract(name):
    check_splitter(SPLITTERS.get(name))


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=25, deadline=None)
@given(rows=st.integers(80, 200), seed=st.integers(0, 2**31), share=st.floats(0.05, 0.4))
def test_every_row_is_in_one_part_and_the_shares_are_near(name, rows, seed, share):
    strata = np.arange(rows) % 3
    options = {"validation_share": share, "test_share": share, "split": name, **COLUMNS.get(name, {})}
    parts = parts_of(table_for(rows, 20), strata, seed, **options)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(rows))
    for part in ("validation", "test"):
        # A group of up to about a tenth of the rows goes to one side or the other.
        assert abs(len(parts[part]) - share * rows) <= (0.1 * rows if "group" in name else 1)


@pytest.mark.parametrize("name", EVERY)
def test_every_fold_validates_on_its_own_rows_and_none_on_test_rows(name):
    strata = np.arange(150) % 3
    found = folds_of(table_for(150, 20), 5, strata, split=name, **COLUMNS.get(name, {}))
    tests = {tuple(parts["test"].tolist()) for parts in found}
    assert len(tests) == 1
    validated = np.concatenate([parts["validation"] for parts in found])
    assert len(np.unique(validated)) == len(validated)
    assert not set(validated.tolist()) & set(*tests)
    if name != "time":
        for parts in found:
            assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(150))
        assert len(validated) + len(found[0]["test"]) == 150


GOLDEN = {
    "group": {
        "train": [0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19],
        "validation": [4, 12],
        "test": [6, 14],
    },
    "random": {
        "train": [0, 2, 4, 7, 8, 9, 10, 11, 13, 14, 16, 17, 18, 19],
        "validation": [1, 5, 15],
        "test": [3, 6, 12],
    },
    "stratified_group": {
        "train": [0, 1, 3, 5, 8, 9, 11, 13, 16, 17, 18, 19],
        "validation": [4, 6, 12, 14],
        "test": [2, 7, 10, 15],
    },
    "time": {
        "train": [0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19],
        "validation": [2, 5, 8],
        "test": [11, 14, 17],
    },
}
FOLD_1_OF_3 = {
    "group": [4, 5, 7, 12, 13, 15, 19],
    "random": [2, 4, 7, 9, 18, 19],
    "stratified_group": [1, 4, 9, 12, 18],
    "time": [4, 7, 10, 13, 16],
}


@pytest.mark.parametrize("name", EVERY)
def test_the_rows_are_the_same_on_every_machine(name):
    values: dict[str, list] = {"g": [f"g{i}" for i in [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1, 5]]}
    values["t"] = [float(i * 7 % 20) for i in range(20)]
    strata = [0, 1, 1, 0] * 5
    options = {"split": name, **COLUMNS.get(name, {})}
    assert lists(parts_of(values, strata, 7, **options)) == GOLDEN[name]
    fold = parts_of(values, strata, 7, num_folds=3, fold=1, **options)
    assert lists(fold)["validation"] == FOLD_1_OF_3[name]
    assert lists(fold)["test"] == GOLDEN[name]["test"]


# ------------------------------------------------------------------------------------------------ random


def test_folds_have_the_classes_in_equal_numbers():
    strata = np.repeat([0, 1, 2], [600, 300, 100])
    for parts in folds_of({"x": np.arange(1000.0)}, 4, strata, test_share=0.2):
        assert np.bincount(strata[parts["test"]]).tolist() == [120, 60, 20]
        assert np.bincount(strata[parts["validation"]]).tolist() == [120, 60, 20]


def labels_of(rows, seed=0):
    """Sets of labels, of which some are rare and one is always with another."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, 6)) < [0.5, 0.3, 0.1, 0.05, 0.02, 0.0]).astype(np.int64)
    labels[:, 5] = labels[:, 2] & (rng.random(rows) < 0.5)
    return labels


def test_each_label_has_its_share_in_each_part():
    labels = labels_of(600)
    parts = parts_of({"x": np.arange(600.0)}, labels, validation_share=0.2, test_share=0.2)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 360, "validation": 120, "test": 120}
    for part, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
        assert np.abs(labels[parts[part]].sum(axis=0) - share * labels.sum(axis=0)).max() <= 3


def test_folds_share_the_labels_better_than_chance():
    labels = labels_of(400)
    found = folds_of({"x": np.arange(400.0)}, 5, labels)
    assert [len(parts["validation"]) for parts in found] == [68] * 5
    counts = np.asarray([labels[parts["validation"]].sum(axis=0) for parts in found])
    order = np.random.default_rng(0).permutation(340)
    by_chance = np.asarray([labels[order[i::5]].sum(axis=0) for i in range(5)])
    assert np.ptp(counts, axis=0).sum() < 0.4 * np.ptp(by_chance, axis=0).sum()


def test_more_folds_than_rows():
    with pytest.raises(DataError, match=r"has 9 rows outside of the test part, too few for `data.num_folds: 10`"):
        parts_of({"x": np.arange(11.0)}, num_folds=10)


# ------------------------------------------------------------------------------------------------ groups


@pytest.mark.parametrize("name", ["group", "stratified_group"])
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=6, max_size=30), seed=st.integers(0, 2**31), num_folds=st.integers(0, 4)
)
def test_no_group_is_in_two_parts(name, sizes, seed, num_folds):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    num_folds *= num_folds > 1
    parts = parts_of(
        {"g": [str(g) for g in groups]},
        np.arange(len(groups)) % 2,
        seed,
        split=name,
        group_column="g",
        num_folds=num_folds,
    )
    found = [set(groups[rows].tolist()) for rows in parts.values()]
    assert all(found)
    assert sum(map(len, found)) == len(set().union(*found)) == len(sizes)


def test_the_seed_decides_which_groups():
    values = table_for(200, 20)
    drawn = {tuple(parts_of(values, seed=seed, split="group", group_column="g")["test"].tolist()) for seed in range(5)}
    assert len(drawn) == 5


def unlike_groups(seed):
    """Groups of many sizes, each with its own shares of three classes, one of them rare."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 30, 60)
    groups = np.repeat(np.arange(60), sizes)
    shares = rng.dirichlet([2.0, 1.0, 0.2], 60)
    strata = np.asarray([rng.choice(3, p=shares[group]) for group in groups])
    return {"g": [str(group) for group in groups]}, groups, strata


def worst_share(strata, folds):
    overall = np.bincount(strata, minlength=3) / len(strata)
    return max(np.abs(np.bincount(strata[fold], minlength=3) / len(fold) - overall).max() for fold in folds)


def test_stratified_groups_share_the_classes_better_than_scikit_learn_does():
    from sklearn.model_selection import StratifiedGroupKFold

    ours, theirs, plain = [], [], []
    for seed in range(8):
        values, groups, strata = unlike_groups(seed)
        parts = [folds_of(values, 5, strata, split=name, group_column="g") for name in ("stratified_group", "group")]
        rest = np.setdiff1d(np.arange(len(groups)), parts[0][0]["test"])
        ours.append(worst_share(strata[rest], [np.searchsorted(rest, fold["validation"]) for fold in parts[0]]))
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        theirs.append(worst_share(strata[rest], [fold for _, fold in splitter.split(rest, strata[rest], groups[rest])]))
        plain.append(worst_share(strata, [fold["validation"] for fold in parts[1]]))
    assert np.mean(ours) < np.mean(theirs)
    assert np.mean(ours) < 0.5 * np.mean(plain)


def test_a_held_out_part_has_the_classes_as_the_whole():
    values, _, strata = unlike_groups(0)
    parts = parts_of(values, strata, split="stratified_group", group_column="g")
    assert worst_share(strata, list(parts.values())) < 0.03
    assert abs(len(parts["test"]) / len(strata) - 0.15) < 0.02


def test_a_planted_leak_through_groups_is_prevented():
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    x = rng.normal(size=(60, 8))[groups] + rng.normal(0, 0.05, size=(600, 8))  # a patient's rows look alike
    y = rng.integers(0, 2, 60)[groups]  # and what they have cannot be learned from other patients
    scores = {}
    for name, options in {"random": {}, "group": {"group_column": "g"}}.items():
        parts = parts_of({"g": [str(group) for group in groups]}, y, split=name, **options)
        model = KNeighborsClassifier(1).fit(x[parts["train"]], y[parts["train"]])
        scores[name] = model.score(x[parts["test"]], y[parts["test"]])
    assert scores["random"] > 0.99
    assert scores["group"] < 0.75


def test_rows_without_a_group_are_groups_of_one_and_said():
    groups = ["a", None] * 10 + ["b"] * 10 + ["c"] * 10
    parts, notes = divided({"g": groups}, split="group", group_column="g")
    assert sum(map(len, parts.values())) == 40
    assert '10 rows without a value of "g" taken as groups of one.' in [note.message for note in notes.copy()][1]


def test_a_group_in_two_given_parts_is_said():
    values = {"g": ["a"] * 10 + ["b"] * 10 + ["c"] * 10 + ["d"] * 10}
    given_parts = ["train"] * 35 + ["test"] * 5
    _, notes = divided(values, parts=given_parts, split="group", group_column="g", seed=1)
    warnings = [note.message for note in notes if note.level == "warning"]
    assert warnings == [
        'One group of "g" in more than one of the parts that are given (d): scores may look better than they are.'
    ]


def test_too_few_groups_are_refused():
    with pytest.raises(DataError, match=r'"g" \(`data.group_column`\) has 2 groups in the rows of table.*at least 3'):
        parts_of({"g": ["a"] * 20 + ["b"] * 20}, split="group", group_column="g")
    with pytest.raises(DataError, match=r"at least 5 are needed for `data.num_folds: 5`"):
        parts_of({"g": list("abcd") * 8}, parts=["train"] * 24 + ["test"] * 8, num_folds=5, **GROUPED)


def test_stratified_groups_need_classes():
    with pytest.raises(DataError, match=r"has no classes.*Set `data.split: group`"):
        parts_of(table_for(60), split="stratified_group", group_column="g")


# ------------------------------------------------------------------------------------------------ time

DAYS = np.datetime64("2024-01-01") + np.arange(100)


def shuffled_days(texts):
    order = np.random.default_rng(0).permutation(100)
    return {"t": [str(value) for value in np.asarray(texts)[order]]}, order


@pytest.mark.parametrize(
    "texts",
    [
        [str(day) for day in DAYS],
        [f"{day}T12:30:00+02:00" for day in DAYS],
        [f"{i - 50}" for i in range(100)],
        [f"{i / 7:.3f}" for i in range(100)],
    ],
    ids=["dates", "times with a zone", "numbers", "fractions"],
)
def test_the_past_trains_and_the_future_tests(texts):
    values, order = shuffled_days(texts)
    parts = parts_of(values, split="time", time_column="t")
    assert np.sort(order[parts["train"]]).tolist() == list(range(70))
    assert np.sort(order[parts["validation"]]).tolist() == list(range(70, 85))
    assert np.sort(order[parts["test"]]).tolist() == list(range(85, 100))


@pytest.mark.parametrize(("gap", "rows"), [(7, 7), ("7d", 6), ("168h", 6), (0, 0)])
def test_a_gap_is_kept_before_each_later_part(gap, rows):
    # From the 1st to the 8th are seven days, so six rows lie between.
    values, order = shuffled_days([str(day) for day in DAYS])
    parts = {part: order[rows] for part, rows in parts_of(values, split="time", time_column="t", gap=gap).items()}
    assert parts["validation"].min() - parts["train"].max() == rows + 1
    assert parts["test"].min() - parts["validation"].max() == rows + 1


def test_folds_by_time_are_expanding_windows_the_newest_first():
    values, order = shuffled_days([str(day) for day in DAYS])
    found = folds_of(values, 4, split="time", time_column="t", gap=3)
    ends = [(order[p["train"]].max(), order[p["validation"]].min(), order[p["validation"]].max()) for p in found]
    assert ends == [(62, 66, 81), (45, 49, 65), (29, 33, 48), (12, 16, 32)]
    assert all(order[parts["train"]].min() == 0 for parts in found)


def test_rows_of_one_time_are_never_in_two_parts():
    months = np.repeat(np.arange(12), 13)
    parts = parts_of({"t": [f"2024-{month + 1:02d}-01" for month in months]}, split="time", time_column="t")
    found = [set(months[rows].tolist()) for rows in parts.values()]
    assert found == [set(range(8)), {8, 9}, {10, 11}]


def test_rows_without_a_time_are_left_out_and_said():
    values = {"t": [*map(float, range(40)), None, None]}
    parts, notes = divided(values, split="time", time_column="t")
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(40))
    assert notes[-1].message == '2 rows without a time in "t" left out.'


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["soon"] * 30, {}, '"t" .* cannot be read as times: "soon"'),
        (["2024-01-01"] * 30, {}, '"t" .* has one different time in the rows'),
        ([float(i) for i in range(30)], {"gap": "7d"}, "holds numbers, so `data.gap` must be a number of rows"),
        ([float(i) for i in range(30)], {"gap": 22}, "`data.gap: 22` leaves no row of table before"),
    ],
)
def test_times_that_cannot_be_used_are_refused(values, options, message):
    with pytest.raises(DataError, match=message):
        parts_of({"t": values}, split="time", time_column="t", **options)


# ------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "group"}, "`data.split: group` needs `data.group_column`"),
        ({"split": "time"}, "`data.split: time` needs `data.time_column`"),
        (
            {"group_column": "g"},
            "`data.split: random` does not look at it. Set `data.split` to group or stratified_group",
        ),
        ({"gap": 3}, "`data.gap` is given.*Set `data.split` to time"),
        ({"num_folds": 1}, "`data.num_folds` must be 0 .* or at least 2"),
        ({"num_folds": 3, "fold": 3}, r"must be below `data.num_folds` \(3\). Received: 3"),
        ({"fold": 1}, r"must be below `data.num_folds` \(0\). Received: 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options, message):
    with pytest.raises(RecipeError, match=message):
        parts_of(table_for(40), **options)


# ------------------------------------------------------------------------------------------------ prepared data


def visits(rows=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"dose": rng.normal(size=rows), "patient": [f"p{i // 4}" for i in range(rows)]})
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows), unit="D")
    frame["outcome"] = frame["dose"] * 2 + rng.normal(size=rows)
    return frame


def prepared(frame, folder, **settings):
    options = DataOptions(target="outcome", **settings)
    table = read(frame, options=options)
    return prepare(table, task=TASKS.get("tabular_regression")(), recipe_data=options, seed=0, folder=folder)


@pytest.mark.parametrize(("setting", "name"), [("group_column", "patient"), ("time_column", "day")])
def test_columns_of_the_split_are_no_inputs_and_a_note_says_so(tmp_path, setting, name):
    data = prepared(visits(), tmp_path, split={"patient": "group", "day": "time"}[name], **{setting: name})
    assert name not in data.encoders["inputs"].columns
    assert any(f'"{name}" says' in note.message and "is not an input" in note.message for note in data.notes)
    groups = visits()[name].to_numpy()
    assert not set(groups[data.parts["train"]]) & set(groups[data.parts["test"]])
    if name == "day":
        assert groups[data.parts["train"]].max() < groups[data.parts["validation"]].min()


def test_what_is_learned_in_a_fold_is_learned_from_its_training_rows_alone(tmp_path):
    frame = visits()
    first = prepared(frame, tmp_path, num_folds=4, fold=0)
    frame.loc[first.parts["validation"], "dose"] = 1e6  # a leak would move every number that is learned
    again = prepared(frame, tmp_path, num_folds=4, fold=0)
    others = [prepared(frame, tmp_path, num_folds=4, fold=fold) for fold in (1, 2, 3)]
    assert again.encoders["inputs"].state() == first.encoders["inputs"].state()
    for data in (again, *others):
        values = frame["outcome"].to_numpy()[data.parts["train"]]
        assert data.encoders["targets"].mean == pytest.approx(values.mean())
        assert any(f"Fold {data.preprocessing.options.fold} of 4" in note.message for note in data.notes)
    assert all(data.encoders["inputs"].state() != first.encoders["inputs"].state() for data in others)
    assert len({data.folder for data in (first, again, *others)}) == 5


def test_a_column_that_is_not_there_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(DataError, match=r'has no column "patent", which is needed. Did you mean "patient"?'):
        prepared(visits(), tmp_path, split="group", group_column="patent")
    with pytest.raises(RecipeError, match=r'`data.group_column` names "outcome", which is the target'):
        prepared(visits(), tmp_path, split="group", group_column="outcome")
