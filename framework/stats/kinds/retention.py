"""Retention by day: the share of units that are still there, as a curve, with a band that holds for all days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.effects import Interval
from framework.stats.estimates import Estimate
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.proportion_intervals import one_share
from framework.stats.kinds.proportions import two_proportions


@dataclass(frozen=True)
class Followed:
    """One arm's units: `retained` (n, D), whether each counts as retained on each of D days, `observed` (n,) days.

    A unit tells of day d only if it was observed for d days or more; of later days it is censored. `rolling` says that
    "retained" means active on day d or after.
    """

    retained: NDArray[np.bool_]
    observed: NDArray[np.float64]
    rolling: bool = False


@dataclass(frozen=True)
class RetentionDay:
    """One day of the curve: each arm's share, their difference, and what holds for all days at once.

    `control`, `treatment` and `difference` have pointwise intervals; `control_band`, `treatment_band` and
    (`band_low`, `band_high`) hold for every day of the curve together. `p_adjusted` is corrected over the days.
    """

    day: float
    n_control: int
    n_treatment: int
    censored_control: int
    censored_treatment: int
    control: Interval
    treatment: Interval
    control_band: Interval
    treatment_band: Interval
    difference: Estimate
    band_low: float
    band_high: float
    p_adjusted: float


@dataclass(frozen=True)
class RetentionCurve:
    """Retention of two arms, day by day. `p_value` is that of no difference on any day; `critical` the band's z."""

    days: tuple[RetentionDay, ...]
    confidence: float
    critical: float
    p_value: float
    method: str
    warnings: tuple[str, ...] = ()


