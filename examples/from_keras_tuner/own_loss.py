"""A model that computes its loss itself: Keras trains it, so what it does in a step still happens."""

import keras
from keras import layers, ops
from sets import arguments, brief, cancer

import mapsto as mp


class Confident(keras.Model):
    """Cross-entropy, and a fine for being sure of everything."""

    def __init__(self, units, fine):
        super().__init__()
        self.hidden, self.last, self.fine = (
            layers.Dense(units, activation="relu"),
            layers.Dense(2, activation="softmax"),
            fine,
        )

    def call(self, inputs):
        return self.last(self.hidden(inputs))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        return loss + self.fine * ops.mean(ops.sum(y_pred * ops.log(y_pred + 1e-7), axis=1))


def build_model(hp):
    model = Confident(hp.Int("units", 8, 32, step=8), hp.Float("fine", 0.0, 0.2))
    model.compile(keras.optimizers.Adam(hp.Float("lr", 1e-3, 1e-1, sampling="log")), "sparse_categorical_crossentropy")
    return model


if __name__ == "__main__":
    given = arguments()
    # was: tuner = keras_tuner.GridSearch(build_model, objective="val_loss"); tuner.search(x, y)
    result = mp.tune(build_model, data=cancer(), **brief(given))
    print(result.scorecard)
