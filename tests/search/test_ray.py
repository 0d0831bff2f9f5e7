"""Ray: the same study as in one process, whatever becomes of an actor."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mapsto.errors import RunError
from mapsto.search.executors import _watch
from mapsto.search.executors._actor import _out_of_sight
from mapsto.search.executors.base import Place
from mapsto.search.executors.ray import ATTEMPTS, ENVIRONMENT, Ray, _absolute, _ending
from mapsto.search.jobs import Job, Stage

pytestmark = pytest.mark.timeout(600)

RAY = ("search.executor=ray", "search.workers=2")


@pytest.fixture(autouse=True)
def _needs_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():  # read when Ray is imported
        monkeypatch.setenv(name, value)
    pytest.importorskip("ray")


def actors():
    """The processes of actors that train."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::Actor"):
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return found


def within(seconds, left):
    """What is left at the end, which may take a moment."""
    until = time.monotonic() + seconds
    while left() and time.monotonic() < until:
        time.sleep(0.1)
    return left()


def a_job(folder):
    return Job(
        name="0000", folder=folder / "trials" / "0000", tensorboard=folder / "tensorboard", leaves={}, number=0,
        phase="explore", stages=(Stage({}, str(folder / "data" / "prepared")),), device="cpu", seconds=10.0,
    )  # fmt: skip


@pytest.mark.slow
def test_ray_gives_the_same_study_as_one_process(tmp_path, small_study, in_process, capfd):
    handler = signal.getsignal(signal.SIGTERM)
    pd.testing.assert_frame_equal(small_study(tmp_path / "run", *RAY), in_process)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert capfd.readouterr().out == ""
    assert not within(10, actors)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (signal.SIGKILL, "its actor's process was ended, as by SIGKILL"),
        (signal.SIGSTOP, "nothing was heard of it for"),
    ],
)
def test_actors_that_are_killed_or_hang_lose_no_trial(
    tmp_path, small_study, in_process, monkeypatch, capfd, number, cause
):
    monkeypatch.setattr(_watch, "SILENCE_SECONDS", 8.0)  # longer than a pulse
    hit = []

    def listener(progress):
        if not hit and progress.trial == 1 and progress.step and progress.state is None:
            hit.extend(actors())
            for pid in hit:
                os.kill(pid, number)

    board = small_study(tmp_path / "run", *RAY, listener=listener)
    assert len(hit) == 2
    logs = "".join(path.read_text() for path in (tmp_path / "run").glob("trials/*/log.txt"))
    assert f"lost: {cause}" in logs
    pd.testing.assert_frame_equal(board, in_process)
    assert capfd.readouterr().out == ""
    assert not within(10, lambda: set(hit) & set(actors()))


@pytest.mark.slow
def test_an_actor_that_sees_no_run_folder_says_so(tmp_path):
    executor = Ray(Place("cpu", threads=1))
    try:
        executor.submit(a_job(tmp_path / "elsewhere"))
        with pytest.raises(
            RunError, match=r"elsewhere cannot be seen on .*on a file system that all its machines share"
        ):
            for _ in range(200):
                executor.wait(1.0)
    finally:
        executor.close()


@pytest.mark.slow
def test_a_cluster_that_is_there_is_used_and_left_alone():
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    try:
        Ray(Place("cpu", workers=2, threads=1)).close()
        assert ray.is_initialized()
        with pytest.raises(RunError, match="has room for 1 workers with 2 cores each, and 2 are wanted"):
            Ray(Place("cpu", workers=2, threads=2))
        with pytest.raises(RunError, match="has no GPU"):
            Ray(Place("cuda", workers=1, threads=1))
        assert ray.is_initialized()
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv(*ATTEMPTS)  # and unset again
    with pytest.raises(RunError, match="The Ray cluster at 127.0.0.1:1 cannot be reached.*--executor processes"):
        Ray(Place("cpu", address="127.0.0.1:1"))


def test_jobs_travel_as_json_with_paths_that_hold_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = replace(a_job(Path("run")), checkpoint=Path("run/trials/0003/checkpoint/state.safetensors"))
    arrived = Job.from_json(json.loads(json.dumps(_absolute(job).to_json())))
    assert arrived.folder == tmp_path / "run" / "trials" / "0000"
    assert arrived.stages[0].data == str(tmp_path / "run" / "data" / "prepared")
    assert arrived.checkpoint == tmp_path / "run" / "trials" / "0003" / "checkpoint" / "state.safetensors"


def test_a_folder_out_of_sight_is_found(tmp_path):
    job = a_job(tmp_path)
    assert _out_of_sight(job) == tmp_path / "data" / "prepared"
    (tmp_path / "data" / "prepared").mkdir(parents=True)
    assert _out_of_sight(job) is None


def test_why_an_actor_ended_is_told_in_one_line():
    gone = "The actor died.\n\tpid: 7\nThe actor is dead because ... Worker exit type: SYSTEM_ERROR (1) OOM (2) ..."
    assert _ending(Exception(gone)) == "its actor's process was ended, as by SIGKILL"
    assert _ending(Exception("x\nValueError: no")) == "its actor died: ValueError: no"
