"""What a posterior may be asked, and what it never says."""

from __future__ import annotations

from framework.errors import TrialError
from framework.stats.estimates import SMALLEST_P


def check_reading(confidence: float, rope: tuple[float, float] | None) -> None:
    """Refuse a confidence or a region of practical equivalence that cannot be.

    Raises:
        TrialError: for a confidence outside (0, 1) or a rope without low < high.
    """
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    if rope is not None and not rope[0] < rope[1]:
        raise TrialError(f"rope is {rope[0]:g} to {rope[1]:g}", allowed="two numbers, low < high")


def uncertain(probability: float) -> float:
    """Return the probability, never exactly 0 or 1: rounding is no certainty."""
    return float(min(1 - 2.0**-53, max(SMALLEST_P, probability)))
