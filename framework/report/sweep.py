"""The one table after a sweep: what each job changed, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from framework.report.terminal import COLOURS, clean, columns

KEYS = ("job", "status", "verdict", "effect", "overrides", "folder")
"""Columns of the table; rows may also hold others, which are left out."""


def show_sweep(rows: Sequence[Mapping[str, Any]], console: Console | None = None) -> None:
    """Print the table of a sweep on `console` (stdout where none is given), and how many jobs failed."""
    out = console or Console(highlight=False)
    for line, verdict in summary_table(rows, out.width):
        out.print(Text(line, style=COLOURS.get(verdict, "")), soft_wrap=True)
    failed = [str(row.get("job", "?")) for row in rows if _failed(row)]
    if failed:
        out.print(
            Text(clean(f"{len(failed)} of {len(rows)} jobs did not finish: {', '.join(failed)}"), style="bold red")
        )


def summary_table(rows: Sequence[Mapping[str, Any]], width: int) -> list[tuple[str, str]]:
    """Return the table's lines, each with the verdict of the job that it belongs to.

    Rows hold job, overrides, status, verdict, effect and folder; what is missing or None stays empty. A job takes one
    line where all fits into `width`, else its overrides and its folder get lines of their own, never cut.
    """
    cells = [[clean(_text(row.get(key))) for key in KEYS] for row in rows]
    wide = [list(KEYS), *cells]
    size = [max(len(row[i]) for row in wide) for i in range(len(KEYS))]
    verdicts = ["", *(str(row.get("verdict") or "") for row in rows)]
    if sum(size) + 2 * (len(KEYS) - 1) <= width:
        lines = columns(wide, width, flexible=4)
        return list(zip(lines, verdicts, strict=True))
    short = columns([row[:4] for row in wide], max(width, sum(size[:4]) + 6), flexible=3)
    table = [(short[0], "")]
    for line, verdict, (*_, overrides, folder) in zip(short[1:], verdicts[1:], cells, strict=True):
        table.append((line, verdict))
        table += [(f"    {extra}", "") for extra in (overrides, folder) if extra]
    return table


def _text(entry: object) -> str:
    if entry is None:
        return ""
    if isinstance(entry, list | tuple):
        return " ".join(map(str, entry))
    return str(entry)


def _failed(row: Mapping[str, Any]) -> bool:
    return str(row.get("status", "")).lower() not in {"finished", "completed", "ok", "done"}
