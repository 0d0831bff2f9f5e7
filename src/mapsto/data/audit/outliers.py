"""Numbers far from all others, and rows that are strange as a whole."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import count, say
from mapsto.data.audit._spread import FENCE, LIMIT, extreme, z_scores
from mapsto.data.audit._subject import SEED, Subject, percent
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

_ROWS, _FOREST_ROWS, _FOREST_COLUMNS = 200_000, 10_000, 100
_DISTINCT = 10  # fewer different numbers are levels


class Outliers(Check):
    """Finds numbers beyond the inter-quartile fence, the z-score limit and their column's own tail, and rows that an
    isolation forest (Liu, Ting, Zhou 2008) tells apart at once though no single value of theirs is out.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        marked = np.zeros(len(subject), dtype=np.bool_)
        among = subject.sample(_ROWS)
        columns = [column for column in subject.columns("numeric", with_target=True) if column.values.dtype.kind == "f"]
        for column in self.within(columns):
            values = column.values[among]
            far = extreme(values)
            rows = among[far]
            if not len(rows) or len(np.unique(values[~far][np.isfinite(values[~far])][:10_000])) < _DISTINCT:
                continue
            marked[rows] = True
            present = values[np.isfinite(values)]
            furthest = float(np.abs(z_scores(present)).max())
            message = say(
                "{values} ({share}) beyond {fence:g} inter-quartile ranges, {limit:g} deviations and the column's own "
                "tail; the furthest by {furthest:.3g} deviations{sample}.",
                values=count(len(rows), "value"),
                share=percent(len(rows), len(among)),
                fence=FENCE,
                limit=LIMIT,
                furthest=furthest,
                sample=subject.said(among),
            )
            action = say("Look at them; `data.outliers: clip` limits what they do.")
            facts = {"furthest": furthest, "limit": LIMIT}
            found.append(self.finding(subject, message, action, column=column.name, rows=rows, facts=facts))
        found.sort(key=lambda finding: -finding.count)
        return found + ([] if self.is_late else self._strange(subject, ~marked))

    def _strange(self, subject: Subject, plain: NDArray[np.bool_]) -> list[Finding]:
        """Rows whose values are strange together."""
        columns = [c for c in subject.columns("numeric") if c.name not in subject.identifiers][:_FOREST_COLUMNS]
        among = subject.sample(_FOREST_ROWS, np.flatnonzero(plain))
        if len(columns) < 2 or len(among) < 100:
            return []
        from sklearn.ensemble import IsolationForest

        matrix = np.stack([column.values[among] for column in columns], axis=1)
        matrix = np.where(np.isfinite(matrix), matrix, np.nan)
        whole = ~np.isnan(matrix).all(axis=0)
        matrix = np.where(np.isnan(matrix[:, whole]), np.nanmedian(matrix[:, whole], axis=0), matrix[:, whole])
        if matrix.shape[1] < 2:
            return []
        forest = IsolationForest(n_estimators=50, max_samples=min(256, len(matrix)), random_state=SEED).fit(matrix)
        scores = z_scores(-forest.score_samples(matrix))
        rows = among[scores > 2 * LIMIT]
        if not len(rows):
            return []
        message = say(
            "{rows} that an isolation forest tells apart at once, though no single value is far out{sample}.",
            rows=count(len(rows), "row"),
            sample=subject.said(among),
        )
        return [self.finding(subject, message, say("Look at them."), rows=rows, level="info")]
