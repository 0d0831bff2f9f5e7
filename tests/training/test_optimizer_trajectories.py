"""Each optimizer beside its formula, written out in numpy, on a quadratic and on a network over real digits."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from sklearn.datasets import load_digits

from mapsto.recipe.families import OPTIMIZERS
from mapsto.training.optimizers.muon import Muon
from mapsto.training.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from mapsto.training.parts import Slots

STEPS = 60
RATES = {"sgd": 0.1, "adadelta": 5.0, "adagrad": 0.05, "lion": 2e-3, "lamb": 0.02}


def sgd(w, g, s, t, rate):
    s["v"] = g if t == 1 else 0.9 * s["v"] + g
    return w - rate * s["v"]


def rmsprop(w, g, s, t, rate):
    s["s"] = 0.99 * s.get("s", 0) + 0.01 * g**2
    return w - rate * g / (np.sqrt(s["s"]) + 1e-8)


def adagrad(w, g, s, t, rate):
    s["s"] = s.get("s", 0) + g**2
    return w - rate * g / (np.sqrt(s["s"]) + 1e-10)


def adadelta(w, g, s, t, rate):
    s["s"] = 0.9 * s.get("s", 0) + 0.1 * g**2
    d = g * np.sqrt(s.get("u", 0) + 1e-6) / np.sqrt(s["s"] + 1e-6)
    s["u"] = 0.9 * s.get("u", 0) + 0.1 * d**2
    return w - rate * d


def moments(g, s, beta2=0.999):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g**2
    return s["m"], s["v"]


def adam(w, g, s, t, rate):
    m, v = moments(g, s)
    return w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def adamw(w, g, s, t, rate):
    return adam(w * (1 - 0.01 * rate), g, s, t, rate)


def nadam(w, g, s, t, rate):
    m, v = moments(g, s)
    mu, later = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * i)) for i in (t, t + 1))
    s["product"] = s.get("product", 1) * mu
    ahead = later * m / (1 - s["product"] * later) + (1 - mu) * g / (1 - s["product"])
    return w - rate * ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def radam(w, g, s, t, rate):
    m, v = moments(g, s)
    top = 2 / (1 - 0.999) - 1
    length = top - 2 * t * 0.999**t / (1 - 0.999**t)
    if length <= 5:
        return w - rate * m / (1 - 0.9**t)
    rectified = np.sqrt((length - 4) * (length - 2) * top / ((top - 4) * (top - 2) * length))
    return w - rate * rectified * m / (1 - 0.9**t) * np.sqrt(1 - 0.999**t) / (np.sqrt(v) + 1e-8)


def lion(w, g, s, t, rate):
    m = s.get("m", np.zeros_like(g))
    s["m"] = 0.99 * m + 0.01 * g
    return w - rate * (np.sign(0.9 * m + 0.1 * g) + 0.05 * w)


def lamb(w, g, s, t, rate):
    m, v = moments(g, s)
    r = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + 0.01 * w
    lengths = np.sqrt((w**2).sum()), np.sqrt((r**2).sum())
    ratio = lengths[0] / lengths[1] if w.ndim > 1 and min(lengths) > 0 else 1
    return w - rate * ratio * r


def schedule_free_adamw(w, g, s, t, rate):
    s.setdefault("x", w)
    s.setdefault("z", w)
    gamma = rate * min(1, t / 10)
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    s["z"] = s["z"] - gamma * (g / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8) + 0.01 * w)
    s["sum"] = s.get("sum", 0) + gamma**2
    c = gamma**2 / s["sum"]
    s["x"] = (1 - c) * s["x"] + c * s["z"]
    return 0.1 * s["z"] + 0.9 * s["x"]


RULES = {rule.__name__: rule for rule in (
    sgd, rmsprop, adagrad, adadelta, adam, adamw, nadam, radam, lion, lamb, schedule_free_adamw,
)}  # fmt: skip


class Quadratic:
    """`½‖A W − B‖²` for a matrix and a vector, with the gradients written out."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.a = np.eye(6) + 0.3 * rng.normal(size=(6, 6))
        self.b = rng.normal(size=(6, 3))
        self.start = [rng.normal(size=(6, 3)), rng.normal(size=3)]

    def __call__(self, weights):
        w, c = weights
        error = self.a @ w + c - self.b
        return 0.5 * (error**2).sum(), [self.a.T @ error, error.sum(0)]


