"""Networks over tokens: padding changes nothing, and each way of making one vector of a row does what it says."""

from typing import Any

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.errors import RecipeError
from mapsto.models import _attention, _layers, _sequences
from mapsto.models.rnn import RNN
from mapsto.models.transformer import Transformer
from mapsto.testing.models import check_model

WORDS = Spec("tokens", (24,), "int32", names=tuple(f"w{i}" for i in range(60)))
LENGTHS = (24, 1, 9, 17, 0)

SEQUENCES = [
    (RNN, {}),
    (RNN, {"cell": "gru", "pooling": "mean"}),
    (RNN, {"pooling": "attention"}),
    (RNN, {"bidirectional": True, "num_layers": 2}),
    (RNN, {"bidirectional": True, "pooling": "attention"}),
    (Transformer, {}),
    (Transformer, {"pooling": "first", "normalization": "rms"}),
    (Transformer, {"pooling": "attention", "positions": "none"}),
]


def padded_rows():
    ids = torch.randint(1, 60, (len(LENGTHS), 24), generator=torch.Generator().manual_seed(0))
    for row, length in enumerate(LENGTHS):
        ids[row, : 24 - length] = 0
    return ids


@pytest.mark.parametrize(("family", "settings"), SEQUENCES)
def test_settings_keep_the_contract(family, settings):
    check_model(family, **settings)


@pytest.mark.parametrize(("family", "settings"), SEQUENCES)
def test_padding_changes_nothing(family, settings):
    torch.manual_seed(0)
    network = family(**settings).build(WORDS, 3).eval()
    ids = padded_rows()
    with torch.inference_mode():
        together = network(ids)
        for row, length in enumerate(LENGTHS):
            alone = network(ids[row : row + 1, 24 - max(1, length) :])
            assert torch.allclose(together[row], alone[0], atol=1e-6)
        more = network(torch.cat([torch.zeros(len(ids), 40, dtype=ids.dtype), ids], dim=1))
    assert torch.allclose(together, more, atol=1e-6)
    assert float((together[0] - together[2]).abs().max()) > 1e-3


@pytest.mark.parametrize(("family", "settings"), SEQUENCES)
def test_padding_gets_no_gradient(family, settings):
    torch.manual_seed(0)
    network = family(**settings).build(WORDS, 3)
    network(padded_rows()[:4]).sum().backward()
    assert float(network.embedding.weight.grad[0].abs().sum()) == 0


def test_rows_are_moved_to_the_left_and_cut_to_the_longest():
    ids, lengths = _sequences.aligned(torch.tensor([[0, 0, 0, 7], [0, 5, 0, 6], [0, 0, 0, 0]]))
    assert ids.tolist() == [[7, 0, 0], [5, 0, 6], [0, 0, 0]]
    assert lengths.tolist() == [1, 3, 1]


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_both_ways_equal_torchs_packed_sequences(kind):
    torch.manual_seed(0)
    reference = kind(5, 7, batch_first=True, bidirectional=True)
    ours = _sequences.Recurrent(kind, 5, 7, num_layers=1, bidirectional=True, dropout=0.0)
    for name, value in ours.forward_layers[0].named_parameters():
        value.data.copy_(getattr(reference, name).data)
        ours.backward_layers[0].get_parameter(name).data.copy_(getattr(reference, f"{name}_reverse").data)
    values, lengths = torch.randn(4, 9, 5), torch.tensor([9, 3, 1, 6])
    packed = nn.utils.rnn.pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    real = _sequences.are_real(lengths, 9).unsqueeze(2)
    assert torch.allclose(ours(values, lengths) * real, expected, atol=1e-6)
    final = reference(packed)[1]
    final = final[0] if kind is nn.LSTM else final
    assert torch.allclose(_sequences.BothEnds(7)(ours(values, lengths), lengths), torch.cat([*final], 1), atol=1e-6)


