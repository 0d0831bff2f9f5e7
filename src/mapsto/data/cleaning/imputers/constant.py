"""One given number for all that are missing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned


class Constant(Imputer):
    """`data.fill_value`, in the columns' own units; scaled as they are."""

    says: ClassVar[str] = say("`data.fill_value`")

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return {"fill": np.full(values.shape[1], self.options.fill_value)}
