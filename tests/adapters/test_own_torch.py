"""Networks of the user's own in torch: whatever form they come in, and whatever is wrong with them."""

import copy
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

import mapsto as mp
from mapsto._given import first_recipe, given_as_space, made_ready
from mapsto._own_network import data_and_network, network_from
from mapsto.adapters.trainers import trainer_for
from mapsto.errors import MapstoError, RecipeError, RunError
from mapsto.training.batches import Tensors

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
VALUE = (3 * X[:, 0] - X[:, 1] + 100).astype(np.float32)
QUICK = ["training.max_epochs=3", "search.finalists=1", "search.num_seeds=1", "data.test_share=0.2"]


def mlp(hp):
    return nn.Sequential(nn.Linear(6, hp.int("width", 4, 16)), nn.ReLU(), nn.LazyLinear(3))


def tuned(network, tmp_path, data=(X, Y), settings=(), n_trials=2, **given):
    return mp.tune(network, data=data, n_trials=n_trials, out=tmp_path / "run", settings=[*QUICK, *settings], **given)


def trained(network, tmp_path, data=(X, Y), settings=(), space=None):
    """As `mp.train`, without baselines and report: the fitted model, and how many rows are kept for the test."""
    table, own = data_and_network(network, data)
    given = given_as_space(settings=[*QUICK, *settings], space=space, network=own)
    with made_ready(given, table) as (found, defaults, prepared):
        recipe = first_recipe(found, defaults).replace({"training.seed": 1})
        trainer = trainer_for(recipe, prepared, Tensors(prepared, "cpu"))
        list(trainer.advance(recipe.training.max_epochs))
        return SimpleNamespace(best=trainer.fitted(), rows=len(prepared.parts["test"]))


# -- what comes back -----------------------------------------------------------------------------------------------


def test_a_builder_is_tuned_and_its_module_comes_back_with_the_winners_weights(tmp_path):
    result = tuned(mlp, tmp_path, n_trials=3)
    assert set(result.leaderboard()["hp.width"]) <= set(range(4, 17))
    module = result.best.model
    assert type(module) is nn.Sequential
    with torch.no_grad():
        own = module(torch.from_numpy(X[:20])).softmax(1).numpy()
    answers = result.best.predict(X[:20])
    np.testing.assert_array_equal(answers.filter(like="p(").to_numpy(), own)
    chosen = result.best.recipe.get("hp.width")
    assert module[0].weight.shape == (chosen, 6)


def test_a_run_is_loaded_elsewhere_only_where_the_network_is_handed_over(tmp_path):
    result = mp.train(mlp, data=(X, Y), out=tmp_path / "run", settings=QUICK)
    before = result.best.predict(X)
    script = (
        "import sys, numpy as np, mapsto as mp\n"
        "from torch import nn\n"
        "def mlp(hp):\n"
        "    return nn.Sequential(nn.Linear(6, hp.int('width', 4, 16)), nn.ReLU(), nn.LazyLinear(3))\n"
        "x = np.load(sys.argv[2])\n"
        "try:\n"
        "    mp.load(sys.argv[1])\n"
        "except mp.RunError as error:\n"
        "    print('refused', 'network=build' in str(error))\n"
        "mp.load(sys.argv[1], network=mlp).predict(x).to_csv(sys.argv[3])\n"
    )
    np.save(tmp_path / "x.npy", X)
    words = [str(result.run), str(tmp_path / "x.npy"), str(tmp_path / "answers.csv")]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["refused", "True"], done.stderr
    assert (tmp_path / "answers.csv").read_text() == before.to_csv()


def test_hyperparameters_have_ranges_values_and_conditions_of_the_users(tmp_path):
    def build(hp):
        layers = [nn.Linear(6, 8), nn.ReLU()]
        for number in range(hp.int("layers", 1, 3)):
            layers += [nn.Linear(8, 8), nn.Dropout(hp.float(f"dropout_{number}", 0.0, 0.5))]
        return nn.Sequential(*layers, nn.Linear(8, 3))

    result = tuned(build, tmp_path, space={"hp.dropout_0": 0.25, "hp.layers": mp.choice(1, 2)}, n_trials=4)
    board = result.leaderboard()
    assert set(board["hp.layers"]) <= {1, 2}
    assert "hp.dropout_0" not in board
    if "hp.dropout_1" in board:
        assert (board["hp.dropout_1"].notna() == (board["hp.layers"] == 2)).all()
    assert result.best.recipe.get("hp.dropout_0") == 0.25


