"""A group-sequential plan: when to look, what each look may conclude, and what the plan costs in units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.sequential.boundaries import critical_values, exit_probabilities, rising, shaped_values
from framework.stats.sequential.spending import PARAMETERS, SPENDING, spending

SHAPES: dict[str, float | None] = {"pocock": 0.5, "obrien_fleming": 0.0, "wang_tsiatis": None}
"""The classic designs: the exponent of their boundaries' shape, None where the plan names it."""

RULES = (*SPENDING, *SHAPES)
"""What a plan may be made by. Spending functions adapt to other looks than planned; the classic shapes do not."""


@dataclass(frozen=True)
class Design:
    """A plan of looks at shares `information` of the planned units, the last at 1.

    At look k the plan stops where |Z| (one-sided: Z) is at least boundaries[k]; spent[k] is the error used up by then,
    in all `alpha` over `sides`. `parameter` is gamma, rho or the shape's exponent, None where the rule has none.
    """

    rule: str
    information: tuple[float, ...]
    alpha: float
    sides: int
    parameter: float | None
    boundaries: tuple[float, ...]
    spent: tuple[float, ...]


def group_sequential(
    looks: int | Sequence[float],
    *,
    rule: str = "lan_demets_obrien_fleming",
    alpha: float = 0.05,
    sides: int = 2,
    parameter: float | None = None,
) -> Design:
    """Return the plan of `looks`: a number of them, evenly spaced, or their shares of the planned units, the last 1.

    `rule` is one of `RULES`; `parameter` is gamma of "hwang_shih_decani", rho of "power" (defaults in
    `spending.PARAMETERS`), or the exponent of "wang_tsiatis" (0 O'Brien-Fleming, 0.5 Pocock).

    Raises:
        TrialError: an unknown rule, a wrong parameter, alpha or side, no look, shares that do not rise to 1.
    """
    if rule not in RULES:
        raise TrialError(f"rule '{rule}' is unknown", allowed=RULES, hint=did_you_mean(rule, RULES))
    shares = np.arange(1, looks + 1) / looks if isinstance(looks, int) and looks > 0 else looks
    if isinstance(shares, int):
        raise TrialError(f"{shares} looks", allowed="1 or more")
    times = rising(shares)
    if abs(times[-1] - 1) > 1e-9:
        raise TrialError(f"the last look is planned at information {times[-1]:g}", allowed="1: all planned units")
    if rule in SPENDING:
        spent = spending(rule, times, alpha, parameter, sides=sides)
        values = critical_values(times, spent, sides=sides)
        parameter = PARAMETERS.get(rule) if parameter is None else parameter
    else:
        values = shaped_values(times, alpha, exponent=_exponent(rule, parameter), sides=sides)
        exits = exit_probabilities(times, values, sides=sides)
        spent = np.cumsum(exits.upper + exits.lower)
    return Design(
        rule, tuple(times.tolist()), alpha, sides, parameter, tuple(values.tolist()), tuple(np.asarray(spent).tolist())
    )


def power_of_design(design: Design, drift: float) -> float:
    """Return the probability to stop at any look on the side of the effect, where Z at the end has mean `drift`.

    `drift` is the true effect over its standard error with all planned units in; one-sided designs look for effects
    above 0. Stops on the wrong side are no power, as in Jennison and Turnbull's tables.
    """
    toward = drift if design.sides == 1 else abs(drift)
    return float(
        exit_probabilities(design.information, design.boundaries, drift=toward, sides=design.sides).upper.sum()
    )


def drift_needed(design: Design, power: float = 0.8) -> float:
    """Return the mean of Z at the planned end with which the design has this power.

    Raises:
        TrialError: power not between alpha and 1.
    """
    from scipy import optimize

    if not design.alpha < power < 1:
        raise TrialError(
            f"power is {power:g}", allowed=f"a number above alpha ({design.alpha:g}) and below 1, such as 0.8"
        )
    high = 4.0
    while power_of_design(design, high) < power:
        high *= 2
    return float(optimize.brentq(lambda drift: power_of_design(design, drift) - power, 0.0, high, xtol=1e-10))


def inflation_factor(design: Design, power: float = 0.8) -> float:
    """Return the planned units of this design over those of one look at the end, same alpha, sides and power.

    1 or more: what looking costs at most (Jennison and Turnbull 2000, tables 2.2 and 2.4).

    Raises:
        TrialError: power not between alpha and 1.
    """
    single = group_sequential(1, alpha=design.alpha, sides=design.sides)
    return (drift_needed(design, power) / drift_needed(single, power)) ** 2


def expected_information(design: Design, drift: float) -> float:
    """Return the mean share of the planned units seen until the design stops, where Z at the end has mean `drift`.

    Times the planned units it is the expected sample size; times `inflation_factor` the same over a single look's.
    """
    exits = exit_probabilities(design.information, design.boundaries, drift=drift, sides=design.sides)
    times = np.asarray(design.information)
    return float((exits.upper + exits.lower) @ times + (1 - exits.total) * times[-1])


def _exponent(rule: str, parameter: float | None) -> float:
    fixed = SHAPES[rule]
    if fixed is not None:
        if parameter is not None:
            raise TrialError(f"rule '{rule}' has no parameter, but {parameter:g} was given", allowed="none")
        return fixed
    if parameter is None or not 0 <= parameter <= 1:
        raise TrialError(f"rule '{rule}' has parameter {parameter}", allowed="its exponent, 0 to 1, such as 0.25")
    return parameter
