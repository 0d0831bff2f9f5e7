"""`mapsto predict`: what a trained network says of new data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsto import _files
from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = (
    "mapsto predict runs/churn new_customers.csv --out answers.csv",
    "mapsto predict runs/digits digits --json",
    "mapsto predict runs/streets photos/ --images masks/",
)
FORMATS = (".csv", ".parquet", ".json")


def predict(
    run: _options.RunFolder,
    source: _options.NewData,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write them to a .csv, .parquet or .json file.", show_default=False
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="FOLDER", help="Write answers that are masks there, a PNG each.", show_default=False
        ),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Ask the run's ensemble and not its winner alone.")
    ] = False,
    network: _options.OwnNetwork = None,
    overwrite: _options.Overwrite = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Answer for new data with the best network of a run.

    Without --out the answers are printed as CSV.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        _check(out, overwrite)
        from mapsto import api  # here, so that --help does not load it

        own = _options.own(network)
        if out is not None and out.suffix == ".csv" and images is None:
            model = (api.load_ensemble if ensemble else api.load)(run, network=own)
            rows = write_pieces(model.predict_pieces(source), out)
            terminal.answer({"rows": rows, "file": str(out)}, line=f"{rows:,} answers in {out}")
            return
        answers = api.predict(run, source, network=own, images=images, ensemble=ensemble).reset_index()
        if out is None:
            records = _records(answers) if as_json else None
            terminal.answer(records, line=answers.to_csv(index=False).rstrip("\n"))
        else:
            write(answers, out)
            terminal.answer({"rows": len(answers), "file": str(out)}, line=f"{len(answers):,} answers in {out}")


def write(answers: pd.DataFrame, out: Path) -> None:
    """Writes the answers in the form that the file's suffix names."""
    with _files.writing(out) as temporary:
        if out.suffix == ".csv":
            answers.to_csv(temporary, index=False)
        elif out.suffix == ".parquet":
            answers.to_parquet(temporary, index=False)
        else:
            temporary.write_text(json.dumps(_records(answers), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_pieces(pieces: Iterator[pd.DataFrame], out: Path) -> int:
    """Writes answers as CSV as they are made, so that few of them are in memory, and returns how many they are."""
    rows = 0
    with _files.writing(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for piece in pieces:
            piece.reset_index().to_csv(file, header=rows == 0, index=False)
            rows += len(piece)
    return rows


def _check(out: Path | None, overwrite: bool) -> None:
    """Refuses, before any work is done, a file that cannot or must not be written."""
    if out is None:
        return
    if out.suffix not in FORMATS:
        raise typer.BadParameter(f"{out} has none of the endings {', '.join(FORMATS)}.", param_hint="--out")
    if out.exists() and not overwrite:
        raise typer.BadParameter(f"{out} is there already. Choose another, or give --overwrite.", param_hint="--out")


def _records(answers: pd.DataFrame) -> list[dict[str, object]]:
    """One mapping a row, with null for what is not a number."""
    records: list[dict[str, object]] = json.loads(answers.to_json(orient="records", double_precision=15))
    return records
