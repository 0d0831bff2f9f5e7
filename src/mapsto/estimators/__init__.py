"""mapsto at home in scikit-learn: classifiers and regressors whose network is trained, or tuned, when they are fitted.

`NetworkClassifier` and `NetworkRegressor` train one recipe; `TunedClassifier` and `TunedRegressor` search for one.
"""

from mapsto.estimators.network import NetworkClassifier, NetworkRegressor
from mapsto.estimators.tuned import TunedClassifier, TunedRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor", "TunedClassifier", "TunedRegressor"]
