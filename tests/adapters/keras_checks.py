"""What KerasTrainer must do on a backend, in a process of its own: `python keras_checks.py FOLDER` prints JSON.

Each check gives plain values; the assertions stand in `test_keras.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
QUICK = {
    "training.max_epochs": 3, "training.batch_size": 16, "training.patience": 0, "training.seed": 1,
    "model.name": "own", "task.name": "array_classification",
}  # fmt: skip


def sequential(*, last="softmax", outputs=3, dropout=0.3, compiled=True, **options):
    import keras

    model = keras.Sequential([
        keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.BatchNormalization(),
        keras.layers.Dropout(dropout), keras.layers.Dense(outputs, activation=last),
    ])  # fmt: skip
    if compiled:
        options = {"optimizer": keras.optimizers.SGD(0.05, momentum=0.9), **options}
        model.compile(**{"loss": "sparse_categorical_crossentropy", **options})
    return model


def plain(hp):
    return sequential()


class Bench:
    """Trainers for builders, on data that are prepared once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[int, Any] = {}

    def trainer(self, build, data=(X, Y), trace=None, **settings) -> Any:
        from mapsto._own_network import look_at, settings_of
        from mapsto.adapters.trainers import trainer_for
        from mapsto.data.own_arrays import table_of_arrays
        from mapsto.data.prepare import prepare
        from mapsto.models._handed import Network
        from mapsto.recipe.space import Space
        from mapsto.training.batches import Tensors

        given = Space.from_mapping({**QUICK, **settings_of(Network(build)), **settings})
        recipe = given.recipe()
        if id(data) not in self._made:
            table = table_of_arrays(*data)
            prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=self.folder)
            self._made[id(data)] = data, prepared, Tensors(prepared, "cpu")
        _, prepared, tensors = self._made[id(data)]
        seen = look_at(given, recipe, prepared)
        recipe = given.recipe({}, seen.defaults)
        return trainer_for(recipe, prepared, tensors, trace=trace)


def weights(trainer):
    return [np.array(tensor) for tensor in trainer.network.state_dict().values()]


def resume(bench, folder):
    """Saved in the middle of the second epoch and gone on with, against one that ran through."""
    from mapsto.training import epochs

    epochs.TICK_SECONDS = 0.0
    path = folder / "state.safetensors"
    through = bench.trainer(plain)

    def save(tick):
        if (tick.epoch, tick.step) == (2, 4):
            through.save(path)

    measured = list(through.advance(3, on_tick=save))
    final = weights(through)
    through.close()
    again = bench.trainer(plain)
    again.restore(path)
    position = [again.epoch, again.step_in_epoch]
    rest = list(again.advance(3))
    same = [bool(np.array_equal(one, other)) for one, other in zip(final, weights(again), strict=True)]
    losses = [[m.train_loss, m.validation_loss, m.score] for m in measured[1:]]
    others = [[m.train_loss, m.validation_loss, m.score] for m in rest]
    return {"position": position, "same": same, "losses": losses, "others": others}


def deadline(bench, folder):
    """A training that is out of time in its first epoch is measured all the same."""
    trainer = bench.trainer(plain)
    measured = list(trainer.advance(3, deadline=0.0))
    return {"measured": len(measured), "ending": trainer.ending.name, "steps": trainer.step_in_epoch}


def seeds(bench, folder):
    """The same seed gives the same training, another one another."""
    found = {}
    for name, seed in {"one": 1, "again": 1, "other": 2}.items():
        trainer = bench.trainer(plain, **{"training.seed": seed})
        found[name] = [measurement.train_loss for measurement in trainer.advance(2)]
        trainer.close()
    return found


def optimizer(bench, folder):
    """A compiled optimizer is kept; a stated rate is assigned as the schedule has it."""
    import keras

    kept = bench.trainer(plain)
    list(kept.advance(1))
    stated = bench.trainer(
        lambda hp: sequential(), **{"optimizer.name": "own", "optimizer.learning_rate": 0.2, "schedule.name": "cosine"}
    )
    list(stated.advance(3))
    made = bench.trainer(
        lambda hp: sequential(compiled=False),
        **{
            "optimizer.name": "adam",
            "optimizer.learning_rate": 0.01,
            "optimizer.beta1": 0.8,
            "schedule.name": "constant",
        },
    )
    list(made.advance(1))

    def rate(trainer):
        return float(keras.ops.convert_to_numpy(trainer.model.optimizer.learning_rate))

    return {
        "kept": [type(kept.model.optimizer).__name__, rate(kept), kept.recipe.optimizer.name, kept.recipe.loss.name],
        "stated": [
            rate(stated),
            float(0.2 * stated.recipe.schedule.factor(stated.total_steps - 1, stated.total_steps, [])),
        ],
        "made": [type(made.model.optimizer).__name__, rate(made), float(made.model.optimizer.beta_1)],
    }


