"""Switchback: one place, the arm switched from period to period; blocks of periods are what is randomised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.designs.switchback_periods import Periods, Rows, checked_periods
from framework.stats.designs.switchback_randomisation import RANDOMISED, randomised
from framework.stats.estimates import Estimate, floored, quantile, two_sided
from framework.stats.moments.measure import ROUNDING

Floats = NDArray[np.float64]
ERRORS = ("block", "newey-west")
FEW_BLOCKS = 10
"""Blocks in an arm below which the clustered error is itself unsteady."""


def switchback(
    periods: Periods,
    *,
    metric: str = "value",
    confidence: float = 0.95,
    burn_in: int = 0,
    weigh_periods: bool = False,
    error: str = "block",
    lags: int | None = None,
    randomisation: str | None = None,
    rng: np.random.Generator | None = None,
    draws: int = 9_999,
) -> Estimate:
    """Return treatment minus control over the periods that are kept.

    An arm's value is the mean over its periods; with denominators sum(numerator) / sum(denominator) (delta method),
    or with `weigh_periods` the mean of the periods' ratios, so that a quiet hour counts as much as a busy one.
    The first `burn_in` periods of every block are dropped: what the other arm left behind (carry-over) is still there.
    Of every block, though only a switch leaves something: which periods are kept must not hang on the arms, or
    neighbours of one arm stay closer in time than neighbours of two, and the block error is too small. Choose it
    before the data are seen; an effect that lasts longer is seen too small.

    `error` "block": a block adds the sum of its periods' deviations, whose squares make the variance, k / (k - 1) of an
    arm's k blocks; t with Welch and Satterthwaite's degrees of freedom, at most the blocks less 2 (Welch's test of
    blocks where all are equally long; with single periods the robust error HC2). It holds whatever the correlation
    within blocks, and under any autocorrelation in time where every block's arm was drawn by itself, since chance
    makes neighbours' deviations cancel (Bojinov, Simchi-Levi and Zhao 2023, "Design and analysis of switchback
    experiments"). Where arms take turns and neighbours are alike it is too wide. "newey-west": Bartlett weights over
    `lags` periods of time, dropped and missing periods adding 0 (Newey and West 1987; statsmodels' HAC with its
    correction T / (T - 2)); default lags twice the longest block less 1, at least 4 (T / 100)^(2/9). The reference is
    t with T - 2 or 1.5 T / (lags + 1), whichever is less (Lazarus, Lewis, Stock and Watson 2018). It falls short in
    short series: prefer blocks.

    `randomisation` "coin" or "fixed" replaces the p-value by that of re-randomising blocks (Fisher; Bojinov et al.
    section 4), of |t| with the block error, over assignments that leave each arm 2 blocks: exact where no more than
    draws + 1 are possible, else (b + 1) / (draws + 1) by `rng`. It refutes that the arm matters in any period at all,
    and can disagree with the interval in a close call.

    Raises:
        TrialError: periods of different length, doubled or not whole; values that are not finite; a denominator below
            0, or an arm with none; a block under both arms or not in one stretch; fewer than 2 blocks kept in an arm;
            an option that is none.
    """
    _check_options(confidence, burn_in, error, lags, randomisation, draws)
    rows = checked_periods(periods, metric, weigh_periods=weigh_periods)
    kept = rows.at(rows.places_in_block >= burn_in)
    _check_arms(kept, metric, burn_in)
    difference, scores = _linearised(kept)
    blocks = [np.unique(kept.block[kept.treated == arm]).size for arm in (False, True)]
    if error == "block":
        variance, df = _by_block(kept, scores)
        method = "switchback, block-clustered t"
    else:
        variance, df = _newey_west(kept, scores, lags)
        method = "switchback, Newey-West t"
    found = _estimate(difference, variance, df, confidence, method, blocks)
    if randomisation is None:
        return found
    p_value, how = randomised(kept, randomisation, rng, draws)
    return replace(found, p_value=p_value, method=f"{method}; p by {how}")


def _estimate(
    difference: float, variance: float, df: float, confidence: float, method: str, blocks: list[int]
) -> Estimate:
    few = f"Only {min(blocks)} blocks in an arm: the error is unsteady, and one odd block can decide."
    warnings = (few,) if min(blocks) < FEW_BLOCKS else ()
    error = float(np.sqrt(variance))
    if error > 0:
        width = quantile(confidence, df) * error
        low, high, p_value = difference - width, difference + width, two_sided(difference / error, df)
        return Estimate(difference, error, low, high, p_value, df, method, warnings)
    text = "Within each arm all periods have the same value: zero variance, the interval is a point"
    if difference == 0:
        return Estimate(0.0, 0.0, 0.0, 0.0, 1.0, df, method, (f"{text}.", *warnings))
    p_value = floored(2 / math.comb(sum(blocks), blocks[0]))
    text = f"{text}; p is the exact permutation test's over blocks."
    return Estimate(difference, 0.0, difference, difference, p_value, df, method, (text, *warnings))


def _linearised(rows: Rows) -> tuple[float, Floats]:
    """Return the difference and (T,) each period's deviation in it: they add up to 0 within an arm."""
    ratios, scores = [], np.zeros(rows.index.size)
    for arm, sign in ((False, -1.0), (True, 1.0)):
        own = rows.treated == arm
        top, below = rows.numerator[own], rows.denominator[own]
        ratios.append(float(top.sum() / below.sum()))
        off = top - ratios[-1] * below
        off[np.abs(off) <= ROUNDING * np.abs(top).max()] = 0.0
        scores[own] = sign * off / below.sum()
    difference = ratios[1] - ratios[0]
    return 0.0 if abs(difference) <= ROUNDING * max(map(abs, ratios)) else difference, scores


