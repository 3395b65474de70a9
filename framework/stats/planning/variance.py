"""The variance to plan with: what covariates, strata, clusters and time blocks make of one unit's."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.moments.measure import Measure, variance_of
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import columns_of, measure_of
from framework.stats.planning.arguments import check_above, check_option, check_share
from framework.stats.samples import UnitValues, checked

SCHEDULES = ("random", "alternating")


def unit_sd(values: UnitValues, metric: str = "metric", arm: str = "log") -> float:
    """Return one unit's standard deviation, ddof 1: of its value, or of its delta-method contribution to a ratio.

    Raises:
        TrialError: fewer than 2 units, values that are not finite, or no spread.
    """
    own = checked(values, metric=metric, arm=arm)
    return sd_of_moments(measure_of(own, metric), Moments.of(columns_of(own)))


def sd_of_moments(measure: Measure, moments: Moments) -> float:
    """Return the same from the moments of one group.

    Raises:
        TrialError: no spread, or a column that the moments lack.
    """
    sd = math.sqrt(float(variance_of(measure, moments)))
    check_above(f"metric '{measure.name}': standard deviation", sd)
    return sd


def planned_sd(
    sd: float, *, variance_reduction: float = 0.0, design_effect: float = 1.0, inflation: float = 1.0
) -> float:
    """Return the standard deviation to plan with: the variance times 1 - R^2, the design effect and the inflation.

    `variance_reduction` is the share of the variance that covariates explain (R^2; Deng et al. 2013),
    `design_effect` what clusters or blocks multiply it by, `inflation` what a group-sequential design asks more
    information by: units grow in proportion to it.

    Raises:
        TrialError: sd not above 0, a share outside [0, 1), a factor not above 0, inflation below 1.
    """
    check_above("standard deviation", sd)
    return sd * math.sqrt(variance_factor(variance_reduction, design_effect, inflation))


def variance_factor(variance_reduction: float = 0.0, design_effect: float = 1.0, inflation: float = 1.0) -> float:
    """Return what the variance, and with it the units, are multiplied by.

    Raises:
        TrialError: as `planned_sd`.
    """
    check_share("variance_reduction", variance_reduction, zero=True)
    check_above("design_effect", design_effect)
    check_above("inflation", inflation, 1.0, included=True)
    return (1 - variance_reduction) * design_effect * inflation


def cluster_design_effect(size: float, icc: float, size_variation: float = 0.0) -> float:
    """Return 1 + ((cv^2 + 1) m - 1) icc: what clusters of mean size m multiply the variance by.

    `icc` is the share of the variance that lies between clusters; `size_variation` is cv, the clusters' standard
    deviation over their mean size (Kish 1965; Eldridge, Ashby and Kerry 2006, eq. 3).

    Raises:
        TrialError: size below 1, icc outside [0, 1], size_variation below 0.
    """
    check_above("size", size, 1.0, included=True)
    check_share("icc", icc, zero=True, one=True)
    check_above("size_variation", size_variation, included=True)
    return 1 + ((size_variation**2 + 1) * size - 1) * icc


def stratified_sd(shares: ArrayLike, sds: ArrayLike, *, allocation: str = "proportional") -> float:
    """Return one unit's standard deviation left within strata, from (h,) shares of the units and (h,) sds.

    Proportional allocation or post-stratification: sqrt(sum share sd^2). "optimal" (Neyman 1934): sum share sd, where
    units are drawn in proportion to share times sd (`neyman_shares`). Cochran 1977, chapter 5.

    Raises:
        TrialError: shares that do not add up to 1, negative sds, shapes that differ.
    """
    weights, spreads = _strata(shares, sds)
    check_option("allocation", allocation, ("proportional", "optimal"))
    if allocation == "optimal":
        return float(np.sum(weights * spreads))
    return float(np.sqrt(np.sum(weights * spreads**2)))


def neyman_shares(shares: ArrayLike, sds: ArrayLike) -> NDArray[np.float64]:
    """Return the (h,) shares of the units to draw from each stratum that make the variance smallest (Neyman 1934).

    Raises:
        TrialError: as `stratified_sd`, and where no stratum has spread.
    """
    weights, spreads = _strata(shares, sds)
    product = weights * spreads
    check_above("sds in all", float(product.sum()))
    return np.asarray(product / product.sum())


def switchback_design_effect(
    autocorrelation: float, block: int = 1, *, washout: int = 0, schedule: str = "random"
) -> float:
    """Return what time makes of a period's variance where the arms take turns in blocks of `block` periods.

    Noise is AR(1) with lag-1 `autocorrelation`. "random": each block's arm is drawn anew, so only noise within a block
    adds up, 1 + 2 sum (1 - k / L) rho^k over lags k < L. "alternating": arms take strict turns, so that neighbours of
    the other arm cancel noise (many blocks). The first `washout` periods of a block are left out, against carry-over,
    and the effect is per period of the calendar, those included. Analyse block means: their number less 2 are the
    degrees of freedom (Bojinov, Simchi-Levi and Zhao 2023; Box, Jenkins and Reinsel 1994 for the AR(1) sums).

    Raises:
        TrialError: autocorrelation outside (-1, 1), block below 1, washout outside [0, block), an unknown schedule.
    """
    if not -1 < autocorrelation < 1:
        raise TrialError(f"autocorrelation is {autocorrelation:g}", allowed="a number above -1 and below 1")
    check_option("schedule", schedule, SCHEDULES)
    if block < 1 or not 0 <= washout < block:
        raise TrialError(f"block is {block} and washout {washout}", allowed="a block of 1 or more, washout below it")
    kept = block - washout
    lags = np.arange(1, kept)
    within = 1 + 2 * float(np.sum((1 - lags / kept) * autocorrelation**lags))
    if schedule == "alternating":
        # The sums of two blocks j apart: covariance rho^(jL) times a factor common to all j, with sign (-1)^j.
        places = np.arange(kept)
        gaps = block + places[None, :] - places[:, None]
        neighbour = float(np.sum(float(autocorrelation) ** gaps)) / kept
        within -= 2 * neighbour / (1 + autocorrelation**block)
    return within * block / kept


def _strata(shares: ArrayLike, sds: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights, spreads = np.asarray(shares, dtype=np.float64), np.asarray(sds, dtype=np.float64)
    if weights.ndim != 1 or weights.shape != spreads.shape or weights.size == 0:
        raise TrialError(f"shares have shape {weights.shape}, sds {spreads.shape}", allowed="one of each a stratum")
    if not bool(np.all(weights >= 0)) or not math.isclose(float(weights.sum()), 1.0, abs_tol=1e-9):
        raise TrialError(f"shares add up to {float(weights.sum()):g}", allowed="shares of 0 or more that add up to 1")
    if not bool(np.all(spreads >= 0)) or not bool(np.all(np.isfinite(spreads))):
        raise TrialError(f"sds go down to {float(spreads.min()):g}", allowed="finite numbers of 0 or more")
    return weights, spreads
