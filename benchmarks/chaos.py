"""Random faults while studies run: nothing that was finished is lost, and every study ends with a model that predicts.

Small studies with two worker processes are hit, at random moments, by faults in random order, until there were as many
as asked for: workers and the leading process are killed (the study is then resumed), workers are stopped, run out of
memory (a limit on their address space) or get NaN among their weights, the disk is full, the journal cannot be
written, the wall clock jumps by an hour. After each fault every result that was there is there still, byte for byte;
after each study the leaderboard has no gap, Optuna opens the journal, and the best model predicts.

The run folders lie on a small file system of their own, where this process may mount one; else the disk is not filled.

    make bench-chaos        or        python benchmarks/chaos.py [--faults 200] [--seed 0]
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import common
from rich.console import Console
from rich.table import Table as RichTable

DRIVER = """
import sys
import mapsto.search.executors._watch as watch
import mapsto.search.patience as patience
import mapsto
watch.SILENCE_SECONDS = 15.0  # so that a worker that stands still is soon found
patience.PAUSE_SECONDS = 0.2
mode, out, *settings = sys.argv[1:]
try:
    if mode == "tune":
        mapsto.tune("digits", settings=settings, out=out, workers=2)
    else:
        mapsto.resume(out)
except mapsto.MapstoError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""

IN_EVERY_PROCESS = '''
"""The clock, and NaN among the weights, as the file CHAOS says."""
import mmap, os, struct, sys, time

if "CHAOS" in os.environ:
    with open(os.environ["CHAOS"], "r+b") as file:
        shared = mmap.mmap(file.fileno(), 16)
    clock = time.time
    time.time = lambda: clock() + struct.unpack("d", shared[:8])[0]

    if "mapsto.search.executors._worker" in sys.orig_argv:
        shared[8:16] = struct.pack("d", 0.0)
        from mapsto.training.loop import TorchTrainer

        advance = TorchTrainer.advance

        def poisoned(self, *arguments, **named):
            for measurement in advance(self, *arguments, **named):
                yield measurement
                if struct.unpack("d", shared[8:16])[0]:
                    shared[8:16] = struct.pack("d", 0.0)
                    next(self.network.parameters()).data.fill_(float("nan"))

        TorchTrainer.advance = poisoned
'''

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=int(8, 64, log=True)", "optimizer.learning_rate=log(1e-3, 1e-1)",
    "model.dropout=uniform(0, 0.5)", "training.max_epochs=10", "training.batch_size=64", "search.num_seeds=2",
    "search.max_seeds=3",
]  # fmt: skip

TMPFS_MB = 96
PATIENCE_SECONDS = 30.0
"""The next fault waits until the study has got on by a training, but no longer: a worker takes seconds to start."""
MOST_SECONDS = 300.0
"""A study that has not ended so long after the last fault hangs."""


class Broken(Exception):
    """What must not happen, and did."""