def test_mean_and_attention_take_real_steps_alone():
    values, lengths = torch.randn(2, 5, 4), torch.tensor([2, 5])
    mean = _sequences.Pool("mean", 4)(values, lengths)
    assert torch.allclose(mean[0], values[0, :2].mean(0))
    assert torch.allclose(mean[1], values[1].mean(0))
    pool: Any = _sequences.Pool("attention", 4)
    shares = pool.score(values[0, :2]).softmax(0)
    assert torch.allclose(pool(values, lengths)[0], (shares * values[0, :2]).sum(0), atol=1e-6)
    assert torch.equal(_sequences.Pool("last", 4)(values, lengths)[0], values[0, 1])
    assert torch.equal(_sequences.Pool("first", 4)(values, lengths), values[:, 0])


def test_rotary_products_depend_on_the_distance_alone():
    rotary = _attention.Rotary(_attention.angles(torch.arange(50), 8))
    query, key = torch.randn(8), torch.randn(8)
    queries, keys = rotary(query.expand(1, 1, 50, 8))[0, 0], rotary(key.expand(1, 1, 50, 8))[0, 0]
    products = queries @ keys.T
    for distance in (0, 1, 7, 30):
        along = products.diagonal(-distance)
        assert torch.allclose(along, along[:1].expand_as(along), atol=1e-4)
    assert float((products.diagonal(-7)[0] - products.diagonal()[0]).abs()) > 1e-3


def test_rotary_knows_the_order_of_words_and_none_does_not():
    ids = padded_rows()[:1]
    effects = {}
    for positions in ("rotary", "none"):
        torch.manual_seed(0)
        network = Transformer(positions=positions).build(WORDS, 3).eval()
        effects[positions] = float((network(ids) - network(ids.flip(1))).detach().abs().max())
    assert effects["none"] < 1e-6 < 1e-4 < effects["rotary"]


def test_attention_equals_torchs_multihead_attention():
    torch.manual_seed(0)
    ours = _attention.Attention(8, 2, None, 0.0)
    reference = nn.MultiheadAttention(8, 2, batch_first=True)
    reference.in_proj_weight.data.copy_(ours.joint.weight.data)
    reference.in_proj_bias.data.copy_(ours.joint.bias.data)
    reference.out_proj.load_state_dict(ours.out.state_dict())
    values, real = torch.randn(3, 6, 8), _sequences.are_real(torch.tensor([6, 2, 4]), 6)
    expected, _ = reference(values, values, values, key_padding_mask=~real, need_weights=False)
    assert torch.allclose(ours(values, real[:, None, None, :]), expected, atol=1e-6)


def test_heads_that_do_not_part_the_width_are_refused():
    with pytest.raises(RecipeError, match=r"`model.embed_dim` = 64 does not part into 5 heads"):
        Transformer(num_heads=5).build(WORDS, 2)


def test_stochastic_depth_grows_to_its_rate_and_zero_last_answers_zero():
    network = Transformer(num_layers=4, stochastic_depth=0.4).build(WORDS, 2)
    rates = [m.rate for m in network.modules() if isinstance(m, _layers.StochasticDepth)]
    assert sorted({round(rate, 6) for rate in rates}) == [0.1, 0.2, 0.3, 0.4]
    for family in (RNN, Transformer):
        assert float(family(zero_last=True).build(WORDS, 2)(padded_rows()).detach().abs().max()) == 0


@pytest.mark.parametrize("family", [RNN, Transformer])
def test_dropout_acts_in_training_alone(family):
    torch.manual_seed(0)
    network = family(dropout=0.5).build(WORDS, 2)
    ids = padded_rows()
    assert not torch.equal(network(ids), network(ids))
    network.eval()
    assert torch.equal(network(ids), network(ids))


@pytest.mark.parametrize(("family", "settings"), [(RNN, {"pooling": "attention"}), (Transformer, {"embed_dim": 32})])
def test_it_learns_which_word_came_first(family, settings):
    torch.manual_seed(0)
    network = family(**settings).build(WORDS, 2)
    ids = torch.randint(3, 60, (128, 8))
    targets = torch.randint(0, 2, (128,))
    places = torch.stack([torch.randperm(8)[:2].sort().values for _ in range(128)])
    rows = torch.arange(128)
    ids[rows, places[:, 0]] = 1 + targets
    ids[rows, places[:, 1]] = 2 - targets
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(ids), targets).backward()
        optimizer.step()
    accuracy = (network.eval()(ids).argmax(1) == targets).float().mean()
    assert float(accuracy) > 0.9
