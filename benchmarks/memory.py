"""What a worker process, and the process that leads, hold of the memory after 20, 100, 300 and 500 trials.

Small networks on the digits, one worker process, which trains all trials. Neither may grow with the number of trials:
from trial 100 to the last by no more than 5 % (the worker), and by no more than 40 KB a trial (the leading process,
which holds the journal's trials and their curves).

    make bench-memory        or        python benchmarks/memory.py [--trials 500]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import common
from rich.console import Console
from rich.table import Table as RichTable

import mapsto
from mapsto.search.progress import Progress

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=int(8, 32)", "model.dropout=uniform(0, 0.5)", "training.max_epochs=2",
    "training.batch_size=256", "optimizer.learning_rate=log(1e-3, 1e-1)", "search.sampler=tpe", "search.num_seeds=2",
]  # fmt: skip

MOST_GROWTH, MOST_A_TRIAL_KB = 0.05, 40.0


def measure(trials: int, at: list[int], folder: Path) -> list[dict[str, Any]]:
    """Runs a study and looks at its processes now and then."""
    rows: list[dict[str, Any]] = []

    def look(progress: Progress) -> None:
        if progress.phase == "explore" and progress.state is not None and progress.ended in at:
            (worker,) = common.workers_of(os.getpid())
            rows.append(
                {
                    "case": f"trial {progress.ended}",
                    "trial": progress.ended,
                    "worker": worker,
                    "worker_mb": resident_mb(worker),
                    "leader_mb": resident_mb(os.getpid()),
                }
            )
            print(rows[-1], flush=True)

    mapsto.tune(
        "digits", settings=SETTINGS, n_trials=trials, executor="processes", workers=1, out=folder / "run", listener=look
    )
    return rows


def resident_mb(pid: int) -> float:
    """Memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=500)
    arguments = parser.parse_args()
    at = [*(trial for trial in (20, 100, 300) if trial < arguments.trials), arguments.trials]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(arguments.trials, at, Path(folder))
    view = RichTable(title="Memory held, MB")
    for column in ("after", "worker", "leading process"):
        view.add_column(column, justify="left" if column == "after" else "right")
    for row in rows:
        view.add_row(row["case"], f"{row['worker_mb']:.0f}", f"{row['leader_mb']:.0f}")
    Console(width=100).print(view)
    common.keep("memory", rows, "case")
    first, last = rows[min(1, len(rows) - 1)], rows[-1]
    growth = last["worker_mb"] / first["worker_mb"] - 1
    each = 1024 * (last["leader_mb"] - first["leader_mb"]) / max(1, last["trial"] - first["trial"])
    print(
        f"From trial {first['trial']} on the worker grew by {growth:.1%}, the leading process by {each:.0f} KB a trial."
    )
    if growth > MOST_GROWTH or each > MOST_A_TRIAL_KB or len({row["worker"] for row in rows}) > 1:
        raise SystemExit("A process grows with the number of trials.")


if __name__ == "__main__":
    main()
