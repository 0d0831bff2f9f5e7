"""The ledger: the same study whoever was faster, wherever it was interrupted."""

from __future__ import annotations

import random
import time
from functools import partial

import pytest

import mapsto as mp
from mapsto.recipe.families import PRUNERS
from mapsto.search.ledger import Ledger
from mapsto.search.outcome import Outcome, State
from mapsto.search.problem import Problem
from mapsto.search.samplers._named import named
from mapsto.search.storage import mend_journal, open_study

LEAVES = {
    "task.name": "tabular_regression",
    "optimizer.learning_rate": mp.log(1e-4, 1e-1),
    "model.dropout": mp.uniform(0, 0.5),
    "model.activation": mp.choice("relu", "tanh"),
}
SPACE = mp.Space.from_mapping(LEAVES)
DEFAULTS = {"model.name": "mlp"}
TRIALS = 24


def problem(seed=0, directions=("minimize",)):
    return Problem(SPACE.ranges, directions, TRIALS, max_fidelity=9, seed=seed)


def ledger(path, *, sampler="tpe", pruner="halving", exact=True, limit=TRIALS, first=None, lookahead=4, seed=0):
    study = open_study(path, None, "mapsto", ("minimize",))
    return Ledger(
        study, SPACE, DEFAULTS, problem(seed), named(sampler), PRUNERS.get(pruner)(),
        names=("rmse",), first=first or {}, lookahead=lookahead, exact=exact, limit=limit,
        patiently=lambda write: write(),
    )  # fmt: skip


def trained(ready, pruner="halving"):
    """A training without a network: the score falls with the epochs, to where the settings say."""
    chosen, rule = ready.proposal.chosen, PRUNERS.get(pruner)()
    floor = abs(chosen["model.dropout"] - 0.2) + abs(chosen["optimizer.learning_rate"] - 0.01)
    state: State = "complete"
    curve = []
    for epoch in range(1, 10):
        curve.append((epoch, (floor + 1 / epoch,)))
        if epoch < 9 and ready.known is not None and rule.stops(problem(), dict(ready.known), curve):
            state = "pruned"
            break
    return Outcome(
        ready.number, "explore", state, "", curve[-1][1][0], len(curve), len(curve), 1, 0.1, 1, chosen,
        starts_from=ready.proposal.starts_from, curve=tuple(curve),
    )  # fmt: skip


def drive(book, outcomes, *, pruner="halving", workers=1, order=lambda out: 0, stop_after=10**9):
    """Trains until the ledger has no more, so many at once; `order` says which of those that are out ends next."""
    book.begin(outcomes)
    out: list = []
    done = 0
    while done < stop_after:
        while len(out) < workers and (ready := book.take(0.0 if out else 5.0)) is not None:
            out.append(ready)
        if not out:
            if book.is_exhausted:
                break
            continue
        outcome = trained(out.pop(order(out)), pruner)
        outcomes[outcome.number] = outcome
        book.give(outcome)
        done += 1
    book.close(settle=done < stop_after)
    return outcomes


def recipes(outcomes):
    return [(n, o.chosen, o.starts_from, o.state) for n, o in sorted(outcomes.items())]


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return drive(ledger(tmp_path_factory.mktemp("serial") / "journal"), {})


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_workers_that_end_in_any_order_give_the_serial_study(tmp_path, serial, workers, seed):
    rng = random.Random(seed)
    found = drive(ledger(tmp_path / "journal"), {}, workers=workers, order=lambda out: rng.randrange(len(out)))
    assert recipes(found) == recipes(serial)


@pytest.mark.parametrize("stop", [1, 2, 5, 11, 17])
def test_a_study_that_is_interrupted_goes_on_as_if_it_had_not_been(tmp_path, serial, stop):
    outcomes = drive(ledger(tmp_path / "journal"), {}, stop_after=stop)
    assert recipes(drive(ledger(tmp_path / "journal"), outcomes)) == recipes(serial)


def test_a_study_that_had_asked_for_all_its_trials_is_not_exhausted_before_they_are_trained(tmp_path):
    book = ledger(tmp_path / "journal", limit=6, lookahead=6)
    book.begin({})
    asked = [book.take(5.0) for _ in range(6)]
    book.close()
    outcomes = {ready.number: trained(ready) for ready in asked[:4]}
    book = ledger(tmp_path / "journal", limit=6, lookahead=6)
    made = book._make

    def slowly(ready):
        time.sleep(0.2)
        return made(ready)

    book._make = slowly
    book.begin(outcomes)
    seen = []
    while not book.is_exhausted:
        ready = book.take(0.05)
        seen += [] if ready is None else [ready.number]
    book.close()
    assert seen == [4, 5]