def test_a_class_and_a_function_take_their_hyperparameters_as_arguments(tmp_path):
    class Net(nn.Module):
        def __init__(self, width=5, depth=1):
            super().__init__()
            inner = [layer for _ in range(depth) for layer in (nn.LazyLinear(width), nn.ReLU())]
            self.layers = nn.Sequential(*inner, nn.LazyLinear(3))

        def forward(self, x):
            return self.layers(x)

    result = tuned(Net, tmp_path, space={"hp.width": mp.int(3, 9)})
    assert result.best.model.layers[0].out_features == result.best.recipe.get("hp.width")
    with pytest.raises(RecipeError, match=r"`hp.heigth` is given.*asks for width, depth"):
        trained(Net, tmp_path / "other", space={"hp.heigth": 2})


def test_a_builder_may_take_the_whole_recipe(tmp_path):
    def build(recipe):
        return nn.Sequential(nn.Linear(6, recipe.training.batch_size), nn.Linear(recipe.training.batch_size, 3))

    assert trained(build, tmp_path, settings=["training.batch_size=13"]).best.model[0].out_features == 13


def test_a_module_is_copied_with_its_weights_and_left_alone(tmp_path):
    module = nn.Sequential(nn.Linear(6, 3))
    before = copy.deepcopy(module.state_dict())
    result = trained(module, tmp_path, settings=["optimizer.name=sgd", "optimizer.learning_rate=1e-9"])
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in before.items())
    kept = result.best.model.get_parameter("0.weight")
    assert torch.allclose(kept, module.get_parameter("0.weight"), atol=1e-5)


def test_the_same_seed_gives_the_same_network_also_with_two_workers(tmp_path):
    def scores(name, **given):
        board = tuned(mlp, tmp_path / name, n_trials=4, **given).leaderboard()
        return board.sort_values("trial")[["hp.width", "score"]].to_numpy()

    np.testing.assert_array_equal(scores("one"), scores("two", workers=2))


def test_what_cannot_be_handed_to_workers_is_refused(tmp_path):
    lock = threading.Lock()

    def build(hp):
        with lock:
            return nn.Linear(6, 3)

    with pytest.raises(RecipeError, match=r"cannot be handed to worker processes: TypeError.*make that inside"):
        tuned(build, tmp_path, workers=2)
    assert not (tmp_path / "run").exists()


# -- inputs and outputs --------------------------------------------------------------------------------------------


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Embedding(5, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, numbers, ids):
        return self.last(torch.relu(self.first(numbers) + self.second(ids)))


@pytest.mark.parametrize("form", ["tuple", "dict", "dict in another order"])
def test_several_inputs(tmp_path, form):
    ids = RNG.integers(0, 5, 240)
    x = {"tuple": (X[:, :4], ids), "dict": {"numbers": X[:, :4], "ids": ids}}
    x["dict in another order"] = {"ids": ids, "numbers": X[:, :4]}
    result = trained(Two, tmp_path, (x[form], Y))
    again = result.best.predict(x[form])
    with torch.no_grad():
        own = result.best.model(torch.from_numpy(X[:, :4]), torch.from_numpy(ids)).softmax(1).numpy()
    np.testing.assert_allclose(again.filter(like="p(").to_numpy(), own, atol=1e-6)


def test_one_argument_that_takes_a_dict(tmp_path):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(6, 3)

        def forward(self, batch):
            return self.last(torch.cat([batch["a"], batch["b"]], 1))

    assert trained(Named, tmp_path, ({"a": X[:, :2], "b": X[:, 2:]}, Y)).rows == 48


