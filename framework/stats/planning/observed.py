"""Planning on from an observed effect: its standard error shrinks with the root of the units."""

from __future__ import annotations

import math

from framework.stats.effects import Effect
from framework.stats.planning.arguments import check_level
from framework.stats.planning.solve import MOST_UNITS


def units_needed(effect: Effect, *, difference: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Return the units in all (paired: units; independent: both arms) that find a true `difference` with `power`.

    The observed standard error is taken to shrink with the root of the units, shares of the arms kept. At an unplanned
    look the bound of this look is what must be reached, which is about as far at the later one. None where
    no number of units below `MOST_UNITS` would do, or nothing is known of the error (a standard error of 0).
    """
    check_level(alpha, power)
    if difference == 0 or effect.standard_error <= 0:
        return None
    now = effect.n_control if effect.design == "paired" else effect.n_control + effect.n_treatment
    reach = _reach(alpha, power)
    if effect.look is not None and effect.look.looks is None:
        reach += max(0.0, effect.look.boundary - _bound(alpha))
    needed = now * (reach * effect.standard_error / abs(difference)) ** 2
    return max(2, math.ceil(needed)) if needed < MOST_UNITS else None


def minimum_detectable(effect: Effect, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference (metric's unit, above 0) that a trial of this size finds with `power`."""
    check_level(alpha, power)
    return _reach(alpha, power) * effect.standard_error


def _reach(alpha: float, power: float) -> float:
    """Return how many standard errors a difference must measure; the far tail is left out."""
    from scipy import stats

    return _bound(alpha) + float(stats.norm.ppf(power))


def _bound(alpha: float) -> float:
    from scipy import stats

    return float(stats.norm.isf(alpha / 2))
