"""Each optimizer against its formula, written out in numpy."""

import numpy as np
import pytest
import torch

from mapsto.recipe.families import OPTIMIZERS
from mapsto.testing.optimizers import check_optimizer
from mapsto.training.optimizers.adam import Adam
from mapsto.training.optimizers.adamw import AdamW
from mapsto.training.optimizers.rmsprop import RMSprop
from mapsto.training.optimizers.sgd import SGD

GRADIENTS = np.random.default_rng(0).normal(size=(20, 4))
START = np.array([1.0, -2.0, 0.5, 3.0])


@pytest.mark.parametrize("name", OPTIMIZERS.built_in())
def test_conformance(name):
    check_optimizer(OPTIMIZERS.get(name))


def ours(optimizer):
    weights = torch.nn.Parameter(torch.tensor(START, dtype=torch.float32))
    stepper = optimizer.build([weights])
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient, dtype=torch.float32)
        stepper.step()
    return weights.detach().numpy()


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd(nesterov):
    weights, velocity = START.copy(), np.zeros(4)
    for index, gradient in enumerate(GRADIENTS):
        gradient = gradient + 0.01 * weights
        velocity = gradient if index == 0 else 0.9 * velocity + gradient
        weights = weights - 0.1 * (gradient + 0.9 * velocity if nesterov else velocity)
    optimizer = SGD(learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.01)
    np.testing.assert_allclose(ours(optimizer), weights, rtol=1e-5)


def test_rmsprop():
    weights, square = START.copy(), np.zeros(4)
    for gradient in GRADIENTS:
        square = 0.95 * square + 0.05 * gradient**2
        weights = weights - 0.01 * gradient / (np.sqrt(square) + 1e-8)
    np.testing.assert_allclose(ours(RMSprop(learning_rate=0.01, alpha=0.95)), weights, rtol=1e-4)


@pytest.mark.parametrize("decoupled", [False, True])
def test_adam_and_adamw(decoupled):
    weights, mean, square, decay, rate = START.copy(), np.zeros(4), np.zeros(4), 0.1, 0.01
    for step, raw in enumerate(GRADIENTS, start=1):
        gradient = raw if decoupled else raw + decay * weights
        if decoupled:
            weights = weights * (1 - rate * decay)
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        weights = weights - rate * (mean / (1 - 0.8**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    kind = AdamW if decoupled else Adam
    optimizer = kind(learning_rate=rate, beta1=0.8, beta2=0.99, weight_decay=decay)
    np.testing.assert_allclose(ours(optimizer), weights, rtol=1e-4)


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(ValueError, match="needs a `momentum` above 0"):
        SGD(momentum=0, nesterov=True)
