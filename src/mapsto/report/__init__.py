"""Pages and figures that a person reads, from a run folder; in English and Chinese."""

from __future__ import annotations

from mapsto.report.page import build as build
from mapsto.report.page import summary_html as summary_html
