"""Jobs whose worker was lost: given out again, unless their result is there."""

from __future__ import annotations

import pytest

from mapsto.search.dispatch import MOST_LOSSES, Dispatcher
from mapsto.search.executors.base import Ended, Executor, Place
from mapsto.search.jobs import Job, Stage
from mapsto.search.outcome import Outcome
from mapsto.search.patience import Patience


def result(score):
    return Outcome(0, "explore", "complete", "", score, 1, 1, 1, 1.0, 1)


class Losing(Executor):
    """Is lost with every job, after it has written the next of some results."""

    title = "losing"

    def __init__(self, *scores):
        super().__init__(Place("cpu"))
        self.scores, self.jobs = list(scores), []

    @property
    def free(self):
        return 1 - len(self.jobs)

    def submit(self, job):
        self.jobs.append(job)

    def wait(self, timeout):
        job = self.jobs.pop()
        score = self.scores.pop(0)
        if score is not None:
            result(score).write(job.folder)
        return [Ended(job, None, "its process ended")]

    def close(self):
        self.jobs = []


@pytest.fixture
def job(tmp_path):
    (tmp_path / "0000").mkdir()
    stages = (Stage({}, str(tmp_path)),)
    return Job("0000", tmp_path / "0000", tmp_path, {"training.seed": 0}, 0, "explore", stages, "cpu", 10.0)


def ended(dispatcher):
    return [outcome for _, outcome in dispatcher.wait(0.0)]


def test_a_result_that_was_written_before_its_worker_was_lost_stands(job):
    dispatcher = Dispatcher(Losing(0.5), Patience(print))
    dispatcher.submit(job)
    assert ended(dispatcher) == [result(0.5)]
    assert dispatcher.out == {}


def test_a_result_from_an_earlier_part_of_the_training_does_not_stand_for_the_rest(job):
    result(0.4).write(job.folder)
    dispatcher = Dispatcher(Losing(None, 0.6), Patience(print))
    dispatcher.submit(job)
    assert ended(dispatcher) == []
    assert ended(dispatcher) == [result(0.6)]


def test_a_job_that_is_lost_again_and_again_has_failed(job):
    dispatcher = Dispatcher(Losing(*[None] * MOST_LOSSES), Patience(print))
    dispatcher.submit(job)
    outcomes = [outcome for _ in range(MOST_LOSSES) for outcome in ended(dispatcher)]
    assert [outcome.state for outcome in outcomes] == ["failed"]
    assert Outcome.read(job.folder) == outcomes[0]
