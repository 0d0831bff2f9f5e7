"""A Keras model inside an objective."""

import keras
from sets import arguments, digits

import mapsto as mp


def objective(trial):
    x, y = digits()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(
                trial.suggest_categorical("filters", [16, 32]),
                kernel_size=trial.suggest_categorical("kernel_size", [2, 3]),
                activation=trial.suggest_categorical("activation", ["relu", "linear"]),
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    model.compile(keras.optimizers.RMSprop(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:1200, ..., None], y[:1200], batch_size=128, epochs=given.epochs, verbose=0)
    return model.evaluate(x[1200:, ..., None], y[1200:], verbose=0)[1]


if __name__ == "__main__":
    given = arguments()
    # was: study = optuna.create_study(direction="maximize"); study.optimize(objective, n_trials=100)
    study = mp.tune_objective(objective, direction="maximize", n_trials=given.trials, out=given.out)
    print(study.best_value, study.best_params)
