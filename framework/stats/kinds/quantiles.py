"""A quantile of two independent arms compared: its error from order statistics around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from framework.errors import TrialError
from framework.stats.effects import Interval
from framework.stats.estimates import Estimate, quantile, two_sided
from framework.stats.kinds.constant_arms import permutation_p

BAND = 0.95
"""Confidence of the band of ranks around the quantile whose width gives its error."""
WIDER = (0.99, 0.999, 0.99999)
"""Bands tried where tied values leave the usual one without width."""
FEW_BEYOND = 10
"""Units expected beyond the quantile below which its error is rough."""


@dataclass(frozen=True)
class ArmQuantile:
    """One arm's quantile at level `q`, in the metric's unit, with the standard error that `arm_quantile` found.

    `low` and `high` are the quantiles at `level_low` and `level_high`, the ends of the band of ranks. `df` are the
    degrees of freedom of the error. An engine that holds the rows can fill in `value`, `low` and `high` by itself:
    see `arm_of_band`.
    """

    q: float
    n: int
    value: float
    low: float
    high: float
    level_low: float
    level_high: float
    error: float
    df: float
    warnings: tuple[str, ...] = ()


def band_of(q: float, n: int, band: float = BAND) -> tuple[float, float]:
    """Return the levels q -+ z sqrt(q (1 - q) / n), within [0, 1], whose quantiles bound the quantile at `q`.

    Ranks of n independent units vary with variance n q (1 - q), so the two order statistics are a distribution-free
    interval for the quantile (Deng, Knoblich and Lu 2018, section 4, the outer confidence interval).

    Raises:
        TrialError: a level outside (0, 1), or fewer than 2 units.
    """
    if not 0 < q < 1:
        raise TrialError(f"the quantile's level is {q:g}", allowed="a number between 0 and 1, such as 0.5 or 0.9")
    if n < 2:
        raise TrialError(f"{n} unit(s) cannot show a quantile's spread", allowed="2 units or more in every arm")
    width = quantile(band, None) * float(np.sqrt(q * (1 - q) / n))
    return max(0.0, q - width), min(1.0, q + width)


def arm_of_band(
    q: float, n: int, value: float, low: float, high: float, *, levels: tuple[float, float] | None = None
) -> ArmQuantile:
    """Return the arm's record from its quantile and the quantiles at `levels` (default: `band_of(q, n)`).

    The error is (high - low) / (level_high - level_low) x sqrt(q (1 - q) / n): one over the density, by a difference
    quotient, times the error of the share below. With the factor sqrt((n - 1) / n) it is GrowthBook's, to rounding.
    """
    usual = band_of(q, n)
    level_low, level_high = usual if levels is None else levels
    error = (high - low) / (level_high - level_low) * float(np.sqrt(q * (1 - q) / n * (n - 1) / n))
    warnings = []
    beyond = n * min(q, 1 - q)
    if usual[0] <= 0 or usual[1] >= 1:
        warnings.append(f"Only {n} units: the band around the {q:g} quantile reaches an arm's end, its error is rough.")
    elif beyond < FEW_BEYOND:
        warnings.append(f"Only {beyond:.0f} units lie beyond the {q:g} quantile of an arm: its error is rough.")
    return ArmQuantile(q, n, value, low, high, level_low, level_high, error, float(n - 1), tuple(warnings))


def arm_quantile(values: ArrayLike, q: float) -> ArmQuantile:
    """Return the quantile of (n,) values, by linear interpolation (numpy's default), with its error.

    Where ties leave the band without width, wider bands are tried, so that discrete values have an error too, and the
    record warns. Equal values everywhere: error 0, with a warning.

    Raises:
        TrialError: values that are not finite or not (n,), fewer than 2, or a level outside (0, 1).
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1:
        raise TrialError(f"values have shape {numbers.shape}", allowed="one value a unit, shape (n,)")
    bad = int(numbers.size - np.isfinite(numbers).sum())
    if bad:
        raise TrialError(f"{bad} of {numbers.size} values are missing or infinite", allowed="finite numbers")
    n = int(numbers.size)
    bands = [band_of(q, n, band) for band in (BAND, *WIDER)] + [(0.0, 1.0)]
    levels = [q, *(level for band in bands for level in band)]
    value, *ends = (float(found) for found in np.quantile(numbers, levels))
    wide = [number for number in range(len(bands)) if ends[2 * number + 1] > ends[2 * number]]
    number = wide[0] if wide else len(bands) - 1
    low, high = ends[2 * number], ends[2 * number + 1]
    found = arm_of_band(q, n, value, low, high, levels=bands[number])
    tied = float((numbers == value).mean())
    text = ""
    if low == high:
        text = "All units of an arm have the same value: zero variance."
    elif number > 0 or tied > bands[0][1] - q:
        text = (
            f"{100 * tied:.0f} % of an arm's units have exactly its {q:g} quantile's value: the quantile moves in "
            "jumps, so its interval and p-value are rough. Compare the share beyond a fixed value instead."
        )
    warnings = (*found.warnings, text) if text else found.warnings
    return ArmQuantile(q, n, value, low, high, found.level_low, found.level_high, found.error, found.df, warnings)


def quantile_difference(control: ArrayLike, treatment: ArrayLike, q: float, confidence: float = 0.95) -> Estimate:
    """Return the treatment's quantile minus the control's, from one value a unit, (n,) each, in the metric's unit.

    Raises:
        TrialError: as `arm_quantile`.
    """
    return compare_quantiles(arm_quantile(control, q), arm_quantile(treatment, q), confidence)


def compare_quantiles(control: ArmQuantile, treatment: ArmQuantile, confidence: float = 0.95) -> Estimate:
    """Return treatment minus control of two arms' quantiles: t with Welch's degrees of freedom, as GrowthBook.

    Raises:
        TrialError: quantiles of different levels.
    """
    if control.q != treatment.q:
        raise TrialError(f"the control's quantile is at {control.q:g}, the treatment's at {treatment.q:g}")
    difference = treatment.value - control.value
    method = f"{control.q:g} quantile, order statistics, Welch t"
    warnings = tuple(dict.fromkeys((*control.warnings, *treatment.warnings)))
    error = float(np.hypot(control.error, treatment.error))
    if error == 0:
        p_value = permutation_p(difference, control.n, treatment.n)
        return Estimate(difference, 0.0, difference, difference, p_value, None, method, warnings)
    df = _welch(control, treatment)
    width = quantile(confidence, df) * error
    p_value = two_sided(difference / error, df)
    return Estimate(difference, error, difference - width, difference + width, p_value, df, method, warnings)


def relative_quantiles(
    control: ArmQuantile, treatment: ArmQuantile, confidence: float = 0.95, *, scale: str = "log"
) -> Interval:
    """Return treatment / control - 1 of two arms' quantiles with its interval.

    `scale` "log" is the house's log-ratio interval (above -100 %, treats both arms alike); "linear" is the delta
    method's symmetric one, as GrowthBook's. Both have the same first-order error.

    Raises:
        TrialError: an unknown scale.
    """
    if scale not in {"log", "linear"}:
        raise TrialError(f"scale '{scale}' is unknown", allowed=("log", "linear"))
    base, value = control.value, treatment.value
    if base < 0:
        return Interval(None, None, None, "the control's value is negative, so a relative change has no meaning")
    if base == 0 or base <= quantile(confidence, None) * control.error:
        return Interval(None, None, None, "the control's value is too near to zero to divide by")
    estimate = value / base - 1
    if value <= 0:
        return Interval(estimate, None, None, "the treatment's value is not above zero, so its logarithm has no value")
    error = float(np.hypot(treatment.error / value, control.error / base))
    width = quantile(confidence, _welch(control, treatment) if error > 0 else None) * error
    if scale == "linear":
        return Interval(estimate, estimate - width * value / base, estimate + width * value / base)
    return Interval(estimate, float(value / base * np.exp(-width) - 1), float(value / base * np.exp(width) - 1))


def _welch(control: ArmQuantile, treatment: ArmQuantile) -> float:
    x, y = control.error**2, treatment.error**2
    size = x + y
    return float(1 / ((x / size) ** 2 / control.df + (y / size) ** 2 / treatment.df))
