"""The record of a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """Ship, hold, stop or undecided for one treatment, with the reasons, for whom, and what would decide it.

    `segments` maps a segment's name to its own word where a corrected effect supports one. `more_units` is how many
    units in all it would take to decide, where it is undecided.
    """

    treatment: str
    decision: str
    headline: str
    reasons: tuple[str, ...]
    segments: dict[str, str] = field(default_factory=dict)
    more_units: int | None = None
