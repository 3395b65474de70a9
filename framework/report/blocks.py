"""Sections made of words, tables and plots: one description, as HTML for the page and as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from framework.records.component import ReportSection
from framework.report.plots import Plot


@dataclass(frozen=True)
class Words:
    """A paragraph; `alert` where it must not be missed."""

    text: str
    alert: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of texts. Columns named in `right` hold numbers; `folded` hides it on the page until it is asked for.

    Unfolded, its label shows where a section has several. The terminal shows the first `shown` rows (0: none), and of
    them the columns in `brief` (none: all).
    """

    label: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    folded: bool = False
    shown: int = 8
    brief: tuple[int, ...] = ()


Block = Words | Grid | Plot


@dataclass(frozen=True)
class Sheet:
    """A page of its own: a title, a sentence that says it all, and sections of blocks."""

    title: str
    question: str
    headline: str
    sections: tuple[ReportSection, ...] = field(default=())


def section(title: str, blocks: Sequence[Block]) -> ReportSection:
    """Return a section of the report."""
    return ReportSection(title, _html(blocks), _text(blocks))


def _html(blocks: Sequence[Block]) -> str:
    from framework.report.page import environment

    kinds = [(type(block).__name__.lower(), block) for block in blocks]
    several = sum(isinstance(block, Grid) and not block.folded for block in blocks) > 1
    return environment().get_template("blocks.html.j2").render(blocks=kinds, several=several)


def _text(blocks: Sequence[Block]) -> str:
    from framework.report.terminal import clean

    lines: list[str] = []
    several = sum(isinstance(block, Grid) and block.shown > 0 for block in blocks) > 1
    for block in blocks:
        if isinstance(block, Words):
            lines.append(f"! {block.text}" if block.alert else block.text)
        elif isinstance(block, Grid) and block.shown:
            lines += [f"{clean(block.label)}:"] * several + _aligned(block)
    return "\n".join(lines)


def _aligned(grid: Grid) -> list[str]:
    from framework.report.terminal import clean

    rows = [grid.header, *(tuple(clean(cell) for cell in row) for row in grid.rows[: grid.shown])]
    widths = {place: max(len(row[place]) for row in rows) for place in grid.brief or range(len(grid.header))}
    lines = [
        "  ".join(
            row[place].rjust(width) if place in grid.right else row[place].ljust(width)
            for place, width in widths.items()
        ).rstrip()
        for row in rows
    ]
    left = len(grid.rows) - grid.shown
    return [*lines, f"... and {left:,} more"] if left > 0 else lines
