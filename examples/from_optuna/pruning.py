"""Poor trials are ended early: the objective reports after each pass over the rows."""

import optuna
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import mapsto as mp


def objective(trial):
    x, y = load_iris(return_X_y=True)
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, random_state=0)
    model = SGDClassifier(alpha=trial.suggest_float("alpha", 1e-5, 1e-1, log=True), random_state=0)
    for step in range(50):
        model.partial_fit(x_train, y_train, classes=[0, 1, 2])
        trial.report(1.0 - model.score(x_valid, y_valid), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return 1.0 - model.score(x_valid, y_valid)


if __name__ == "__main__":
    # was: study = optuna.create_study(pruner=optuna.pruners.MedianPruner()); study.optimize(objective, n_trials=30)
    study = mp.tune_objective(objective, pruner="median", n_trials=30)
    print(study.best_value, study.best_params, sum(trial.state == "pruned" for trial in study.trials), "pruned")
