"""The audit finds what is planted, and says nothing of what is in order."""

from __future__ import annotations

import io
import json
import time
import wave

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mapsto as mp
from mapsto.data.audit._clean import cleaned, respelled, without_repeats
from mapsto.data.audit._door import audit
from mapsto.data.audit.encodings import is_broken
from mapsto.data.audit.label_errors import issues
from mapsto.data.audit.near_duplicates import image_pairs, text_pairs
from mapsto.data.audit.spellings import slips, variants
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.data.table import Column, Table
from mapsto.errors import RecipeError
from mapsto.recipe.families import CHECKS, TASKS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.checks import check_check

ROWS = 600


def people(rows: int = ROWS, **changed) -> pd.DataFrame:
    """Clean data: numbers of several shapes, a category, and a class that follows from them but not surely."""
    rng = np.random.Generator(np.random.PCG64(5))
    age = rng.normal(45, 12, rows)
    income = rng.lognormal(10, 0.8, rows)
    city = rng.choice(["London", "Vienna", "Lisbon", "Prague"], rows)
    chance = 1 / (1 + np.exp(-(age - 45) / 4))
    paid = np.where(rng.random(rows) < chance, "paid", "open")
    return pd.DataFrame({"age": age, "income": income, "city": city, "paid": paid} | changed)


def found(frame, check: str, target: str | None = "paid", **options):
    return audit(read(frame, options=DataOptions(target=target, **options)), only=(check,))


@pytest.mark.parametrize("name", CHECKS.names())
def test_every_check_keeps_the_contract(name: str):
    check_check(CHECKS.get(name))


def test_nothing_is_said_of_clean_data():
    said = {finding.check for finding in audit(read(people(), options=DataOptions(target="paid")))}
    assert said <= {"label_errors"}  # classes overlap, so some rows are on the other side


def test_missing_values_are_counted():
    frame = people()
    frame.loc[[3, 8, 9], "age"] = np.nan
    (finding,) = found(frame, "missing")
    assert (finding.column, finding.rows.tolist(), finding.count) == ("age", [3, 8, 9], 3)


@pytest.mark.parametrize("column", ["age", "income"])
def test_outliers_are_found_in_columns_of_any_shape(column: str):
    frame = people()
    rows = [5, 50, 100, 200, 300, 444]
    frame.loc[rows, column] = frame[column].max() + (frame[column].max() - frame[column].min()) * np.arange(4, 10)
    (finding,) = [f for f in found(frame, "outliers") if f.column]
    assert set(rows) <= set(finding.rows.tolist())
    assert len(finding.rows) <= len(rows) + 1


def test_rows_that_are_strange_together_are_told_by_the_forest():
    rng = np.random.Generator(np.random.PCG64(1))
    x = np.concatenate([rng.normal(0, 0.01, 1000), [0.9, -0.9]])
    frame = pd.DataFrame({"a": np.sin(8 * np.arange(1002)), "b": x, "y": rng.random(1002)})
    assert any({1000, 1001} <= set(f.rows.tolist()) for f in found(frame, "outliers", "y"))


def test_duplicates_within_and_across_parts():
    frame = people().assign(part=["train"] * 400 + ["test"] * 200, name=[f"n{i:05}" for i in range(ROWS)])
    frame.loc[[450, 460], ["age", "income", "city", "paid"]] = frame.loc[
        [7, 8], ["age", "income", "city", "paid"]
    ].values
    across, repeated = found(frame, "duplicates", split_column="part")
    assert across.rows.tolist() == repeated.rows.tolist() == [450, 460]
    assert across.safe
    assert across.parts == ("train", "test")


def test_constant_columns_and_identifiers():
    rng = np.random.Generator(np.random.PCG64(0))
    frame = people().assign(same=7.0, code=[f"{v:08x}" for v in rng.integers(0, 2**32, ROWS)], order=np.arange(ROWS))
    assert [(f.column, f.safe) for f in found(frame, "constant")] == [("same", True)]
    assert {f.column: f.safe for f in found(frame, "identifiers")} == {"code": True, "order": False}


