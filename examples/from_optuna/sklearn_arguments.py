"""An objective with arguments of its own: an object that is called."""

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mapsto as mp


class Objective:
    def __init__(self, data):
        self.data = data

    def __call__(self, trial):
        x, y = self.data
        strength = trial.suggest_float("C", 1e-5, 1e3, log=True)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
        return 1.0 - cross_val_score(model, x, y, cv=3).mean()


if __name__ == "__main__":
    objective = Objective(load_wine(return_X_y=True))
    # was: study = optuna.create_study(); study.optimize(objective, n_trials=15)
    study = mp.tune_objective(objective, n_trials=15)
    print(study.best_value, study.best_params)
