"""Every order in which torch, TensorFlow, Keras and mapsto can be imported, with an optimizer step in each."""

import importlib.util
import itertools
import os
import subprocess
import sys

import pytest

STEPS = """
import numpy as np
import torch
weight = torch.nn.Parameter(torch.ones(3))
(weight ** 2).sum().backward()
torch.optim.SGD([weight], lr=0.1).step()
import tensorflow as tf
variable = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(variable ** 2)
tf.keras.optimizers.SGD(0.1).apply([tape.gradient(loss, variable)], [variable])
import keras
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
import mapsto
mapsto.train("digits", settings=["training.max_epochs=1", "model.name=mlp"], out=OUT)
print("done", float(weight[0].detach()), float(variable[0]))
"""
ORDERS = list(itertools.permutations(("torch", "tensorflow", "keras", "mapsto")))
FAST = [("tensorflow", "torch", "keras", "mapsto")]
"""TensorFlow before everything, which crashes without care."""


@pytest.mark.parametrize(
    "order", [pytest.param(o, id="-".join(o), marks=[] if o in FAST else pytest.mark.slow) for o in ORDERS]
)
def test_no_order_crashes(order, tmp_path):
    if importlib.util.find_spec("tensorflow") is None or importlib.util.find_spec("keras") is None:
        pytest.skip("tensorflow or keras is not installed: pip install 'mapsto[tensorflow]'")
    code = "".join(f"import {name}\n" for name in order) + STEPS.replace("OUT", repr(str(tmp_path / "run")))
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "done 0.800000011920929 0.800000011920929"
