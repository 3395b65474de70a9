"""One look of a group-sequential plan: may the test stop now, and what interval and p-value hold at this look."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from framework.errors import TrialError
from framework.stats.effects import Look
from framework.stats.estimates import floored
from framework.stats.sequential.boundaries import critical_values, exit_probabilities, rising
from framework.stats.sequential.design import SHAPES, Design
from framework.stats.sequential.spending import spending

LARGEST_P = 0.999
"""A repeated p-value above this is given as 1."""
LARGEST_Z = 37.0
"""A statistic beyond this is taken as this: its normal tail is the smallest p."""
AS_PLANNED = 1e-6
"""How far a look may lie from its planned share of information and still be as planned."""


def group_sequential_look(
    estimate: float,
    standard_error: float,
    *,
    information: Sequence[float],
    design: Design,
    final: bool = False,
    null: float = 0.0,
    df: float | None = None,
) -> Look:
    """Return what the plan says at this look: boundary, repeated confidence interval, repeated p-value.

    `estimate`, `standard_error` and `null` are in one unit, which does not matter. `information` holds the share of
    the planned units in at every look so far, this one last: as they were, not as they were planned. With a spending
    function the boundaries follow them, exactly as long as the times of the looks do not depend on the results
    (Lan and DeMets 1983), and there may be more or fewer looks than planned. `final` says that no look will follow,
    so that all error left is spent (under-running); at information of 1 or more (over-running) that goes without
    saying, and a look after it has nothing to spend: boundary infinite, p 1. `df` takes the boundary's nominal level
    to a t distribution, which mends most of what an estimated error costs in small samples (Jennison and Turnbull
    2000, section 3.8); None is the normal reference.

    The interval is the repeated confidence interval, estimate +- boundary * standard_error: at 1 - alpha it holds at
    all looks at once, whether or not the test stops (Jennison and Turnbull 1989); one-sided designs bound from below
    only. `p_value` is the repeated p-value: the least alpha at which this plan would have stopped at this look. It is
    at most alpha exactly where the boundary is crossed, and is one-sided in a one-sided design. Without spread
    (`standard_error` 0) a normal reference says nothing: interval infinite, p 1.

    Raises:
        TrialError: information that does not rise, values that are not finite, or looks that are not as planned in a
            classic design ("pocock", "obrien_fleming", "wang_tsiatis"), which only a spending function can follow.
    """
    times = rising(information)
    if not (math.isfinite(estimate) and math.isfinite(standard_error) and standard_error >= 0):
        raise TrialError(f"estimate {estimate:g} with standard error {standard_error:g}", allowed="finite numbers")
    if design.rule in SHAPES:
        _refuse_unplanned(times.tolist(), design)
    planned = design.boundaries if design.rule in SHAPES else boundaries_seen(design, times.tolist(), final=final)
    boundary = _as_t(planned[times.size - 1], df)
    flat = standard_error == 0
    statistic = 0.0 if flat else (estimate - null) / standard_error
    reached = statistic if design.sides == 1 else abs(statistic)
    crossed = bool(reached >= boundary) and not flat
    reach = boundary * standard_error if math.isfinite(boundary) and not flat else math.inf
    return Look(
        method=f"group sequential, {design.rule}",
        look=times.size,
        looks=len(design.information),
        information=float(times[-1]),
        boundary=boundary,
        crossed=crossed,
        ci_low=float(estimate - reach),
        ci_high=float(estimate + reach) if design.sides == 2 else math.inf,
        p_value=1.0 if flat else _repeated_p(_as_z(reached, df), times.tolist(), design, final=final, crossed=crossed),
    )


def boundaries_seen(
    design: Design, information: Sequence[float], *, final: bool = False, alpha: float | None = None
) -> tuple[float, ...]:
    """Return the boundary of every look so far (k,) at the information they had, by the design's spending function.

    `alpha` takes the place of the design's. `final` spends at the last look all that is left.

    Raises:
        TrialError: information that does not rise, or a classic design, which has no spending function.
    """
    error = design.alpha if alpha is None else alpha
    spent = spending(design.rule, information, error, design.parameter, sides=design.sides)
    if final:
        spent[-1] = error
    return tuple(critical_values(information, np.minimum(spent, error), sides=design.sides).tolist())


def _repeated_p(reached: float, times: list[float], design: Design, *, final: bool, crossed: bool) -> float:
    from scipy import optimize, special

    now = min(reached, LARGEST_Z)
    look = len(times) - 1
    if design.rule in SHAPES:
        # All boundaries keep their shape, so the alpha that puts this one at the statistic is one integral away.
        scaled = np.asarray(design.boundaries) * (now / design.boundaries[look])
        return floored(exit_probabilities(design.information, scaled, sides=design.sides).total)

    def gap(log_odds: float) -> float:
        value = boundaries_seen(design, times, final=final, alpha=float(special.expit(log_odds)))[look]
        return now - min(value, LARGEST_Z + 1)

    # A test over several looks errs at least as often as its last look alone: the nominal p is a lower bound.
    nominal = design.sides * float(special.ndtr(-now))
    low, high = (nominal, design.alpha) if crossed else (max(nominal, design.alpha), LARGEST_P)
    if low >= high or gap(float(special.logit(high))) <= 0:
        return floored(high if crossed else 1.0)
    if gap(float(special.logit(low))) >= 0:
        return floored(low)
    root = optimize.brentq(gap, special.logit(low), special.logit(high), xtol=1e-9)
    return floored(float(special.expit(root)))


def _as_t(boundary: float, df: float | None) -> float:
    """Return the t value with the same one-sided tail as the normal value `boundary`."""
    from scipy import special, stats

    return boundary if df is None or not math.isfinite(boundary) else float(stats.t.isf(special.ndtr(-boundary), df))


def _as_z(statistic: float, df: float | None) -> float:
    """Return the normal value with the same one-sided tail as the t value `statistic`."""
    from scipy import stats

    return statistic if df is None else float(stats.norm.isf(stats.t.sf(statistic, df)))


def _refuse_unplanned(times: list[float], design: Design) -> None:
    planned = design.information[: len(times)]
    if len(times) > len(planned) or any(abs(a - b) > AS_PLANNED for a, b in zip(times, planned, strict=True)):
        raise TrialError(
            f"looks at information {[float(f'{share:.6g}') for share in times]} in a '{design.rule}' design",
            allowed=f"the planned looks, {[float(f'{share:.6g}') for share in design.information]}",
            hint="Plan by a spending function, such as lan_demets_obrien_fleming: it follows the looks as they come.",
        )
