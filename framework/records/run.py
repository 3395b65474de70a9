"""A run and its trials, as hooks see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.records.outcomes import Outcomes


@dataclass(frozen=True)
class Run:
    """One execution of a study: its name, folder, seed and whole config (plain dicts and lists)."""

    study: str
    folder: Path
    seed: int
    config: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Trial:
    """One kind of evidence, measured: the outcomes of every strategy, by name."""

    evidence: str
    design: str
    estimand: str
    assumption: str
    outcomes: dict[str, Outcomes]
    warnings: tuple[str, ...] = ()
