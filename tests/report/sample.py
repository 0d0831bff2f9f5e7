"""Sample run folders, written as the engine writes them: digits, house prices, street scenes, and a cut-off study.

All but `searched` are as they were before a study said anything of its search.

`python -m tests.report.sample FOLDER` writes all of them and their reports, to be looked at.
"""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ENVIRONMENT = {
    "python": "3.11.7",
    "system": "Linux x86_64",
    "processor": "AMD EPYC 7R13 Processor",
    "cores": 2,
    "memory_gb": 23.4,
    "threads": 2,
    "accelerator": None,
    "packages": {"mapsto": "0.1.0", "torch": "2.14.1", "numpy": "2.4.6", "optuna": "5.0.0", "scikit-learn": "1.9.1"},
}

CAUSES = {
    "complete": "the validation score stopped improving",
    "pruned": "other trials were better at the same epoch",
    "failed": "the loss was no longer a finite number",
}

DIGITS_YAML = """\
seed: 0
task:
  name: image_classification
data:
  source: digits
  scale: standard
  test_share: 0.15
model:
  name: cnn
  channels: 32
  dropout: 0.21
loss:
  name: cross_entropy
  label_smoothing: 0.0
optimizer:
  name: adamw
  learning_rate: 0.00412
  weight_decay: 0.0031
schedule:
  name: one_cycle
training:
  batch_size: 32
  max_epochs: 40
  patience: 13
"""

SPACE_YAML = """\
seed: 0
task: image_classification
data:
  source: digits
model:
  name: cnn
  dropout: uniform(0, 0.5)
optimizer:
  name: adamw
  learning_rate: log(3e-4, 2e-2)
"""


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), encoding="utf-8")


def png(pixels: NDArray[np.uint8]) -> str:
    """Pixels as the data URI that `Prepared.example` makes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def digit(number: int, seed: int) -> NDArray[np.uint8]:
    """An 8 x 8 picture that looks a little like a digit."""
    rows = ["3cc3c3c3c33c", "182838187e00", "7cc30c30fe00", "7c063c06c67c", "0c1c3c6cfe0c"][number % 5]
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(rows + "0000"), np.uint8)).reshape(8, 8)
    noise = np.random.default_rng(seed).integers(0, 60, (8, 8))
    return np.clip(bits * 190 + noise, 0, 255).astype(np.uint8)


def trace(trial: dict[str, Any], rng: np.random.Generator, *, top: float, floor: float, fallback: float,
          sign: int = 1) -> str:  # fmt: skip
    """Steps and epochs that lead to the trial's score at its best epoch, falling off a little after it."""
    lines, steps = [], 40
    peak = trial["chosen"].get("optimizer.learning_rate", 0.002)
    for epoch in range(1, trial["epochs"] + 1):
        total = max(trial["epochs"], 20) * steps
        at = [(epoch - 1) * steps + i for i in range(steps)]
        rate = [peak * 0.5 * (1 - math.cos(2 * math.pi * min(s / total, 1) ** 0.6)) for s in at]
        train = floor + top * math.exp(-epoch / 4) + 0.004 * rng.random()
        best = trial["best_epoch"] or trial["epochs"]
        validation = floor * 2 + top * math.exp(-epoch / 4) + 0.002 * max(0, epoch - best) + 0.012 * rng.random()
        reached = trial["score"] if trial["score"] is not None else fallback
        score = reached - sign * abs(reached) * (0.6 * math.exp(-epoch / 3) + 0.004 * rng.random()) * (epoch != best)
        lines.append({"kind": "steps", "first": at[0], "loss": [train] * steps, "learning_rate": rate})
        lines.append({"kind": "epoch", "epoch": epoch, "step": at[-1] + 1, "seconds": 0.31 * epoch, "train_loss": train,
                      "validation_loss": validation, "score": score, "metrics": {"accuracy": score}})  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in lines)


