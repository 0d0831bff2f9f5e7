"""Faults planted in real data, and how many of them the audit finds.

    make bench-audit        or        python benchmarks/audit.py [names]

Reads the data sets under MAPSTO_DATA (default ../shared/data). Each kind of fault is planted alone, with a fixed seed,
into a copy of a set; precision counts all that the audit then says about that kind, so what it says of
the untouched set counts against it. Where a fault is one by definition (a missing value, a row that is there twice),
those that the set has by itself are counted among the true ones. Label errors stand beside cleanlab's own, if that is
installed, on the same probabilities. The rules for outliers were chosen while looking at the tables; four sets of
scikit-learn that no rule was chosen by stand apart.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as View
from sklearn import datasets

from mapsto import _environment
from mapsto.data.audit._door import audit
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import Finding
from mapsto.data.audit.label_errors import issues, probabilities
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.recipe.schema import DataOptions

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("MAPSTO_DATA", ROOT.parent / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "audit.json"
SEED = 11
SECONDS = 600.0

TABLES = {
    "adult": "income",
    "titanic": "Survived",
    "telco_churn": "Churn",
    "german_credit": "credit_risk",
    "california_housing": "median_house_value",
    "winequality_white": "quality",
    "auto_mpg": "mpg",
}
TEXTS = {"rt_polarity": "rt_polarity/rt_polarity.csv.gz", "chnsenticorp": "chnsenticorp/chnsenticorp_hotel.csv.gz"}
IMAGES = {"clothing10": "clothing10/clothing10.zip"}

UNSEEN = ("breast_cancer", "diabetes", "wine", "iris")

Score = dict[str, Any]
Rng = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = [*TABLES, *TEXTS, *IMAGES, *UNSEEN]
    parser.add_argument("names", nargs="*", default=everything, help=f"of {', '.join(everything)}; all by default")
    names = parser.parse_args().names
    rows: list[Score] = []
    clean: list[Score] = []
    unseen: list[Score] = []
    for name in names:
        if name in UNSEEN:
            frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
            row = outliers(frame, "target", np.random.Generator(np.random.PCG64(SEED)))
            unseen += [] if row is None else [{"data": name, **row}]
        elif name in TABLES:
            frame = pd.read_csv(DATA / "tabular" / f"{name}.csv.gz", skipinitialspace=True, na_values=["?", " "])
            frame = frame.drop(columns=[c for c in ("split",) if c in frame])
            rows += [{"data": name, **row} for row in of_table(frame, TABLES[name])]
            clean.append({"data": name, **untouched(as_table(frame, TABLES[name]))})
        elif name in TEXTS:
            frame = pd.read_csv(DATA / TEXTS[name])
            frame = frame.drop(columns=[c for c in ("split",) if c in frame]).rename(columns={"sentence": "text"})
            rows += [{"data": name, **row} for row in of_texts(frame)]
            clean.append({"data": name, **untouched(as_table(frame, "label"))})
        else:
            rows += [{"data": name, **row} for row in of_images(DATA / IMAGES[name])]
            clean.append({"data": name, **untouched(read(DATA / IMAGES[name], options=DataOptions()))})
    show("Planted faults", rows)
    show("Outliers in sets that no rule was chosen by", unseen)
    show_untouched(clean)
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "machine": _environment.describe(),
        "seed": SEED,
        "pooled": pooled(rows),
        "rows": rows,
        "unseen": {"pooled": pooled(unseen), "rows": unseen},
        "untouched": clean,
    }
    RESULTS.write_text(json.dumps(document, indent=2, default=str) + "\n")


# ------------------------------------------------------------------------------------------------ measuring


def as_table(frame: pd.DataFrame, target: str, **more: Any) -> Table:
    return read(frame, options=DataOptions(target=target, **more))


def found(table: Table, check: str) -> list[Finding]:
    return [finding for finding in audit(table, only=(check,), seconds=SECONDS) if finding.check == check]


def score(kind: str, level: str, planted: set[Any], said: set[Any]) -> Score:
    """Precision and recall of what was said; `planted` is all that is true."""
    hits = len(planted & said)
    return {"kind": kind, "level": level, "true": len(planted), "said": len(said), "hits": hits}


def cells(findings: list[Finding]) -> set[Any]:
    return {(finding.column, int(row)) for finding in findings for row in finding.rows}


def columns(findings: list[Finding]) -> set[Any]:
    return {finding.column for finding in findings}


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def pooled(rows: list[Score]) -> list[Score]:
    """All sets together: the hits of each kind, and the mean of the sets' own figures."""
    totals = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        same = [row for row in rows if row["kind"] == kind]
        true, said, hits = (sum(row[key] for row in same) for key in ("true", "said", "hits"))
        each = [(ratio(row["hits"], row["said"]), ratio(row["hits"], row["true"])) for row in same]
        totals.append(
            {
                "kind": kind,
                "sets": len(same),
                "true": true,
                "precision": ratio(hits, said),
                "recall": ratio(hits, true),
                "mean_precision": float(np.mean([p or 0.0 for p, _ in each])),
                "mean_recall": float(np.mean([r or 0.0 for _, r in each])),
            }
        )
    return totals


