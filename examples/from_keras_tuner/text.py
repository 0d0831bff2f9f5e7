"""Texts as numbers of words: embedding, convolution, and how they are brought together."""

import keras
from keras import layers
from sets import arguments, brief, imdb

import mapsto as mp


def build_model(hp):
    inputs = keras.Input((200,), dtype="int32")
    x = layers.Embedding(10000, hp.Choice("embedding_dim", [16, 32]))(inputs)
    x = layers.Conv1D(hp.Int("filters", 16, 64, step=16), hp.Choice("kernel_size", [3, 5]), activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.5))(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    given = arguments()
    # was: tuner = keras_tuner.RandomSearch(build_model, objective="val_accuracy"); tuner.search(x, y)
    result = mp.tune(build_model, data=imdb(given.rows), **brief(given))
    print(result.scorecard)
