"""An LSTM in PyTorch as a class, tuned: its arguments are its hyperparameters."""

from sets import arguments, brief, imdb
from torch import nn

import mapsto as mp


class Reviews(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.embedding = nn.Embedding(10000, dim)
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.dense = nn.Linear(dim, 1)

    def forward(self, ids):
        _, (hidden, _) = self.lstm(self.embedding(ids))
        return self.dense(hidden[-1])


if __name__ == "__main__":
    given = arguments()
    space = {"hp.dim": mp.int(32, 64, step=16), "optimizer.learning_rate": mp.log(1e-4, 1e-2)}
    result = mp.tune(Reviews, data=imdb(given.rows), space=space, **brief(given))
    print(result.scorecard)