class Driver:
    """The process that leads a study, its workers, and what has been seen of its results.

    Args:
        out: the run folder.
        n_trials: recipes to explore.
        folder: for the file that all processes share, and their start-up code.
    """

    def __init__(self, out: Path, n_trials: int, folder: Path) -> None:
        self.out, self.folder = out, folder
        self.settings = [*SETTINGS, f"search.n_trials={n_trials}"]
        self.results: dict[str, bytes] = {}
        self.errors: Counter[str] = Counter()
        (folder / "site").mkdir(exist_ok=True)
        (folder / "site" / "sitecustomize.py").write_text(IN_EVERY_PROCESS)
        (folder / "shared").write_bytes(bytes(16))
        with (folder / "shared").open("r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 16)
        self.process = self._start("tune")

    def _start(self, mode: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(self.folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "CHAOS": str(self.folder / "shared"), "OMP_NUM_THREADS": "1"}
        with (self.folder / "errors.txt").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-c", DRIVER, mode, str(self.out), *self.settings], stderr=errors, env=environment
            )

    def again(self) -> None:
        """Goes on, or begins where there is nothing to go on with."""
        if self.process.poll() is None:
            raise AssertionError("it is running")
        whole = (self.out / "study.yaml").exists()
        if not whole:
            shutil.rmtree(self.out, ignore_errors=True)
        self.process = self._start("resume" if whole else "tune")

    @property
    def is_over(self) -> bool:
        """Whether the study has ended; one that ended with an error goes on."""
        status = self.process.poll()
        if status is None:
            return False
        if status == 0:
            return True
        said = (self.folder / "errors.txt").read_text(errors="replace").strip().splitlines() or [""]
        name = said[-1].partition(":")[0]
        if not name.endswith(("Error", "Full")) or any("Traceback" in line for line in said[-40:]):
            raise Broken(f"the study ended with status {status}: {' / '.join(said[-12:])}")
        self.errors[name] += 1
        (self.folder / "errors.txt").write_text("")
        self.again()
        return False

    @property
    def num_results(self) -> int:
        """Trainings that are over."""
        return sum(1 for _ in self.out.glob("trials/*/result.json"))

    def check(self) -> None:
        """Every result that was seen is there still, unchanged."""
        for name, content in self.results.items():
            path = self.out / "trials" / name / "result.json"
            if not path.exists():
                raise Broken(f"the result of {name} is gone")
            if path.read_bytes() != content and b'"stopped"' not in content:
                raise Broken(f"the result of {name} has changed")
        for path in self.out.glob("trials/*/result.json"):
            self.results[path.parent.name] = path.read_bytes()


# -- faults, each by its name; what one returns is why it could not happen -------------------------------------------


def kill_worker(driver: Driver, rng: random.Random) -> str | None:
    return _to_a_worker(driver, rng, lambda pid: os.kill(pid, signal.SIGKILL))


def stop_worker(driver: Driver, rng: random.Random) -> str | None:
    return _to_a_worker(driver, rng, lambda pid: os.kill(pid, signal.SIGSTOP))


def out_of_memory(driver: Driver, rng: random.Random) -> str | None:
    def limit(pid: int) -> None:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**16, before[1]))
        time.sleep(1.0)
        resource.prlimit(pid, resource.RLIMIT_AS, before)

    return _to_a_worker(driver, rng, limit)


def _to_a_worker(driver: Driver, rng: random.Random, fault: Callable[[int], None]) -> str | None:
    workers = common.workers_of(driver.process.pid)
    if not workers:
        return "no worker"
    try:
        fault(rng.choice(workers))
    except (ProcessLookupError, FileNotFoundError):
        return "the worker had just ended"
    return None


def kill_parent(driver: Driver, rng: random.Random) -> str | None:
    del rng
    driver.process.kill()
    driver.process.wait()
    driver.again()
    return None


def full_disk(driver: Driver, rng: random.Random) -> str | None:
    if not os.path.ismount(driver.out.parent):
        return "no file system of its own"
    ballast = driver.out.parent / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
    except OSError:
        pass
    time.sleep(rng.uniform(0.5, 2.0))
    ballast.unlink()
    return None


def read_only(driver: Driver, rng: random.Random) -> str | None:
    path = driver.out / "study.journal"
    if not path.exists():
        return "no journal yet"
    if subprocess.run(["chattr", "+i", str(path)], capture_output=True).returncode:
        return "chattr is refused"
    time.sleep(rng.uniform(0.5, 2.0))
    subprocess.run(["chattr", "-i", str(path)], check=True)
    return None


def not_a_number(driver: Driver, rng: random.Random) -> str | None:
    del rng
    driver.shared[8:16] = struct.pack("d", 1.0)
    return None


def clock_jump(driver: Driver, rng: random.Random) -> str | None:
    driver.shared[:8] = struct.pack("d", struct.unpack("d", driver.shared[:8])[0] + rng.choice([-3600.0, 3600.0]))
    return None


FAULTS: dict[str, Callable[[Driver, random.Random], str | None]] = {
    "a worker is killed": kill_worker,
    "the leading process is killed": kill_parent,
    "a worker stands still": stop_worker,
    "a worker has no memory": out_of_memory,
    "the disk is full": full_disk,
    "the journal cannot be written": read_only,
    "NaN among the weights": not_a_number,
    "the clock jumps by an hour": clock_jump,
}


# -- a study -----------------------------------------------------------------------------------------------------------


