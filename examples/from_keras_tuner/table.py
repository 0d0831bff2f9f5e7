"""A number from a table: a network that is not compiled takes optimizer and loss from the recipe."""

import keras
from keras import layers
from sets import arguments, brief, diabetes

import mapsto as mp


def build_model(hp):
    model = keras.Sequential([keras.Input((10,)), layers.Normalization()])
    for i in range(hp.Int("layers", 1, 2)):
        model.add(layers.Dense(hp.Int(f"units_{i}", 16, 64, sampling="log"), activation="relu"))
    model.add(layers.Dense(1, bias_initializer=keras.initializers.Constant(150)))
    return model


if __name__ == "__main__":
    given = arguments()
    # was: tuner = keras_tuner.RandomSearch(build_model, objective="val_loss"); tuner.search(x, y)
    result = mp.tune(
        build_model, data=diabetes(), space={"optimizer.learning_rate": mp.log(1e-3, 1e-1)}, **brief(given)
    )
    print(result.scorecard)
