"""Non-inferiority and equivalence: showing that a difference is not worse, or not larger, than a margin."""

from __future__ import annotations

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_level, check_share
from framework.stats.planning.means import mean_error_and_df
from framework.stats.planning.solve import bracketed, solve
from framework.stats.planning.statistic import power_between, power_of_statistic

GOALS = ("non-inferiority", "equivalence")


def power_margin(
    margin: float, error: float, df: float | None = None, *, goal: str, difference: float = 0.0, alpha: float = 0.05
) -> float:
    """Return the power to show that the true `difference` lies above -margin, or between -margin and +margin.

    `margin`, `error` (standard error) and `difference` share the metric's unit; more is better, so negate the
    difference where less is. `alpha` is the level of each one-sided test: what is read off a two-sided interval at
    95 % is tested at 0.025. `goal` is "non-inferiority" (one one-sided test; Spotify's powered effect) or
    "equivalence" (two one-sided tests, exact for t: `statistic.power_between`).

    Raises:
        TrialError: margin or error not above 0, alpha outside (0, 1), an unknown goal.
    """
    check_above("margin", margin)
    check_above("standard error", error)
    _check_goal(goal)
    if goal == "non-inferiority":
        return power_of_statistic((difference + margin) / error, df, alpha, sides=1)
    return power_between((-margin - difference) / error, (margin - difference) / error, df, alpha)


def units_for_margin(
    margin: float,
    sd: float,
    *,
    goal: str,
    difference: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
    design: str = "independent",
) -> float:
    """Return the control's units (paired: the units; a real number) whose t test shows the margin kept with `power`.

    Raises:
        TrialError: a true difference at or beyond the margin, and as `power_margin`.
    """
    check_level(alpha, power)
    check_above("margin", margin)
    check_above("ratio", ratio)
    _check_goal(goal)
    if difference <= -margin or (goal == "equivalence" and difference >= margin):
        raise TrialError(
            f"a true difference of {difference:g} is not within the margin of {margin:g}",
            hint="No number of units shows what is not so: choose a wider margin.",
        )

    def gap(n: float) -> float:
        error, df = mean_error_and_df(sd, n, n * ratio, design)
        return power_margin(margin, error, df, goal=goal, difference=difference, alpha=alpha) - power

    return solve(gap, 2.0 if design == "paired" else 1.0 + 1.0 / min(1.0, ratio))


def smallest_margin(
    error: float,
    df: float | None = None,
    *,
    goal: str,
    difference: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Return the smallest margin that is shown to be kept with `power`, the inverse of `power_margin`.

    Raises:
        TrialError: as `power_margin`.
    """
    check_level(alpha, power)
    check_above("standard error", error)
    _check_goal(goal)
    true = difference / error

    def gap(margin: float) -> float:
        # In standard errors, so that the metric's unit changes nothing.
        return power_margin(margin, 1.0, df, goal=goal, difference=true, alpha=alpha) - power

    least = max(1e-9, -true if goal == "non-inferiority" else abs(true))
    return error * bracketed(gap, least, most=1e9, what="margin", start=least + 1)


def power_share_between(
    p: float, low: float, high: float, n: int, *, alpha: float = 0.05, exact: bool = False, discrete: bool = True
) -> float:
    """Return the power of two one-sided z tests to show that one arm's proportion lies between `low` and `high`.

    `p` is the true proportion; `discrete` rounds the rejection region to whole counts, and `exact` takes the binomial
    distribution for the power (statsmodels power_ztost_prop).

    Raises:
        TrialError: a share outside (0, 1), low not below high, n not above 0.
    """
    from statsmodels.stats.proportion import power_ztost_prop

    check_level(alpha)
    for name, share in (("p", p), ("low", low), ("high", high)):
        check_share(name, share)
    if not low < high:
        raise TrialError(f"low is {low:g} and high {high:g}", allowed="low below high")
    check_above("n", n)
    found, _ = power_ztost_prop(low, high, n, p, alpha=alpha, dist="binom" if exact else "norm", discrete=discrete)
    return float(found)


def _check_goal(goal: str) -> None:
    if goal not in GOALS:
        raise TrialError(f"goal '{goal}' is unknown", allowed=GOALS)
