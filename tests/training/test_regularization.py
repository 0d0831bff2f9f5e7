"""L1, L2 and clipping by their effect on weights and gradients."""

import torch

from mapsto.recipe.schema import TrainingOptions
from mapsto.training.regularization import Regularization


def network():
    torch.manual_seed(0)
    return torch.nn.Linear(20, 10)


def test_l2_adds_its_gradient_to_weights_and_not_to_biases():
    layer = network()
    layer.weight.grad, layer.bias.grad = torch.zeros(10, 20), torch.zeros(10)
    Regularization(TrainingOptions(l2=0.3), layer).before_step()
    assert torch.allclose(layer.weight.grad, 0.6 * layer.weight)
    assert not layer.bias.grad.any()


def test_l1_is_the_proximal_step_and_makes_exact_zeros():
    layer = network()
    before = layer.weight.detach().clone()
    Regularization(TrainingOptions(l1=1.0), layer).after_step(learning_rate=0.1)
    expected = before.sign() * (before.abs() - 0.1).clamp(min=0)
    assert torch.allclose(layer.weight, expected)
    assert int((layer.weight == 0).sum()) == int((before.abs() <= 0.1).sum()) > 0


def test_clipping_bounds_the_common_norm_and_keeps_the_direction():
    layer = network()
    layer.weight.grad, layer.bias.grad = torch.full((10, 20), 3.0), torch.full((10,), 4.0)
    Regularization(TrainingOptions(max_grad_norm=1.0), layer).before_step()
    norm = torch.cat([layer.weight.grad.flatten(), layer.bias.grad]).norm()
    assert torch.isclose(norm, torch.tensor(1.0), atol=1e-4)
    assert torch.allclose(layer.bias.grad / layer.weight.grad[0, 0], torch.tensor(4 / 3))


def test_nothing_is_touched_without_settings():
    layer = network()
    layer.weight.grad = torch.full((10, 20), 3.0)
    before = layer.weight.detach().clone()
    regularization = Regularization(TrainingOptions(), layer)
    regularization.before_step()
    regularization.after_step(0.1)
    assert torch.equal(layer.weight, before)
    assert bool((layer.weight.grad == 3).all())
