"""Every estimator of the coverage table by its name, and what it should find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from framework.stats.moments.measure import Covariate, Measure
from framework.testing.coverage.designs import clusters, covariate, independent, paired, stratified
from framework.testing.coverage.readings import (
    always_valid,
    bootstrap,
    buckets,
    posterior,
    quantile,
    rate,
    relative,
    shrunken,
)
from framework.testing.coverage.trials import MEAN, Found, Trials
from framework.testing.coverage.worlds import LEVEL, Scenario

SHARE = Measure("share", "proportion", "share")
RATIO = Measure("ratio", "ratio", "amount", "sessions")
MEAN_ADJUSTED = Measure("mean", "mean", "value", None, (Covariate("before"),))
RATIO_ADJUSTED = Measure("ratio", "ratio", "amount", "sessions", (Covariate("orders before", "sessions before"),))


@dataclass(frozen=True)
class Case:
    """One estimator: `run` gives what it says, None where it has nothing to do in a world.

    `truth` is what the treatment adds in a world to what it measures.
    """

    run: Callable[[Trials, np.random.Generator], Found | None]
    truth: Callable[[Scenario], float]


def _mean(scenario: Scenario) -> float:
    return scenario.added


def _share(scenario: Scenario) -> float:
    return scenario.added_share


def _ratio(scenario: Scenario) -> float:
    return scenario.added_rate * scenario.scale


def _rate(scenario: Scenario) -> float:
    return scenario.added_rate / scenario.scale


def _relative(scenario: Scenario) -> float:
    return scenario.added / (LEVEL * scenario.scale)


CASES = {
    "mean: Welch t": Case(partial(independent, MEAN), _mean),
    "share: Newcombe, pooled z": Case(partial(independent, SHARE), _share),
    "ratio of sums: delta method": Case(partial(independent, RATIO), _ratio),
    "paired mean: t": Case(partial(paired, MEAN), _mean),
    "paired ratio of sums: delta method, t": Case(partial(paired, RATIO), _ratio),
    "mean, 1 covariate: Lin, HC2": Case(partial(covariate, "lin", MEAN_ADJUSTED), _mean),
    "mean, 1 covariate: CUPED": Case(partial(covariate, "cuped", MEAN_ADJUSTED), _mean),
    "ratio of sums, ratio covariate: Lin, HC2": Case(partial(covariate, "lin", RATIO_ADJUSTED), _ratio),
    "mean of clusters: sandwich": Case(clusters, _mean),
    "mean: post-stratified": Case(stratified, _mean),
    "quantile: order statistics": Case(quantile, _mean),
    "count rate: recommended": Case(rate, _rate),
    "relative mean: log ratio": Case(partial(relative, "log"), _relative),
    "relative mean: Fieller": Case(partial(relative, "fieller"), _relative),
    "mean: bootstrap of rows": Case(bootstrap, _mean),
    "mean: bootstrap of 200 buckets": Case(buckets, _mean),
    "mean: posterior, flat prior": Case(posterior, _mean),
    "mean: always valid, one look": Case(always_valid, _mean),
    "segment of 8: shrunken": Case(shrunken, _mean),
}
"""Every estimator."""
