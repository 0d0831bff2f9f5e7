"""Rows with a missing number left out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned, over_columns


class Drop(Imputer):
    """Rows without a number are in no part (`prepare` leaves them out); a new row must be answered: by the median."""

    says: ClassVar[str] = say("the median of the training rows")

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return {"fill": over_columns(values, np.median)}
