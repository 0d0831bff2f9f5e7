"""A hypermodel: a class with a method `build`, and arguments of its own (derive it from `keras_tuner.HyperModel`)."""

import keras
from keras import layers
from sets import arguments, brief, digits

import mapsto as mp


class ConvolutionalHyperModel:
    def __init__(self, num_classes):
        self.num_classes = num_classes

    def build(self, hp):
        inputs = keras.Input((8, 8, 1))
        x = inputs
        for i in range(hp.Int("conv_blocks", 1, 2, default=1)):
            filters = hp.Int(f"filters_{i}", 8, 32, step=8)
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            x = layers.MaxPool2D(2)(x) if hp.Choice(f"pooling_{i}", ["avg", "max"]) == "max" else layers.AvgPool2D(2)(x)
        x = layers.GlobalAvgPool2D()(x)
        x = layers.Dropout(hp.Float("dropout", 0, 0.5, step=0.1, default=0.5))(x)
        model = keras.Model(inputs, layers.Dense(self.num_classes, activation="softmax")(x))
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


if __name__ == "__main__":
    given = arguments()
    x, y = digits()
    # was: tuner = keras_tuner.Hyperband(ConvolutionalHyperModel(10), objective="val_accuracy"); tuner.search(x, y)
    result = mp.tune(ConvolutionalHyperModel(10), data=(x[..., None], y), **brief(given))
    print(result.scorecard)
