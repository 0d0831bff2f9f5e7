"""Configurations of Ludwig as recipes: the keys that say the same there and here.

https://ludwig.ai/latest/configuration/. A key that is not read is an error, so that nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapsto.errors import RecipeError
from mapsto.recipe.notation import read_foreign
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.sections import OTHERS

MARK = b"input_features"
"""What every configuration of Ludwig holds, and no recipe."""

KINDS = {
    "number": "numeric", "numerical": "numeric", "category": "category", "binary": "category", "text": "text",
    "image": "image", "audio": "audio", "date": "date",
}  # fmt: skip

TRAINER = {
    "learning_rate": "optimizer.learning_rate", "batch_size": "training.batch_size", "epochs": "training.max_epochs",
    "early_stop": "training.patience", "optimizer.type": "optimizer.name",
    "optimizer.weight_decay": "optimizer.weight_decay",
    "optimizer.momentum": "optimizer.momentum", "gradient_clipping.clipglobalnorm": "training.max_grad_norm",
    "learning_rate_scheduler.decay": "schedule.name",
}  # fmt: skip
COMBINER = {
    "num_fc_layers": "model.num_layers", "output_size": "model.hidden_dim", "dropout": "model.dropout",
    "activation": "model.activation", "norm": "model.normalization",
}  # fmt: skip
WORDS: Mapping[str, Mapping[Any, Any]] = {
    "training.patience": {-1: 0},
    "schedule.name": {"linear": "polynomial", None: "constant"},
    "model.normalization": {None: "none"},
    "model.activation": {"leakyRelu": "leaky_relu"},
}
"""Values that are called otherwise here."""


def is_ludwig(text: bytes) -> bool:
    """Whether a document is a configuration of Ludwig."""
    return MARK in text


def read_ludwig(text: bytes, where: str) -> dict[str, Any]:
    """Settings and ranges by dotted name.

    Args:
        text: the document.
        where: what messages call it.

    Raises:
        RecipeError: it is none, or holds a key that is not read; the key is named.
    """
    rest = read_foreign(text, where)
    rest.pop("model_type", None)  # ecd, the only one that has these keys
    found = _features(rest.pop("input_features", []), rest.pop("output_features", []), where)
    names = {f"trainer.{key}": leaf for key, leaf in TRAINER.items()}
    names |= {f"combiner.{key}": leaf for key, leaf in COMBINER.items()}
    hyperopt = rest.pop("hyperopt", {})
    rest.get("combiner", {}).pop("type", None)  # concat, which a dense network on all columns is
    split = rest.get("preprocessing", {}).pop("split", None)
    if split is not None:
        found |= _split(split, where)
    for key, value in _flat(rest).items():
        if key not in names:
            raise RecipeError(
                f"{where}: `{key}` is not read from a configuration of Ludwig. What is: {', '.join(names)}."
            )
        if value != "auto":
            leaf = names[key]
            found[leaf] = WORDS.get(leaf, {}).get(value, value)
    if any(leaf.startswith("model.") for leaf in found):
        found["model.name"] = "mlp"
    return found | _hyperopt(hyperopt, names, where)


def _features(inputs: Any, outputs: Any, where: str) -> dict[str, Any]:
    """Kinds of columns, and the target."""
    if not isinstance(outputs, list) or len(outputs) != 1:
        raise RecipeError(f"{where}: `output_features` must hold one feature here. Received: {outputs!r}.")
    kinds = {}
    for feature in [*inputs, *outputs]:
        strange = [key for key in feature if key not in ("name", "type", "column")]
        if strange:
            raise RecipeError(f"{where}: `{strange[0]}` of the feature {feature.get('name')} is not read.")
        if feature.get("type") not in KINDS:
            what = f"{feature.get('name')} is of type {feature.get('type')}"
            raise RecipeError(f"{where}: the feature {what}; {', '.join(KINDS)} are read.")
        kinds[str(feature.get("column", feature["name"]))] = KINDS[feature["type"]]
    kinds[OTHERS] = "ignore"  # Ludwig learns from the columns that are listed, and from no other
    return {"data.columns": kinds, "data.target": str(outputs[0].get("column", outputs[0]["name"]))}


def _split(split: Any, where: str) -> dict[str, Any]:
    """How rows are divided."""
    if split.get("type", "random") == "random":
        _, validation, test = split.get("probabilities", (0.7, 0.1, 0.2))
        return {"data.validation_share": validation, "data.test_share": test}
    if split["type"] == "fixed":
        return {"data.split_column": split.get("column", "split")}
    raise RecipeError(f"{where}: `preprocessing.split.type` is random or fixed. Received: {split['type']}.")


def _hyperopt(given: Any, names: Mapping[str, str], where: str) -> dict[str, Any]:
    """Ranges, and how long to search."""
    rest = dict(given or {})
    found: dict[str, Any] = {}
    for key, what in rest.pop("parameters", {}).items():
        if key not in names:
            raise RecipeError(f"{where}: `{key}` of hyperopt.parameters is not read. What is: {', '.join(names)}.")
        found[names[key]] = _range(key, what, where)
    samples = rest.pop("executor", {}).get("num_samples")
    if samples is not None:
        found["search.n_trials"] = samples
    metric = rest.pop("metric", None)
    if metric not in (None, "loss", "combined"):
        found["search.metric"] = metric
    for key in ("goal", "output_feature", "split", "search_alg"):
        rest.pop(key, None)  # they follow from the metric, the target, and how mapsto searches
    if rest:
        raise RecipeError(f"{where}: `hyperopt.{next(iter(rest))}` is not read.")
    return found


def _range(key: str, what: Any, where: str) -> Range:
    kind, low, high = what.get("space"), what.get("lower"), what.get("upper")
    match kind:
        case "choice" | "grid_search":
            return Choice(*what.get("categories", what.get("values", ())))
        case "uniform":
            return Uniform(low, high)
        case "loguniform":
            return Log(low, high)
        case "randint":
            return Int(low, high - 1)
        case "lograndint":
            return Int(low, high - 1, log=True)
    raise RecipeError(
        f"{where}: the space of `{key}` is {kind}; choice, grid_search, uniform, loguniform, randint and lograndint "
        f"are read."
    )


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted name."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        found |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found