def torment(driver: Driver, faults: list[str], rng: random.Random, pause: float, done: Counter[str]) -> Counter[str]:
    """Has faults happen until the study has ended; takes from the list those that did. Tells those that could not."""
    skipped: Counter[str] = Counter()
    until, last, count = time.monotonic() + rng.expovariate(1 / pause), time.monotonic(), 0
    while not driver.is_over:
        time.sleep(0.05)
        now, results = time.monotonic(), driver.num_results
        if faults and now > until and (results > count or now > last + PATIENCE_SECONDS):
            name = faults.pop()
            why = FAULTS[name](driver, rng)
            if why is None:
                done[name] += 1
            elif why in ("no worker", "no journal yet", "the worker had just ended"):
                faults.insert(0, name)  # later
            else:
                skipped[f"{name}: {why}"] += 1
            driver.check()
            last, count = time.monotonic(), results
            until = last + rng.expovariate(1 / pause)
        if now > last + MOST_SECONDS:
            raise Broken("the study hangs")
    driver.check()
    return skipped


def check_ended(out: Path, n_trials: int) -> None:
    """What must hold of every study that has ended."""
    import mapsto
    from mapsto.search.storage import open_study

    numbers = sorted(mapsto.open_run(out).leaderboard()["trial"])
    if numbers != list(range(n_trials)):
        raise Broken(f"the leaderboard has the trials {numbers}")
    study = open_study(out / "study.journal", None, "mapsto", ("maximize",))
    told = [trial.number for trial in study.trials if trial.state.is_finished()]
    if told[:n_trials] != list(range(n_trials)) or len(told) != len(study.trials):
        raise Broken(f"the journal has the finished trials {told} of {len(study.trials)}")
    if len(mapsto.load(out).predict("digits")) < 1000:
        raise Broken("the model does not predict")
    left = [path for pattern in ("**/.*.tmp", "**/*.rename") for path in out.glob(pattern)]
    if left:
        raise Broken(f"left behind: {left}")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder on a file system of its own, where one can be mounted."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MB}m", "mapsto-chaos", str(place)], capture_output=True
    )
    try:
        yield place
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def drawn(count: int, rng: random.Random) -> list[str]:
    """So many faults, each kind as often as the others, in a random order."""
    names = [name for _ in range(-(-count // len(FAULTS))) for name in rng.sample(list(FAULTS), len(FAULTS))]
    faults = names[:count]
    rng.shuffle(faults)
    return faults


def run(count: int, seed: int, n_trials: int, pause: float, tell: Callable[[str], None]) -> dict[str, object]:
    """Studies, one after the other, until so many faults have happened."""
    rng = random.Random(seed)
    faults, done, skipped, errors = drawn(count, rng), Counter[str](), Counter[str](), Counter[str]()
    studies, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name)) as disk:
        while faults:
            out = disk / f"run{studies}"
            driver = Driver(out, n_trials, Path(name))
            try:
                skipped += torment(driver, faults, rng, pause, done)
            finally:
                if driver.process.poll() is None:
                    driver.process.kill()
                    driver.process.wait()
            check_ended(out, n_trials)
            errors += driver.errors
            studies += 1
            tell(f"study {studies}: {sum(done.values())} faults so far, {time.monotonic() - began:.0f} s")
            shutil.rmtree(out)
    return {
        "faults": dict(done),
        "skipped": dict(skipped),
        "errors": dict(errors),
        "studies": studies,
        "seconds": time.monotonic() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=16, help="of each study")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two faults, on average")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is mounted is unmounted
    found = run(
        arguments.faults, arguments.seed, arguments.trials, arguments.pause, lambda line: print(line, flush=True)
    )
    view = RichTable(title=f"{arguments.faults} faults in {found['studies']} studies, {found['seconds']:.0f} s")
    for column in ("fault", "times", "outcome"):
        view.add_column(column, justify="right" if column == "times" else "left")
    for name, times in found["faults"].items():
        view.add_row(name, str(times), "every result kept, every study ended, every model predicts")
    for name, times in found["skipped"].items():
        view.add_row(name, str(times), "not done")
    for name, times in found["errors"].items():
        view.add_row(f"a study ended with {name} and was resumed", str(times), "")
    Console(width=130).print(view)
    common.keep("chaos", [{"case": f"seed {arguments.seed}", **found}], "case")


if __name__ == "__main__":
    main()
