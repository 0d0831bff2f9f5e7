"""A small convolutional network in PyTorch, tuned: only the builder's argument is new."""

from sets import arguments, brief, mnist
from torch import nn

import mapsto as mp


def build(hp):
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 5 * 5, 10),
    )


if __name__ == "__main__":
    given = arguments()
    x, y = mnist(given.rows)
    space = {"optimizer.learning_rate": mp.log(1e-4, 1e-2)}
    result = mp.tune(build, data=(x[:, None], y), space=space, **brief(given))
    print(result.scorecard)