def test_leaks_are_found_and_good_columns_are_not():
    frame = people()
    frame["copy"] = frame["paid"].map({"paid": "settled", "open": "due"})
    frame["number"] = (frame["paid"] == "paid") * 3.0 + np.random.Generator(np.random.PCG64(2)).random(ROWS)
    assert {f.column for f in found(frame, "leaks")} == {"copy", "number"}
    priced = people().assign(euros=lambda f: f["income"] * 0.9 + 3)
    assert [f.column for f in found(priced, "leaks", "income")] == ["euros"]


def test_spellings_of_one_level():
    counts = {
        "New York": 50,
        "new york": 3,
        "New-York.": 1,
        "Boston": 40,
        "1.5": 9,
        "15": 9,
        "<=5": 9,
        ">5": 9,
    }
    assert variants(counts) == dict.fromkeys(["new york", "New-York."], "New York")
    near = slips(
        {"London": 500, "Lodnon": 2, "Londom": 2, "Condon": 4, "INLAND": 900, "ISLAND": 5, "A1111": 90, "A1112": 2}
    )
    assert near == {"Lodnon": "London", "Londom": "London"}


def test_booleans_said_in_several_ways():
    frame = people(answer=["yes", "no", "no", "Y", "TRUE", "false"] * 100)
    assert not found(frame, "booleans_in_text")  # words of two pairs
    frame = people(answer=["yes", "no", "no", "Y", "YES", "N"] * 100)
    (finding,) = found(frame, "booleans_in_text")
    assert finding.facts["spellings"] == {"Y": "yes", "YES": "yes", "N": "no"}
    assert not finding.safe
    assert not found(people(grade=["T", "F", "N", "T", "F", "N"] * 100), "booleans_in_text")
    assert not found(people(answer=["yes", "no"] * 300), "booleans_in_text")


def test_dates_that_cannot_be_told_and_mixed_types():
    days = [f"{1 + i % 12:02}/{1 + i % 11:02}/20{10 + i % 9}" for i in range(ROWS)]
    assert [f.column for f in found(people(day=days), "dates_in_text")] == ["day"]
    mixed = [str(i) if i % 3 else f"unit {i % 7}" for i in range(ROWS)]
    assert [f.column for f in found(people(mixed=mixed), "mixed_types")] == ["mixed"]
    nearly = [str(i) if i % 50 else "n.d." for i in range(ROWS)]
    assert [f.column for f in found(people(nearly=nearly), "mixed_types")] == ["nearly"]


def test_drift_between_given_parts():
    frame = people(2000).assign(part=["train"] * 1300 + ["test"] * 700)
    assert not found(frame, "drift", split_column="part")
    frame.loc[1300:, "age"] += 12
    moved = found(frame, "drift", split_column="part")
    assert [f.column for f in moved] == ["age", None]
    assert moved[1].facts["auc"] > 0.65


def test_imbalance():
    frame = people(paid=["paid"] * 580 + ["open"] * 20)
    assert [f.facts["ratio"] for f in found(frame, "imbalance")] == [29.0]
    assert not found(people(), "imbalance")


def test_label_errors_in_digits_and_the_time_that_all_takes():
    table = read("digits", options=DataOptions())
    rng = np.random.Generator(np.random.PCG64(3))
    wrong = np.sort(rng.choice(len(table), 54, replace=False))
    target = table.columns[str(table.target)]
    target.values[wrong] = [str((int(v) + 1 + int(rng.integers(9))) % 10) for v in target.values[wrong]]
    started = time.process_time()
    findings = audit(table)
    assert time.process_time() - started < 5  # about one second without other work
    (finding,) = [f for f in findings if f.check == "label_errors"]
    hits = len(set(wrong.tolist()) & set(finding.rows.tolist()))
    assert hits >= 0.75 * len(wrong)
    assert hits >= 0.75 * len(finding.rows)


