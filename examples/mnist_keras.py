"""A small convolutional network in Keras, tuned: only the builder's argument is new."""

import keras
from keras import layers
from sets import arguments, brief, mnist

import mapsto as mp


def build(hp):
    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


if __name__ == "__main__":
    given = arguments()
    x, y = mnist(given.rows)
    result = mp.tune(build, data=(x[..., None], y), **brief(given))
    print(result.scorecard)
