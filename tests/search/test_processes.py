"""Worker processes: the same study as in one process, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from mapsto.errors import TrainingError
from mapsto.search.executors import _warm, _watch
from mapsto.search.executors._watch import Watch

pytestmark = pytest.mark.timeout(600)

TWO = "search.workers=2"
MODULE = b"mapsto.search.executors._worker"


def workers(parent=None):
    """The worker processes that a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if MODULE in (folder / "cmdline").read_bytes():
                ppid = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                found += [int(folder.name)] if ppid == (parent or os.getpid()) else []
        except FileNotFoundError:
            continue  # it has ended meanwhile
    return found


class Once:
    """Sends a signal to every worker when a trial is in the middle of its training."""

    def __init__(self, number, *, trial=1):
        self.number, self.trial, self.hit = number, trial, []

    def __call__(self, progress):
        if not self.hit and progress.trial == self.trial and progress.epoch and progress.state is None:
            self.hit = workers()
            for pid in self.hit:
                os.kill(pid, self.number)


def logs(run):
    return "".join(path.read_text() for path in run.glob("trials/*/log.txt"))


def test_two_processes_give_the_same_study_as_one(tmp_path, small_study, in_process):
    pd.testing.assert_frame_equal(small_study(tmp_path / "run", TWO), in_process)
    assert workers() == []


def test_killed_workers_lose_no_trial(tmp_path, small_study, in_process):
    killed = Once(signal.SIGKILL)
    board = small_study(tmp_path / "run", TWO, listener=killed)
    assert len(killed.hit) == 2
    assert "lost: its process ended with signal SIGKILL" in logs(tmp_path / "run")
    pd.testing.assert_frame_equal(board, in_process)


@pytest.mark.slow
def test_workers_that_stand_still_are_replaced(tmp_path, small_study, in_process, monkeypatch):
    monkeypatch.setattr(_watch, "SILENCE_SECONDS", 8.0)  # longer than a pulse
    stopped = Once(signal.SIGSTOP)
    board = small_study(tmp_path / "run", TWO, listener=stopped)
    assert "lost: nothing was heard of it for" in logs(tmp_path / "run")
    assert not set(stopped.hit) & set(workers())
    pd.testing.assert_frame_equal(board, in_process)


@pytest.mark.slow
def test_workers_that_grow_are_replaced_between_jobs(tmp_path, small_study, in_process, monkeypatch):
    monkeypatch.setattr(_warm, "GROWTH_BYTES", -(2**60))
    monkeypatch.setattr(_warm, "GROWTH_FACTOR", 0.0)
    seen = set()
    board = small_study(tmp_path / "run", TWO, listener=lambda progress: seen.update(workers()))
    assert len(seen) >= len(board)
    assert "lost" not in logs(tmp_path / "run")
    pd.testing.assert_frame_equal(board, in_process)


@pytest.mark.slow
def test_what_a_library_prints_disturbs_nobody(tmp_path, small_study, in_process, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, threading, time\n"
        "def chatter():\n"
        "    while True:\n"
        "        print('progress: 10 %', flush=True)\n"
        "        os.system('echo {not json}; read answer')\n"
        "        time.sleep(0.05)\n"
        "threading.Thread(target=chatter, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    board = small_study(tmp_path / "run", TWO)
    pd.testing.assert_frame_equal(board, in_process)
    assert "{not json}" in (tmp_path / "run" / "workers" / "0.log").read_text()


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    script = (
        "import sys, mapsto\n"
        "mapsto.tune('digits', settings=['model.name=mlp', 'model.hidden_dim=int(8, 64)', 'training.max_epochs=500',"
        " 'search.workers=2'], out=sys.argv[1], listener=lambda p: print(p.epoch, flush=True))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    while int(parent.stdout.readline()) == 0:
        pass  # until both are at work, or one is
    started = workers(parent.pid)
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(started) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_a_worker_that_cannot_begin_says_where_its_words_are(tmp_path, small_study, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(TrainingError, match=r"could not begin \(its process ended with status 1\); .*\d\.log has what"):
        small_study(tmp_path / "run", TWO)
    assert "no torch here" in (tmp_path / "run" / "workers" / "0.log").read_text()


@pytest.mark.slow
def test_a_worker_that_cannot_begin_is_done_without_where_others_work(tmp_path, small_study, in_process, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib, time\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "try:\n"
        "    (folder / 'first').mkdir()\n"
        "except FileExistsError:\n"
        "    while not list(folder.glob('run/trials/*/trace.jsonl')):\n"
        "        time.sleep(0.05)\n"
        "    os._exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    board = small_study(tmp_path / "run", TWO)
    assert "lost: its process ended with status 3" in logs(tmp_path / "run")
    pd.testing.assert_frame_equal(board, in_process)


# ------------------------------------------------------------------------------------------------ when one hangs


def test_a_worker_that_is_busy_has_more_time_than_a_silent_one():
    watch = Watch(is_ready=True)
    for _ in range(100):
        watch.listened(30.0)
        watch.heard(is_step=False)
    assert watch.complaint(allowed=float("inf")) == ""
    watch.listened(61.0)
    assert watch.complaint(allowed=float("inf")) == "nothing was heard of it for 61 s"


def test_a_worker_that_is_busy_for_ever_is_ended():
    watch = Watch(is_ready=True)
    for _ in range(130):
        watch.listened(30.0)
        watch.heard(is_step=False)
    assert watch.complaint(allowed=float("inf")) == "it was busy for 3900 s without a step"


@pytest.mark.parametrize(("allowed", "latest"), [(10.0, 30.0), (600.0, 900.0)])
def test_a_job_whose_time_is_up_has_some_grace(allowed, latest):
    watch = Watch(is_ready=True)
    for _ in range(int(latest)):
        watch.listened(1.0)
        watch.heard(is_step=True)
    assert watch.complaint(allowed) == ""
    watch.listened(1.0)
    assert watch.complaint(allowed) == "it did not end when its time was up"
