"""Which classifier, and with which settings: branches that ask for different things."""

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

import mapsto as mp


def objective(trial):
    x, y = load_iris(return_X_y=True)
    kind = trial.suggest_categorical("classifier", ["SVC", "RandomForest"])
    if kind == "SVC":
        model = SVC(C=trial.suggest_float("svc_c", 1e-10, 1e10, log=True), gamma="auto")
    else:
        depth = trial.suggest_int("rf_max_depth", 2, 32, log=True)
        model = RandomForestClassifier(max_depth=depth, n_estimators=10, random_state=0)
    return cross_val_score(model, x, y, cv=3).mean()


if __name__ == "__main__":
    # was: study = optuna.create_study(direction="maximize"); study.optimize(objective, n_trials=20)
    study = mp.tune_objective(objective, direction="maximize", n_trials=20)
    print(study.best_value, study.best_params)
