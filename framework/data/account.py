"""Plain accounts of what happened to the log: every row of the cleaning, every part of the split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CleaningRow:
    """One cleaning rule: rows it applied to, rows it removed, money in minor units that those rows carried."""

    rule: str
    description: str
    rows_hit: int
    rows_removed: int
    money_touched: int


@dataclass(frozen=True)
class Cleaning:
    """The account of every input row: rows_in = rows_kept + the sum of rows_removed over `rules`."""

    rows_in: int
    rows_kept: int
    rules: tuple[CleaningRow, ...]
    currency: str = ""


@dataclass(frozen=True)
class SplitSummary:
    """How the log was cut: for each part its name, first and last time (ISO, UTC), events, users; ties at the cuts.

    `opened` says when the sealed test part was read and by what.
    """

    kind: str
    parts: tuple[dict[str, Any], ...]
    ties: int
    notes: tuple[str, ...] = ()
    opened: str | None = None
