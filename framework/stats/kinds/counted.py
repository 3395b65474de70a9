"""Two arms, counted: how many units each has, and how many of them hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError

FEW_EVENTS = 5
"""Successes, or failures, in an arm below which a large-sample test of shares is rough."""


@dataclass(frozen=True)
class Counted:
    """Hits among the units of two independent arms: all an analysis of two shares needs (a 2 x 2 table).

    Raises:
        TrialError: an arm without units, a count that is negative or no whole number, more hits than units.
    """

    hits_control: int
    n_control: int
    hits_treatment: int
    n_treatment: int

    def __post_init__(self) -> None:
        for arm, hits, n in (
            ("control", self.hits_control, self.n_control),
            ("treatment", self.hits_treatment, self.n_treatment),
        ):
            _refuse(f"arm '{arm}'", hits, n)
            object.__setattr__(self, f"hits_{arm}", int(hits))
            object.__setattr__(self, f"n_{arm}", int(n))

    @property
    def share_control(self) -> float:
        """Share of the control's units that hit."""
        return self.hits_control / self.n_control

    @property
    def share_treatment(self) -> float:
        """Share of the treatment's units that hit."""
        return self.hits_treatment / self.n_treatment

    @property
    def difference(self) -> float:
        """Treatment's share minus the control's."""
        return self.share_treatment - self.share_control

    @property
    def pooled(self) -> float:
        """Share of the units of both arms that hit."""
        return (self.hits_control + self.hits_treatment) / (self.n_control + self.n_treatment)

    @property
    def unpooled_error(self) -> float:
        """Standard error of the difference, each arm with its own share."""
        control, treatment = self.share_control, self.share_treatment
        return float(np.sqrt(treatment * (1 - treatment) / self.n_treatment + control * (1 - control) / self.n_control))

    @property
    def pooled_error(self) -> float:
        """Standard error of the difference where both arms have the pooled share."""
        return float(np.sqrt(self.pooled * (1 - self.pooled) * (1 / self.n_treatment + 1 / self.n_control)))

    @property
    def all_agree(self) -> bool:
        """Whether all units of both arms have the same outcome."""
        return self.pooled in (0.0, 1.0)

    @property
    def fewest(self) -> int:
        """The smallest of the four counts: hits and misses of both arms."""
        misses = self.n_control - self.hits_control, self.n_treatment - self.hits_treatment
        return min(self.hits_control, self.hits_treatment, *misses)


def checked_share(hits: float, n: float) -> tuple[int, int]:
    """Return one arm's hits and units as whole numbers.

    Raises:
        TrialError: as `Counted`.
    """
    _refuse("the arm", hits, n)
    return int(hits), int(n)


def _refuse(where: str, hits: float, n: float) -> None:
    for name, count in (("hits", hits), ("units", n)):
        if not (np.isfinite(count) and count >= 0 and count == int(count)):
            raise TrialError(f"{where} has {count} {name}", allowed="a whole number, 0 or more")
    if n < 1:
        raise TrialError(f"{where} has no units", allowed="1 unit or more in every arm")
    if hits > n:
        raise TrialError(f"{where} has {hits:.0f} hits among {n:.0f} units", allowed="no more hits than units")