def test_sequences_of_different_lengths_are_padded_with_their_lengths_or_packed(tmp_path):
    lengths = RNG.integers(2, 7, 120)
    sequences = [RNG.normal(size=(length, 2)).astype(np.float32) for length in lengths]
    target = np.array(["long" if length > 4 else "short" for length in lengths])

    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.last = nn.GRU(2, 8, batch_first=True), nn.Linear(8, 2)

        def forward(self, x, lengths):
            states, _ = self.cell(x)
            return self.last(states[torch.arange(len(x)), lengths - 1])

    class Packed(Padded):
        def forward(self, x: PackedSequence):  # type: ignore[override]
            assert isinstance(x, PackedSequence)
            return self.last(self.cell(x)[1][-1])

    settings = ["optimizer.name=adam", "training.seed=3", "model.outputs=logits"]
    padded = trained(Padded, tmp_path / "padded", (sequences, target), settings).best.predict(sequences)
    packed = trained(Packed, tmp_path / "packed", (sequences, target), settings).best.predict(sequences)
    np.testing.assert_allclose(padded.filter(like="p(").to_numpy(), packed.filter(like="p(").to_numpy(), atol=1e-5)


def test_outputs_of_transformers_are_their_logits(tmp_path):
    class Output(dict):
        @property
        def logits(self):
            return self["logits"]

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(6, 3)

        def forward(self, input_values=None, **others):
            return Output(loss=None, logits=self.last(input_values))

    assert trained(Transformer, tmp_path, ({"input_values": X}, Y)).rows == 48


def test_several_outputs_have_a_weighted_loss_each(tmp_path):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.kind, self.size = nn.Linear(6, 16), nn.Linear(16, 3), nn.Linear(16, 1)

        def forward(self, x):
            hidden = torch.relu(self.body(x))
            return {"kind": self.kind(hidden), "size": self.size(hidden)}

    y = {"kind": Y, "size": X[:, 3]}
    errors = {}
    for weight in (0.0, 10.0):
        network = mp.Network(Heads, loss_weights={"kind": 1.0, "size": weight})
        settings = ["training.max_epochs=15", "training.seed=1", "optimizer.learning_rate=0.01"]
        best = trained(network, tmp_path / str(weight), (X, y), settings).best
        with torch.no_grad():
            found = best.model(torch.from_numpy(X))["size"].squeeze(1).numpy()
        errors[weight] = float(np.mean((found - X[:, 3]) ** 2))
    assert errors[10.0] < 0.5 * errors[0.0]


@pytest.mark.parametrize(
    ("last", "form"),
    [((), "logits"), ((nn.Softmax(1),), "probabilities"), ((nn.LogSoftmax(1),), "log_probabilities")],
)
def test_whatever_the_last_layer_the_answers_are_its_probabilities(tmp_path, last, form):
    result = trained(lambda hp: nn.Sequential(nn.Linear(6, 3), *last), tmp_path)
    assert result.best.recipe.get("model.outputs") == form
    with torch.no_grad():
        raw = result.best.model(torch.from_numpy(X))
    own = {"logits": raw.softmax(1), "probabilities": raw, "log_probabilities": raw.exp()}[form]
    np.testing.assert_allclose(result.best.predict(X).filter(like="p(").to_numpy(), own.numpy(), atol=1e-5)


@pytest.mark.parametrize("last", [(), (nn.Sigmoid(),)])
def test_one_output_answers_a_question_of_yes_or_no(tmp_path, last):
    yes = (X[:, 0] > 0).astype(int)
    settings = ["optimizer.learning_rate=0.05", "training.max_epochs=10"]
    result = trained(lambda hp: nn.Sequential(nn.Linear(6, 1), *last), tmp_path, (X, yes), settings)
    with torch.no_grad():
        raw = result.best.model(torch.from_numpy(X)).squeeze(1)
    own = raw if last else raw.sigmoid()
    answers = result.best.predict(X)
    np.testing.assert_allclose(answers["p(1)"].to_numpy(), own.numpy(), atol=1e-5)
    assert (answers["answer"].astype(int) == yes).mean() > 0.8


def test_numbers_are_learned_in_their_own_unit(tmp_path):
    settings = ["optimizer.learning_rate=3", "training.max_epochs=20", "training.batch_size=16"]
    result = trained(lambda hp: nn.Linear(6, 1), tmp_path, (X, VALUE), settings)
    with torch.no_grad():
        own = result.best.model(torch.from_numpy(X)).squeeze(1).numpy()
    np.testing.assert_allclose(result.best.predict(X)["answer"].to_numpy(), own, rtol=1e-5)
    assert np.sqrt(np.mean((own - VALUE) ** 2)) < 10 < VALUE.mean()