def test_label_errors_need_a_model_that_has_learned():
    rng = np.random.Generator(np.random.PCG64(4))
    for odds in (0.5, 0.9):
        random = people(1500, paid=np.where(rng.random(1500) < odds, "paid", "open"))
        assert not found(random, "label_errors")
    frame = people(1500)
    frame["paid"] = np.where(frame["age"] > 45, "paid", "open")
    wrong = np.sort(rng.choice(np.flatnonzero(abs(frame["age"] - 45) > 5), 40, replace=False))
    frame.loc[wrong, "paid"] = frame.loc[wrong, "paid"].map({"paid": "open", "open": "paid"})
    (finding,) = found(frame, "label_errors")
    assert len(set(wrong.tolist()) & set(finding.rows.tolist())) >= 36


def test_colors_count_for_label_errors_and_drift():
    rng = np.random.Generator(np.random.PCG64(6))
    red = rng.random(300) < 0.5
    pictures = rng.integers(0, 60, (300, 40, 40, 3)).astype(np.uint8)
    pictures[red, ..., 0] += 118  # as light in gray as what green gets
    pictures[~red, ..., 1] += 60
    labels = np.where(red, "red", "green")
    labels[[4, 9]] = np.where(red[[4, 9]], "green", "red")
    columns = {
        "picture": Column("picture", "image", pictures),
        "y": Column("y", "category", labels.astype(object)),
    }
    table = Table("colors", columns, "y", None, np.arange(300).astype(str), "colors")
    (finding,) = audit(table, only=("label_errors",))
    assert finding.rows.tolist() == [4, 9]
    parts: dict = {"train": np.flatnonzero(red), "test": np.flatnonzero(~red)}
    assert [f.column for f in audit(table, parts=parts, only=("drift",)) if f.column is None] == [None]


