"""Hyperparameters that are there for one kind of network only."""

import keras
from keras import layers
from sets import arguments, brief, digits

import mapsto as mp


def build_model(hp):
    model = keras.Sequential([keras.Input((8, 8, 1))])
    model_type = hp.Choice("model_type", ["mlp", "cnn"])
    with hp.conditional_scope("model_type", ["mlp"]):
        if model_type == "mlp":
            model.add(layers.Flatten())
            model.add(layers.Dense(hp.Int("dense_units", 32, 128, step=32), activation="relu"))
    with hp.conditional_scope("model_type", ["cnn"]):
        if model_type == "cnn":
            model.add(layers.Conv2D(hp.Int("filters", 8, 32, step=8), 3, activation="relu"))
            model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    given = arguments()
    x, y = digits()
    # was: tuner = keras_tuner.BayesianOptimization(build_model, objective="val_accuracy"); tuner.search(x, y)
    result = mp.tune(build_model, data=(x[..., None], y), **brief(given))
    print(result.scorecard)
