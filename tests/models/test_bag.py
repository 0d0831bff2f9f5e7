"""A bag of n-grams: what it sees, what it cannot see, and that padding is nothing to it."""

import pytest
import torch

from mapsto.models._ngrams import NgramBag
from mapsto.models.bag import Bag
from mapsto.testing.models import sample_spec


def test_the_mean_is_over_tokens_and_pairs():
    bag = NgramBag(num_tokens=9, dim=4, ngrams=2, buckets=50)
    assert bag.hashed is not None
    rows = torch.tensor([[0, 0, 3, 4, 5]])
    pairs = [bag.hashed.weight[1 + (a * 1_000_003 + b) % 49] for a, b in ((3, 4), (4, 5))]
    expected = (bag.tokens.weight[[3, 4, 5]].sum(0) + sum(pairs)) / 5
    assert torch.allclose(bag(rows)[0], expected)


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_padding_and_neighbors_change_nothing(ngrams):
    torch.manual_seed(0)
    network = Bag(ngrams=ngrams).build(sample_spec("tokens"), 3).eval()
    alone = network(torch.tensor([[7, 8, 9]]))
    beside = network(torch.tensor([[0, 0, 0, 7, 8, 9], [1, 2, 3, 4, 5, 6]]))
    assert torch.allclose(beside[:1], alone, atol=1e-6)
    assert torch.isfinite(network(torch.zeros(2, 4, dtype=torch.int32))).all()  # texts without a known word


@pytest.mark.parametrize(("ngrams", "learns"), [(1, False), (2, True)])
def test_only_pairs_tell_which_word_came_first(ngrams, learns):
    """Rows `3 4` and `4 3` hold the same words: a bag of single words cannot tell them apart, one of pairs can."""
    torch.manual_seed(0)
    network = Bag(ngrams=ngrams).build(sample_spec("tokens"), 2)
    rows, classes = torch.tensor([[3, 4], [4, 3]] * 8), torch.tensor([0, 1] * 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(network(rows), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (loss.item() < 0.1) == learns