def test_broken_and_silent_recordings(tmp_path):
    rng = np.random.Generator(np.random.PCG64(7))
    for place in range(24):
        folder = tmp_path / ("low" if place % 2 else "high")
        folder.mkdir(exist_ok=True)
        samples = np.zeros(800) if place == 3 else rng.normal(0, 4000, 800)
        with wave.open(str(folder / f"{place:02}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(samples.astype("<i2").tobytes())
    (tmp_path / "high" / "04.wav").write_bytes(b"RIFF")
    findings = {f.check: f for f in audit(read(tmp_path, options=DataOptions()))}
    assert "04.wav" in findings["broken_recordings"].facts["files"][0]
    assert [example[-6:] for example in findings["silent_recordings"].examples] == ["03.wav"]


def test_a_date_that_is_missing_may_give_the_target_away():
    frame = people()
    days = pd.Series(pd.date_range("2020-01-01", periods=ROWS, freq="7h"))
    frame["settled"] = days.where(frame["paid"] == "paid")
    frame["seen"] = days.where(np.random.Generator(np.random.PCG64(8)).random(ROWS) < 0.5)
    assert [f.column for f in found(frame, "leaks")] == ["settled"]


def test_confident_learning_counts_as_its_paper_does():
    labels = np.repeat([0, 1], 50)
    chances = np.full((100, 2), 0.1)
    chances[np.arange(100), labels] = 0.9
    chances[[4, 60]] = chances[[4, 60], ::-1]
    places, better = issues(labels, chances)
    assert places.tolist() == [4, 60]
    assert better.tolist() == [1, 0]


def test_near_duplicates_of_texts_and_images():
    texts = np.array(
        [
            "The quick brown fox jumps over the lazy dog near the river bank today.",
            "THE QUICK BROWN FOX jumps over the lazy dog near the river bank today",
            "The quick brown fox jumps over the lazy dog near the river bank",
            "An entirely different sentence about the weather in the mountains this year.",
        ],
        dtype=object,
    )
    assert {tuple(pair) for pair in text_pairs(texts).tolist()} == {(0, 1), (0, 2), (1, 2)}
    rng = np.random.Generator(np.random.PCG64(0))
    gray = np.kron(rng.random((6, 8, 8)), np.ones((4, 4))).astype(np.float32) * 255
    gray[5] = np.clip(gray[2] * 0.9 + 10 + rng.normal(0, 2, (32, 32)), 0, 255)
    assert image_pairs(gray).tolist() == [[2, 5]]


def test_broken_letters_and_scripts():
    assert is_broken("naÃ¯ve")
    assert is_broken("lost \ufffd letter")
    assert not any(is_broken(text) for text in ("naïve", "价格很好", "Ärger Über", "São Paulo", "plain"))
    english = ["the cat sat on the mat and it was happy with that all day"] * 40
    german = ["der Hund ist nicht im Haus und das ist für den Mann ein Problem"] * 5
    texts = [f"{text} {i}" for i, text in enumerate(english + german)]
    (finding,) = found({"text": texts, "y": ["a", "b", "c"] * 15}, "scripts", "y", columns={"text": "text"})
    assert finding.rows.tolist() == list(range(40, 45))


def test_images_that_are_corrupt_blank_odd_or_turned(tmp_path):
    rng = np.random.Generator(np.random.PCG64(0))
    for place in range(60):
        folder = tmp_path / ("cat" if place % 2 else "dog")
        folder.mkdir(exist_ok=True)
        pixels = np.kron(rng.integers(0, 256, (6, 8, 3)), np.ones((6, 6, 1))).astype(np.uint8)
        size = (480, 40) if place == 5 else (48, 36)
        image = Image.fromarray(np.full_like(pixels, 200) if place == 7 else pixels).resize(size)
        exif = Image.Exif()
        if place == 9:
            exif[0x0112] = 3
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", exif=exif)
        data = buffer.getvalue()
        (folder / f"{place:02}.jpg").write_bytes(data[:200] if place == 11 else data)
    findings = {f.check: f for f in audit(read(tmp_path, options=DataOptions()))}
    assert {"corrupt_images", "blank_images", "image_sizes", "rotated_images"} <= set(findings)
    assert "11.jpg" in findings["corrupt_images"].facts["files"][0]
    for check, name in (("blank_images", "07.jpg"), ("image_sizes", "05.jpg"), ("rotated_images", "09.jpg")):
        assert [example.split()[0][-6:] for example in findings[check].examples] == [name]


def test_cleaning_respells_and_puts_aside():
    rng = np.random.Generator(np.random.PCG64(0))
    frame = people(
        city=["New York", "Vienna", "New  York", "NEW YORK"] * 150,
        key=[f"{v:09x}" for v in rng.integers(0, 2**36, ROWS)],
    )
    table, spellings = cleaned(read(frame, options=DataOptions(target="paid"), target_needed=False))
    assert spellings == {"city": {"New  York": "New York"}}
    assert set(table.columns["city"].values) == {"New York", "NEW YORK", "Vienna"}
    assert table.columns["key"].kind == "ignore"
    assert {note.column for note in table.notes if "data.clean" in note.message} == {"city", "key"}
    again = respelled(read({"city": ["New  York"]}, options=DataOptions(), target_needed=False), spellings)
    assert again.columns["city"].values.tolist() == ["New York"]


DIFFERENT = [
    ("AA", "AA-"), ("BBB", "BBB-"), ("A", "A+"), ("mW", "MW"), ("-pos", "pos"), ("up", "up!"), ("US", "us"),
    ("x²", "x2"), ("Polish", "polish"), ("C", "C#"), ("yes", "Y"), ("T", "F"),
]  # fmt: skip


@pytest.mark.parametrize("pair", DIFFERENT)
@pytest.mark.parametrize("as_target", [False, True])
def test_levels_that_may_mean_different_things_are_never_merged(pair: tuple[str, str], as_target: bool):
    levels = [*pair, "N"] * (ROWS // 3)
    changed: dict = {"paid" if as_target else "city": levels}
    frame = people(**changed)
    table, spellings = cleaned(read(frame, options=DataOptions(target="paid")))
    assert spellings == {}
    assert table.columns["paid" if as_target else "city"].values.tolist() == levels
    assert not [f for check in ("spellings", "booleans_in_text") for f in found(frame, check) if f.safe]


def test_levels_in_another_unicode_form_are_one_and_a_merge_of_classes_is_a_warning():
    frame = people(
        city=["caf\u00e9", "cafe\u0301", "\uff21\uff22", "AB"] * 150, paid=["so so", "so  so", "good", "good"] * 150
    )
    table, spellings = cleaned(read(frame, options=DataOptions(target="paid")))
    assert spellings == {"city": {"cafe\u0301": "caf\u00e9", "\uff21\uff22": "AB"}, "paid": {"so  so": "so so"}}
    assert {note.column: note.level for note in table.notes if "data.clean" in note.message} == {
        "city": "info",
        "paid": "warning",
    }
    alone = people(paid=["\uff21", "B"] * 300)  # a class that no other is like keeps its name
    assert cleaned(read(alone, options=DataOptions(target="paid")))[1] == {}


@pytest.mark.parametrize("others", [["LONDON", "Y", "york"], ["New York", "N", "New-York"]])
def test_other_parts_do_not_decide_how_training_rows_are_read(tmp_path, others: list[str]):
    part = ["train"] * 300 + ["validation"] * 150 + ["test"] * 150
    city = ["London", "london", "New  York", "yes", "no", "\uff39ork"] * 50
    options = DataOptions(target="paid", split_column="part", categories="hashing", clean="auto")
    inputs = []
    for place, more in enumerate((["Rome", "Oslo", "Bonn"], others)):
        frame = people(city=city + more * 100, part=part)
        table = read(frame, options=options)
        prepared = prepare(
            table,
            task=TASKS.get("tabular_classification")(),
            recipe_data=options,
            seed=0,
            folder=tmp_path / str(place),
        )
        inputs.append(np.asarray(prepared.arrays["inputs"])[np.asarray(prepared.parts["train"])])
    assert np.array_equal(inputs[0], inputs[1])


def test_cleaning_leaves_out_training_rows_that_are_tested():
    frame = people()
    frame.iloc[500] = frame.iloc[3]
    table = read(frame, options=DataOptions(target="paid"))
    parts: dict = {"train": np.arange(400), "validation": np.arange(400, 450), "test": np.arange(450, ROWS)}
    kept, (note,) = without_repeats(table, parts)
    assert kept.tolist() == [row for row in range(400) if row != 3]
    assert "1 training row of 400" in note.message
    alike = read({"a": ["x", "y"] * 300, "paid": ["p", "q", "p"] * 200}, options=DataOptions(target="paid"))
    assert len(without_repeats(alike, parts)[0]) == 400


@pytest.mark.parametrize(("clean", "levels"), [("auto", 2), ("none", 3)])
def test_a_study_cleans_and_predicts_the_same_way(tmp_path, clean: str, levels: int):
    frame = people(city=["New York", "Vienna", "New  York", "New York"] * 150)
    settings = ["training.max_epochs=1", "model.hidden_dim=8", "search.num_seeds=1", f"data.clean={clean}"]
    result = mp.train(frame, target="paid", settings=settings, out=tmp_path / "run")
    facts = {column["name"]: column["unique"] for column in result.summary()["facts"]["columns"]}
    assert facts["city"] == levels
    assert any(found["check"] == "spellings" for found in result.summary()["audit"])
    assert "spellings of one level" in (result.run / "report.html").read_text()
    assert "同一类别的不同写法" in result.report(tmp_path / "zh.html", language="zh").read_text()
    rows = frame.head(3).assign(city=["New York", "New  York", "New York"], age=40.0, income=9000.0)
    answers = result.best.predict(rows).drop(columns=["row"], errors="ignore")
    assert (answers.iloc[0].astype(str).tolist() == answers.iloc[1].astype(str).tolist()) == (clean == "auto")


def test_the_door_names_unknown_checks_and_findings_are_json():
    with pytest.raises(RecipeError, match='No check is called "leak". Did you mean "leaks"'):
        mp.audit(people(), target="paid", only=["leak"])
    findings = mp.audit(people(same=1.0), target="paid", only=["constant"])
    assert json.loads(json.dumps([finding.to_json() for finding in findings]))[0]["column"] == "same"


def test_wide_and_long_tables_stay_within_the_time():
    rng = np.random.Generator(np.random.PCG64(0))
    wide = pd.DataFrame(rng.random((60, 3000)), columns=[f"x{i}" for i in range(3000)]).assign(y=["a", "b"] * 30)
    table = read(wide, options=DataOptions(target="y"))
    started = time.perf_counter()
    findings = audit(table, seconds=1.0)
    assert time.perf_counter() - started < 15
    assert all(finding.message for finding in findings)