def test_a_network_reads_what_mapsto_prepares(tmp_path):
    def build(hp):
        return nn.Sequential(nn.Conv2d(1, hp.int("channels", 2, 4), 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))

    settings = ["task.name=image_classification", "training.max_epochs=1"]
    result = mp.train(build, data="digits", out=tmp_path / "run", settings=settings)
    assert result.best.model[0].weight.shape[1] == 1
    assert result.best.predict("digits").shape[0] == 1797


# -- what else of the training is the user's own ---------------------------------------------------------------------


def test_an_own_loss_decides_what_is_learned(tmp_path):
    def pinball(outputs, targets):
        return torch.maximum(0.9 * (targets - outputs), 0.1 * (outputs - targets)).mean()

    settings = ["optimizer.learning_rate=3", "training.max_epochs=30", "training.batch_size=32"]
    network = mp.Network(lambda hp: nn.Linear(6, 1), loss=pinball)
    noisy = (VALUE + RNG.normal(scale=5, size=240)).astype(np.float32)
    result = trained(network, tmp_path, (X, noisy), settings)
    assert result.best.recipe.loss.name == "own"
    below = (noisy <= result.best.predict(X)["answer"].to_numpy()).mean()
    assert 0.8 < below < 0.98


def test_an_own_optimizer_keeps_its_rate_and_its_groups(tmp_path):
    seen = []

    class Recorded(torch.optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    def optimizer(parameters):
        weight, bias = parameters
        return Recorded([{"params": [weight], "lr": 0.2}, {"params": [bias], "lr": 0.02}], momentum=0.9)

    result = trained(mp.Network(lambda hp: nn.Linear(6, 3), optimizer=optimizer), tmp_path)
    assert result.best.recipe.optimizer.name == "own"
    assert seen
    assert all(rates == pytest.approx([0.2, 0.02]) for rates in seen)
    seen.clear()
    trained(
        mp.Network(lambda hp: nn.Linear(6, 3), optimizer=optimizer), tmp_path / "stated",
        settings=["optimizer.name=own", "optimizer.learning_rate=0.1", "schedule.name=constant"],
    )  # fmt: skip
    assert all(rates == pytest.approx([0.1, 0.01]) for rates in seen)


def test_an_own_training_step_is_called(tmp_path):
    calls = []

    def step(network, batch):
        calls.append(len(batch["targets"]))
        noisy = batch["inputs"] + 0.01 * torch.randn_like(batch["inputs"])
        return nn.functional.cross_entropy(network(noisy), batch["targets"])

    trained(mp.Network(lambda hp: nn.Linear(6, 3), step=step), tmp_path)
    assert len(calls) > 10


def test_a_lightning_module_brings_step_and_optimizer(tmp_path):
    class Module(nn.Module):  # as lightning.LightningModule: the two methods, and a forward
        def __init__(self, width=8):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 3))
            self.steps = 0

        def forward(self, x):
            return self.layers(x)

        def training_step(self, batch, batch_idx):
            x, y = batch
            self.steps += 1
            return {"loss": nn.functional.cross_entropy(self(x), y)}

        def configure_optimizers(self):
            return {"optimizer": torch.optim.RMSprop(self.parameters(), lr=0.01)}

    result = tuned(Module, tmp_path, space={"hp.width": mp.int(4, 12)})
    assert (result.best.recipe.loss.name, result.best.recipe.optimizer.name) == ("own", "own")


def test_an_own_metric_is_what_is_optimized(tmp_path):
    def cost(predictions, targets):
        return float((5 * ((predictions.argmax(1) == 0) & (targets > 0)) + (predictions.argmax(1) != targets)).mean())

    result = tuned(mp.Network(mlp, metrics={"cost": (cost, "minimize")}), tmp_path, n_trials=3)
    board = result.leaderboard()
    complete = board[board["state"] == "complete"]["score"].tolist()
    assert complete == sorted(complete)
    assert result.scorecard.metrics["cost"].direction == "minimize"


def test_finders_and_the_summary_take_a_network(tmp_path):
    found = mp.find(mlp, data=(X, Y), only=["learning_rate"], settings=["training.max_epochs=5"])
    assert 1e-5 < found.settings["optimizer.learning_rate"] < 10
    shown = mp.preview.show_model(mlp, data=(X, Y), settings=["hp.width=7"])
    assert shown["parameters"] == 6 * 7 + 7 + 7 * 3 + 3


