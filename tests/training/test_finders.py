"""The finders: noise scale in closed form, the choice of a batch, the range test, and nothing left changed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import mapsto as mp
from mapsto.errors import DataError, RecipeError
from mapsto.training.finders.batch_size import choose, sizes_for
from mapsto.training.finders.learning_rate import ShortRun, _vertex, candidates, find_rate
from mapsto.training.finders.noise import noise_scale
from mapsto.training.finders.own import find_learning_rate
from mapsto.training.finders.probe import BatchCost
from mapsto.training.finders.range_test import RangeTest, range_test
from mapsto.training.finders.steps import advise


class Quadratic:
    """Gradient descent on `Σ cᵢ wᵢ² / 2` with noise in the gradient: diverges beyond 2 / max c."""

    curvatures = np.geomspace(0.1, 10, 20)

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.weights = np.ones(20)

    def train_steps(self, rates: Sequence[float]) -> list[float]:
        losses = []
        for rate in rates:
            losses.append(self.validation_loss())
            gradient = self.curvatures * self.weights + 0.05 * self.random.standard_normal(20)
            self.weights = self.weights - rate * gradient
        return losses

    def validation_loss(self) -> float:
        return float((self.curvatures * self.weights**2).sum() / 2)


def test_noise_scale_is_that_of_the_population() -> None:
    """Gradients N(g, Σ): rows of a batch are averaged, so that the scale is tr(Σ) / |g|² whatever the batch."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.linspace(-1, 1, 50)
    for rows in (4, 64):
        batches = [
            [mean + torch.randn(50, generator=generator) * 3 / math.sqrt(rows) for _ in range(1)] for _ in range(4000)
        ]
        expected = 50 * 9 / float(mean.square().sum())
        assert noise_scale(batches, rows) == pytest.approx(expected, rel=0.05)


def test_noise_scale_is_infinite_where_there_is_no_signal() -> None:
    assert noise_scale([[torch.tensor([1.0])], [torch.tensor([-1.0])]], rows=8) == math.inf


def costs(*seconds: float, memory: int = 10) -> list[BatchCost]:
    return [BatchCost(8 * 2**place, time, memory * 8 * 2**place) for place, time in enumerate(seconds)]


def test_a_large_batch_is_taken_where_steps_cost_the_same_and_the_noise_is_large() -> None:
    assert choose(costs(1, 1, 1, 1), 1000, [8, 16, 32, 64], limit=10**9).size == 64


def test_a_small_batch_is_taken_where_rows_cost_time_and_there_is_little_noise() -> None:
    assert choose(costs(1, 2, 4, 8), 4, [8, 16, 32, 64], limit=10**9).size == 8


def test_a_batch_that_does_not_fit_is_run_in_pieces() -> None:
    """Time per row goes on falling up to 32; the memory of 32 rows is not there, so nothing larger was tried."""
    found = choose(costs(1, 1.01), 1e9, [8, 16, 32, 64], limit=170)
    assert found.accumulate_steps == math.ceil(found.size / 16)
    alone = choose(costs(1, 1.01, 1.02), 1e9, [8, 16, 32], limit=10**9)
    assert (alone.size, alone.accumulate_steps) == (32, 1)


def test_batches_leave_ten_steps_an_epoch() -> None:
    assert max(sizes_for(1000)) <= 100
    assert sizes_for(30) == [8]


def test_range_test_stops_where_the_loss_explodes_and_sees_the_rate_before_it() -> None:
    found = range_test(Quadratic, seeds=(0, 1, 2), steps=100)
    assert np.isnan(found.losses).any(axis=1).all()
    assert 0.02 < found.steepest <= found.lowest < 2.0  # 2 / 10 is where the steepest direction diverges
    low, high = found.band
    assert (low <= found.middle).all()
    assert (found.middle <= high).all()


def test_candidates_stand_a_half_decade_apart_around_the_fall() -> None:
    losses = np.array([[5.0, 5.0, 4.9, 4.0, 2.0, 1.5, 1.4, 3.0]])
    test = RangeTest(np.geomspace(1e-6, 1e1, 8), losses)
    found = candidates(test, 7)
    assert found[0] == pytest.approx(1.0)
    assert np.diff(np.log10(found)) == pytest.approx(-0.5)


def test_the_found_rate_ends_within_a_few_percent_of_the_best_of_a_grid() -> None:
    def full(rate: float) -> float:
        losses = []
        for seed in range(5):
            run = Quadratic(seed)
            run.train_steps([rate * (1 - step / 400) for step in range(400)])
            losses.append(run.validation_loss())
        return float(np.mean(losses))

    found = find_rate(Quadratic, lambda step, steps: 1 - step / steps, 400)
    with np.errstate(over="ignore", invalid="ignore"):
        best = min(loss for loss in map(full, np.geomspace(1e-3, 1, 12)) if math.isfinite(loss))
    assert full(found.rate) < 1.5 * best  # of a start at 33
    assert found.cost < 1.3
    assert {run.rate for run in found.runs} != {found.rate}


