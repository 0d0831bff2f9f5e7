"""Parameter groups, freezing and unfreezing, by what becomes of the weights."""

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.errors import RecipeError
from mapsto.models.vit import ViT
from mapsto.recipe.schema import TrainingOptions
from mapsto.training.optimizers.adam import Adam
from mapsto.training.optimizers.adamw import AdamW
from mapsto.training.parameters import Freezing, groups, hidden_matrices, layers


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(4), nn.Linear(4, 4)

    def forward(self, inputs):
        return inputs + self.inner(self.norm(inputs))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), Block(), Block(), nn.Linear(4, 2))


def scales(made, **options):
    by_parameter = {
        parameter: group["lr_scale"]
        for group in groups(made, TrainingOptions(**options), Adam())
        for parameter in group["params"]
    }
    return {name: by_parameter[parameter] for name, parameter in made.named_parameters()}


def stepped(made, options, optimizer, rate=0.1, gradient=0.0):
    built = optimizer.build(groups(made, options, optimizer))
    for parameter in made.parameters():
        parameter.grad = torch.full_like(parameter, gradient)
    for group in built.param_groups:
        group["lr"] = rate * group["lr_scale"]
    built.step()


def test_decay_pulls_at_matrices_and_leaves_biases_and_normalizations_alone():
    made, before = network(), network().state_dict()
    stepped(made, TrainingOptions(), AdamW(weight_decay=0.5))
    for name, parameter in made.named_parameters():
        factor = 1 - 0.1 * 0.5 if parameter.ndim > 1 else 1.0
        assert torch.equal(parameter, before[name]) == (factor == 1.0), name
        assert torch.allclose(parameter, before[name] * factor), name


def test_decay_can_pull_at_everything_and_a_mark_keeps_it_off():
    made, before = network(), network().state_dict()
    made[0].weight.no_decay = True
    stepped(made, TrainingOptions(decay_all=True), AdamW(weight_decay=0.5))
    assert torch.equal(made[0].weight, before["0.weight"])
    assert torch.allclose(made[1].weight, before["1.weight"] * 0.95)


