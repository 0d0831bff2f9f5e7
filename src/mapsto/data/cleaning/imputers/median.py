"""The median of a column for its missing numbers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned, over_columns


class Median(Imputer):
    """The middle value of each column in training, which outliers do not move."""

    says: ClassVar[str] = say("the median of the training rows")

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return {"fill": over_columns(values, np.median)}