def test_folds_and_balance_work_as_for_other_networks(tmp_path):
    rare = (X[:, 0] > 1.2).astype(int)
    settings = ["training.max_epochs=8", "training.batch_size=16", "optimizer.learning_rate=0.02"]
    recall = {}
    for balance in ("none", "class_weights"):
        best = trained(
            lambda hp: nn.Linear(6, 2), tmp_path / balance, (X, rare), [*settings, f"training.balance={balance}"]
        ).best
        recall[balance] = (best.predict(X)["p(1)"].to_numpy()[rare == 1]).mean()
    assert recall["class_weights"] > recall["none"] + 0.05
    assert trained(mlp, tmp_path / "folds", settings=["data.num_folds=3"]).rows == 48


# -- interruptions ---------------------------------------------------------------------------------------------------


def test_a_study_goes_on_where_the_network_is_handed_over_again(tmp_path):
    class Stop(Exception):
        pass

    def listener(progress):
        if progress.finished >= 1:
            raise Stop

    with pytest.raises(Stop):
        tuned(mlp, tmp_path, n_trials=3, listener=listener)
    done = mp.resume(tmp_path / "run", network=mlp)
    assert len(done.leaderboard()) == 3
    whole = tuned(mlp, tmp_path / "whole", n_trials=3)
    columns = ["trial", "score", "hp.width"]
    assert done.leaderboard()[columns].equals(whole.leaderboard()[columns])


def test_a_foreign_run_makes_no_code_run(tmp_path):
    result = mp.train(mlp, data=(X, Y), out=tmp_path / "run", settings=QUICK)
    for file in (result.run / "best" / "recipe.yaml", result.run / "study.yaml"):
        text = file.read_text()
        assert "builder" in text
        file.write_text(text.replace(result.best.recipe.model.builder, "os:system"))
    with pytest.raises(RunError, match="`os:system`"):
        mp.load(result.run)
    with pytest.raises(MapstoError, match="none is handed over"):
        digits = mp.train("digits", settings=["training.max_epochs=1"], out=tmp_path / "digits")
        mp.load(digits.run, network=mlp)


# -- what is refused before a study begins ---------------------------------------------------------------------------


class Unregistered(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(6, 6), nn.Linear(6, 6)]
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.last(x)


def failing(hp):
    raise ValueError("units must be positive")