def untouched(table: Table) -> Score:
    """What is said about a set as it is."""
    started = time.perf_counter()
    findings = audit(table, seconds=SECONDS)
    counts = pd.Series([finding.check for finding in findings], dtype=object).value_counts().to_dict()
    worded = [f"{finding.check} {finding.column}: {finding.message}" for finding in findings]
    return {"seconds": time.perf_counter() - started, "findings": counts, "said": worded}


# ------------------------------------------------------------------------------------------------ tables


def of_table(frame: pd.DataFrame, target: str) -> list[Score]:
    planters: list[Callable[[pd.DataFrame, str, Rng], Score | None]] = [
        missing, outliers, repeated, leak, identifier, spellings, constant, flipped, cleanlab_flipped, drift,
    ]  # fmt: skip
    rows = []
    for planter in planters:
        row = planter(frame.copy(), target, np.random.Generator(np.random.PCG64(SEED)))
        if row is not None:
            rows.append(row)
    return rows


def missing(frame: pd.DataFrame, target: str, rng: Rng) -> Score:
    """5 % of the cells of every input are emptied."""
    for name in frame.columns.drop(target):
        frame[name] = frame[name].astype(object).where(rng.random(len(frame)) >= 0.05, None)
        frame[name] = frame[name].infer_objects() if frame[name].dtype != object else frame[name]
    said = cells(found(as_table(frame, target), "missing"))
    return score(
        "missing", "cell", {(name, int(row)) for name in frame for row in np.flatnonzero(frame[name].isna())}, said
    )


def outliers(frame: pd.DataFrame, target: str, rng: Rng) -> Score | None:
    """1 % of the cells of numeric inputs are thrown out of the column's range by one to three times that range."""
    table = as_table(frame, target)
    planted: set[Any] = set()
    for column in table.of_kind("numeric"):
        values = frame[column.name].astype(float)
        if values.nunique() < 20:
            continue
        rows = np.flatnonzero(rng.random(len(frame)) < 0.01)
        low, high = values.min(), values.max()
        away = rng.uniform(1, 3, len(rows)) * (high - low)
        thrown = np.where(rng.random(len(rows)) < 0.5, low - away, high + away)
        frame[column.name] = values.to_numpy().copy()
        frame.loc[frame.index[rows], column.name] = thrown
        planted |= {(column.name, int(row)) for row in rows}
    if not planted:
        return None
    findings = [f for f in found(as_table(frame, target), "outliers") if f.column not in (None, target)]
    return score("outliers", "cell", planted, cells(findings))


