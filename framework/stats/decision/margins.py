"""Is the treatment not worse, or the same, within a margin: non-inferiority and equivalence."""

from __future__ import annotations

from dataclasses import dataclass

from framework.errors import TrialError
from framework.stats.estimates import SMALLEST_P, floored


@dataclass(frozen=True)
class MarginTest:
    """A difference held against margins, all in the difference's own unit.

    `question` is "non-inferiority" or "equivalence". `low` and `high` are the margins as differences, None on the side
    that is not asked about. `p_value` is one-sided for non-inferiority, and the larger of the two one-sided ones for
    equivalence. `ci_low` and `ci_high` bound what agrees with it: the one-sided 1 - alpha bound, or the two-sided
    1 - 2 alpha interval; None where there is no bound. `verdict` is "non-inferior", "equivalent", "inferior" or
    "undecided"; `text` says it with the numbers, and how the margin was set.
    """

    question: str
    low: float | None
    high: float | None
    p_value: float
    ci_low: float | None
    ci_high: float | None
    alpha: float
    verdict: str
    text: str


def non_inferiority(
    difference: float,
    standard_error: float,
    *,
    margin: float,
    df: float | None = None,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    control_value: float | None = None,
) -> MarginTest:
    """Return whether the treatment is worse than the control by less than `margin` (0 or more).

    `difference` is treatment minus control with its standard error and the t distribution's `df` (None: normal).
    Rejects at one-sided `alpha` that the difference is as bad as the margin: "non-inferior"; rejects that it is no
    worse than the margin: "inferior"; else "undecided".

    With `control_value`, `margin` is a share of it, and margin x |control value| is the null, taken as known (as
    Spotify's confidence does): that the control's value is itself an estimate does not enter. With independent arms
    of equal variance and size and a share of 0.1, the true size at alpha 0.05 is 0.042 where the margin lies below the
    control (higher is better), and 0.059 where it lies above.

    Raises:
        TrialError: for numbers that are not finite, a negative margin or standard error, a share of a control value of
            0, an alpha that is not between 0 and 0.5.
    """
    unit = _unit(control_value)
    _check(difference, standard_error, alpha, df)
    if not 0 <= margin < float("inf"):
        raise TrialError(f"margin is {margin:g}", allowed="0 or more; direction follows from higher_is_better")
    limit = margin * unit
    good = 1.0 if higher_is_better else -1.0
    distance = good * difference + limit
    p_value = _upper(distance, standard_error, df)
    if p_value <= alpha:
        verdict = "non-inferior"
    else:
        verdict = "inferior" if _upper(-distance, standard_error, df) <= alpha else "undecided"
    bound = float(difference - good * _one_sided(alpha, df) * standard_error)
    return MarginTest(
        question="non-inferiority",
        low=-limit if higher_is_better else None,
        high=None if higher_is_better else limit,
        p_value=p_value,
        ci_low=bound if higher_is_better else None,
        ci_high=None if higher_is_better else bound,
        alpha=alpha,
        verdict=verdict,
        text=f"{verdict}: {difference:+.4g} against {0.0 - good * limit:+.4g}{_how(margin, control_value)}, "
        f"one-sided p {p_value:.2g} at {alpha:g}",
    )


def equivalence(
    difference: float,
    standard_error: float,
    *,
    low: float,
    high: float,
    df: float | None = None,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    control_value: float | None = None,
) -> MarginTest:
    """Return whether the difference lies between `low` and `high`: two one-sided tests (Schuirmann 1987).

    "equivalent" where both reject at `alpha`; "inferior" where it is shown beyond the margin on the bad side;
    "non-inferior" where only the bad side is ruled out; else "undecided". Equivalent says the same as: the 1 - 2 alpha
    interval lies inside the margins. Other arguments, shares of the control's value and errors as for
    `non_inferiority`; a margin pair needs low < high.
    """
    unit = _unit(control_value)
    _check(difference, standard_error, alpha, df)
    if not -float("inf") < low < high < float("inf"):
        raise TrialError(f"margins are {low:g} to {high:g}", allowed="two finite numbers, low < high")
    below, above = low * unit, high * unit
    p_low, p_high = _upper(difference - below, standard_error, df), _upper(above - difference, standard_error, df)
    p_value = max(p_low, p_high)
    beyond_bad = below - difference if higher_is_better else difference - above
    if p_value <= alpha:
        verdict = "equivalent"
    elif _upper(beyond_bad, standard_error, df) <= alpha:
        verdict = "inferior"
    else:
        verdict = "non-inferior" if (p_low if higher_is_better else p_high) <= alpha else "undecided"
    half = _one_sided(alpha, df) * standard_error
    return MarginTest(
        question="equivalence",
        low=below,
        high=above,
        p_value=p_value,
        ci_low=float(difference - half),
        ci_high=float(difference + half),
        alpha=alpha,
        verdict=verdict,
        text=f"{verdict}: {difference:+.4g} against {below:+.4g} to {above:+.4g}{_how((low, high), control_value)}, "
        f"two one-sided tests, p {p_value:.2g} at {alpha:g}",
    )


def _upper(distance: float, standard_error: float, df: float | None) -> float:
    """Return the one-sided p-value of a distance above 0; without any spread, what the distance itself says."""
    from scipy import stats

    if standard_error == 0:
        return SMALLEST_P if distance > 0 else 1.0
    z = distance / standard_error
    return floored(float(stats.norm.sf(z) if df is None else stats.t.sf(z, df)))


def _one_sided(alpha: float, df: float | None) -> float:
    from scipy import stats

    return float(stats.norm.isf(alpha) if df is None else stats.t.isf(alpha, df))


def _unit(control_value: float | None) -> float:
    if control_value is None:
        return 1.0
    if not 0 < abs(control_value) < float("inf"):
        raise TrialError(
            f"a relative margin of a control value of {control_value:g} has no size",
            allowed="a control value other than 0",
            hint="Give the margin in the metric's unit.",
        )
    return float(abs(control_value))


def _how(margin: float | tuple[float, float], control_value: float | None) -> str:
    if control_value is None:
        return ""
    shares = margin if isinstance(margin, tuple) else (margin,)
    return f" ({' to '.join(f'{share:.4g}' for share in shares)} of the control's {control_value:.4g}, taken as known)"


def _check(difference: float, standard_error: float, alpha: float, df: float | None) -> None:
    if not abs(difference) < float("inf") or not 0 <= standard_error < float("inf"):
        raise TrialError(
            f"the difference is {difference:g} with standard error {standard_error:g}", allowed="finite numbers"
        )
    if not 0 < alpha < 0.5:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 0.5, such as 0.05")
    if df is not None and not df > 0:
        raise TrialError(f"df is {df:g}", allowed="more than 0, or None for the normal distribution")
