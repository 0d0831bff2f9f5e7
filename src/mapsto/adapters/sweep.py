"""Sweeps as Weights & Biases describes them, read for a study of a program.

https://docs.wandb.ai/guides/sweeps/sweep-config-keys. The program says its numbers as any program does that mapsto runs
(`mapsto.adapters.reports`): a printed line, or `mapsto.report_values(...)` where `wandb.log(...)` stands.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapsto.adapters.free_space import FreeSpace
from mapsto.errors import RecipeError
from mapsto.metrics.base import Direction
from mapsto.recipe.notation import read_file, read_foreign
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.scalars import Scalar

SAMPLERS = {"grid": "grid", "random": "random", "bayes": "tpe"}
UNUSED = ("name", "description", "project", "entity", "$schema")
"""Keys that say something to the service alone."""

COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")
"""What is run where a sweep says nothing else."""

DEPTH = 3
"""Brackets of Hyperband, where a sweep states its shortest run only."""


@dataclass(frozen=True)
class Sweep:
    """A sweep as `mapsto.tune_command` takes it.

    Attributes:
        command: the command line, with places.
        space: what is searched.
        metric, direction: what is optimized.
        options: further arguments of `mapsto.tune_command`, by name.
        unused: keys that mean nothing here.
    """

    command: str
    space: FreeSpace
    metric: str
    direction: Direction
    options: dict[str, Any] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


def read_sweep(path: Path) -> Sweep:
    """Reads a sweep's YAML file, of at most 1 MiB.

    Raises:
        RecipeError: it is none, or says something that cannot be done here; the key is named.
    """
    found = read_foreign(read_file(path), str(path))
    if not {"method", "parameters"} <= set(found):
        raise RecipeError(
            f"{path} is no sweep: it needs the keys `method` and `parameters`, and `program` or `command`."
        )
    known = {"program", "method", "metric", "parameters", "run_cap", "early_terminate", "command", *UNUSED}
    strange = [str(key) for key in found if key not in known]
    if strange:
        raise RecipeError(f"{path}: `{strange[0]}` of a sweep is not understood. What is: {', '.join(sorted(known))}.")
    if found["method"] not in SAMPLERS:
        raise RecipeError(f"{path}: `method` is grid, random or bayes. Received: {found['method']!r}.")
    space = FreeSpace(dict(_parameters(found["parameters"], "", path)))
    metric, direction = _metric(found.get("metric"), path)
    options: dict[str, Any] = {"sampler": SAMPLERS[found["method"]]}
    if found.get("run_cap") is not None:
        options["n_trials"] = found["run_cap"]
    options |= _pruner(found.get("early_terminate"), path)
    unused = tuple(key for key in UNUSED if key in found)
    return Sweep(_command(found, space, path), space, metric, direction, options, unused)


def _metric(given: Any, path: Path) -> tuple[str, Direction]:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise RecipeError(f"{path}: `metric` needs a `name`: the word under which the program prints it.")
    goal = given.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise RecipeError(f"{path}: `metric.goal` is minimize or maximize. Received: {goal!r}.")
    return given["name"], goal


def _pruner(given: Any, path: Path) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict) or given.get("type") != "hyperband":
        raise RecipeError(f"{path}: `early_terminate.type` is hyperband. Received: {given!r}.")
    eta = int(given.get("eta", 3))
    longest = given.get("max_iter") or int(given.get("min_iter", 1)) * eta**DEPTH
    return {"pruner": "hyperband", "max_fidelity": int(longest)}


def _command(found: Mapping[str, Any], space: FreeSpace, path: Path) -> str:
    """The command line, its settings in the places of the arguments."""
    words = found.get("command", COMMAND)
    if not isinstance(words, Sequence) or isinstance(words, str):
        raise RecipeError(f"{path}: `command` is a list of words. Received: {words!r}.")
    plain = {"${env}": ["/usr/bin/env"], "${interpreter}": ["python"], "${program}": [str(found.get("program", ""))]}
    plain["${args}"] = [f"--{name}={{{name}}}" for name in space.settings]
    plain["${args_no_hyphens}"] = [f"{name}={{{name}}}" for name in space.settings]
    made: list[str] = []
    for word in map(str, words):
        if word.startswith("${") and word not in plain:
            raise RecipeError(f"{path}: `{word}` in `command` is not understood; {', '.join(plain)} are.")
        if word == "${program}" and not found.get("program"):
            raise RecipeError(f"{path}: `program` is not given: the script that is run.")
        made += plain.get(word, [word.replace("{", "{{").replace("}", "}}")])
    return shlex.join(made)


def _parameters(given: Any, prefix: str, path: Path) -> list[tuple[str, Range | Scalar]]:
    """Names and ranges, those within others with dots."""
    if not isinstance(given, dict) or not given:
        raise RecipeError(f"{path}: `parameters` is a mapping of names to what they may be. Received: {given!r}.")
    found: list[tuple[str, Range | Scalar]] = []
    for name, what in given.items():
        whole = f"{prefix}{name}"
        if isinstance(what, dict) and "parameters" in what:
            found += _parameters(what["parameters"], f"{whole}.", path)
        else:
            found.append((whole, _range(whole, what, path)))
    return found


def _range(name: str, what: Any, path: Path) -> Range | Scalar:
    """What a parameter may be."""
    if not isinstance(what, dict):
        raise RecipeError(f"{path}: `{name}` is a mapping with value, values, or min and max. Received: {what!r}.")
    if "value" in what:
        constant: Scalar = what["value"]
        return constant
    if "values" in what:
        if "probabilities" in what:
            raise RecipeError(f"{path}: `{name}.probabilities` is not understood: all values are alike here.")
        return Choice(*dict.fromkeys(what["values"]))
    low, high, step = what.get("min"), what.get("max"), what.get("q")
    are_whole = isinstance(low, int) and isinstance(high, int)
    kind = what.get("distribution", "int_uniform" if are_whole else "uniform")
    if low is None or high is None:
        raise RecipeError(f"{path}: `{name}` ({kind}) needs value, values, or min and max. Received: {what!r}.")
    match kind:
        case "int_uniform":
            return Int(int(low), int(high))
        case "uniform":
            return Uniform(float(low), float(high))
        case "q_uniform" if are_whole and float(step or 1).is_integer():
            width = int(step or 1)
            return Int(int(low), int(high) - (int(high) - int(low)) % width, step=width)
        case "q_uniform":
            return Uniform(float(low), float(high), float(step or 1))
        case "log_uniform_values":
            return Log(float(low), float(high))
        case "q_log_uniform_values" if are_whole and (step or 1) == 1:
            return Int(int(low), int(high), log=True)
        case "log_uniform":
            return Log(math.exp(float(low)), math.exp(float(high)))
    raise RecipeError(
        f"{path}: `{name}.distribution` is {kind}, which has no range here. What has: constant, categorical, "
        f"int_uniform, uniform, q_uniform, log_uniform, log_uniform_values, and q_log_uniform_values in whole steps."
    )