def repeated(frame: pd.DataFrame, target: str, rng: Rng) -> Score:
    """2 % of the test rows become copies of training rows, under names of their own."""
    part = np.where(rng.random(len(frame)) < 0.3, "test", "train")
    names = [
        c.name
        for c in as_table(frame, target).columns.values()
        if c.name in Subject(as_table(frame, target)).identifiers
    ]
    test, train = np.flatnonzero(part == "test"), np.flatnonzero(part == "train")
    copies = rng.choice(test, max(1, round(0.02 * len(test))), replace=False)
    kept = [name for name in frame.columns if name not in names]
    frame.loc[copies, kept] = frame.loc[rng.choice(train, len(copies)), kept].to_numpy()
    frame["part"] = part
    table = as_table(frame, target, split_column="part")
    plain = frame[kept].astype(object).map(str).agg("\t".join, axis=1)
    true = (
        {int(row) for row in test if plain[row] in set(plain[train])} if len(frame) < 3000 else _in(plain, test, train)
    )
    across = [finding for finding in found(table, "duplicates") if finding.parts]
    return score("duplicates across parts", "row", true, {int(row) for f in across for row in f.rows})


def _in(plain: pd.Series, test: NDArray[Any], train: NDArray[Any]) -> set[Any]:
    return {int(row) for row in test[plain.iloc[test].isin(set(plain.iloc[train])).to_numpy()]}


def leak(frame: pd.DataFrame, target: str, rng: Rng) -> Score:
    """A column that says the target in other words, wrong in one of 500 rows; or, of a number, in other units."""
    values = frame[target]
    if pd.api.types.is_float_dtype(values):
        frame["leak"] = values * 0.453 + 7 + rng.normal(0, 0.02 * values.std() * 0.453, len(frame))
    else:
        codes, unique = pd.factorize(values)
        wrong = rng.random(len(frame)) < 0.002
        codes = np.where(wrong, rng.integers(0, len(unique), len(frame)), codes)
        frame["leak"] = np.array([f"code {7 * place + 3}" for place in range(len(unique))], dtype=object)[codes]
    return score("leaks", "column", {"leak"}, columns(found(as_table(frame, target), "leaks")))


def identifier(frame: pd.DataFrame, target: str, rng: Rng) -> Score:
    """Three columns of identifiers: hexadecimal, counted in random order, and large numbers under a name in `_id`."""
    own = columns(found(as_table(frame, target), "identifiers"))
    named = {name for name in own if name in ("PassengerId", "customerID")}  # which the sets say are identifiers
    frame["token"] = [f"{value:016x}" for value in rng.integers(0, 2**63, len(frame))]
    frame["number"] = rng.permutation(len(frame)) + 100_000
    frame["account_id"] = rng.choice(10**9, len(frame), replace=False) + 10**9
    said = columns(found(as_table(frame, target), "identifiers"))
    return score("identifiers", "column", {"token", "number", "account_id"} | named, said)


def spellings(frame: pd.DataFrame, target: str, rng: Rng) -> Score | None:
    """Of three categories one level each gets another spelling in 5 % of its rows: case, punctuation, or a slip."""
    table = as_table(frame, target)
    levels = [
        c for c in table.of_kind("category") if any(len(str(v)) >= 5 and str(v).isascii() for v in pd.unique(c.values))
    ]
    usable = [
        c
        for c in levels
        if not any(ch.isdigit() for v in pd.unique(c.values) for ch in str(v)) and len(pd.unique(c.values)) < 50
    ]
    planted: set[Any] = set()
    for place, column in enumerate(usable[:3]):
        counts = pd.Series(column.values, dtype=object).value_counts()
        level = next(str(v) for v in counts.index if len(str(v)) >= 5)
        other = (
            level.upper() if level != level.upper() else level.lower(),
            f"{level}.",
            level[:2] + level[3] + level[2] + level[4:],
        )[place]
        if other == level:
            other = level[:-1]
        rows = np.flatnonzero((column.values == level) & (rng.random(len(frame)) < 0.045))
        frame[column.name] = frame[column.name].astype(object)
        frame.loc[rows, column.name] = other
        planted |= {(column.name, int(row)) for row in rows}
    return score("spellings", "cell", planted, cells(found(as_table(frame, target), "spellings"))) if planted else None


