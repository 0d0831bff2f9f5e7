"""The sets that have a name: what they are, where they may lie, and where they can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapsto.data.download import Download


@dataclass(frozen=True)
class Known:
    """A named set.

    Attributes:
        description: what it holds.
        rows: number of examples.
        places: where it may lie below a root, the first that is there is read; none for what scikit-learn brings.
        downloads: files that make it up, where it may be downloaded.
        options: settings of `data` that read it as its authors advise.
    """

    description: str
    rows: int
    places: tuple[str, ...] = ()
    downloads: tuple[Download, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def _idx(base: str, folder: str, files: Mapping[str, tuple[int, str]]) -> tuple[Download, ...]:
    return tuple(
        Download(f"{base}/{name}-ubyte.gz", size, digest, f"{folder}/{name}-ubyte.gz")
        for name, (size, digest) in files.items()
    )


SETS = {
    "digits": Known("handwritten digits, 8×8 gray pixels, 10 classes (comes with scikit-learn)", 1797),
    "mnist": Known(
        "handwritten digits, 28×28 gray pixels, 10 classes",
        70_000,
        ("mnist/mnist.npz", "mnist.npz", "mnist", "MNIST/raw"),
        _idx(
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "mnist",
            {
                "train-images-idx3": (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
                "train-labels-idx1": (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
                "t10k-images-idx3": (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
                "t10k-labels-idx1": (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
            },
        ),
    ),
    "fashion-mnist": Known(
        "photographs of clothes, 28×28 gray pixels, 10 classes",
        70_000,
        ("fashion-mnist/fashion-mnist.npz", "fashion-mnist.npz", "fashion-mnist", "fashion_mnist", "FashionMNIST/raw"),
        _idx(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "fashion-mnist",
            {
                "train-images-idx3": (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
                "train-labels-idx1": (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                "t10k-images-idx3": (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
                "t10k-labels-idx1": (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
            },
        ),
    ),
    "cifar10": Known(
        "photographs, 32×32 pixels in color, 10 classes",
        60_000,
        ("cifar10/cifar10.zip", "cifar10.zip", "cifar10/cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz")
        + ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar10"),
        (
            Download(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                170052171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                "cifar10/cifar-10-binary.tar.gz",
            ),
        ),
    ),
    "cifar100": Known(
        "photographs, 32×32 pixels in color, 100 classes",
        60_000,
        ("cifar100/cifar-100-binary.tar.gz", "cifar-100-binary.tar.gz", "cifar-100-binary", "cifar-100-python")
        + ("cifar100",),
        (
            Download(
                "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
                168513733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                "cifar100/cifar-100-binary.tar.gz",
            ),
        ),
    ),
    "imdb": Known(
        "film reviews in English, positive or negative",
        50_000,
        ("aclImdb", "imdb/aclImdb", "aclImdb_v1.tar.gz", "imdb/aclImdb_v1.tar.gz", "imdb/imdb.csv", "imdb.csv")
        + ("imdb/imdb_9k.csv.gz",),
        (
            Download(
                "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
                84125825,
                "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
                "imdb/aclImdb_v1.tar.gz",
            ),
        ),
    ),
    "fsdd": Known(
        "spoken digits of six speakers, 8 kHz, 10 classes",
        3000,
        ("fsdd/fsdd.zip", "fsdd.zip", "fsdd", "free-spoken-digit-dataset/recordings"),
        # Takes 0 to 4 of each speaker and digit are the test part, as the authors advise.
        options={"label_pattern": r"(?P<label>\d)_[a-z]+_((?P<test>[0-4])|\d+)\.wav$"},
    ),
    "imagenet": Known(
        "photographs, 1,000 classes (ILSVRC 2012; as folders or as .tar shards)",
        1_281_167,
        ("imagenet", "ILSVRC2012", "ILSVRC", "imagenet-1k"),
    ),
}
