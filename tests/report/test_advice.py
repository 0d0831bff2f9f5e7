"""Each rule speaks where its fact holds, and is silent where it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mapsto.recipe.ranges import Log, Range
from mapsto.report import advice
from mapsto.report.advice import Evidence
from mapsto.report.reading import read
from mapsto.report.study import Repeats, Study, Trace, Trial
from mapsto.report.text import Texts

SAY = Texts("en")
EPOCHS = Trace(epochs=({"epoch": 19, "train_loss": 0.05, "validation_loss": 0.5},))


def seen(study: Study, trace: Trace = EPOCHS, ranges: dict[str, Range] | None = None) -> Evidence:
    return Evidence(study, trace, ranges or {})


def test_wider_range_where_the_search_found_its_edge(digits: Study, searched: Study):
    text = advice.edge(seen(searched), SAY) or ""
    assert "<code>uniform(0.0, 0.7)</code>" in text
    assert "--set &#39;model.dropout=uniform(0.0, 0.7)&#39;</code>" in text
    assert advice.edge(seen(digits), SAY) is None
    unset = replace(searched, health=tuple({**f, "setting": ""} for f in searched.health))
    assert advice.edge(seen(unset), SAY) is None


def test_ranges_come_from_the_study_on_disk(digits: Study):
    one = replace(digits, trials=digits.trials[:1])
    assert any("of a space with 2 ranges" in step for step in advice.advice(one, Trace(), SAY))


def test_longer_training_where_the_last_epoch_was_the_best(digits: Study):
    final = next(t for t in digits.trials if t.phase == "final")
    at_end = replace(digits, trials=(*digits.trials, replace(final, best_epoch=24)))
    assert "24 of 24" in (advice.longer(seen(at_end), SAY) or "")
    assert advice.longer(seen(digits), SAY) is None


def test_more_budget_where_it_sufficed_for_one_recipe_only(digits: Study):
    one = replace(digits, trials=digits.trials[:1])
    assert "of a space with 1 range only" in (advice.one(seen(one, ranges={"x": Log(1e-4, 1e-1)}), SAY) or "")
    assert advice.one(seen(one), SAY) is None
    assert advice.one(seen(digits, ranges={"x": Log(1e-4, 1e-1)}), SAY) is None


def test_more_time_where_the_kept_network_was_cut_off(digits: Study):
    final = next(t for t in digits.trials if t.phase == "final")
    stopped = replace(digits, trials=(*digits.trials, replace(final, state="stopped", epochs=3)))
    assert "after 3 epochs" in (advice.cut(seen(stopped), SAY) or "")
    assert advice.cut(seen(digits), SAY) is None


def test_gap_between_training_and_validation(digits: Study):
    low = replace(digits, measures=(replace(digits.measures[0], value=0.8),))
    assert "10 times" in (advice.gap(seen(low), SAY) or "")
    assert advice.gap(seen(digits), SAY) is None  # 98 % leaves little to gain
    close = Trace(epochs=({"epoch": 19, "train_loss": 0.3, "validation_loss": 0.5},))
    assert advice.gap(seen(low, close), SAY) is None


def test_failures_where_more_than_a_fifth_failed(digits: Study):
    failed = tuple(Trial(number=100 + i, state="failed", cause="out of memory") for i in range(9))
    many = replace(digits, trials=digits.trials + failed)
    assert "11 of 33 trials failed. The most frequent cause: out of memory" in (advice.failures(seen(many), SAY) or "")
    assert advice.failures(seen(digits), SAY) is None


def test_simpler_model_where_it_is_as_good(runs: Path, digits: Study):
    assert "gradient-boosted trees: better on these rows" in (advice.simpler(seen(read(runs / "housing")), SAY) or "")
    assert advice.simpler(seen(digits), SAY) is None


def test_repeats_where_the_winner_rests_on_fewer_than_two(digits: Study):
    assert "rests on 0 repeats" in (advice.repeat(seen(replace(digits, winner=Repeats(0.9, None, 0))), SAY) or "")
    assert advice.repeat(seen(digits), SAY) is None
    one = replace(digits, trials=digits.trials[:1], winner=Repeats(0.9, None, 0))
    assert advice.repeat(seen(one), SAY) is None


def test_more_rows_where_the_interval_is_wide(digits: Study):
    wide = replace(digits, measures=(replace(digits.measures[0], low=0.85, high=0.99),))
    assert "14 points wide" in (advice.few_rows(seen(wide), SAY) or "")
    assert advice.few_rows(seen(digits), SAY) is None


def test_most_frequent_confusion(digits: Study):
    assert "“<bdi>8</bdi>” taken for “<bdi>1</bdi>”, 2 times of 25 rows" in (advice.confused(seen(digits), SAY) or "")
    assert advice.confused(seen(replace(digits, confusion=None)), SAY) is None


def test_weakest_class(runs: Path, digits: Study):
    assert "“<bdi>pole</bdi>”: its IoU is the lowest" in (advice.weak_class(seen(read(runs / "camvid")), SAY) or "")
    assert advice.weak_class(seen(digits), SAY) is None


def test_more_budget_where_the_best_came_late(digits: Study):
    late = Trial(number=24, state="complete", score=0.999)
    assert "trial 24 of 25 trials" in (
        advice.improving(seen(replace(digits, trials=(*digits.trials, late))), SAY) or ""
    )
    assert advice.improving(seen(digits), SAY) is None


def test_unfinished_study_is_resumed_first(runs: Path):
    steps = advice.advice(read(runs / "unfinished"), Trace(), SAY)
    assert steps[0].startswith("Continue it with <code>mapsto resume")


def test_at_most_five_steps_are_given(digits: Study):
    everything = replace(digits, finished=None, verdict="not distinguishable", notes=({"level": "warning"},) * 3,
                         winner=Repeats(0.9, None, 0), trials=digits.trials[:6],
                         measures=(replace(digits.measures[0], low=0.7),))  # fmt: skip
    assert len(advice.advice(everything, Trace(), SAY)) == advice.MAX_STEPS
