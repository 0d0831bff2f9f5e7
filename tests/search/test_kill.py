"""kill -9 at random moments of a study: nothing finished is lost, and it ends as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=int(8, 64, log=True)", "optimizer.learning_rate=log(1e-3, 1e-1)",
    "model.dropout=uniform(0, 0.5)", "training.max_epochs=6", "training.batch_size=16", "search.n_trials=6",
    "search.num_seeds=2", "search.pruner=off",
]  # fmt: skip

SCRIPT = """
import sys
import mapsto.search.training_run as training_run
training_run.CHECKPOINT_SECONDS = 0.05  # so that short trainings have checkpoints to go on from
training_run.CHECKPOINT_SHARE = 0.5
import mapsto
mode, out, *settings = sys.argv[1:]
print("ready", flush=True)
if mode == "tune":
    mapsto.tune("digits", settings=settings, out=out)
else:
    mapsto.resume(out)
"""


def process(mode, out):
    command = [sys.executable, "-c", SCRIPT, mode, str(out), *SETTINGS]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started.stdout.readline()
    return started


def finished(out):
    """Results of the trainings that are over, without what depends on the clock."""
    results = {}
    for path in sorted(out.glob("trials/*/result.json")):
        result = json.loads(path.read_text())
        del result["seconds"]
        results[path.parent.name] = result
    return results


def answers(out):
    import mapsto

    return mapsto.predict(out, "digits")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("kill") / "undisturbed"
    run = process("tune", out)
    ready = time.monotonic()
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    return out, time.monotonic() - ready


def kill_and_resume(out, undisturbed, moment):
    reference, _ = undisturbed
    killed = process("tune", out)
    time.sleep(moment)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    if not (out / "study.yaml").exists():
        return "before there was a study"
    before = finished(out)
    resumed = process("resume", out)
    _, errors = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, errors
    after = finished(out)
    for name, result in before.items():
        assert after[name] == result, f"{name} was finished when the process was killed, and has changed"
    assert after == finished(reference)
    pd.testing.assert_frame_equal(answers(out), answers(reference), check_exact=True)
    assert [path.name for path in out.parent.glob(".*.tmp")] == []
    return "resumed"


@pytest.mark.timeout(600)
def test_killed_once(tmp_path, undisturbed):
    _, duration = undisturbed
    assert kill_and_resume(tmp_path / "run", undisturbed, 0.7 * duration) == "resumed"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_twenty_random_moments(tmp_path, undisturbed):
    _, duration = undisturbed
    rng = random.Random(0)
    ended = [kill_and_resume(tmp_path / str(i), undisturbed, rng.uniform(0.1, duration)) for i in range(20)]
    assert ended.count("resumed") >= 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_study_killed_again_and_again(tmp_path, undisturbed):
    reference, duration = undisturbed
    rng, out = random.Random(1), tmp_path / "run"
    killed = process("tune", out)
    for _ in range(20):
        time.sleep(rng.uniform(0.3, duration / 2))
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        before = finished(out)
        killed = process("resume" if (out / "study.yaml").exists() else "tune", out)
        assert before.items() <= finished(out).items()
    _, errors = killed.communicate(timeout=300)
    assert killed.returncode == 0, errors
    assert finished(out) == finished(reference)
    pd.testing.assert_frame_equal(answers(out), answers(reference), check_exact=True)
