"""What is measured of a unit, in terms of its columns: a mean, a proportion or a ratio, with covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError
from framework.stats.moments.record import Moments, Numbers


@dataclass(frozen=True)
class Covariate:
    """Something known of a unit before the test: a column, or a ratio of two columns' sums."""

    numerator: str
    denominator: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)


@dataclass(frozen=True)
class Measure:
    """A metric of `kind` "mean", "proportion" or "ratio" on the columns of a unit.

    A ratio is sum(numerator) / sum(denominator) over units. `covariates` reduce its variance.
    """

    name: str
    kind: str
    numerator: str
    denominator: str | None = None
    covariates: tuple[Covariate, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "ratio") != (self.denominator is not None):
            raise TrialError(
                f"metric '{self.name}': kind '{self.kind}' with denominator {self.denominator}",
                allowed="a denominator for a ratio, and for nothing else",
            )

    @property
    def own_columns(self) -> tuple[str, ...]:
        """The columns of the outcome, without covariates."""
        return (self.numerator,) if self.denominator is None else (self.numerator, self.denominator)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns whose moments, and cross moments with each other, the estimators need; each once."""
        every = [*self.own_columns, *(column for covariate in self.covariates for column in covariate.columns)]
        return tuple(dict.fromkeys(every))


def value_of(measure: Measure, moments: Moments) -> Numbers:
    """Return the group's value (...,): mean(numerator), or mean(numerator) / mean(denominator)."""
    top = moments.mean_of(measure.numerator)
    return top if measure.denominator is None else np.asarray(top / moments.mean_of(measure.denominator))


def contribution(measure: Measure, moments: Moments) -> Numbers:
    """Return weights (..., k) over the columns that make a unit's contribution to the value, linear around it.

    A unit contributes `weights @ (columns - means)`; the sample variance of that over n is the value's variance. Exact
    for a mean; for a ratio R, (numerator - R denominator) / mean(denominator), to first order (Deng, Knoblich and Lu
    2018, "Applying the delta method in metric analytics", eq. 3 with ddof 1).
    """
    weights = np.zeros(moments.mean.shape)
    if measure.denominator is None:
        weights[..., moments.index(measure.numerator)] = 1.0
        return weights
    below = moments.mean_of(measure.denominator)
    weights[..., moments.index(measure.numerator)] += 1.0 / below
    weights[..., moments.index(measure.denominator)] -= value_of(measure, moments) / below
    return weights


def variance_of(measure: Measure, moments: Moments) -> Numbers:
    """Return the variance (...,) of a unit's contribution, ddof 1; exactly 0 where it is rounding only."""
    own = moments.pick(measure.own_columns)
    weights = contribution(measure, own)
    return form_variance(weights, own.covariance, np.einsum("...k,...k->...", np.abs(weights), np.abs(own.mean)))


def form_variance(weights: Numbers, covariance: Numbers, level: Numbers) -> Numbers:
    """Return the variance (...,) of a linear form, exactly 0 where it is rounding only.

    `weights` (..., k) and `covariance` (..., k, k) are those of its columns; `level` (...,) is how large the numbers
    are that it was computed from, in the form's unit.
    """
    spread = np.einsum("...k,...kl,...l->...", weights, covariance, weights)
    terms = np.abs(weights[..., :, None] * covariance * weights[..., None, :]).sum(axis=(-1, -2))
    noise = np.maximum(ROUNDING * terms, (ROUNDING * level) ** 2)
    return np.asarray(np.where(spread <= noise, 0.0, spread))


def mean_variance(measure: Measure, moments: Moments) -> Numbers:
    """Return the variance (...,) of the group's value."""
    return np.asarray(variance_of(measure, moments) / moments.n)


ROUNDING = 32 * float(np.finfo(np.float64).eps)
"""Spread, relative to the terms that make it, below which numbers differ by rounding only."""