REFUSED: dict[str, Any] = {
    "too many outputs": (lambda hp: nn.Linear(6, 5), {}, r"has the shape \(8, 5\); \(8, 3\) is needed"),
    "one output for three classes": (lambda hp: nn.Linear(6, 1), {}, r"one score for each of the 3 classes"),
    "an image out": (lambda hp: nn.Unflatten(1, (2, 3)), {}, r"without a weight|shape"),
    "a wrong input size": (lambda hp: nn.Linear(7, 3), {}, r"fails on the inputs \(float32 of shape \(rows, 6\)\)"),
    "layers in a list": (Unregistered, {}, r"2 layers in the plain list `hidden`.*ModuleList"),
    "no weights": (lambda hp: nn.Softmax(1), {}, r"shape|without a weight"),
    "no module": (lambda hp: "network", {}, r"must return a torch module or a Keras model. Received: str"),
    "a failing builder": (failing, {}, r"fails with its own defaults: ValueError: units must be positive"),
    "a setting that is never asked for": (mlp, {"space": {"hp.depth": 3}}, r"`hp.depth` is given.*asks for width"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_builder_at_fault_is_refused_in_one_paragraph(tmp_path, name):
    network, given, message = REFUSED[name]
    with pytest.raises(RecipeError, match=message) as caught:
        tuned(network, tmp_path, **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


LOSSES: dict[str, Any] = {
    "softmax before cross-entropy": ((nn.Softmax(1),), nn.CrossEntropyLoss(), r"applies a softmax of its own"),
    "a loss of rows": ((), nn.CrossEntropyLoss(reduction="none"), r"must be a scalar tensor"),
    "a loss that fails": ((), nn.BCELoss(), r"has a loss that fails on a batch"),
    "a loss of nothing": ((), lambda outputs, targets: torch.tensor(1.0), r"depends on the weights"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_does_not_fit_is_refused(tmp_path, name):
    last, loss, message = LOSSES[name]
    network = mp.Network(lambda hp: nn.Sequential(nn.Linear(6, 3), *last), loss=loss)
    with pytest.raises(RecipeError, match=message):
        trained(network, tmp_path)


def test_a_hyperparameter_that_changes_nothing_is_told(tmp_path, caplog):
    def build(hp):
        hp.int("forgotten", 1, 9)
        return nn.Sequential(
            nn.Linear(6, hp.int("width", 2, 4)), nn.Dropout(hp.float("rate", 0, 0.5)), nn.LazyLinear(3)
        )

    trained(build, tmp_path)
    (told,) = [record.getMessage() for record in caplog.records if "same network" in record.getMessage()]
    assert "`hp.forgotten`" in told
    assert "hp.width" not in told
    assert "hp.rate" not in told


def test_pixels_are_told_to_be_scaled(tmp_path):
    pixels = RNG.integers(0, 256, (60, 1, 6, 6)).astype(np.uint8)
    with pytest.raises(RecipeError, match=r"divide them by 255"):
        trained(lambda hp: nn.Sequential(nn.Conv2d(1, 2, 3), nn.LazyLinear(3)), tmp_path, (pixels, np.arange(60) % 3))


def test_data_and_network_belong_together(tmp_path):
    with pytest.raises(RecipeError, match=r"has no data to learn from.*tune_objective"):
        mp.tune(mlp)
    with pytest.raises(RecipeError, match=r"`data` is for a network of your own"):
        mp.tune("digits", data=(X, Y))
    with pytest.raises(MapstoError, match=r"as many rows. Received: x 240, y 239"):
        trained(mlp, tmp_path, (X, Y[:-1]))
    with pytest.raises(MapstoError, match=r"must hold numbers"):
        trained(mlp, tmp_path, (np.array(["a", "b"] * 120), Y))
    with pytest.raises(MapstoError, match=r"`loss.name` is own, and the network brings no loss"):
        mp.train("digits", settings=["loss.name=own"], out=tmp_path / "a")
    with pytest.raises(MapstoError, match=r"`optimizer.name` is own, and the network brings no optimizer"):
        mp.train("digits", settings=["optimizer.name=own"], out=tmp_path / "b")


# -- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_takes_a_network_from_a_file(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def build(hp):\n"
        "    return nn.Sequential(nn.LazyLinear(hp.int('width', 4, 8)), nn.ReLU(), nn.LazyLinear(2))\n"
    )
    rows = "\n".join(f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in X[:, :2])
    (tmp_path / "rows.csv").write_text(f"a,b,kind\n{rows}\n")

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "mapsto", *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    words = ["train", "rows.csv", "--target", "kind", "--network", "net.py:build", "--out", "run", "--quiet"]
    done = run(*words, "--set", "training.max_epochs=2", "--set", "hp.width=5")
    assert done.returncode == 0, done.stderr
    answered = run("predict", "run", "rows.csv", "--network", "net.py:build")
    assert len(answered.stdout.splitlines()) == 241


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("net", "is named as in"),
        ("nowhere.py:build", "ModuleNotFoundError"),
        ("math:pie", "AttributeError"),
        ("math:pi", "is no builder"),
    ],
)
def test_a_network_that_is_not_there_is_refused(reference, message):
    with pytest.raises(RecipeError, match=message):
        network_from(reference)


ENSEMBLE = ["search.ensemble=6", "data.validation_share=0.4", "optimizer.learning_rate=log(1e-3, 3e-2)"]


def test_an_ensemble_answers_in_a_fresh_process_with_its_network_beside(tmp_path, monkeypatch):
    from mapsto.models import _handed

    result = tuned(mlp, tmp_path, settings=ENSEMBLE, n_trials=6)
    assert result.summary()["ensemble"]
    answers = mp.predict(result.run, X[:5], network=mlp, ensemble=True)
    monkeypatch.setattr(_handed, "_handed", {})  # as where nothing was handed over yet
    with pytest.raises(MapstoError, match="hand it over"):
        mp.api.load_ensemble(result.run)
    loaded = mp.api.load_ensemble(result.run, network=mlp)
    np.testing.assert_array_equal(loaded.predict(X[:5])["answer"], answers["answer"])