def test_lengths_of_weight_normalization_do_not_decay():
    layer = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), nn.Linear(4, 2))
    before = {name: parameter.detach().clone() for name, parameter in layer.named_parameters()}
    stepped(layer, TrainingOptions(), AdamW(weight_decay=0.5))
    changed = {name for name, parameter in layer.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {"0.parametrizations.weight.original1", "1.weight"}


def test_without_decay_there_is_one_group():
    assert len(groups(network(), TrainingOptions(), Adam())) == 1
    assert len(groups(network(), TrainingOptions(), AdamW())) == 2


def test_layers_are_blocks_and_a_normalization_belongs_to_the_layer_before_it():
    made = network()
    names = {parameter: name for name, parameter in made.named_parameters()}
    found = [{names[parameter].split(".")[0] for parameter in layer} for layer in layers(made)]
    assert found == [{"0", "1"}, {"3"}, {"4"}, {"5"}]
    wrapped = nn.Sequential(nn.Flatten(), nn.Sequential(made))  # a network within a network is opened
    assert len(layers(wrapped)) == 4


def test_the_rate_of_each_layer_falls_from_the_top():
    made = network()
    names = {parameter: name for name, parameter in made.named_parameters()}
    found = scales(made, layer_decay=0.5)
    for depth, layer in enumerate(layers(made)):
        assert {found[names[parameter]] for parameter in layer} == {0.5 ** (3 - depth)}


def test_rates_by_name_by_mark_and_by_layer_multiply():
    made = network()
    made[5].bias.lr_scale = 10.0
    found = scales(made, layer_decay=0.5, learning_rates={"*.bias": 3.0, "0.*": 0.1})
    assert found["5.bias"] == 30.0
    assert found["0.bias"] == pytest.approx(3.0 * 0.1 * 0.125)
    assert found["0.weight"] == pytest.approx(0.0125)
    assert found["5.weight"] == 1.0


def test_a_group_steps_as_far_as_its_rate_says():
    made, before = network(), network().state_dict()
    stepped(made, TrainingOptions(learning_rates={"5.*": 0.25, "0.bias": 0.0}), Adam(), rate=0.1, gradient=1.0)
    assert torch.allclose(before["0.weight"] - made[0].weight, torch.tensor(0.1), atol=1e-5)
    assert torch.allclose(before["5.weight"] - made[5].weight, torch.tensor(0.025), atol=1e-5)
    assert torch.equal(before["0.bias"], made[0].bias)


def test_hidden_matrices_are_neither_embeddings_nor_vectors_nor_the_last_layer():
    made = nn.Sequential(nn.Embedding(9, 4), nn.LSTM(4, 4), nn.Conv1d(4, 4, 3), nn.BatchNorm1d(4), nn.Linear(4, 2))
    names = {parameter: name for name, parameter in made.named_parameters()}
    found = {names[parameter] for parameter in hidden_matrices(made)}
    assert found == {"1.weight_ih_l0", "1.weight_hh_l0", "2.weight"}


def test_a_pattern_that_fits_nothing_is_an_error():
    with pytest.raises(RecipeError, match=r"`training.learning_rates`: no parameter .* like 'head\.\*'.*0\.weight"):
        scales(network(), learning_rates={"head.*": 2.0})
    with pytest.raises(RecipeError, match=r"`training.freeze`: no parameter"):
        Freezing(network(), TrainingOptions(freeze="0.weight, encoder.*"))
    with pytest.raises(RecipeError, match="leaves nothing to train"):
        Freezing(network(), TrainingOptions(freeze="*"))


def run(trainer):
    return list(trainer.advance(trainer.recipe.training.max_epochs))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_frozen_weights_stay_bit_for_bit_whatever_pulls_at_them(small, optimizer):
    made = small(
        "model.normalization=batch",
        "training.freeze=0.*, 1.*",
        "training.l1=0.1",
        "training.l2=0.1",
        "training.max_weight_norm=0.1",
        f"optimizer.name={optimizer}",
        "optimizer.weight_decay=0.5",
    )
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items()}
    run(made)
    after = made.network.state_dict()
    for name, tensor in before.items():
        frozen = name.startswith(("0.", "1."))  # the running statistics of 1 too
        assert torch.equal(after[name], tensor) == frozen, name
    assert made.num_parameters == sum(p.numel() for p in made.network.parameters()) - (5 * 8 + 8) - 16


def test_layers_are_unfrozen_one_by_one_from_the_top(small):
    made = small("training.unfreeze_epochs=2", "training.max_epochs=6")
    weights = ["0.weight", "2.weight", "4.weight"]
    changed, before = [], {name: made.network.state_dict()[name].clone() for name in weights}
    for _ in made.advance(6):
        after = {name: made.network.state_dict()[name].clone() for name in weights}
        changed.append([not torch.equal(after[name], before[name]) for name in weights])
        before = after
    assert changed == [[False, False, True]] * 2 + [[False, True, True]] * 2 + [[True, True, True]] * 2


@pytest.mark.parametrize(
    ("family", "expected"),
    [("tabm", {"2.shared.weight", "5.shared.weight"}), ("realmlp", {"2.weight", "5.weight", "8.weight"})],
)
def test_hidden_matrices_of_layers_that_are_not_torchs_own(small, family, expected):
    made = small(f"model.name={family}")
    names = {parameter: name for name, parameter in made.network.named_parameters()}
    assert {names[parameter] for parameter in hidden_matrices(made.network)} == expected


def test_blocks_of_attention_are_layers_of_their_own():
    spec = Spec("image", (1, 8, 8), "uint8")
    made = ViT(num_layers=3, embed_dim=16, num_heads=2).build(spec, 4)
    names = {parameter: name for name, parameter in made.named_parameters()}
    found = [{names[parameter].removesuffix(".weight") for parameter in layer} for layer in layers(made)]
    assert len(found) == 5
    assert all(f"body.blocks.{number}.attention.joint" in found[number + 1] for number in range(3))
    assert {"body.norm", "body.blocks.2.norm"} <= found[3]
    assert found[4] == {"head", "head.bias"}