def trials(rng: np.random.Generator, *, count: int, best: float, spread: float, sign: int = 1) -> list[dict[str, Any]]:
    """Explored trials of every outcome, the best in the middle of the study; trial 0 is the default."""
    found = []
    for number in range(count):
        state = "failed" if number in (4, 15) else "pruned" if number % 3 == 2 else "complete"
        distance = 0.0 if number == count // 2 else spread * (0.15 + rng.random() * (3 if state == "pruned" else 1))
        epochs = 3 if state == "failed" else int(rng.integers(5, 9)) if state == "pruned" else int(rng.integers(18, 30))
        rate = float(np.exp(rng.uniform(np.log(3e-4), np.log(2e-2))))
        chosen = {} if number == 0 else {
            "model.channels": int(rng.choice([16, 32, 64])), "model.dropout": round(float(rng.uniform(0, 0.5)), 4),
            "optimizer.learning_rate": rate, "optimizer.weight_decay": float(np.exp(rng.uniform(-9, -3))),
        }  # fmt: skip
        found.append({
            "number": number, "phase": "explore", "state": state,
            "cause": CAUSES[state],
            "score": None if state == "failed" else best - sign * distance,
            "best_epoch": None if state == "failed" else epochs - 3, "epochs": epochs,
            "seconds": round(0.31 * epochs + rng.random(), 3), "steps": epochs * 40, "parameters": 38282 + 512 * number,
            "chosen": chosen, "seed": 1000 + number, "of": None,
        })  # fmt: skip
    return found


