"""`mapsto resume`: a study goes on where it was interrupted."""

from __future__ import annotations

from pathlib import Path

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto resume runs/digits",
    "mapsto resume runs/digits --budget 30m",
)


def resume(
    run: _options.RunFolder,
    network: _options.OwnNetwork = None,
    budget: _options.Budget = None,
    trials: _options.Trials = None,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Go on with a run that was interrupted.

    Finished trials are kept, and the one that was interrupted continues from its last checkpoint. The budget is
    that of the run, of which the time already worked counts; another may be given.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        if (Path(run) / "study.json").exists():
            from mapsto.cli import _command  # here, since it needs rich

            _command.resume(terminal, run, budget=budget, n_trials=trials)
            return
        from mapsto import api  # here, so that --help does not load it

        with terminal.study() as listener:
            result = api.resume(run, network=_options.own(network), budget=budget, n_trials=trials, listener=listener)
        terminal.result(result)
