"""Run folders: made, held, and never overwritten by accident."""

import os
import time

import pytest

from mapsto.errors import RunError
from mapsto.search.run import STUDY, Run, check_is_run, run_path


def a_run(path):
    run = Run.create(path)
    (path / STUDY).write_text("seed: 0\n")
    run.save_state()
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
    with pytest.raises(RunError, match="Another process .* is working in"):
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


def test_a_run_with_other_files_in_it_is_not_replaced(tmp_path):
    run = a_run(tmp_path / "one")
    run.save_state(phase="explore")
    run.close()
    (tmp_path / "one" / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"holds files that are no part of the run \(thesis\.tex\)"):
        Run.create(tmp_path / "one", overwrite=True)
    assert (tmp_path / "one" / "thesis.tex").exists()


def test_a_replaced_run_is_kept_until_the_data_of_the_new_one_are_accepted(tmp_path):
    run = a_run(tmp_path / "one")
    run.save_state(phase="done")
    run.close()
    Run.create(tmp_path / "one", overwrite=True).withdraw(KeyboardInterrupt())
    again = Run.open(tmp_path / "one")
    assert again.state["phase"] == "done"
    again.close()
    new = Run.create(tmp_path / "one", overwrite=True)
    new.accept()
    new.close()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_who_works_in_a_run_is_named(tmp_path):
    run = a_run(tmp_path / "one")
    with pytest.raises(RunError, match=rf"Another process \({os.getpid()}\)"):
        Run(tmp_path / "one")
    run.close()
