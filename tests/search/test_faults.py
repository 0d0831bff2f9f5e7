"""Faults are observations: a trial that cannot be trained is recorded, tried smaller, or left; the study goes on."""

from __future__ import annotations

import json

import pytest

import mapsto as mp
import mapsto.search.training_run as training_run
from mapsto.errors import DiskFull
from mapsto.search import patience
from mapsto.training.loop import TorchTrainer
from mapsto.training.step import Step

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=16", "optimizer.learning_rate=log(1e-3, 1e-2)", "training.max_epochs=3",
    "search.num_seeds=1", "search.finalists=1", "search.pruner=off",
]  # fmt: skip


def outcomes(run):
    return {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(run.glob("trials/[0-9][0-9][0-9][0-9]/result.json"))
    }


def test_a_batch_that_is_too_large_is_trained_in_pieces(tmp_path, monkeypatch):
    advance = TorchTrainer.advance

    def small_memory(trainer, *given, **named):
        if trainer.recipe.training.accumulate_steps < 4:
            raise MemoryError
        return advance(trainer, *given, **named)

    monkeypatch.setattr(TorchTrainer, "advance", small_memory)
    result = mp.tune("digits", settings=SETTINGS, n_trials=2, out=tmp_path / "run")
    found = outcomes(result.run)
    assert [(o["state"], o["accumulate_steps"]) for o in found.values()] == [("complete", 4)] * 2
    assert "goes on with each batch in 4 pieces" in (result.run / "trials" / "0000" / "log.txt").read_text()


def test_what_never_fits_is_infeasible(tmp_path, monkeypatch):
    advance = TorchTrainer.advance

    def no_memory(trainer, *given, **named):
        if trainer.recipe.optimizer.learning_rate > 0.002:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"
            )
        return advance(trainer, *given, **named)

    monkeypatch.setattr(TorchTrainer, "advance", no_memory)
    result = mp.tune("digits", settings=SETTINGS, n_trials=4, out=tmp_path / "run")
    states = {o["state"]: o for o in outcomes(result.run).values()}
    assert set(states) == {"complete", "infeasible"}
    assert states["infeasible"]["violations"] == {"memory": 1.0}
    assert "out of memory, also in 8 pieces" in states["infeasible"]["cause"]


def test_a_training_whose_loss_is_no_number_ends_at_that_step(tmp_path, monkeypatch):
    call = Step.__call__

    def poisoned(step, batch, rate):
        loss = call(step, batch, rate)
        is_third = step.optimizer.state[step._parameters[0]]["step"] >= 3
        return loss * float("nan") if is_third and step.recipe.optimizer.learning_rate > 0.002 else loss

    monkeypatch.setattr(Step, "__call__", poisoned)
    result = mp.tune("digits", settings=[*SETTINGS, "optimizer.name=adam"], n_trials=4, out=tmp_path / "run")
    found = outcomes(result.run)
    failed = [o for o in found.values() if o["state"] == "failed"]
    assert failed
    assert {(o["steps"], "no longer a finite number" in o["cause"]) for o in failed} == {(3, True)}
    assert {o["state"] for o in found.values() if o["chosen"]["optimizer.learning_rate"] <= 0.002} == {"complete"}


def test_a_trial_ends_at_its_own_time(tmp_path):
    settings = [*SETTINGS, "training.max_epochs=100000", "training.patience=0", "search.trial_time=1s"]
    result = mp.tune("digits", settings=settings, n_trials=2, budget="15s", out=tmp_path / "run")
    found = outcomes(result.run)
    assert [o["state"] for o in found.values()] == ["stopped"] * 2
    assert all(o["seconds"] < 3 for o in found.values())


def test_a_full_disk_pauses_a_training_which_then_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(training_run, "CHECKPOINT_SECONDS", 0.0)
    save, times, told = TorchTrainer.save, [], []

    def full(trainer, path):
        times.append(path)
        if len(times) in (3, 4):
            raise DiskFull("The disk is full.")
        save(trainer, path)

    monkeypatch.setattr(TorchTrainer, "save", full)
    result = mp.tune("digits", settings=SETTINGS, n_trials=2, out=tmp_path / "run", listener=told.append)
    assert {o["state"] for o in outcomes(result.run).values()} == {"complete"}


def test_patience_waits_for_space_and_gives_up_in_the_end(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)
    told, attempts = [], []

    def write():
        attempts.append(1)
        if len(attempts) < 4:
            raise OSError(28, "No space left on device")
        return "written"

    assert patience.Patience(told.append)(write) == "written"
    assert len(told) == 1
    monkeypatch.setattr(patience, "LONGEST_PAUSE_SECONDS", -1.0)
    attempts.clear()
    with pytest.raises(DiskFull, match="free some space"):
        patience.Patience(told.append)(write)
    with pytest.raises(PermissionError):
        patience.Patience(told.append)(lambda: (_ for _ in ()).throw(PermissionError(13, "no")))


def test_checkpoints_keep_to_a_disk_budget_and_the_best_keep_theirs(tmp_path):
    settings = [*SETTINGS, "search.pruner=halving", "search.disk=1MB", "model.hidden_dim=256", "training.max_epochs=9"]
    result = mp.tune("digits", settings=settings, n_trials=10, out=tmp_path / "run")
    kept = {path.parent.parent.name for path in result.run.glob("trials/[0-9][0-9][0-9][0-9]/checkpoint/*")}
    board = result.leaderboard()
    best = [f"{number:04d}" for number in board[board["state"] == "complete"]["trial"][:3]]
    assert set(best) <= kept
    assert len(kept) <= 4
    assert mp.load(result.run).predict("digits").shape[0] > 1000
