"""Early stopping by score, with the loss deciding between equals."""

from dataclasses import replace

from mapsto.training.base import Measurement
from mapsto.training.stopping import EarlyStopping

OLD = Measurement(3, 30, 1.0, 0.5, 0.4, 0.90, 0.01)


def test_better_depends_on_the_direction():
    higher = replace(OLD, score=0.95)
    assert EarlyStopping("maximize", 5).is_better(higher, OLD)
    assert not EarlyStopping("minimize", 5).is_better(higher, OLD)
    assert EarlyStopping("maximize", 5).is_better(OLD, None)


def test_small_gains_do_not_count():
    assert not EarlyStopping("maximize", 5, min_delta=0.02).is_better(replace(OLD, score=0.91), OLD)
    assert EarlyStopping("maximize", 5, min_delta=0.02).is_better(replace(OLD, score=0.93), OLD)
    assert not EarlyStopping("maximize", 5, min_delta=0.02).is_better(replace(OLD, validation_loss=0.3), OLD)


def test_of_equal_scores_the_lower_loss_wins():
    assert EarlyStopping("maximize", 5).is_better(replace(OLD, validation_loss=0.3), OLD)
    assert not EarlyStopping("maximize", 5).is_better(replace(OLD, validation_loss=0.5), OLD)


def test_the_loss_can_decide_alone():
    lower = replace(OLD, score=0.5, validation_loss=0.3)
    assert EarlyStopping("maximize", 5, by_loss=True).is_better(lower, OLD)
    assert not EarlyStopping("maximize", 5, by_loss=True).is_better(replace(OLD, score=0.99), OLD)
    assert not EarlyStopping("maximize", 5, min_delta=0.2, by_loss=True).is_better(lower, OLD)


def test_it_is_over_after_patience_epochs():
    assert not EarlyStopping("maximize", 4).is_over(6, OLD)
    assert EarlyStopping("maximize", 4).is_over(7, OLD)
    assert not EarlyStopping("maximize", 0).is_over(1000, OLD)
