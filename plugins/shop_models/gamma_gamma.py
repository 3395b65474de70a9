"""Gamma-gamma: what an order of a customer is worth on average, from the few that were seen.

The worth of an order is gamma(p, nu), with nu ~ gamma(q, gamma) between customers; how much a customer orders does not
hang on how often. Fader, Hardie, Lee, "RFM and CLV: using iso-value curves for customer base analysis", JMR 2005;
Fader, Hardie, "The gamma-gamma model of monetary value", 2013, equation numbers are of that note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from shop_models.bg_nbd import log_error

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_BOUND = 12.0


@dataclass(frozen=True)
class GammaGammaParameters:
    """Maximum likelihood estimates, `log_likelihood` there, and their covariance (3, 3) in the order p, q, gamma.

    `gamma` is in the unit of the money. The covariance is NaN where the likelihood is flat.
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float
    covariance: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The three parameters, in the order of the covariance."""
        return np.array([self.p, self.q, self.gamma])

    @property
    def log_covariance(self) -> NDArray[np.float64]:
        """The covariance (3, 3) of the parameters' logarithms."""
        return np.asarray(self.covariance / np.outer(self.values, self.values))

    @property
    def population_mean(self) -> float:
        """The mean worth of an order over all customers, p gamma / (q - 1); infinite where q is at most 1."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else float("inf")


def fit_gamma_gamma(orders: ArrayLike, mean_value: ArrayLike) -> GammaGammaParameters:
    """Return the parameters of the highest likelihood (eq. 1a) of n customers.

    Args:
        orders: how many orders each customer's mean is of (n,), 1 or more.
        mean_value: the mean worth of those orders (n,), above 0.

    Raises:
        DataError: values out of range, or means that do not vary.
    """
    from scipy.optimize import minimize

    x, mean = _spending(orders, mean_value)
    if len(x) < 2 or float(np.std(np.log(mean))) < 1e-9:
        raise DataError("the mean worth of orders does not vary, so nothing tells how customers differ")
    scale = float(np.exp(np.log(mean).mean()))
    data = (x, mean / scale)
    best: Any = None
    for start in ((2.0, 3.0, 1.5), (10.0, 3.0, 0.3), (1.0, 10.0, 9.0)):
        found = minimize(
            _negated,
            np.log(start),
            args=data,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-_BOUND, _BOUND)] * 3,
            options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9 * len(x)},
        )
        if best is None or found.fun < best.fun:
            best = found
    theta = np.asarray(best.x, dtype=np.float64)
    values = np.exp(theta) * np.array([1.0, 1.0, scale])
    covariance = _covariance(theta, data) * np.outer(values, values)
    p, q, gamma = values.tolist()
    return GammaGammaParameters(p, q, gamma, float(-best.fun - len(x) * np.log(scale)), covariance)


def expected_value(parameters: GammaGammaParameters, orders: ArrayLike, mean_value: ArrayLike) -> NDArray[np.float64]:
    """Return the expected worth of a customer's orders, given x of them with this mean (eq. 5).

    It lies between the customer's own mean and that of all, the nearer to the own the more orders there are; for
    customers without orders (0, and any mean) it is that of all.
    """
    x, mean = np.asarray(orders, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
    return _expected(parameters.values, x, np.where(x > 0, mean, 0.0))


def expected_value_interval(
    parameters: GammaGammaParameters, orders: ArrayLike, mean_value: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return low and high of `expected_value`, by the delta method on the logarithm."""
    from scipy.stats import norm

    x, mean = np.asarray(orders, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
    mean = np.where(x > 0, mean, 0.0)
    middle = _expected(parameters.values, x, mean)
    error = log_error(lambda values: _expected(values, x, mean), parameters.values, parameters.log_covariance)
    reach = norm.ppf((1 + confidence) / 2) * error
    return middle * np.exp(-reach), middle * np.exp(reach)


def _expected(values: NDArray[np.float64], x: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    p, q, gamma = values
    under = p * x + q - 1
    return np.asarray(np.where(under > 0, p * (gamma + x * mean) / np.where(under > 0, under, 1.0), np.inf))


def _negated(
    theta: NDArray[np.float64], x: NDArray[np.float64], mean: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return minus the log likelihood and its gradient, by the parameters' logarithms."""
    from scipy.special import digamma, gammaln

    p, q, gamma = np.exp(theta)
    total = gamma + x * mean
    value = (
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
        + q * np.log(gamma) + (p * x - 1) * np.log(mean) + p * x * np.log(x)
        - (p * x + q) * np.log(total)
    ).sum()  # fmt: skip
    both = digamma(p * x + q)
    slopes = np.array(
        [
            (x * (both - digamma(p * x) + np.log(mean) + np.log(x) - np.log(total))).sum(),
            (both - digamma(q) + np.log(gamma) - np.log(total)).sum(),
            (q / gamma - (p * x + q) / total).sum(),
        ]
    )
    return -float(value), -slopes * np.array([p, q, gamma])


def _covariance(theta: NDArray[np.float64], data: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    step = 1e-4
    information = np.stack(
        [(_negated(theta + at, *data)[1] - _negated(theta - at, *data)[1]) / (2 * step) for at in step * np.eye(3)]
    )
    information = (information + information.T) / 2
    if np.linalg.eigvalsh(information).min() <= 1e-8 * np.abs(information).max():
        return np.full((3, 3), np.nan)
    return np.asarray(np.linalg.inv(information))


def _spending(orders: ArrayLike, mean_value: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, mean = np.asarray(orders, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
    fine = x.shape == mean.shape and np.isfinite(x).all() and np.isfinite(mean).all()
    if not fine or np.any(x < 1) or np.any(mean <= 0):
        raise DataError("gamma-gamma got spending that cannot be", allowed="1 order or more, of a mean above 0, each")
    return x, mean
