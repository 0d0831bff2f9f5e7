"""Real data from the raw files as they are: the network beside plain baselines on the same test rows.

    make bench-data        or        python benchmarks/real_data.py [names]

Reads the data sets under MAPSTO_DATA (default ../shared/data). One recipe each, trained once and tested once; the run
folders with their reports are kept under runs/real/.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from rich.console import Console
from rich.table import Table

import mapsto as mp
from mapsto import _environment

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("MAPSTO_DATA", ROOT.parent / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "real_data.json"

FSDD = r"data.label_pattern='(?P<label>\d)_[a-z]+_((?P<test>[0-4])|\d+)\.wav$'"
"""The digit is the class; indexes 0 to 4 are the test part, as the set's authors advise."""

# Source, target, settings. The two-convolution recipe is the one of the textbooks: no normalization, one dense layer.
CASES: dict[str, tuple[str, str | None, list[str]]] = {
    "digits": ("digits", None, []),
    "mnist": (
        "mnist/mnist.npz",
        None,
        ["model.name=cnn", "model.normalization=none", "training.max_epochs=5", "training.batch_size=128"],
    ),
    "titanic": ("tabular/titanic.csv.gz", "Survived", []),
    "adult": ("tabular/adult.csv.gz", "income", []),
    "telco_churn": ("tabular/telco_churn.csv.gz", "Churn", []),
    "german_credit": ("tabular/german_credit.csv.gz", "credit_risk", []),
    "auto_mpg": ("tabular/auto_mpg.csv.gz", "mpg", []),
    "california_housing": ("tabular/california_housing.csv.gz", "median_house_value", []),
    "clothing10": ("clothing10/clothing10.zip", None, []),
    "bccd": ("bccd/bccd.zip", "Platelets", []),  # whether an image shows any; the boxes are not used
    "camvid": ("camvid/camvid_240x180.zip", None, ["data.ignore_class=11"]),
    "rt_polarity": ("rt_polarity/rt_polarity.csv.gz", "label", []),
    "imdb": ("imdb/imdb_9k.csv.gz", "label", []),
    "imdb, LSTM": (
        "imdb/imdb_9k.csv.gz",
        "label",
        ["model.name=rnn", "model.cell=lstm", "model.dropout=0.3", "training.max_epochs=8", "training.batch_size=32"],
    ),
    "chnsenticorp": ("chnsenticorp/chnsenticorp_hotel.csv.gz", "label", []),
    "fsdd": ("fsdd/fsdd.zip", None, [FSDD]),
}


def run(name: str, budget: str | None) -> dict[str, Any]:
    """Trains one recipe on one data set; returns its scores and the baselines' on the test part."""
    source, target, settings = CASES[name]
    started = time.perf_counter()
    path = source if source == "digits" else DATA / source
    out = ROOT / "runs" / "real" / name
    result = mp.train(path, target=target, settings=settings, budget=budget, out=out, overwrite=True)
    summary = result.summary()
    metric = summary["objective"]["name"]
    baselines = {b["title"]: b["metrics"].get(metric, {}).get("value") for b in summary["baselines"]}
    return {
        "data": name,
        "metric": summary["objective"]["title"],
        "test_rows": summary["scorecard"]["rows"],
        "network": summary["scorecard"]["metrics"][metric],
        "baselines": baselines,
        "epochs": summary["trials"][0]["epochs"],
        "train_seconds": summary["trials"][0]["seconds"],
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--budget", help="wall-clock time of each, such as 60s; as long as the recipe takes by default")
    given = parser.parse_args()
    rows = [run(name, given.budget) for name in given.names]
    view = Table(title="One recipe each, on the test part")
    for column in (
        "data",
        "metric",
        "rows",
        "network",
        "95 % interval",
        "baselines",
        "epochs",
        "training, s",
        "all, s",
    ):
        view.add_column(column)
    for row in rows:
        net = row["network"]
        beside = ", ".join(f"{k} {'-' if v is None else f'{v:.4g}'}" for k, v in row["baselines"].items())
        interval = f"{net['low']:.4g} to {net['high']:.4g}"
        figures = (str(row["epochs"]), f"{row['train_seconds']:.0f}", f"{row['seconds']:.0f}")
        view.add_row(
            row["data"], row["metric"], str(row["test_rows"]), f"{net['value']:.4g}", interval, beside, *figures
        )
    Console(width=200).print(view)
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text())["rows"] if RESULTS.is_file() else []
    rows = [*(row for row in kept if row["data"] not in given.names), *rows]  # those of sets that were not asked for
    RESULTS.write_text(json.dumps({"machine": _environment.describe(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