def test_sweeps_that_see_noise_alone_do_not_end_in_a_rate_that_teaches_nothing() -> None:
    class Noisy:
        """The loss of single batches is noise; that of validation falls with the way gone, up to a rate of 0.03."""

        def __init__(self, seed: int) -> None:
            self.rng, self.way = np.random.default_rng(seed), 0.0

        def train_steps(self, rates: Sequence[float]) -> list[float]:
            self.way += sum(rate if rate < 0.03 else -rate for rate in rates)
            return [float(1.0 + self.rng.normal() / 3 + (rate > 1) * rate) for rate in rates]

        def validation_loss(self) -> float:
            return math.exp(-10 * self.way) if self.way > -1 else math.inf

    class Low(Noisy):
        def train_steps(self, rates: Sequence[float]) -> list[float]:
            losses = super().train_steps(rates)
            return [0.5 + 1e4 * rates[0]] if len(rates) == 1 else losses  # sweeps are lowest at the first rate

    found = find_rate(Low, lambda step, steps: 1.0, 400)
    assert found.test.lowest < 1e-5
    assert 1e-3 < found.rate < 0.03


def test_the_vertex_is_that_of_the_parabola() -> None:
    def loss(rate: float) -> float:
        return (math.log(rate) - math.log(0.02)) ** 2

    runs = [ShortRun(rate, 10, loss(rate)) for rate in (0.003, 0.01, 0.06)]
    assert _vertex(runs) == pytest.approx(0.02)
    assert _vertex(runs[:2]) == 0.01


def test_best_epochs_late_and_early_change_the_length() -> None:
    assert advise(40, 40).max_epochs == 80
    assert advise(2, 40).max_epochs == 4
    assert advise(20, 40).verdict == "kept"


def test_a_training_of_ones_own_stays_bit_for_bit_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(
        [{"params": model[0].parameters(), "lr": 1e-3}, {"params": model[3].parameters(), "lr": 1e-2}]
    )
    inputs = torch.randn(40, 16, 4)

    def loss(network: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        return (network(batch) - batch.sum(-1, keepdim=True)).square().mean()

    loss(model, inputs[0]).backward()
    optimizer.step()
    model.eval()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    slots = [slot.clone() for own in optimizer.state.values() for slot in own.values()]
    expected = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002

    rows: Any = list(inputs)
    shuffled = torch.utils.data.DataLoader(rows, batch_size=None, shuffle=True)
    found = find_learning_rate(model, optimizer, loss, shuffled, total_steps=300)

    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    now = [slot for own in optimizer.state.values() for slot in own.values()]
    assert all(torch.equal(a, b) for a, b in zip(slots, now, strict=True))
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 1e-2]
    assert torch.equal(torch.get_rng_state(), expected[0])
    assert (np.random.get_state()[1] == expected[1]).all()  # noqa: NPY002
    assert random.getstate() == expected[2]
    assert not model.training
    assert 1e-4 < found.rate < 1.0


def test_too_few_batches_are_refused() -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(DataError, match="at least five"):
        find_learning_rate(model, optimizer, lambda m, b: m(b).sum(), [torch.ones(1, 1)] * 3, total_steps=10)


def test_find_writes_its_values_into_the_recipe() -> None:
    found = mp.find("digits", settings=["model.name=mlp", "model.hidden_dim=16", "training.max_epochs=4"])
    assert found.recipe.get("optimizer.learning_rate") == found.settings["optimizer.learning_rate"]
    assert found.recipe.get("training.batch_size") == found.settings["training.batch_size"]
    assert found.batch is not None
    assert all(cost.memory > 50 * 2**20 for cost in found.batch.costs)
    assert found.batch.noise_scale > 0
    assert found.epochs is not None
    first_epochs, best_epoch, _ = found.epochs.runs[0]
    assert first_epochs == 4
    assert 1 <= best_epoch <= 4


def test_unknown_finders_and_ranges_are_refused() -> None:
    with pytest.raises(RecipeError, match="No finder is called"):
        mp.find("digits", only=["rate"])
    with pytest.raises(RecipeError, match="`find` takes one recipe"):
        mp.find("digits", settings=["model.dropout=uniform(0, 0.5)"])


def test_the_verb_writes_a_recipe_and_overwrites_nothing(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from mapsto.cli.main import app

    out = tmp_path / "found.yaml"
    command = ["find", "digits", "--only", "learning_rate", "--set", "model.name=mlp", "--set", "training.max_epochs=2"]
    done = CliRunner().invoke(app, [*command, "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    assert "--set optimizer.learning_rate=" in done.output
    assert mp.Recipe.from_yaml(out.read_text()).get("model.name") == "mlp"
    again = CliRunner().invoke(app, [*command, "--out", str(out)])
    assert again.exit_code == 2
    assert "is there already" in again.output
