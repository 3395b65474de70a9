"""Conversion: the share of users who bought at least one item that they were shown.

Reference: Kohavi, Tang, Xu, "Trustworthy Online Controlled Experiments", Cambridge 2020, chapter 6 (per-user rates).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues


@dataclass(frozen=True)
class ConversionConfig:
    """No parameters: all shown positions count."""


class Conversion:
    """1 for a unit that bought any shown item, else 0: a proportion over all units, also those who never came.

    In holdout evidence nobody was shown anything: there it says who would have bought such an item anyway.
    """

    Config = ConversionConfig
    label: str = "conversion"
    unit: str = "share"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: ConversionConfig) -> None:
        self.config = config

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return 0 or 1 for every unit."""
        bought = outcomes.bought & (outcomes.items >= 0)
        any_bought = bought.max(axis=1, initial=False)
        return UnitValues("proportion", any_bought.astype(np.float64))