def test_a_result_whose_telling_was_lost_is_told_again(tmp_path, serial):
    path = tmp_path / "journal"
    outcomes = drive(ledger(path), {}, stop_after=9)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]) + lines[-3][:10])  # the last lines never reached the disk, one in part
    assert recipes(drive(ledger(path), outcomes)) == recipes(serial)


def test_a_trial_knows_those_before_the_last_few_and_no_others(tmp_path):
    asked = []
    book = ledger(tmp_path / "journal", lookahead=3, pruner="median")
    knows = book.pruner.knows

    def recorded(problem, history, number):
        asked.append((number, [o.number for o in history]))
        return knows(problem, history, number)

    book.pruner.knows = recorded
    drive(book, {}, pruner="median", workers=3, order=lambda out: len(out) - 1)
    assert all(known == list(range(max(0, number - 2))) for number, known in asked if number < 10)


def test_the_fast_order_knows_whatever_is_over(tmp_path):
    found = drive(ledger(tmp_path / "journal", exact=False), {}, workers=3, order=lambda out: len(out) - 1)
    assert sorted(found) == list(range(TRIALS))


def test_first_recipes_are_tried_first(tmp_path):
    first = [
        {"optimizer.learning_rate": 0.01, "model.dropout": 0.1, "model.activation": "tanh"},
        {"optimizer.learning_rate": 0.02, "model.dropout": 0.3, "model.activation": "relu"},
    ]
    found = drive(ledger(tmp_path / "journal", first=dict(enumerate(first))), {}, stop_after=3)
    assert [found[n].chosen for n in (0, 1)] == first
    assert found[2].chosen not in first


def test_what_is_stopped_early_is_continued_where_that_is_deserved(serial):
    continued = [o for o in serial.values() if o.starts_from is not None]
    assert continued
    for outcome in continued:
        assert outcome.chosen == serial[outcome.starts_from].chosen
        assert serial[outcome.starts_from].state == "pruned"


def test_optuna_reads_the_study(tmp_path):
    outcomes = drive(ledger(tmp_path / "journal"), {})
    study = open_study(tmp_path / "journal", None, "mapsto", ("minimize",))
    assert len(study.trials) == TRIALS
    assert study.best_value == min(o.score for o in outcomes.values() if o.state == "complete")
    stopped = next(o for o in outcomes.values() if o.state == "pruned")
    assert study.trials[stopped.number].intermediate_values == {u: v[0] for u, v in stopped.curve}


def test_what_is_infeasible_is_told_as_a_broken_constraint(tmp_path):
    book = ledger(tmp_path / "journal", pruner="off", limit=2)
    book.begin({})
    for state in ("infeasible", "failed"):
        ready = book.take(5.0)
        violations = {"parameters": 0.5} if state == "infeasible" else {}
        book.give(
            Outcome(ready.number, "explore", state, "too large", None, 0, 0, 0, 0.0, 0, ready.proposal.chosen,
                    violations=violations)
        )  # fmt: skip
    book.close(settle=True)
    first, second = open_study(tmp_path / "journal", None, "mapsto", ("minimize",)).trials
    assert (first.state.name, first.constraints) == ("PRUNED", {"parameters": 0.5})
    assert (second.state.name, second.user_attrs["cause"]) == ("FAIL", "too large")


def test_a_fault_of_the_sampler_is_raised_where_trials_are_taken(tmp_path):
    book = ledger(tmp_path / "journal", sampler="random")
    book.sampler.propose = lambda *given: 1 / 0
    book.begin({})
    with pytest.raises(ZeroDivisionError):
        for _ in range(3):
            book.take(5.0)


def test_half_a_line_at_the_end_of_a_journal_is_cut_off(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b'{"a": 1}\n{"b"')
    mend_journal(path)
    assert path.read_bytes() == b'{"a": 1}\n'


def test_a_study_lies_in_a_database_where_that_is_asked_for(tmp_path):
    open_sqlite = partial(
        open_study, tmp_path / "unused", f"sqlite:///{tmp_path / 'study.db'}", "mapsto", ("minimize",)
    )
    study = open_sqlite()
    book = Ledger(
        study, SPACE, DEFAULTS, problem(), named("random"), PRUNERS.get("off")(), names=("rmse",), first={},
        lookahead=2, exact=True, limit=4, patiently=lambda write: write(),
    )  # fmt: skip
    found = drive(book, {})
    assert [t.params for t in open_sqlite().trials] == [o.chosen for _, o in sorted(found.items())]
    assert not (tmp_path / "unused").exists()


def test_a_storage_that_cannot_be_opened_says_so(tmp_path):
    with pytest.raises(mp.MapstoError, match="cannot be opened"):
        open_study(tmp_path / "journal", "sqlite:////nowhere/at/all.db", "mapsto", ("minimize",))