def class_weights(bench, folder):
    rare = (X[:, 0] > 1.1).astype(int)
    found = {}
    data = (X, rare)
    for balance in ("none", "class_weights"):
        trainer = bench.trainer(
            lambda hp: sequential(outputs=2, dropout=0.0),
            data,
            **{"training.balance": balance, "training.max_epochs": 10},
        )
        list(trainer.advance(10))
        found[balance] = float(trainer.predict(np.flatnonzero(rare == 1))[:, 1].mean())
        trainer.close()
    return found


def own_loss(bench, folder):
    """A model that computes its loss itself is trained by that."""
    import keras

    @keras.saving.register_keras_serializable()
    class Scaled(keras.Model):  # type: ignore[misc]
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = keras.layers.Dense(3, activation="softmax")

        def call(self, inputs, training=None):
            return self.dense(inputs)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            found = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
            return 10.0 * found

    def build(hp):
        model = Scaled()
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
        return model

    trainer = bench.trainer(build)
    (measured, *_) = list(trainer.advance(1))
    predictions = trainer.predict(trainer.prepared.parts["validation"])
    truth = Y[trainer.prepared.parts["validation"]]
    cross_entropy = -np.log(predictions[np.arange(len(truth)), truth]).mean()
    return {
        "validation": measured.validation_loss,
        "train": measured.train_loss,
        "ten times": 10 * float(cross_entropy),
    }


def fitted(bench, folder):
    """The fitted model answers as the trainer does, and so does the one that is loaded; Keras saves what comes back."""
    import keras

    from mapsto.training.fitted import Fitted

    trainer = bench.trainer(plain)
    list(trainer.advance(2))
    rows = trainer.prepared.parts["test"]
    expected = trainer.predict(rows)
    model = trainer.fitted()
    model.save(folder / "fitted")
    loaded = Fitted.load(folder / "fitted")
    answers = [one.predict(X[rows]).filter(like="p(").to_numpy() for one in (model, loaded)]
    loaded.model.save(folder / "model.keras")
    theirs = keras.models.load_model(folder / "model.keras").predict(X[rows], verbose=0)
    return {
        "same": [bool(np.array_equal(expected, one)) for one in answers],
        "keras": float(np.abs(theirs - expected).max()),
        "compiled": bool(loaded.model.compiled),
        "files": sorted(path.name for path in (folder / "fitted").iterdir()),
    }


def several(bench, folder):
    """Two inputs by name, two outputs with weighted losses, one-hot targets."""
    import keras

    def build(hp):
        first, second = keras.Input((4,), name="first"), keras.Input((2,), name="second")
        hidden = keras.layers.Dense(8, activation="relu")(keras.layers.concatenate([first, second]))
        kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
        size = keras.layers.Dense(1, name="size")(hidden)
        model = keras.Model({"first": first, "second": second}, {"kind": kind, "size": size})
        model.compile(
            "adam", loss={"kind": "sparse_categorical_crossentropy", "size": "mse"}, loss_weights={"kind": 1, "size": 5}
        )
        return model

    data = {"first": X[:, :4], "second": X[:, 4:]}, {"kind": Y, "size": X[:, 3]}
    trainer = bench.trainer(build, data)
    scores = [measurement.score for measurement in trainer.advance(2)]
    one_hot = bench.trainer(lambda hp: sequential(loss="categorical_crossentropy"))
    losses = [measurement.train_loss for measurement in one_hot.advance(2)]
    return {"scores": scores, "predicted": list(trainer.predict(np.arange(5)).shape), "losses": losses}


def refused(bench, folder):
    import keras

    from mapsto.errors import MapstoError

    cases = {
        "raw scores for probabilities": lambda hp: sequential(last=None),
        "probabilities for raw scores": lambda hp: sequential(
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        ),
        "too many outputs": lambda hp: sequential(outputs=4),
        "a wrong input": lambda hp: keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]),
        "a loss that fails": lambda hp: sequential(loss=lambda y_true, y_pred: 1 / 0),
    }  # fmt: skip
    found = {}
    for name, build in cases.items():
        try:
            bench.trainer(build)
            found[name] = ""
        except MapstoError as error:
            found[name] = str(error)
    import mapsto as mp

    try:
        mp.find(plain, data=(X, Y))
    except MapstoError as error:
        found["find"] = str(error)
    for leaf, value in {"training.averaging": "ema", "augment.feature_noise": 0.1, "optimizer.name": "muon"}.items():
        try:
            bench.trainer(lambda hp: sequential(compiled=False), **{leaf: value})
            found[leaf] = ""
        except MapstoError as error:
            found[leaf] = str(error)
    return found


CHECKS = {
    check.__name__: check
    for check in (resume, deadline, seeds, optimizer, class_weights, own_loss, fitted, several, refused)
}


def main() -> None:
    """Prints what the checks gave that are named, or all of them."""
    whole = Path(sys.argv[1])
    found = {}
    for name in sys.argv[2:] or CHECKS:
        folder = whole / name
        folder.mkdir(parents=True)
        found[name] = CHECKS[name](Bench(folder / "data"), folder)
    sys.stdout.write("RESULTS " + json.dumps(found) + "\n")


if __name__ == "__main__":
    import keras  # noqa: F401 - before mapsto, as in a program of the user's

    main()
