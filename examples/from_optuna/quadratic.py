"""The smallest objective: a parabola. One line is mapsto's."""

import mapsto as mp


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


if __name__ == "__main__":
    # was: study = optuna.create_study(); study.optimize(objective, n_trials=30)
    study = mp.tune_objective(objective, n_trials=30)
    print(study.best_value, study.best_params)