class Digits:
    """A network 64-16-10 with tanh and cross-entropy over batches of the digits, with the gradients written out."""

    def __init__(self):
        x, y = load_digits(return_X_y=True)
        self.x, self.y, self.turn = x[:640] / 16, np.eye(10)[y[:640]], 0
        rng = np.random.default_rng(0)
        self.start = [rng.normal(size=(64, 16)) / 8, np.zeros(16), rng.normal(size=(16, 10)) / 4, np.zeros(10)]

    def __call__(self, weights):
        w1, b1, w2, b2 = weights
        rows = slice(64 * (self.turn % 10), 64 * (self.turn % 10) + 64)
        self.turn += 1
        x, y = self.x[rows], self.y[rows]
        hidden = np.tanh(x @ w1 + b1)
        logits = hidden @ w2 + b2
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        error = (shares - y) / len(x)
        back = error @ w2.T * (1 - hidden**2)
        loss = -(y * np.log(shares)).sum() / len(x)
        return loss, [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]


def made(name):
    settings = {"warmup_steps": 10} if name == "schedule_free_adamw" else {}
    return OPTIMIZERS.get(name)(learning_rate=RATES.get(name, 0.01), **settings)


def ours(name, problem, dtype=torch.float64, steps=STEPS):
    parameters = [torch.nn.Parameter(torch.tensor(w, dtype=dtype)) for w in problem.start]
    stepper = made(name).build(parameters)
    losses = []
    for _ in range(steps):
        loss, gradients = problem([p.detach().numpy().astype(np.float64) for p in parameters])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient, dtype=dtype)
        stepper.step()
        losses.append(loss)
    return losses, parameters, stepper


def theirs(name, problem):
    weights, states, losses = [w.copy() for w in problem.start], [{} for _ in problem.start], []
    for t in range(1, STEPS + 1):
        loss, gradients = problem(weights)
        pairs = zip(weights, gradients, states, strict=True)
        weights = [RULES[name](w, g, s, t, RATES.get(name, 0.01)) for w, g, s in pairs]
        losses.append(loss)
    return losses, weights, states


@pytest.mark.parametrize("problem", [Quadratic, Digits])
@pytest.mark.parametrize("name", RULES)
def test_trajectory_is_that_of_the_formula(name, problem):
    losses, parameters, _ = ours(name, problem())
    expected, weights, _ = theirs(name, problem())
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    np.testing.assert_allclose(losses[:20], expected[:20], rtol=1e-6)
    for parameter, weight in zip(parameters, weights, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), weight, rtol=1e-3, atol=1e-4)


def test_every_optimizer_is_compared():
    assert {*RULES, "muon"} == set(OPTIMIZERS.built_in())


@pytest.mark.parametrize("name", OPTIMIZERS.built_in())
def test_every_optimizer_learns_the_digits(name):
    losses, _, _ = ours(name, Digits(), torch.float32, steps=200)
    assert np.mean(losses[:5]) > 1.5
    assert np.mean(losses[-10:]) < 0.6


@pytest.mark.parametrize("name", OPTIMIZERS.built_in())
def test_a_restored_optimizer_goes_on_bit_for_bit(name):
    problem = Digits()
    _, parameters, stepper = ours(name, problem, torch.float32, steps=7)
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    other = made(name).build(copies)
    state = Slots(stepper).state()
    Slots(other).restore(load(save({key: value.clone().contiguous() for key, value in state.items()})))
    for _ in range(5):
        _, gradients = problem([p.detach().numpy().astype(np.float64) for p in parameters])
        for own in (parameters, copies):
            for parameter, gradient in zip(own, gradients, strict=True):
                parameter.grad = torch.tensor(gradient, dtype=torch.float32)
        stepper.step()
        other.step()
    assert all(torch.equal(p, c) for p, c in zip(parameters, copies, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS.built_in())
def test_what_is_frozen_rests_and_starts_afresh(name):
    """A tensor without gradients is left alone, and its first step is then like any other's first."""
    first, late, alone = (torch.nn.Parameter(torch.ones(2, 2)) for _ in range(3))
    together, single = made(name).build([first, late]), made(name).build([alone])
    for _ in range(30):
        first.grad = torch.full((2, 2), 0.5)
        together.step()
    assert torch.equal(late, torch.ones(2, 2))
    late.grad = alone.grad = torch.tensor([[0.5, -0.5], [0.1, 0.2]])
    together.step()
    single.step()
    if name == "schedule_free_adamw":  # but for the warm-up, which is each tensor's own, and the largest rate so far
        assert torch.equal(torch.sign(late - 1), torch.sign(alone - 1))
        assert (late - 1).abs().max() <= 0.011
    else:
        torch.testing.assert_close(late, alone)


def test_schedule_free_answers_with_the_mean_and_trains_on_bit_for_bit():
    _, parameters, stepper = ours("schedule_free_adamw", Digits())
    _, _, states = theirs("schedule_free_adamw", Digits())
    before = [p.detach().clone() for p in parameters]
    stepper.eval()
    for parameter, state in zip(parameters, states, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), state["x"], atol=1e-6)
    assert not torch.equal(parameters[0], before[0])
    with pytest.raises(RuntimeError, match="Call the optimizer's `train"):
        stepper.step()
    stepper.eval()
    stepper.train()
    stepper.train()
    assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True))
    assert set(stepper.state[parameters[0]]) == {"step", "exp_avg_sq", "z", "weight"}