def constant(frame: pd.DataFrame, target: str, rng: Rng) -> Score:
    """A column with one value, and one with none."""
    del rng
    frame["same"], frame["none"] = 3.5, np.nan
    return score("constant columns", "column", {"same", "none"}, columns(found(as_table(frame, target), "constant")))


def drift(frame: pd.DataFrame, target: str, rng: Rng) -> Score | None:
    """One numeric input of the test part is moved by half a deviation."""
    if len(frame) < 500:
        return None
    numeric = [c.name for c in as_table(frame, target).of_kind("numeric") if frame[c.name].nunique() >= 20]
    numeric = [name for name in numeric if name not in Subject(as_table(frame, target)).identifiers]
    if not numeric:
        return None
    frame["part"] = np.where(rng.random(len(frame)) < 0.3, "test", "train")
    values = frame[numeric[0]].astype(float)
    frame[numeric[0]] = values + 0.5 * values.std() * (frame["part"] == "test")
    findings = found(as_table(frame, target, split_column="part"), "drift")
    return score("drift", "column", {numeric[0]}, columns(findings) - {None})


def _flip(labels: pd.Series, rng: Rng) -> tuple[pd.Series, NDArray[np.int64]]:
    """The labels with 3 % of them changed into another class, and which."""
    codes, unique = pd.factorize(labels)
    rows = np.sort(rng.choice(len(labels), round(0.03 * len(labels)), replace=False))
    codes[rows] = (codes[rows] + rng.integers(1, len(unique), len(rows))) % len(unique)
    return pd.Series(np.asarray(unique)[codes], index=labels.index), rows


def flipped(frame: pd.DataFrame, target: str, rng: Rng) -> Score | None:
    """3 % of the labels are changed."""
    if pd.api.types.is_float_dtype(frame[target]):
        return None
    frame[target], rows = _flip(frame[target], rng)
    return _labels(as_table(frame, target), rows, ours=True)


def cleanlab_flipped(frame: pd.DataFrame, target: str, rng: Rng) -> Score | None:
    """The same, by cleanlab."""
    if pd.api.types.is_float_dtype(frame[target]):
        return None
    frame[target], rows = _flip(frame[target], rng)
    return _labels(as_table(frame, target), rows, ours=False)


def _labels(table: Table, planted: NDArray[np.int64], *, ours: bool) -> Score | None:
    looked = probabilities(Subject(table))
    if looked is None:
        return None
    rows, labels, chances, _ = looked
    if ours:
        wrong = issues(labels, chances)[0]
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from cleanlab.filter import find_label_issues

                wrong = find_label_issues(labels, chances, return_indices_ranked_by="normalized_margin", n_jobs=1)
        except ImportError:
            return None
    true = {int(row) for row in np.intersect1d(planted, rows)}
    said = [int(row) for row in rows[wrong]]
    kind = "label errors" if ours else "label errors (cleanlab)"
    if ours:
        own = chances[np.arange(len(labels)), labels] - chances.max(axis=1)
        said = [int(row) for row in rows[wrong[np.argsort(own[wrong], kind="stable")]]]
    first = said[: len(true)]
    return {**score(kind, "row", true, set(said)), "precision_of_first": ratio(len(true & set(first)), len(first))}


# ------------------------------------------------------------------------------------------------ texts, images


