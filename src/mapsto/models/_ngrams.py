"""Texts as bags of n-grams. Imported by `Model.build` alone, since it needs torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.models._sequences import aligned, are_real

MULTIPLIER = 1_000_003
"""Of the hash that joins neighboring tokens; a prime, so that the order of the tokens counts."""


class NgramBag(nn.Module):
    """Token ids `(rows, steps)` to the mean vector of a row's tokens and of its n-grams, `(rows, dim)`.

    Tokens have a vector each; longer n-grams share `buckets` vectors by a hash. Padding counts for nothing.
    """

    def __init__(self, num_tokens: int, dim: int, ngrams: int, buckets: int) -> None:
        super().__init__()
        self.ngrams, self.buckets = ngrams, buckets
        self.tokens = nn.Embedding(num_tokens, dim, padding_idx=0)
        self.hashed = nn.Embedding(buckets, dim, padding_idx=0) if ngrams > 1 else None
        for embedding in (self.tokens, self.hashed):
            if embedding is not None:  # small, so that what is seldom seen says little
                nn.init.normal_(embedding.weight, std=dim**-0.5)
                with torch.no_grad():
                    embedding.weight[0].zero_()

    def forward(self, ids: Tensor) -> Tensor:
        ids, lengths = aligned(ids)
        total = self.tokens(ids).sum(1)
        count = lengths
        grams = ids.long()
        for size in range(2, self.ngrams + 1):
            if self.hashed is None or ids.shape[1] < size:
                break
            grams = grams[:, :-1] * MULTIPLIER + ids[:, size - 1 :]
            real = are_real(lengths, ids.shape[1])[:, size - 1 :]
            places = torch.where(real, 1 + grams.remainder(self.buckets - 1), 0)
            total = total + self.hashed(places).sum(1)
            count = count + (lengths - size + 1).clamp(min=0)
        mean: Tensor = total / count.unsqueeze(1)
        return mean
