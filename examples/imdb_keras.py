"""An LSTM in plain tf.keras (or in Keras, on another backend), tuned: only the builder's argument is new."""

import os

from sets import arguments, brief, imdb

if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
    from tensorflow import keras
else:
    import keras

import mapsto as mp


def build(hp):
    model = keras.Sequential(
        [
            keras.layers.Embedding(10000, 64),
            keras.layers.LSTM(64),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return model


if __name__ == "__main__":
    given = arguments()
    result = mp.tune(build, data=imdb(given.rows), **brief(given))
    print(result.scorecard)