def of_texts(frame: pd.DataFrame) -> list[Score]:
    rng = np.random.Generator(np.random.PCG64(SEED))
    part = np.where(rng.random(len(frame)) < 0.3, "test", "train")
    test, train = np.flatnonzero(part == "test"), np.flatnonzero(part == "train")
    texts = frame["text"].astype(str).to_numpy(dtype=object)
    long = np.array([len(text) >= 60 for text in texts])
    rows = []
    for kind in ("duplicates across parts", "near duplicates across parts"):
        copies = rng.choice(test[long[test]], round(0.02 * len(test)), replace=False)
        sources = rng.choice(train[long[train]], len(copies), replace=False)
        planted = texts.copy()
        planted[copies] = (
            texts[sources] if kind.startswith("dup") else [_reworded(text, rng) for text in texts[sources]]
        )
        changed = frame.assign(text=planted, part=part)
        changed.loc[copies, "label"] = changed.loc[sources, "label"].to_numpy()
        table = as_table(changed, "label", split_column="part", columns={"text": "text"})
        if kind.startswith("dup"):
            plain = changed["text"] + "\t" + changed["label"].astype(str)
            said = {int(r) for f in found(table, "duplicates") if f.parts for r in f.rows}
            rows.append(score(kind, "row", _in(plain, test, train), said))
        else:
            said = {tuple(pair) for f in found(table, "near_duplicates") for pair in f.facts["pairs"]}
            said = {pair for pair in said if part[pair[0]] != part[pair[1]]}
            true = {tuple(sorted((int(a), int(b)))) for a, b in zip(copies, sources, strict=True)}
            rows.append(score(kind, "pair", true, said))
    broken = np.flatnonzero(rng.random(len(frame)) < 0.02)
    spoiled = texts.copy()
    for row in broken:
        spoiled[row] = _spoiled(texts[row], rng)
    table = as_table(frame.assign(text=spoiled), "label", columns={"text": "text"})
    rows.append(
        score(
            "broken encodings",
            "row",
            {int(r) for r in broken},
            {int(r) for f in found(table, "encodings") for r in f.rows},
        )
    )
    for ours in (True, False):
        again = np.random.Generator(np.random.PCG64(SEED))
        labels, wrong = _flip(frame["label"], again)
        scored = _labels(as_table(frame.assign(label=labels), "label", columns={"text": "text"}), wrong, ours=ours)
        rows += [] if scored is None else [scored]
    return rows


def _reworded(text: str, rng: Rng) -> str:
    """A copy in capitals, without a point at the end, and without one word or letter in the middle."""
    words = text.split()
    if len(words) > 10:
        del words[int(rng.integers(2, len(words) - 2))]
        return " ".join(words).upper()
    place = int(rng.integers(10, len(text) - 10))
    return text[:place] + text[place + 1 :] + " !"


def _spoiled(text: str, rng: Rng) -> str:
    """Text in UTF-8 read as Latin-1, or a letter lost."""
    if rng.random() < 0.5:
        return (text[:5] + "é " + text[5:]).encode("utf-8").decode("latin-1")
    place = int(rng.integers(1, len(text)))
    return text[:place] + "\ufffd" + text[place:]


