"""Run folders: made, held, and never overwritten by accident."""

import time

import pytest

from mapsto.errors import RunError
from mapsto.search.run import STUDY, Run, check_is_run, run_path


def a_run(path):
    run = Run.create(path)
    (path / STUDY).write_text("seed: 0\n")
    return run


def test_a_folder_that_is_there_is_not_overwritten(tmp_path):
    a_run(tmp_path / "one").close()
    with pytest.raises(RunError, match="is there already and is not overwritten.*mapsto resume"):
        Run.create(tmp_path / "one")
    Run.create(tmp_path / "one", overwrite=True).close()
    assert not (tmp_path / "one" / STUDY).exists()


def test_overwrite_touches_only_runs(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="is not a run of mapsto, so `--overwrite` does not touch it"):
        Run.create(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_two_processes_cannot_hold_one_run(tmp_path):
    run = a_run(tmp_path / "one")
    with pytest.raises(RunError, match="Another process is working in"):
        Run.open(tmp_path / "one")
    run.close()
    Run.open(tmp_path / "one").close()


def test_elapsed_time_goes_on_after_an_interruption(tmp_path):
    run = a_run(tmp_path / "one")
    run.add_elapsed(100)
    run.save_state(phase="explore")
    run.close()
    again = Run.open(tmp_path / "one")
    assert 100 <= again.elapsed < 101
    assert again.state["phase"] == "explore"
    assert abs(again.deadline(again.elapsed) - time.perf_counter()) < 0.01
    again.close()


def test_what_is_no_run_is_refused(tmp_path):
    a_run(tmp_path / "digits").close()
    with pytest.raises(RunError, match=r"There is no run .*digit\. Runs there: .*digits"):
        check_is_run(tmp_path / "digit")
    with pytest.raises(RunError, match=r"has no study\.yaml"):
        check_is_run(tmp_path)


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "one").write_text("x")
    with pytest.raises(RunError, match="is there already"):
        Run.create(tmp_path / "one")


def test_a_run_goes_where_nothing_is_unless_it_may_overwrite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(run_path("my data!.csv", overwrite=False)) == "runs/my-data"
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    assert str(run_path("digits", overwrite=False)) == "runs/digits-2"
    assert str(run_path("digits", overwrite=True)) == "runs/digits"
