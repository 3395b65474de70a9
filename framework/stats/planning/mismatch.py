"""The check of sample ratios: how large a mismatch it sees, and from how many units on (chi-square)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_level
from framework.stats.planning.solve import solve


def mismatch_size(declared: ArrayLike, actual: ArrayLike) -> float:
    """Return Cohen's w = sqrt(sum (actual - declared)^2 / declared) of two (k,) splits, each adding up to 1.

    Raises:
        TrialError: shapes that differ, declared shares not above 0, shares that do not add up to 1.
    """
    planned, real = np.asarray(declared, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if planned.ndim != 1 or planned.shape != real.shape or planned.size < 2:
        raise TrialError(
            f"declared shares have shape {planned.shape}, actual {real.shape}", allowed="one of each an arm"
        )
    for name, shares, least in (("declared", planned, 0.0), ("actual", real, -1e-300)):
        if not math.isclose(float(shares.sum()), 1.0, abs_tol=1e-9) or not bool(np.all(shares > least)):
            raise TrialError(f"{name} shares are {shares.tolist()}", allowed="shares above 0 that add up to 1")
    return float(np.sqrt(np.sum((real - planned) ** 2 / planned)))


def power_of_mismatch(size: float, n: float, arms: int, alpha: float = 0.001) -> float:
    """Return the power of the chi-square test of `arms` shares for a mismatch of Cohen's w `size` among n units.

    Raises:
        TrialError: size or n not above 0, fewer than 2 arms, alpha outside (0, 1).
    """
    from statsmodels.stats.power import GofChisquarePower

    check_level(alpha)
    check_above("size", size)
    check_above("n", n)
    check_above("arms", arms, 2, included=True)
    return float(GofChisquarePower().power(size, n, alpha, n_bins=arms))


def units_for_mismatch(size: float, arms: int, *, alpha: float = 0.001, power: float = 0.8) -> float:
    """Return the units in all (a real number: round up) from which on the check sees a mismatch of Cohen's w `size`.

    Raises:
        TrialError: as `power_of_mismatch`, or no sample that would do.
    """
    from statsmodels.stats.power import GofChisquarePower

    check_level(alpha, power)
    return solve(
        lambda n: power_of_mismatch(size, n, arms, alpha) - power,
        1.0,
        ask=lambda: GofChisquarePower().solve_power(size, alpha=alpha, power=power, n_bins=arms),
    )
