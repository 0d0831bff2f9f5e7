"""Units, activation, dropout and learning rate of a dense network."""

import keras
from keras import layers
from sets import arguments, brief, digits

import mapsto as mp


def build_model(hp):
    model = keras.Sequential()
    model.add(layers.Flatten())
    for i in range(hp.Int("num_layers", 1, 3)):
        units = hp.Int(f"units_{i}", min_value=32, max_value=128, step=32)
        model.add(layers.Dense(units=units, activation=hp.Choice("activation", ["relu", "tanh"])))
    if hp.Boolean("dropout"):
        model.add(layers.Dropout(rate=0.25))
    model.add(layers.Dense(10, activation="softmax"))
    learning_rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


if __name__ == "__main__":
    given = arguments()
    x, y = digits()
    # was: tuner = keras_tuner.RandomSearch(build_model, objective="val_accuracy", max_trials=3); tuner.search(x, y)
    result = mp.tune(build_model, data=(x, keras.utils.to_categorical(y)), **brief(given))
    print(result.scorecard)
