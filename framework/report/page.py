"""The report as one HTML file: no network, no script, nothing outside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.records.component import ReportSection
from framework.records.result import Result
from framework.report import glossary, plots, tables
from framework.report.atomic import write_whole
from framework.report.charts import share_bar
from framework.report.formats import PAGE, count, number, share
from framework.report.reading import DECISIONS, all_warnings, by_segment, evidence_names, overall, units_word

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FILE_NAME = "report.html"
"""The page's name in its run folder."""


def render(result: Result, sections: Sequence[ReportSection] = ()) -> str:
    """Return the page. Everything that comes from data is escaped; `html` of plugins' `sections` stands as it is.

    The page forbids itself the network by its own content security policy, and scripts too unless a section brings one.
    """
    templates = environment()
    scripts = "'unsafe-inline'" if any("<script" in section.html.lower() for section in sections) else "'none'"
    return templates.get_template("page.html.j2").render(
        result=result,
        sections=sections,
        scripts=scripts,
        decisions=DECISIONS,
        evidence=[_evidence(result, name) for name in evidence_names(result)],
        by_segment_asked=bool(result.segments or result.config.get("segment")),
        warnings=all_warnings(result),
        terms=glossary.terms_of(result),
        meaning=glossary.meanings(result).get,
        units=units_word(result),
        arm="strategy" if result.strategies else "arm",
        config=tables.outline(result.config),
        seconds=_seconds(result.times),
    )


def write_page(result: Result, path: Path, sections: Sequence[ReportSection] = ()) -> Path:
    """Write the page to `path`, whole or not at all, and return it.

    Raises RunError where the folder cannot be written or the disk is full.
    """
    return write_whole(path, render(result, sections))


def environment() -> Environment:
    """Return the templates with what they may call."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        breakable=_breakable,
        count=lambda n: count(n, PAGE),
        share=lambda fraction: share(fraction, PAGE),
        number=lambda n: number(n, PAGE),
    )
    environment.globals.update(
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        tables=tables,
        plots=plots,
        share_bar=share_bar,
    )
    return environment


def _breakable(name: str) -> Markup:
    """Return an escaped name that a narrow column may break after its underscores."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def _evidence(result: Result, name: str) -> dict[str, Any]:
    """Return what the page shows of one kind of evidence."""
    described = next((evidence for evidence in result.evidence if evidence.name == name), None)
    strategies, arms = tables.arms_table(result, name)
    return {
        "name": name,
        "record": described,
        "relative": plots.relative_plot(result, name),
        "absolute": plots.absolute_plots(result, name),
        "effects": list(tables.by_pair(overall(result, name), result)),
        "segment_plots": plots.segment_plots(result, name),
        "segment_effects": list(tables.by_pair(by_segment(result, name), result)),
        "strategies": strategies,
        "arms": arms,
    }


def _seconds(times: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the times as rows of name and text; mappings of seconds are opened."""
    rows = []
    for key, entry in times.items():
        if key == "costs":
            continue  # they have a section of their own
        if isinstance(entry, Mapping):
            for stage, seconds in entry.items():
                what = f"{key.replace('_', ' ')}: {stage}"
                rows.append((what, f"{seconds:.2f}" if isinstance(seconds, int | float) else str(seconds)))
        elif entry is not None:
            rows.append((key.replace("_", " "), str(entry)))
    return rows
