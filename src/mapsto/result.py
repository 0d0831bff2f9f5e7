"""What a study found, as a user holds it in Python or in a notebook."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mapsto import _files
from mapsto.errors import RunError
from mapsto.recipe.families import METRICS, TASKS
from mapsto.recipe.space import Space
from mapsto.search.results import SCORECARD, read_results
from mapsto.search.run import STUDY

if TYPE_CHECKING:
    import pandas as pd

    from mapsto.evaluation.scorecard import Scorecard
    from mapsto.metrics.base import Direction
    from mapsto.training.fitted import Fitted

Language = Literal["en", "zh"]


class Result:
    """What a study found, read from its run folder.

    Args:
        run: the folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run

    @cached_property
    def best(self) -> Fitted:
        """The winner, ready to predict; while the study runs, the leader so far."""
        from mapsto.training.fitted import Fitted  # here, since a leaderboard can be read without torch

        return Fitted.load(self.run / "best")

    @cached_property
    def scorecard(self) -> Scorecard:
        """The winner's metrics on the test part, with their intervals."""
        from mapsto.evaluation.scorecard import Scorecard

        self.summary()  # refuses an unfinished study, and says how to go on
        return Scorecard.from_json(_files.read_json(self.run / SCORECARD))

    def summary(self) -> dict[str, Any]:
        """Everything that was found, as plain data.

        Raises:
            RunError: the study is not finished.
        """
        results = read_results(self.run)
        if results is None:
            raise RunError(f"{self.run} is not finished. Go on with it by `mapsto resume {self.run}`.")
        return results

    def leaderboard(self) -> pd.DataFrame:
        """The explored trials: score, state, length, and the values that were searched.

        The best stand first; those that were stopped early or failed, whose scores say less, come last.
        """
        import pandas as pd  # here, since most uses of a result need no frame

        from mapsto.search.outcome import Outcome, is_candidate, ranked

        found = [Outcome.read(folder) for folder in sorted((self.run / "trials").glob("*"))]
        explored = [outcome for outcome in found if outcome is not None and outcome.phase == "explore"]
        outcomes = [*ranked(explored, self._direction()), *(o for o in explored if not is_candidate(o))]
        rows = [
            {"trial": o.number, "state": o.state, "score": o.score, "epochs": o.epochs, "seconds": o.seconds}
            | {"parameters": o.parameters, "cause": o.cause, **o.chosen}
            for o in outcomes
        ]
        return pd.DataFrame(rows, columns=None if rows else ["trial", "state", "score"])

    def _direction(self) -> Direction:
        leaves = Space.from_yaml((self.run / STUDY).read_text(encoding="utf-8"), where=str(self.run / STUDY)).leaves
        name = leaves.get("search.metric") or TASKS.get(str(leaves["task.name"])).metrics[0]
        direction: Direction = METRICS.get(str(name)).direction
        return direction

    def report(self, path: str | Path | None = None, language: Language = "en") -> Path:
        """Writes the report (by default `report.html` in the run folder) and returns its path."""
        from mapsto.report import build  # here, since only this needs the templates

        return build(self.run, language=language, out=None if path is None else Path(path))

    def _repr_html_(self) -> str:
        from mapsto.report import summary_html  # here, since only notebooks need it

        return summary_html(self.run)

    def __repr__(self) -> str:
        return f"Result({str(self.run)!r})"