def active_on_or_after(last_active: ArrayLike, observed: ArrayLike, days: Sequence[float]) -> Followed:
    """Return units as retained on day d where their last active day (n,) is d or later: rolling retention.

    Days count from a unit's first day, 0; -1 where it was never active. Units that were watched for longer have had
    more time to come back, so shares of different days or cohorts compare only at equal `observed`; the arms of a
    randomised trial do at any.

    Raises:
        TrialError: lengths that differ, or a unit active after it was last observed.
    """
    last, seen = np.asarray(last_active, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    if last.shape != seen.shape or last.ndim != 1:
        raise TrialError(f"last active days {last.shape} and observed days {seen.shape} do not match", allowed="(n,)")
    late = int((last > seen).sum())
    if late:
        raise TrialError(f"{late} unit(s) were active after the last day they were observed")
    return Followed(last[:, None] >= np.asarray(days, dtype=np.float64)[None, :], seen, rolling=True)


def retention_curve(
    control: Followed,
    treatment: Followed,
    days: Sequence[float],
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    draws: int = 20_000,
) -> RetentionCurve:
    """Return both arms' retention and the difference on each of D days, pointwise and for all days at once.

    Pointwise: Wilson's interval for an arm, Newcombe's and the pooled z for the difference. The band's critical value
    is the `confidence` quantile of max |Z| over days, Z normal with the days' own correlation, estimated from the units
    (censored days count 0; Hothorn, Bretz and Westfall 2008, section 3), from `draws` draws; the band is the same kind
    of interval at that value, so that it stays within [-1, 1] and honest near 0 and 1. `p_adjusted` is the single-step
    max-T p (Westfall and Young 1993), or Bonferroni's where that is smaller. Same rng state, same numbers.

    Raises:
        TrialError: shapes that do not match the days, arms of unlike meaning, no days, a day that no unit of an arm
            was observed for.
    """
    from scipy import stats

    if not len(days):
        raise TrialError("retention needs at least one day")
    if control.rolling != treatment.rolling:
        raise TrialError("one arm's retention is 'active on day d or after', the other's is not")
    seen_c, hits_c, part_c = _contributions(control, days, "control")
    seen_t, hits_t, part_t = _contributions(treatment, days, "treatment")
    covariances = part_c.T @ part_c, part_t.T @ part_t
    critical_c, _ = _largest(covariances[0], confidence, draws, rng)
    critical_t, _ = _largest(covariances[1], confidence, draws, rng)
    critical, largest = _largest(covariances[0] + covariances[1], confidence, draws, rng)
    found = []
    for number, day in enumerate(days):
        counts = Counted(hits_c[number], seen_c[number], hits_t[number], seen_t[number])
        difference = two_proportions(counts, confidence=confidence)
        band = two_proportions(counts, confidence=_coverage(critical))
        z = float(stats.norm.isf(difference.p_value / 2))
        beyond = (1 + int((largest >= z).sum())) / (1 + draws)
        found.append(
            RetentionDay(
                day=float(day),
                n_control=counts.n_control,
                n_treatment=counts.n_treatment,
                censored_control=control.observed.size - counts.n_control,
                censored_treatment=treatment.observed.size - counts.n_treatment,
                control=one_share(counts.hits_control, counts.n_control, confidence=confidence),
                treatment=one_share(counts.hits_treatment, counts.n_treatment, confidence=confidence),
                control_band=one_share(counts.hits_control, counts.n_control, confidence=_coverage(critical_c)),
                treatment_band=one_share(counts.hits_treatment, counts.n_treatment, confidence=_coverage(critical_t)),
                difference=difference,
                band_low=band.ci_low,
                band_high=band.ci_high,
                p_adjusted=max(difference.p_value, min(1.0, beyond, difference.p_value * len(days))),
            )
        )
    return RetentionCurve(
        days=tuple(found),
        confidence=confidence,
        critical=critical,
        p_value=min(day.p_adjusted for day in found),
        method="pooled z, Newcombe interval; simultaneous band by the largest of correlated normals",
        warnings=_warnings(control, treatment, found),
    )


def _contributions(
    arm: Followed, days: Sequence[float], name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return units observed (D,), units retained (D,), and each unit's part in each day's error (n, D)."""
    retained, observed = np.asarray(arm.retained), np.asarray(arm.observed, dtype=np.float64)
    if retained.shape != (observed.size, len(days)):
        raise TrialError(
            f"arm '{name}': retained has shape {retained.shape}", allowed=f"(units, days) = {observed.size, len(days)}"
        )
    told = observed[:, None] >= np.asarray(days, dtype=np.float64)[None, :]
    seen = told.sum(axis=0)
    if not bool(seen.all()):
        missing = days[int(np.flatnonzero(seen == 0)[0])]
        raise TrialError(
            f"arm '{name}': no unit was observed for {missing:g} days", hint="Leave out days that lie in the future."
        )
    hits = (told & (retained != 0)).sum(axis=0)
    parts = np.where(told, (retained != 0) - hits / seen, 0.0) / seen
    return seen, hits, parts


def _largest(
    covariance: NDArray[np.float64], confidence: float, draws: int, rng: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Return the critical value of max |Z| over days, and the draws of it; days without spread count as 0."""
    error = np.sqrt(np.diag(covariance))
    spread = error > 0
    if not bool(spread.any()):
        return _z(confidence), np.zeros(draws)
    correlation = covariance[np.ix_(spread, spread)] / np.outer(error[spread], error[spread])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    largest = np.abs(rng.standard_normal((draws, values.size)) @ root.T).max(axis=1)
    return max(_z(confidence), float(np.quantile(largest, confidence, method="higher"))), largest


def _z(confidence: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(0.5 + confidence / 2))


def _coverage(critical: float) -> float:
    from scipy import stats

    return float(1 - 2 * stats.norm.sf(critical))


def _warnings(control: Followed, treatment: Followed, days: Sequence[RetentionDay]) -> tuple[str, ...]:
    found = []
    last = days[-1]
    censored = last.censored_control + last.censored_treatment
    if censored:
        units = control.observed.size + treatment.observed.size
        found.append(f"{censored} of {units} units were not observed until day {last.day:g} and are left out of it.")
    lengths = np.unique(np.concatenate([control.observed, treatment.observed]))
    if control.rolling and lengths.size > 1:
        found.append(
            "Units were observed for different lengths: 'active on day d or after' had more time in some, so compare "
            "arms, not days or cohorts."
        )
    found.extend(dict.fromkeys(text for day in days for text in day.difference.warnings))
    return tuple(found)