def of_images(path: Path) -> list[Score]:
    """Ten corrupt files; 2 % copies across parts, as they are and saved again smaller; 3 % of the labels changed."""
    from PIL import Image

    rng = np.random.Generator(np.random.PCG64(SEED))
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name.lower().endswith(".jpg")}
    names = sorted(files)
    train = [name for name in names if "train/" in name]
    test = [name for name in names if "test/" in name]
    rows = []
    bad = {}
    for place, name in enumerate(rng.choice(train, 10, replace=False).tolist()):
        data = files[name]
        bad[name] = (
            data[: len(data) // 2],
            b"",
            bytes(rng.integers(0, 256, 4000, dtype=np.uint8)),
            b"<html></html>",
            data[:200],
        )[place % 5]
    table = _zipped(files | bad)
    said = {text.split(" is ")[0] for f in found(table, "corrupt_images") for text in f.facts["files"]}
    rows.append(score("corrupt images", "file", {_short(name) for name in bad}, {_short(name) for name in said}))
    copies = rng.choice(test, round(0.02 * len(names)), replace=False).tolist()
    sources = [rng.choice([t for t in train if t.split("/")[-2] == c.split("/")[-2]]) for c in copies]
    table = _zipped(files | {c: files[str(s)] for c, s in zip(copies, sources, strict=True)})
    said = {_short(str(table.row_names[row])) for f in found(table, "duplicates") if f.parts for row in f.rows}
    rows.append(score("duplicates across parts", "row", {_short(c) for c in copies}, said))
    again = {}
    for copy, source in zip(copies, sources, strict=True):
        image = Image.open(io.BytesIO(files[str(source)]))
        buffer = io.BytesIO()
        image.resize((image.width * 4 // 5, image.height * 4 // 5)).save(buffer, "JPEG", quality=70)
        again[copy] = buffer.getvalue()
    table = _zipped(files | again)
    pairs = [pair for f in found(table, "near_duplicates") for pair in f.facts["pairs"]]
    said = {tuple(sorted(_short(str(table.row_names[row])) for row in pair)) for pair in pairs}
    true = {tuple(sorted((_short(c), _short(str(s))))) for c, s in zip(copies, sources, strict=True)}
    same = pd.Series([str(s) for s in sources])
    for group in same.groupby(same).groups.values():  # two copies of one image are alike, too
        true |= {tuple(sorted((_short(copies[a]), _short(copies[b])))) for a in group for b in group if a < b}
    rows.append(score("near duplicates across parts", "pair", true, said))
    plain = read(path, options=DataOptions())
    labels, wrong = _flip(pd.Series(plain.columns[str(plain.target)].values), rng)
    from dataclasses import replace

    target = replace(plain.columns[str(plain.target)], values=labels.to_numpy(dtype=object))
    flipped_table = replace(plain, columns={**plain.columns, target.name: target})
    for ours in (True, False):
        scored = _labels(flipped_table, wrong, ours=ours)
        rows += [] if scored is None else [scored]
    return rows


def _short(name: str) -> str:
    return "/".join(name.split("/")[-3:])


def _zipped(files: dict[str, bytes]) -> Table:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="mapsto-audit-"))
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return read(path, options=DataOptions())


# ------------------------------------------------------------------------------------------------ showing


def show(title: str, rows: list[Score]) -> None:
    console = Console(width=160)
    view = View(title=f"{title}: precision and recall")
    for head in ("kind", "data", "counted by", "true", "said", "precision", "recall", "precision of the first"):
        view.add_column(head)
    for row in sorted(rows, key=lambda row: str(row["kind"])):
        figures = [_figure(ratio(row["hits"], row["said"])), _figure(ratio(row["hits"], row["true"]))]
        first = _figure(row.get("precision_of_first")) if "precision_of_first" in row else ""
        view.add_row(row["kind"], row["data"], row["level"], f"{row['true']:,}", f"{row['said']:,}", *figures, first)
    console.print(view)
    view = View(title=f"{title}: all sets together")
    for head in ("kind", "sets", "true", "precision", "recall", "mean of precisions", "mean of recalls"):
        view.add_column(head)
    for row in pooled(rows):
        figures = [_figure(row[key]) for key in ("precision", "recall", "mean_precision", "mean_recall")]
        view.add_row(row["kind"], str(row["sets"]), f"{row['true']:,}", *figures)
    console.print(view)


def show_untouched(clean: list[Score]) -> None:
    console = Console(width=160)
    view = View(title="Untouched sets: findings by check")
    for head in ("data", "seconds", "findings"):
        view.add_column(head)
    for row in clean:
        view.add_row(row["data"], f"{row['seconds']:.1f}", ", ".join(f"{k} {v}" for k, v in row["findings"].items()))
    console.print(view)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
