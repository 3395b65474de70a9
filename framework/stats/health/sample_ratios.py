"""The sample ratio of many experiments at once, such as a platform's whole history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import SMALLEST_P
from framework.stats.health.exact_counts import exact_p
from framework.stats.health.sample_ratio import ALERT, FEW_EXPECTED, NOTICE
from framework.stats.multiplicity.adjust import benjamini_hochberg


@dataclass(frozen=True)
class SampleRatios:
    """One entry (k,) per experiment, in the order of the sorted `experiment` names.

    `p_value` is each experiment's own, on which `level` ("ok", "notice", "alert", "untested") rests: an experiment is
    judged the same alone and among others. `p_adjusted` is Benjamini-Hochberg's over all tested ones, for whoever
    looks for bad assignments in the whole history. Untested (one arm, or no unit): both are nan. `exact` marks
    experiments whose p is an exact test's.
    """

    experiment: NDArray[Any]
    arms: NDArray[np.int64]
    total: NDArray[np.int64]
    statistic: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    level: NDArray[np.str_]
    exact: NDArray[np.bool_]


def sample_ratios(
    experiment: NDArray[Any], counts: NDArray[np.integer], shares: NDArray[np.floating] | None = None
) -> SampleRatios:
    """Test many experiments' counts against planned shares (default: equal), one row (m,) an arm.

    `experiment` (m,) names the experiment of each arm, in any order; `shares` (m,) are weights of any scale within an
    experiment. Chi-square, and exact where an arm expects fewer than 5 units, as `sample_ratio`.

    Raises:
        TrialError: arrays of different length, counts that are negative or no whole numbers, shares not above 0.
    """
    from scipy import stats

    names = np.asarray(experiment)
    observed = np.asarray(counts, dtype=np.float64)
    weights = np.ones(observed.shape) if shares is None else np.asarray(shares, dtype=np.float64)
    if not (names.ndim == 1 and names.shape == observed.shape == weights.shape):
        raise TrialError(
            f"experiments have shape {names.shape}, counts {observed.shape}, shares {weights.shape}",
            allowed="one of each an arm, shape (m,)",
        )
    _refuse(names, observed, np.isfinite(observed) & (observed >= 0) & (observed == np.floor(observed)), "units")
    _refuse(names, weights, np.isfinite(weights) & (weights > 0), "planned share")

    found, at = np.unique(names, return_inverse=True)
    arms = np.bincount(at, minlength=found.size)
    total = np.bincount(at, observed, minlength=found.size)
    weight = np.bincount(at, weights, minlength=found.size)
    expected = total[at] * weights / weight[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(expected > 0, (observed - expected) ** 2 / expected, 0.0)
    statistic = np.asarray(np.bincount(at, terms, minlength=found.size), dtype=np.float64)
    tested = (arms > 1) & (total > 0)
    p_value = np.full(found.size, np.nan)
    p_value[tested] = np.maximum(stats.chi2.sf(statistic[tested], arms[tested] - 1), SMALLEST_P)

    smallest = np.full(found.size, np.inf)
    np.minimum.at(smallest, at, expected)
    exact = np.zeros(found.size, dtype=np.bool_)
    known: dict[bytes, float | None] = {}
    by_experiment = np.argsort(at, kind="stable")
    ends = np.cumsum(arms)
    for index in np.flatnonzero(tested & (smallest < FEW_EXPECTED)):
        rows = by_experiment[ends[index] - arms[index] : ends[index]]
        units, planned = observed[rows].astype(np.int64), weights[rows] / weight[index]
        key = units.tobytes() + planned.tobytes()
        if key not in known:
            known[key] = exact_p(units, planned)
        p_exact = known[key]
        if p_exact is not None:
            p_value[index], exact[index] = p_exact, True

    p_adjusted = np.full(found.size, np.nan)
    p_adjusted[tested] = benjamini_hochberg(p_value[tested].tolist())
    level = np.select([~tested, p_value < ALERT, p_value < NOTICE], ["untested", "alert", "notice"], "ok")
    return SampleRatios(found, arms, total.astype(np.int64), statistic, p_value, p_adjusted, level, exact)


def _refuse(names: NDArray[Any], numbers: NDArray[np.float64], good: NDArray[np.bool_], what: str) -> None:
    if not bool(good.all()):
        row = int(np.flatnonzero(~good)[0])
        raise TrialError(
            f"experiment '{names[row]}', row {row}: {numbers[row]:g} {what}",
            allowed="whole numbers of 0 or more" if what == "units" else "a share above 0 for every arm",
        )