def _by_block(rows: Rows, scores: Floats) -> tuple[float, float]:
    parts = []
    for arm in (False, True):
        own = rows.treated == arm
        _, place = np.unique(rows.block[own], return_inverse=True)
        sums = np.bincount(place, weights=scores[own])
        parts.append((float((sums**2).sum()) * sums.size / (sums.size - 1), sums.size - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return 0.0, float(sum(df for _, df in parts))
    return variance, 1 / sum((part / variance) ** 2 / df for part, df in parts)


def _newey_west(rows: Rows, scores: Floats, lags: int | None) -> tuple[float, float]:
    n = rows.index.size
    if lags is None:
        longest = int(np.unique(rows.block, return_counts=True)[1].max())
        lags = max(2 * longest - 1, int(4 * (n / 100) ** (2 / 9)))
    total = float((scores**2).sum())
    for lag in range(1, min(lags, int(rows.index[-1] - rows.index[0])) + 1):
        place = np.searchsorted(rows.index, rows.index + lag)
        place[place == n] = 0
        there = rows.index[place] == rows.index + lag
        total += 2 * (1 - lag / (lags + 1)) * float((scores[there] * scores[place[there]]).sum())
    # Bartlett's weights keep the sum above 0 but for rounding.
    return max(0.0, total) * n / (n - 2), float(min(n - 2, 1.5 * n / (lags + 1)))


def _check_arms(rows: Rows, metric: str, burn_in: int) -> None:
    for arm, name in ((False, "control"), (True, "treatment")):
        own = rows.treated == arm
        blocks = np.unique(rows.block[own]).size
        if blocks < 2:
            raise TrialError(
                f"metric '{metric}': the {name} keeps {blocks} block(s) after a burn-in of {burn_in}",
                allowed="2 blocks or more in each arm",
                hint="Switch more often, or drop fewer periods.",
            )
        if not float(rows.denominator[own].sum()) > 0:
            raise TrialError(f"metric '{metric}': the {name}'s denominators add up to 0", allowed="a total above 0")


def _check_options(
    confidence: float, burn_in: int, error: str, lags: int | None, randomisation: str | None, draws: int
) -> None:
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    for name, number, least in (("burn_in", burn_in, 0), ("lags", lags, 0), ("draws", draws, 1)):
        if number is not None and number < least:
            raise TrialError(f"{name} is {number}", allowed=f"{least} or more")
    for name, word, options in (("error", error, ERRORS), ("randomisation", randomisation, RANDOMISED)):
        if word is not None and word not in options:
            raise TrialError(f"{name} '{word}' is unknown", allowed=options, hint=did_you_mean(word, options))
