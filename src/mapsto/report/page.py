"""The report: one HTML file that works offline, in print, in light and dark, and without a mouse."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mapsto._files import write_text
from mapsto.report import commands, drawings, figures, lessons, svg, views
from mapsto.report.advice import advice
from mapsto.report.answer import answer
from mapsto.report.figures import metric_name, part_name
from mapsto.report.reading import read
from mapsto.report.study import Study, Trace
from mapsto.report.text import Language, Texts

if TYPE_CHECKING:
    from jinja2 import Environment

SECTIONS = (
    "answer",
    "audit",
    "data",
    "search",
    "training",
    "evaluation",
    "errors",
    "baselines",
    "recipe",
    "environment",
)


def build(run: Path, *, language: Language = "en", out: Path | None = None) -> Path:
    """Writes the report of a run.

    A study that is not finished gets a report too, which says so and shows what there is.

    Args:
        run: the folder that `mapsto tune` made.
        language: of the sentences; what comes from the data stays as it is.
        out: the file to write; `report.html` in the run folder unless given.

    Returns:
        The file that was written.

    Raises:
        RunError: `run` is no run folder, a file in it is damaged, or `out` cannot be written.

    Example:
        build(Path("runs/digits"), language="zh")
    """
    say = Texts(language)
    study = read(run)
    templates = _templates()
    script = _source(templates, "page.js")
    # The page may run this one script and load nothing: a second lock behind the escaping of what comes from data.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = Markup(_source(templates, "charts.css") + _source(templates, "page.css"))
    context = _context(study, say) | {"digest": digest, "script": Markup(script), "style": style}
    path = out or run / "report.html"
    write_text(path, templates.get_template("page.html").render(context))
    return path


def summary_html(run: Path, *, language: Language = "en") -> str:
    """A fragment of HTML with the answer alone, for notebooks.

    Raises:
        RunError: `run` is no run folder, or a file in it is damaged.
    """
    say = Texts(language)
    study = read(run)
    templates = _templates()
    context = {
        "say": say,
        "study": study,
        "task": say.name("task", str(study.task.get("name") or ""), str(study.task.get("title") or "")),
        "answer": answer(study, say),
        "standing": drawings.standing(study, say),
        "style": Markup(_source(templates, "charts.css") + _source(templates, "summary.css")),
        "path": str(run / "report.html"),
    }
    return templates.get_template("summary.html").render(context)


def _templates() -> Environment:
    # Here and not at the top: the command line names this module before it knows that a report is wanted.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _source(templates: Environment, name: str) -> str:
    """The text of one of the package's own files, as it is."""
    assert templates.loader is not None
    return templates.loader.get_source(templates, name)[0]


def _context(study: Study, say: Texts) -> dict[str, Any]:
    """Everything that the page's templates name."""
    run = study.fitted
    counts = figures.class_counts(study, say)
    class_heads, class_lines = views.classes(study, say)
    found, folded = views.findings(study, say)
    baseline_heads, baseline_lines = views.baselines(study, say)
    front_heads, front_lines = lessons.front(study, say)
    return {
        "say": say,
        "study": study,
        "sections": SECTIONS,
        "task": say.name("task", str(study.task.get("name") or ""), str(study.task.get("title") or "")),
        "metric": metric_name(say, study.objective),
        "part": part_name(say, study.part),
        "rows": say.count("row", study.rows),
        "answer": answer(study, say),
        "advice": advice(study, study.trace(run) if run else Trace(), say),
        "standing": drawings.standing(study, say),
        "chosen": views.settings(study.best.chosen) if study.best else [],
        "parts": views.parts(study, say),
        "facts": views.facts(study, say),
        "columns": views.columns(study, say),
        "num_columns": len(study.facts.get("columns") or ()),
        "class_counts": drawings.Figure(counts.title, svg.bars(counts)) if counts else None,
        "findings": found,
        "num_findings_folded": folded,
        "warnings": views.notes(study, "warning", say),
        "done": views.notes(study, "info", say),
        "search_lead": lessons.lead(study, say),
        "search_how": lessons.how(study, say),
        "search_figures": drawings.search_figures(study, say),
        "leaderboard": views.leaderboard(study, say),
        "finalists": views.finalists(study),
        "front_figure": drawings.front_figure(study, say),
        "front_heads": front_heads,
        "front_lines": front_lines,
        "lesson_figures": drawings.lesson_drawings(study, say),
        "importance_note": lessons.importance_note(study, say),
        "space": lessons.space(study, say),
        "ensemble": lessons.ensemble(study, say),
        "training_figures": drawings.training_figures(study, say),
        "metrics": views.metrics(study, say),
        "evaluation_figures": drawings.evaluation_figures(study, say),
        "class_heads": class_heads,
        "class_lines": class_lines,
        "mistakes": views.mistakes(study, say),
        "colors": views.colors(study),
        "baseline_heads": baseline_heads,
        "baseline_lines": baseline_lines,
        "commands": commands.commands(study, say),
        "environment": views.environment(study.environment),
        "recipe_yaml": study.recipe_yaml[:200_000],
    }