def test_schedule_free_warms_up_inside():
    weights = torch.nn.Parameter(torch.zeros(3))
    stepper = ScheduleFreeAdamW(learning_rate=0.1, warmup_steps=50, weight_decay=0).build([weights])
    weights.grad = torch.ones(3)
    stepper.step()
    torch.testing.assert_close(weights.detach(), torch.full((3,), -0.1 / 50))


def test_muon_is_torchs_muon_and_torchs_adamw_at_rates_of_their_own():
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(shape, generator=generator) for shape in [(8, 5), (3, 8), (8,)]]
    own, matrix, rest = ([torch.nn.Parameter(s.clone()) for s in starts] for _ in range(3))
    stepper = Muon(matrix_ratio=4.0, weight_decay=0.1).build(
        [{"params": own[:1], "matrix": True}, {"params": own[1:2], "matrix": False},
         {"params": own[2:], "matrix": False, "weight_decay": 0.0}]
    )  # fmt: skip
    muon = torch.optim.Muon(matrix[:1], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    groups: list[dict[str, Any]] = [{"params": rest[1:2]}, {"params": rest[2:], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=0.005, weight_decay=0.1)
    for group in stepper.param_groups:
        group["lr"] = 0.005
    for _ in range(20):
        for trio in zip(own, matrix, rest, strict=True):
            gradient = torch.randn(trio[0].shape, generator=generator)
            for parameter in trio:
                parameter.grad = gradient.clone()
        for each in (stepper, muon, adamw):
            each.step()
    torch.testing.assert_close(own[0], matrix[0], rtol=0, atol=0)
    torch.testing.assert_close(own[1:], rest[1:])
    assert len(stepper.param_groups) == 3


@pytest.mark.parametrize("channels_last", [False, True])
def test_muon_steps_a_convolution_as_a_matrix_with_singular_values_near_one(channels_last):
    torch.manual_seed(0)
    kernel = torch.randn(6, 4, 3, 3)
    if channels_last:
        kernel = kernel.contiguous(memory_format=torch.channels_last)
    parameter = torch.nn.Parameter(kernel.clone(memory_format=torch.preserve_format))
    stepper = Muon(learning_rate=1.0, weight_decay=0).build([{"params": [parameter], "matrix": True}])
    parameter.grad = torch.randn_like(kernel)
    stepper.step()
    step = (kernel - parameter.detach()).flatten(1) / (0.2 * 36**0.5)
    assert 0.5 < torch.linalg.svdvals(step).min() < torch.linalg.svdvals(step).max() < 1.5
    flat = torch.nn.Parameter(kernel.flatten(1).clone())
    flat.grad = parameter.grad.flatten(1).clone()
    torch.optim.Muon([flat], lr=1.0, weight_decay=0, adjust_lr_fn="match_rms_adamw").step()
    torch.testing.assert_close(parameter.detach().flatten(1), flat.detach(), rtol=0.02, atol=0.02)


def test_muon_leaves_out_a_step_that_overflowed():
    """A scaler that found an overflow must hold back both parts, though fused AdamW could do so by itself."""
    stepper: Any = Muon().build([torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))])
    assert not stepper._step_supports_amp_scaling
