"""Classes that are rare."""

from __future__ import annotations

from typing import ClassVar

from mapsto._messages import say
from mapsto.data.audit._subject import Subject, percent, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.audit.spellings import level_counts
from mapsto.data.table import Kind

RATIO, FEW = 10, 10


class Imbalance(Check):
    """Finds targets whose most frequent class has at least `RATIO` times the rows of the rarest, or a class with fewer
    than `FEW` rows.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("category",)

    def run(self, subject: Subject) -> list[Finding]:
        target = subject.target
        if target is None or target.kind != "category" or target.values.dtype != object:
            return []
        if target.label_separator is not None:  # combinations of labels are no classes
            return []
        counts = level_counts(target.values)
        if len(counts) < 2:
            return []
        (most, top), (rare, least) = next(iter(counts.items())), list(counts.items())[-1]
        if top < RATIO * least and least >= FEW:
            return []
        few = sum(n < FEW for n in counts.values())
        rest = say(".")
        if few:
            rest = say(
                "; {few:,} of {all:,} classes have fewer than {least} rows.", few=few, all=len(counts), least=FEW
            )
        message = say(
            "{most} has {top:,} rows ({share}), {rare} {least:,}: {times:.3g} times as many{rest}",
            most=shown(most),
            top=top,
            share=percent(top, sum(counts.values())),
            rare=shown(rare),
            least=least,
            times=top / least,
            rest=rest,
        )
        action = say(
            "Choose a metric that counts classes alike (`search.metric: balanced_accuracy`), or balance training."
        )
        return [
            self.finding(
                subject, message, action, column=target.name, count=least, facts={"ratio": top / least, "few": few}
            )
        ]
