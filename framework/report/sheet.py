"""A page that is no run's report: a title, one sentence that says it all, and sections of words, tables and plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from framework.report.atomic import write_whole
from framework.report.blocks import Sheet
from framework.report.page import environment
from framework.report.terminal import show_sections, show_title


def render_sheet(sheet: Sheet, facts: Mapping[str, str]) -> str:
    """Return the page; `facts` are what was run, by name."""
    return environment().get_template("sheet.html.j2").render(sheet=sheet, facts=facts)


def write_sheet(sheet: Sheet, path: Path, facts: Mapping[str, str] | None = None) -> Path:
    """Write the page to `path`, whole or not at all, and return it.

    Raises RunError where the folder cannot be written or the disk is full.
    """
    return write_whole(path, render_sheet(sheet, facts or {}))


def show_sheet(sheet: Sheet, console: Console) -> None:
    """Print the sheet's title, sentence and sections on one screen."""
    show_title(console, sheet.title.upper(), sheet.headline)
    show_sections(console, sheet.sections)
