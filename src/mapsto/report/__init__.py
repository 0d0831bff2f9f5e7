"""Pages and figures that a person reads, from a run folder; in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mapsto.report.page import build as build
    from mapsto.report.page import summary_html as summary_html

__all__ = ["build", "summary_html"]


def __getattr__(name: str) -> Any:
    # The command line writes its numbers as the report does (`mapsto.report.format`) and needs no page for that.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mapsto.report import page

    return getattr(page, name)