def repeats(explored: list[dict[str, Any]], rng: np.random.Generator, spread: float) -> list[dict[str, Any]]:
    """Three fresh seeds of the winner and of the default, then the final training of the winner."""
    winner = explored[len(explored) // 2]
    found: list[dict[str, Any]] = []
    for phase, original in [("confirm", winner)] * 3 + [("confirm", explored[0])] * 3 + [("final", winner)]:
        score = original["score"] + spread * 0.1 * float(rng.normal())
        found.append({**original, "phase": phase, "score": score, "seed": 2000 + len(found), "best_epoch": 19,
                      "of": original["number"], "epochs": 24,
                          "cause": "the validation score stopped improving"})  # fmt: skip
    return found


def validation(repeated: list[dict[str, Any]], number: int) -> dict[str, Any]:
    scores = [t["score"] for t in repeated if t["number"] == number and t["phase"] == "confirm"]
    return {"mean": float(np.mean(scores)), "std": float(np.std(scores, ddof=1)), "n": len(scores), "scores": scores,
            "explored": 0.0}  # fmt: skip


def finish(folder: Path, results: dict[str, Any], number: int, *, best: float, spread: float, sign: int = 1,
           count: int = 24, top: float = 2.0, floor: float = 0.03) -> dict[str, Any]:  # fmt: skip
    """Adds the trials to what is particular to a sample and writes the folder."""
    rng = np.random.default_rng(number)
    explored = trials(rng, count=count, best=best, spread=spread, sign=sign)
    repeated = repeats(explored, rng, spread)
    results |= {
        "default_trial": 0,
        "winner": {"number": count // 2, "chosen": explored[count // 2]["chosen"],
                   "validation": validation(repeated, count // 2)},
        "default": {"validation": validation(repeated, 0)},
        "trials": explored + repeated, "finished": "2026-11-22T12:00:00Z", "environment": ENVIRONMENT,
    }  # fmt: skip
    seeds = [f"-seed{i % 3 + 1}" for i in range(len(repeated) - 1)]
    for trial, seed in zip(explored + repeated, [""] * count + [*seeds, ""], strict=True):
        place = folder / "trials" / ("final" if trial["phase"] == "final" else f"{trial['number']:04d}{seed}")
        write(place / "result.json", trial)
        write(
            place / "trace.jsonl", trace(trial, rng, top=top, floor=floor, fallback=best - sign * spread * 4, sign=sign)
        )
    write(folder / "study.yaml", SPACE_YAML)
    write(folder / "evaluation" / "scorecard.json", results["scorecard"])
    write(folder / "results.json", results)
    return results


def measure(title: str, value: float, low: float, high: float, method: str = "BCa bootstrap, 1,000 resamples", *,
            percent: bool = False, direction: str = "maximize") -> dict[str, Any]:  # fmt: skip
    return {"title": title, "value": value, "low": low, "high": high, "level": 0.95, "method": method,
            "direction": direction, "percent": percent}  # fmt: skip


def baseline(
    name: str, seconds: float, note: str, lead: tuple[float, float], **metrics: tuple[float, float, float]
) -> dict[str, Any]:
    values = {k: {"value": v, "low": low, "high": high} for k, (v, low, high) in metrics.items()}
    name, _, title = name.partition(": ")
    difference = {"value": sum(lead) / 2, "low": lead[0], "high": lead[1]}
    return {"name": name, "title": title, "metrics": values, "difference": difference, "seconds": seconds, "note": note}


def classification(folder: Path) -> dict[str, Any]:
    """Digits: ten classes, pictures, a clear winner."""
    rng = np.random.default_rng(7)
    counts = np.diag(rng.integers(25, 28, 10)).astype(int)
    for i, j, n in [(8, 1, 2), (9, 3, 1), (4, 9, 1), (3, 5, 1)]:
        counts[i, j] = n
        counts[i, i] -= n
    rows = int(counts.sum())
    right = int(np.trace(counts))
    per_class = [
        {"name": str(c), "rows": int(counts[c].sum()), "precision": counts[c, c] / counts[:, c].sum(),
         "recall": counts[c, c] / counts[c].sum(), "f1": 2 * counts[c, c] / (counts[c].sum() + counts[:, c].sum()),
         "recall_low": counts[c, c] / counts[c].sum() - 0.09,
         "recall_high": min(1.0, counts[c, c] / counts[c].sum() + 0.03)}
        for c in range(10)
    ]  # fmt: skip
    results = {
        "name": "digits", "task": {"name": "image_classification", "title": "image classification"},
        "objective": {"name": "accuracy", "title": "accuracy", "direction": "maximize", "percent": True},
        "source": "digits", "target": "digit", "budget": {"text": "2m", "seconds": 120, "used": 112.4},
        "facts": {
            "name": "digits", "task": "image_classification", "target": "digit", "num_rows": 1797,
            "part_counts": {"train": 1257, "validation": 1797 - 1257 - rows, "test": rows}, "num_classes": 10,
            "class_names": [str(i) for i in range(10)],
            "class_counts": [125, 127, 124, 128, 127, 127, 127, 125, 122, 125],
            "columns": [{"name": "image", "kind": "image", "missing": 0, "unique": None, "used_as": "inputs"},
                        {"name": "digit", "kind": "category", "missing": 0, "unique": 10, "used_as": "target"}],
            "input_shape": [1, 8, 8], "num_features": 64, "vocabulary_size": None,
        },
        "notes": [
            {"level": "info", "message": "Pixels are shifted and scaled to mean 0 and deviation 1 per channel, as "
             "measured on the training part.", "column": "image"},
            {"level": "info", "message": "70 % / 15 % / 15 % of the rows, stratified by class, seed 0.",
             "column": None},
        ],
        "verdict": "better", "verdict_text": "The winner is better than the default recipe: +1.2 points of accuracy on "
        "the validation part (95 % interval +0.4 to +2 points, 3 seeds).",
        "scorecard": {
            "part": "test", "rows": rows,
            "metrics": {
                "accuracy": measure("accuracy", right / rows, 0.957236, 0.992118, "Wilson", percent=True),
                "balanced_accuracy": measure("balanced accuracy", 0.98116, 0.96413, 0.99387, percent=True),
                "f1": measure("F1 (macro)", 0.98093, 0.9638, 0.99371, percent=True),
                "log_loss": measure("log loss", 0.06812, 0.03117, 0.1142, direction="minimize"),
            },
            "per_class": per_class, "confusion": {"names": [str(i) for i in range(10)], "counts": counts.tolist()},
            "residuals": None,
        },
        "baselines": [
            baseline("majority class: always the most common class", 0.001, "always answers 3", (0.85, 0.91),
                     accuracy=(0.104, 0.073, 0.146), balanced_accuracy=(0.1, 0.1, 0.1), f1=(0.0188, 0.0137, 0.024),
                     log_loss=(2.3026, 2.301, 2.304)),
            baseline("linear: logistic regression", 0.4, "logistic regression on pixels", (0.006, 0.05),
                     accuracy=(0.9593, 0.929, 0.977), balanced_accuracy=(0.9591, 0.931, 0.979),
                     f1=(0.9588, 0.93, 0.978), log_loss=(0.1484, 0.09, 0.22)),
            baseline("trees: gradient-boosted trees", 3.1, "histogram trees, 200 rounds", (0.003, 0.045),
                     accuracy=(0.963, 0.9332, 0.9797), balanced_accuracy=(0.9627, 0.936, 0.982),
                     f1=(0.9621, 0.934, 0.981), log_loss=(0.1399, 0.08, 0.21)),
        ],
        "worst": [
            {"row": 100 + 37 * i, "name": str(100 + 37 * i), "truth": t, "answer": a, "badness": 0.998 - 0.09 * i,
             "example": {"kind": "image", "png": png(digit(int(t), i))}}
            for i, (t, a) in enumerate([("8", "1"), ("9", "3"), ("8", "1"), ("4", "9"), ("3", "5"), ("1", "1")])
        ],
        "recipe_yaml": DIGITS_YAML,
    }  # fmt: skip
    return finish(folder, results, 1, best=0.9871, spread=0.02)


def searched(folder: Path) -> dict[str, Any]:
    """Digits again, with all that a study says of its search: two objectives, an ensemble, continued from a run."""
    results = classification(folder)
    explored = [t for t in results["trials"] if t["phase"] == "explore"]
    explored[20] |= {"state": "infeasible", "cause": "6% more than the 40,000 parameters that are allowed"}
    for trial in explored:
        score = 0.1 if trial["score"] is None else trial["score"]
        trial["values"] = {"accuracy": score, "parameters": float(trial["parameters"])}
    heats = [{**explored[12], "phase": "heat", "of": 12, "score": 0.2 + 0.1 * i} for i in range(3)]
    steps = [{**explored[0], "phase": "ablate", "of": 0} for _ in range(6)]
    setting = "model.dropout='uniform(0.0, 0.7)'"
    edge = {"message": "The best trial has `model.dropout` 0.49, at the upper end of uniform(0.0, 0.5).", "said": None,
            "kind": "edge", "leaf": "model.dropout", "evidence": {}, "proposal": "uniform(0.0, 0.7)",
            "setting": setting}  # fmt: skip
    few = {"kind": "few_points", "leaf": "", "message": "24 trials for 5 settings, searched at once, are few.",
           "said": None, "evidence": {}, "proposal": None, "setting": ""}  # fmt: skip
    rate, drop = "optimizer.learning_rate", "model.dropout"
    results |= {
        "trials": [*results["trials"], *heats, *steps],
        "judgment": {"probability_better": 0.9731, "optimism": 0.0021, "corrected_mean": 0.9812, "std": 0.004,
                     "method": "spread over 3 seeds", "low": 0.001, "high": 0.02},
        "search": {"sampler": "auto", "why": "A Gaussian process, which makes the most of 24 trials.",
                   "why_said": None, "pruner": "median", "fidelity": "epochs", "workers": 2, "lookahead": 4,
                   "order": "exact"},
        "health": [edge, few],
        "importance": {"fanova": {rate: 0.71, drop: 0.22, "model.channels": 0.07},
                       "ped_anova": {drop: 0.55, rate: 0.4, "model.channels": 0.05}, "num_trials": 14,
                       "note": "Over 14 of 14 complete trials.", "note_said": None},
        "objectives": [{"name": "accuracy", "direction": "maximize"}, {"name": "parameters", "direction": "minimize"}],
        "front": [{"number": n, "values": explored[n]["values"], "chosen": explored[n]["chosen"],
                   "parameters": explored[n]["parameters"]} for n in (12, 6, 0)],
        "ablation": [
            {"settings": [rate], "before": {rate: 0.002}, "after": {rate: 0.0071}, "gain": 0.011, "low": 0.004,
             "high": 0.018, "num_seeds": 3, "tried": 2},
            {"settings": [drop, "model.channels"], "before": {drop: 0.0}, "after": {drop: 0.21, "model.channels": 64},
             "gain": -0.002, "low": None, "high": None, "num_seeds": 3, "tried": 1},
        ],
        "ensemble": {
            "members": [{"number": 12, "weight": 0.25, "parameters": 40000},
                        {"number": 12, "weight": 0.5, "parameters": 40000},
                        {"number": 6, "weight": 0.25, "parameters": 44000}],
            "validation": 0.991, "best_validation": 0.987, "parameters": 124000, "best_parameters": 40000,
            "seconds": 0.066, "best_seconds": 0.022,
            "metrics": {"accuracy": {"value": 0.9847, "low": 0.9618, "high": 0.9941}},
            "difference": {"value": 0.0038, "low": -0.004, "high": 0.0117},
        },
        "suggested": [{"chosen": {rate: 0.003}, "source": "runs/letters", "why": "trial 3 of letters", "said": None},
                      {"chosen": {rate: 0.001}, "source": "portfolio", "why": "recipe 1", "said": None}],
        "continued": {"run": "runs/digits-1", "kept": 10, "dropped": [{"number": 3, "reason": "x"}], "test_looks": 1},
    }  # fmt: skip
    write(folder / "results.json", results)
    return results


def regression(folder: Path) -> dict[str, Any]:
    """House prices: rows of a table, a minimized metric, warnings, a baseline that is better."""
    rng = np.random.default_rng(3)
    actual = rng.gamma(3.4, 61_000, 2000).clip(15_000, 500_001)
    predicted = actual + rng.normal(0, 0.2 * actual + 9_000)
    names = ["longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "median_income",
             "ocean_proximity", "median_house_value"]  # fmt: skip
    error = measure("RMSE", 54_310.6, 52_480.2, 56_233.9, direction="minimize")
    results = {
        "name": "california_housing.csv", "task": {"name": "tabular_regression", "title": "tabular regression"},
        "objective": {"name": "rmse", "title": "RMSE", "direction": "minimize", "percent": False},
        "source": "california_housing.csv", "target": "median_house_value",
        "budget": {"text": "10m", "seconds": 600, "used": 588.0},
        "facts": {
            "name": "california_housing.csv", "task": "tabular_regression", "target": "median_house_value",
            "num_rows": 20640, "part_counts": {"train": 14448, "validation": 3096, "test": 3096}, "num_classes": None,
            "class_names": [], "class_counts": [], "input_shape": [13], "num_features": 13, "vocabulary_size": None,
            "columns": [{"name": n, "kind": "category" if n == "ocean_proximity" else "numeric",
                         "missing": 207 if n == "total_bedrooms" else 0, "unique": 50 * (i + 1),
                         "used_as": "target" if i == 7 else "inputs"} for i, n in enumerate(names)],
        },
        "notes": [
            {"level": "warning", "message": "965 rows (4.7 %) have the largest value, 500,001: it looks like a cap.",
             "column": "median_house_value"},
            {"level": "info", "message": "207 missing values become the training median, and a column says where.",
             "column": "total_bedrooms"},
            {"level": "info", "message": "5 levels become 5 columns of 0 and 1.", "column": "ocean_proximity"},
        ],
        "verdict": "not distinguishable", "verdict_text": "",
        "scorecard": {
            "part": "test", "rows": 3096,
            "metrics": {"rmse": error, "mae": measure("MAE", 36_204.3, 35_020.8, 37_451.0, direction="minimize"),
                        "r2": measure("R²", 0.7782, 0.7621, 0.7938)},
            "per_class": None, "confusion": None,
            "residuals": {"predicted": predicted.tolist(), "actual": actual.tolist()},
        },
        "baselines": [
            baseline("mean: always the mean", 0.001, "", (-64_000, -58_000),
                     rmse=(115_300, 112_900, 117_800), mae=(90_800, 88_900, 92_800), r2=(0, -0.001, 0)),
            baseline("linear: ridge regression", 0.03, "ridge", (-18_000, -12_000),
                     rmse=(69_120, 66_100, 72_400), mae=(49_700, 48_100, 51_300), r2=(0.641, 0.61, 0.67)),
            baseline("trees: gradient-boosted trees", 2.2, "", (4_000, 9_000),
                     rmse=(47_210, 45_400, 49_100), mae=(31_300, 30_200, 32_400), r2=(0.832, 0.818, 0.846)),
        ],
        "worst": [
            {"row": int(r), "name": str(r), "truth": f"{t:,.0f}", "answer": f"{a:,.0f}", "badness": abs(t - a),
             "example": {"kind": "row", "values": {"longitude": -122.4, "latitude": 37.8, "median_income": 1.73,
                                                   "ocean_proximity": "NEAR BAY", "total_bedrooms": None}}}
            for r, t, a in [(10574, 500_001, 148_220.4), (15360, 500_001, 161_903.1), (9974, 475_000, 160_004.9)]
        ],
        "recipe_yaml": DIGITS_YAML.replace("image_classification", "tabular_regression").replace("cnn", "mlp"),
    }  # fmt: skip
    return finish(folder, results, 2, best=54_020.0, spread=6_000, sign=-1, top=0.9, floor=0.05)


def segmentation(folder: Path) -> dict[str, Any]:
    """Street scenes: IoU by class, a large confusion matrix, one baseline."""
    rng = np.random.default_rng(5)
    names = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "cyclist"]
    iou = [0.91, 0.78, 0.11, 0.93, 0.77, 0.72, 0.14, 0.22, 0.69, 0.24, 0.19]
    sizes = rng.integers(20_000, 2_000_000, 11)
    counts = [[int(sizes[i] * (iou[i] if i == j else (1 - iou[i]) / 10)) for j in range(11)] for i in range(11)]
    scene = np.add.outer(np.arange(90), np.arange(120)).astype(np.uint8)
    results = {
        "name": "camvid", "task": {"name": "semantic_segmentation", "title": "semantic segmentation"},
        "objective": {"name": "mean_iou", "title": "mean IoU", "direction": "maximize", "percent": True},
        "source": "camvid_240x180.zip", "target": "mask", "budget": {"text": "2h", "seconds": 7200, "used": 7011.0},
        "facts": {
            "name": "camvid_240x180.zip", "task": "semantic_segmentation", "target": "mask", "num_rows": 701,
            "part_counts": {"train": 367, "validation": 101, "test": 233}, "num_classes": 11, "class_names": names,
            "class_counts": [], "columns": [], "input_shape": [3, 180, 240], "num_features": 129600,
            "vocabulary_size": None,
        },
        "notes": [], "verdict": "better", "verdict_text": "",
        "scorecard": {
            "part": "test", "rows": 233,
            "metrics": {"mean_iou": measure("mean IoU", 0.518, 0.497, 0.5391, percent=True),
                        "pixel_accuracy": measure("pixel accuracy", 0.8612, 0.8534, 0.8688, percent=True)},
            "per_class": [{"name": n, "rows": 233, "pixels": int(s), "iou": v, "iou_low": v - 0.03,
                "iou_high": v + 0.03}
                          for n, v, s in zip(names, iou, sizes, strict=True)],
            "confusion": {"names": names, "counts": counts}, "residuals": None,
        },
        "baselines": [baseline("majority class: always the most common class", 0.01, "road everywhere", (0.46, 0.51),
                     mean_iou=(0.029, 0.027, 0.031), pixel_accuracy=(0.31, 0.29, 0.33))],
        "worst": [{"row": 12, "name": "0001TP_008550.jpg", "truth": "building, car, road, sky",
                   "answer": "building, road, sky, tree", "badness": 0.21, "example": {"kind": "image",
                       "png": png(scene)}, "pictures": {"truth": png(scene), "answer": png(scene)}}],
        "colors": {"road": "#f26161", "sky": "#61f2a0", "<b>": "red;background:url(x)"},
        "recipe_yaml": DIGITS_YAML.replace("image_classification", "semantic_segmentation").replace("cnn", "unet"),
    }  # fmt: skip
    return finish(folder, results, 4, best=0.5322, spread=0.1)


def unfinished(folder: Path) -> None:
    """Digits, cut off in its ninth trial: no results, a trace that ends in half a line."""
    rng = np.random.default_rng(11)
    explored = trials(rng, count=9, best=0.981, spread=0.02)
    for trial in explored:
        place = folder / "trials" / f"{trial['number']:04d}"
        write(place / "trace.jsonl", trace(trial, rng, top=2.0, floor=0.03, fallback=0.9))
        if trial["number"] < 8:
            write(place / "result.json", trial)
    last = folder / "trials" / "0008" / "trace.jsonl"
    write(last, last.read_text() + '{"kind": "epoch", "epo')
    facts = {"name": "digits", "task": "image_classification", "target": "digit", "num_rows": 1797,
             "part_counts": {"train": 1257, "validation": 270, "test": 270}, "columns": []}  # fmt: skip
    write(folder / "data" / "9f2c4e1b7a6d0358" / "prepared.json", {"facts": facts, "notes": []})
    write(folder / "study.yaml", SPACE_YAML)
    write(folder / "environment.json", ENVIRONMENT)


SAMPLES = {
    "digits": classification,
    "searched": searched,
    "housing": regression,
    "camvid": segmentation,
    "unfinished": unfinished,
}

if __name__ == "__main__":
    from mapsto.report import build

    for name, make in SAMPLES.items():
        place = Path(sys.argv[1]) / name
        make(place)
        build(place, language="zh", out=place / "report.zh.html")
        sys.stdout.write(f"{build(place)}\n")
