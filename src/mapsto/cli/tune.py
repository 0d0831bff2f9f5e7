"""`mapsto tune`: data and a budget in, the best network out."""

from __future__ import annotations

from typing import Any

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto tune digits --budget 60s",
    "mapsto tune churn.csv --target churned --budget 10m --out runs/churn",
    "mapsto tune digits --set model.activation='choice(relu, tanh)' --set optimizer.learning_rate='log(1e-4, 1e-1)'",
    "mapsto tune recipe.yaml --trials 30 --json",
    "mapsto tune photos/ --budget 2h --workers auto",
    "mapsto tune --command 'python train.py --lr {lr}' --set lr='log(1e-4, 1e-1)' --metric accuracy --trials 20",
)


def tune(
    source: _options.OptionalSource = None,
    target: _options.Target = None,
    network: _options.OwnNetwork = None,
    task: _options.Task = None,
    recipe: _options.RecipeFile = None,
    settings: _options.Settings = None,
    budget: _options.Budget = None,
    trials: _options.Trials = None,
    seed: _options.Seed = None,
    workers: _options.Workers = None,
    executor: _options.ExecutorName = None,
    address: _options.Address = None,
    storage: _options.Storage = None,
    continue_from: _options.Continue = None,
    command: _options.Command = None,
    sweep: _options.SweepFile = None,
    metric: _options.MetricName = None,
    direction: _options.DirectionName = None,
    seeds: _options.Seeds = None,
    sampler: _options.Sampler = None,
    pruner: _options.Pruner = None,
    max_steps: _options.MaxSteps = None,
    trial_time: _options.TrialTime = None,
    start: _options.Start = None,
    out: _options.RunOut = None,
    overwrite: _options.OverwriteRun = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Search for the best network within a budget, and test it.

    The first trial is the default recipe; the best are trained again with other seeds before the winner is named,
    and the winner is tested on rows that were used for nothing else. All of it lies in the run folder, with a report.

    With --command any program is tuned: its settings stand in the command in braces, and it prints its metric.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        if command is not None or sweep is not None:
            _options.refuse(
                {
                    "SOURCE": source, "--network": network, "--target": target, "--task": task, "--recipe": recipe,
                    "--executor": executor,
                    "--address": address, "--storage": storage, "--continue": continue_from,
                    "--overwrite": overwrite or None,
                },
                "is not for --command and --sweep, which tune a program of yours",
            )  # fmt: skip
            from mapsto.cli import _command  # here, since it needs rich

            given: dict[str, Any] = {
                "direction": direction, "budget": budget, "n_trials": trials, "num_seeds": seeds, "seed": seed,
                "sampler": sampler, "pruner": pruner, "max_fidelity": max_steps, "time_limit": trial_time,
                "start": start, "out": out,
            }  # fmt: skip
            stated = {name: value for name, value in given.items() if value is not None}
            if sweep is not None:
                _options.refuse({"--command": command, "--set": settings}, "is not for --sweep, whose file says it all")
                if metric is not None:
                    stated["metric"] = metric
                if workers is not None:
                    stated["workers"] = _options.number_of_workers(workers)
                _command.sweep(terminal, sweep, **stated)
                return
            _command.tune(
                terminal,
                str(command),
                settings or (),
                metric=_options.needed(metric, "--metric", "the name that the program prints before its score"),
                workers=_options.number_of_workers(workers),
                **stated,
            )
            return
        _options.refuse(
            {
                "--metric": metric, "--direction": direction, "--seeds": seeds, "--sampler": sampler,
                "--pruner": pruner, "--max-steps": max_steps, "--trial-time": trial_time, "--start": start,
            },
            "is for --command only; beside data say --set search.metric=..., search.num_seeds=..., search.sampler=...",
        )  # fmt: skip
        if continue_from is None or source is not None:
            source = _options.needed(source, "SOURCE", "a file, a folder or the name of a data set")
            data, recipe = _options.split(source, recipe)
        else:
            data = None
        from mapsto import api  # here, so that --help does not load it

        with terminal.study() as listener:
            own = _options.own(network)
            result = api.tune(
                data if own is None else own,
                data=None if own is None else data,
                target=target,
                task=task,
                recipe=recipe,
                settings=settings or (),
                budget=budget,
                n_trials=trials,
                seed=seed,
                workers=workers,
                executor=executor,
                address=address,
                storage=storage,
                continue_from=continue_from,
                out=out,
                overwrite=overwrite,
                listener=listener,
            )
        terminal.result(result)
