"""Pages and figures that a person reads, from a run folder; in English and Chinese.

`mapsto.report` is called as well: `mapsto.report("runs/digits")` writes a run's page, and in a program that is tuned,
`mapsto.report(accuracy=0.9, epoch=3)` tells how far it is. A package of that name always hides a function of that name
once it has been imported, so the package itself is what is called.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, SupportsFloat

if TYPE_CHECKING:
    from mapsto.report.page import build as build
    from mapsto.report.page import summary_html as summary_html
    from mapsto.report.text import Language

__all__ = ["build", "summary_html"]


def __getattr__(name: str) -> Any:
    # The command line writes its numbers as the report does (`mapsto.report.format`) and needs no page for that.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mapsto.report import page

    return getattr(page, name)


class _Callable(ModuleType):
    """The package as the public function of its name."""

    def __call__(
        self,
        run: str | Path | None = None,
        *,
        language: Language = "en",
        out: str | Path | None = None,
        **values: SupportsFloat,
    ) -> Path | bool:
        """Writes a run's report as one HTML file and returns its path; or reports numbers to the tuner.

        Args:
            run: its folder; None where numbers are reported.
            language: of the page.
            out: the file to write; None is `report.html` in the run folder.
            values: numbers by name, of a program that `mapsto tune --command` runs: see `mapsto.report_values`.

        Returns:
            The file; or whether the program should end now, since others do better.
        """
        if run is None:
            from mapsto.adapters.reporting import report_values

            return report_values(**values)
        if values:
            raise TypeError(f"report() takes a run or numbers, not both. Received: {', '.join(values)}.")
        from mapsto.report.page import build

        return build(Path(run), language=language, out=None if out is None else Path(out))


sys.modules[__name__].__class__ = _Callable
