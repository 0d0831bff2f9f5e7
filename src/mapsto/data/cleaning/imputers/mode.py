"""The most frequent number of a column for its missing ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned


class Mode(Imputer):
    """The number that most training rows have, the smallest of several: for counts and codes."""

    says: ClassVar[str] = say("the most frequent number of the training rows")

    def learn(self, values: NDArray[np.float64]) -> Learned:
        fill = np.zeros(values.shape[1])
        for place in range(values.shape[1]):
            column = values[:, place]
            unique, counts = np.unique(column[~np.isnan(column)], return_counts=True)
            fill[place] = unique[counts.argmax()]
        return {"fill": fill}
