"""Other kinds of metrics and other readings of a mean's difference in the coverage table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.stats.bayes import normal_posterior
from framework.stats.compare import ESTIMATORS
from framework.stats.kinds.counts import count_rates
from framework.stats.kinds.quantiles import quantile_difference
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.resampled import bucket_bootstrap
from framework.stats.moments.two_arms import TwoArms
from framework.stats.relative import relative_interval
from framework.stats.resampling import bootstrapped
from framework.stats.samples import UnitValues
from framework.stats.segments import shrink
from framework.stats.sequential import mixture_look
from framework.testing.coverage.trials import (
    CONFIDENCE,
    MEAN,
    Found,
    Said,
    Trials,
    by_trial,
)
from framework.testing.coverage.worlds import Scenario

SEGMENTS = 8
BUCKETS = 200
RESAMPLES = 1_000
MOST_ROWS = 1_000
"""Units of both arms up to which rows are resampled."""


def level(scenario: Scenario) -> float:
    """Return which quantile is compared: the median; of heavy units, whose median is 0, the 98th percentile."""
    return 0.98 if scenario.heavy else 0.5


def quantile(trials: Trials, _rng: np.random.Generator) -> Found:
    """The quantile of `level`."""
    q = level(trials.scenario)
    control, treatment = trials.control["value"], trials.treatment["value"]

    def one(place: int) -> Said:
        said = quantile_difference(control[place], treatment[place], q, CONFIDENCE)
        return said.ci_low, said.ci_high, said.p_value, bool(said.warnings)

    return by_trial(one, trials.replications)


def rate(trials: Trials, _rng: np.random.Generator) -> Found:
    """Orders per session, the session's unit scaled in place of the orders'."""
    sides = [(rows["orders"], rows["sessions"] * trials.scenario.scale) for rows in (trials.control, trials.treatment)]

    def one(place: int) -> Said:
        said = count_rates(*(column[place] for side in sides for column in side), confidence=CONFIDENCE).recommended
        return said.ci_low, said.ci_high, said.p_value, bool(said.warnings)

    return by_trial(one, trials.replications)


def relative(method: str, trials: Trials, _rng: np.random.Generator) -> Found:
    """The relative difference of means; it rejects where the interval leaves out 0."""
    arms, _, calm = trials.welch

    def one(place: int) -> Said:
        said = relative_interval(TwoArms(MEAN, arms.control.at(place), arms.treatment.at(place)), CONFIDENCE, method)
        if said.ci_low is None or said.ci_high is None:
            return np.nan, np.nan, np.nan, True
        return said.ci_low, said.ci_high, float(said.ci_low <= 0 <= said.ci_high), bool(calm[place])

    return by_trial(one, trials.replications)


def posterior(trials: Trials, _rng: np.random.Generator) -> Found:
    """The normal posterior with a flat prior; it rejects where its interval leaves out 0."""
    _, plain, calm = trials.welch

    def one(place: int) -> Said:
        said = normal_posterior(float(plain.difference[place]), float(plain.standard_error[place]))
        return said.ci_low, said.ci_high, float(said.ci_low <= 0 <= said.ci_high), bool(calm[place])

    return by_trial(one, trials.replications)


def always_valid(trials: Trials, _rng: np.random.Generator) -> Found:
    """The confidence sequence at one look, tuned for as many units as there are."""
    _, plain, calm = trials.welch
    n = float(trials.scenario.n_control + trials.scenario.n_treatment)

    def one(place: int) -> Said:
        said = mixture_look(float(plain.difference[place]), float(plain.standard_error[place]), n, tau=n)
        p_value = np.nan if said.p_value is None else said.p_value
        return said.ci_low, said.ci_high, p_value, bool(calm[place])

    return by_trial(one, trials.replications)


def bootstrap(trials: Trials, rng: np.random.Generator) -> Found | None:
    """The percentile bootstrap of rows, where they are few."""
    if trials.scenario.n_control + trials.scenario.n_treatment > MOST_ROWS:
        return None
    arms, _, calm = trials.welch

    def one(place: int) -> Said:
        own = TwoArms(MEAN, arms.control.at(place), arms.treatment.at(place))
        said = bootstrapped(
            UnitValues("mean", trials.control["value"][place]),
            UnitValues("mean", trials.treatment["value"][place]),
            ESTIMATORS["independent", "mean"](own, CONFIDENCE).single(),
            design="independent",
            confidence=CONFIDENCE,
            rng=rng,
            resamples=RESAMPLES,
        )
        return said.ci_low, said.ci_high, said.p_value, bool(said.warnings or calm[place])

    return by_trial(one, trials.replications)


class Dealt(np.random.Generator):
    """A generator whose resamples of the buckets are drawn once, and dealt anew to the buckets at each call.

    What a call returns has the law of `multinomial`, since all buckets are as likely: drawing 1,000 resamples takes
    longer than all else in a trial. Nearly independent from trial to trial, as the trials' data are anyway.
    """

    counts: NDArray[np.int64]

    @staticmethod
    def of(rng: np.random.Generator) -> Dealt:
        """Return one with resamples and deals out of `rng`."""
        own = Dealt(rng.bit_generator)
        own.counts = rng.multinomial(BUCKETS, np.full(BUCKETS, 1 / BUCKETS), size=RESAMPLES)
        return own

    def multinomial(self, *_: Any, **__: Any) -> Any:
        """Return the resamples, (RESAMPLES, BUCKETS), as one more deal of them."""
        return self.counts[:, self.permutation(BUCKETS)]


def buckets(trials: Trials, rng: np.random.Generator) -> Found | None:
    """The percentile bootstrap of 200 buckets of units, where an arm has as many units."""
    if min(trials.scenario.n_control, trials.scenario.n_treatment) < BUCKETS:
        return None
    _, _, calm = trials.welch
    sides = [in_buckets(rows["value"], rng) for rows in (trials.control, trials.treatment)]
    dealt = Dealt.of(rng)

    def one(place: int) -> Said:
        arms = TwoArms(MEAN, sides[0].at(place), sides[1].at(place))
        said = bucket_bootstrap(arms, rng=dealt, confidence=CONFIDENCE, resamples=RESAMPLES)
        return said.ci_low, said.ci_high, said.p_value, bool(said.warnings or calm[place])

    return by_trial(one, trials.replications)


def shrunken(trials: Trials, rng: np.random.Generator) -> Found:
    """One of 8 segments, its effect drawn towards the overall one; true effects spread as much as estimates err.

    The interval is given less the segment's own effect, so that the truth is what the treatment adds overall. There is
    no test.
    """
    parts = []
    for number in range(SEGMENTS):
        control, treatment = (
            {"value": rows["value"][:, number::SEGMENTS]} for rows in (trials.control, trials.treatment)
        )
        parts.append(replace(trials, control=control, treatment=treatment).welch)
    errors = np.stack([plain.standard_error for _, plain, _ in parts], axis=1)
    added = rng.normal(0.0, float(np.median(errors)), errors.shape)
    estimates = np.stack([plain.difference for _, plain, _ in parts], axis=1) + added
    calm = parts[0][2]

    def one(place: int) -> Said:
        said = shrink(estimates[place], errors[place], confidence=CONFIDENCE)
        own = float(added[place, 0])
        return float(said.ci_low[0]) - own, float(said.ci_high[0]) - own, np.nan, bool(calm[place])

    return by_trial(one, trials.replications)


def in_buckets(value: Numbers, rng: np.random.Generator) -> Moments:
    """Return the moments (R, buckets) of values (R, n), a unit in the same bucket in all trials."""
    bucket = rng.integers(0, BUCKETS, value.shape[1])
    order, n = np.argsort(bucket, kind="stable"), np.bincount(bucket, minlength=BUCKETS)
    some = n > 0
    starts = (np.cumsum(n) - n)[some]
    mean, squares = np.zeros((2, len(value), BUCKETS))
    mean[:, some] = np.add.reduceat(value[:, order], starts, axis=1) / n[some]
    squares[:, some] = np.add.reduceat((value - mean[:, bucket])[:, order] ** 2, starts, axis=1)
    counts = np.broadcast_to(n.astype(np.float64), mean.shape)
    return Moments(MEAN.columns, counts, mean[..., None], squares[..., None, None])
