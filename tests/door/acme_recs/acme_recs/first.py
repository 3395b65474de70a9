"""First: the share of users who bought the item in the first position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework import Outcomes, UnitValues


@dataclass(frozen=True)
class FirstConfig:
    """No parameters."""


class First:
    """1 for a user who bought the item in the first position, else 0."""

    Config = FirstConfig
    label = "acme first"
    unit = "share"
    higher_is_better = True
    evidence = ("holdout", "simulated")

    def __init__(self, config: FirstConfig) -> None:
        self.config = config

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return 0 or 1 for every user."""
        return UnitValues("proportion", outcomes.bought[:, 0].astype(np.float64))
