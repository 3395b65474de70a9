"""BG/NBD: how often customers will buy again, from how often and when they bought.

While a customer is alive, orders come at random at a rate lambda ~ gamma(r, alpha); after each order the customer
leaves for good with probability p ~ beta(a, b). Fader, Hardie, Lee, "'Counting your customers' the easy way: an
alternative to the Pareto/NBD model", Marketing Science 2005; equation numbers are theirs. Known of a customer are the
number of repeat orders x (`frequency`), the time t_x of the last one (`recency`, 0 where x is 0) and the length T of
the observation, both since the first order and in one unit, which is also that of t.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError, RunError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_BOUND = 12.0
"""Logarithms of the parameters, with time in units of the mean T, are looked for within plus and minus this."""


@dataclass(frozen=True)
class BgNbdParameters:
    """Maximum likelihood estimates, `log_likelihood` there, and their covariance (4, 4) in the order r, alpha, a, b.

    The covariance is the inverse of the observed information of the logarithms, brought to the parameters by the delta
    method; NaN where the likelihood is flat (nobody leaves, or all customers alike).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    covariance: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The four parameters, in the order of the covariance."""
        return np.array([self.r, self.alpha, self.a, self.b])

    @property
    def log_covariance(self) -> NDArray[np.float64]:
        """The covariance (4, 4) of the parameters' logarithms."""
        return np.asarray(self.covariance / np.outer(self.values, self.values))

    def intervals(self, confidence: float = 0.95) -> NDArray[np.float64]:
        """Return each parameter's low and high (4, 2): symmetric on the logarithm, so never below 0."""
        from scipy.stats import norm

        reach = norm.ppf((1 + confidence) / 2) * np.sqrt(np.diagonal(self.log_covariance))
        return np.asarray(self.values[:, None] * np.exp(np.stack([-reach, reach], axis=1)))


def fit_bg_nbd(frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> BgNbdParameters:
    """Return the parameters of the highest likelihood (eq. 6) of n customers.

    Args:
        frequency: repeat orders x of each customer (n,), whole numbers from 0.
        recency: time t_x of the last order since the first (n,), 0 where there is no repeat order.
        T: time observed since the first order (n,), above 0.

    Raises:
        DataError: values that no history has, or no repeat order at all: nothing tells the parameters then.
        RunError: the search for the maximum did not end.
    """
    from scipy.optimize import minimize

    x, t_x, observed = _histories(frequency, recency, T)
    if not x.any():
        raise DataError("no customer has a repeat order, so rates and churn cannot be told", hint="Take a longer log.")
    scale = float(observed.mean())
    data = (x, t_x / scale, observed / scale)
    # Method of moments for a start: as many orders a mean T as seen, few leave.
    rate = max(float(x.mean()), 1e-3)
    best: Any = None
    for start in ((1.0, 1.0 / rate, 1.0, 2.0), (0.3, 0.3 / rate, 0.5, 2.0), (3.0, 3.0 / rate, 0.2, 3.0)):
        found = minimize(
            _negated,
            np.log(start),
            args=data,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-_BOUND, _BOUND)] * 4,
            options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9 * len(x)},
        )
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun - 1e-9 * abs(best.fun)):
            best = found
        if best is not None and np.abs(best.jac).max() < 1e-4 * len(x) and np.abs(best.x).max() < _BOUND - 1:
            break
    if best is None:
        raise RunError("the likelihood of BG/NBD has no finite value", hint="Look at the unit of time: use days.")
    theta = np.asarray(best.x, dtype=np.float64)
    values = np.exp(theta) * np.array([1.0, scale, 1.0, 1.0])
    covariance = _covariance(theta, data) * np.outer(values, values)
    r, alpha, a, b = values.tolist()
    return BgNbdParameters(r, alpha, a, b, float(-best.fun - x.sum() * np.log(scale)), covariance)


def expected_purchases(
    parameters: BgNbdParameters, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> NDArray[np.float64]:
    """Return the expected number of orders in the time t after T, given the history (eq. 10).

    Arguments are broadcast. Euler's transformation of the hypergeometric function is used, whose arguments do not grow
    with x; at a = 1 the equation's limit is taken. Raises DataError for values that no history has.
    """
    x, t_x, observed = _histories(frequency, recency, T)
    return _expected(parameters.values, np.asarray(t, dtype=np.float64), x, t_x, observed)


def expected_purchases_interval(
    parameters: BgNbdParameters,
    t: ArrayLike,
    frequency: ArrayLike,
    recency: ArrayLike,
    T: ArrayLike,
    confidence: float = 0.95,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return low and high of `expected_purchases`, by the delta method on the logarithm.

    They hold the expectation under the true parameters; what one customer will buy varies far more than that.
    """
    from scipy.stats import norm

    x, t_x, observed = _histories(frequency, recency, T)
    ahead = np.asarray(t, dtype=np.float64)
    middle = _expected(parameters.values, ahead, x, t_x, observed)
    error = log_error(
        lambda values: _expected(values, ahead, x, t_x, observed), parameters.values, parameters.log_covariance
    )
    reach = norm.ppf((1 + confidence) / 2) * error
    return middle * np.exp(-reach), middle * np.exp(reach)


def probability_alive(
    parameters: BgNbdParameters, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> NDArray[np.float64]:
    """Return the probability that each customer has not left by T; 1 where there was no repeat order.

    Customers can leave only after a repeat order (Fader, Hardie, "Computing P(alive) using the BG/NBD model", 2008).
    """
    x, t_x, observed = _histories(frequency, recency, T)
    return 1 / (1 + _odds_gone(parameters.values, x, t_x, observed))


def next_order(
    parameters: BgNbdParameters, frequency: ArrayLike, T: ArrayLike, share: float = 0.5
) -> NDArray[np.float64]:
    """Return the time after T by which `share` of the customers with this history, if alive, have ordered again.

    Alive, a customer's rate is gamma(r + x, alpha + T), so nothing came by t with probability
    ((alpha + T) / (alpha + T + t))^(r + x). The default is the median.
    """
    x, observed = np.asarray(frequency, dtype=np.float64), np.asarray(T, dtype=np.float64)
    return np.asarray((parameters.alpha + observed) * ((1 - share) ** (-1 / (parameters.r + x)) - 1))


def log_error(function: Any, values: NDArray[np.float64], log_covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard error of the logarithm of a positive function of parameters, by the delta method."""
    step = 1e-4
    slopes = np.stack(
        [
            (np.log(function(values * np.exp(at))) - np.log(function(values * np.exp(-at)))) / (2 * step)
            for at in step * np.eye(len(values))
        ]
    )
    return np.asarray(np.sqrt(np.maximum(np.einsum("i...,ij,j...->...", slopes, log_covariance, slopes), 0.0)))


def _expected(
    values: NDArray[np.float64],
    t: NDArray[np.float64],
    x: NDArray[np.float64],
    t_x: NDArray[np.float64],
    T: NDArray[np.float64],
) -> NDArray[np.float64]:
    from scipy.special import hyp2f1

    r, alpha, a, b = values
    if abs(a - 1) < 1e-5:
        around = (_expected(np.array([r, alpha, 1 + side, b]), t, x, t_x, T) for side in (-1e-4, 1e-4))
        return np.asarray(sum(around) / 2)
    z = t / (alpha + T + t)
    left = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - left) / (1 + _odds_gone(values, x, t_x, T)))


def _odds_gone(
    values: NDArray[np.float64], x: NDArray[np.float64], t_x: NDArray[np.float64], T: NDArray[np.float64]
) -> NDArray[np.float64]:
    r, alpha, a, b = values
    repeat = x > 0
    # Capped where a customer is gone beyond doubt: the exponent of a thousand orders overflows.
    grown = np.exp(np.minimum((r + x) * (np.log(alpha + T) - np.log(alpha + t_x)), 700.0))
    return np.asarray(np.where(repeat, a / np.where(repeat, b + x - 1, 1.0) * grown, 0.0))


def _negated(
    theta: NDArray[np.float64], x: NDArray[np.float64], t_x: NDArray[np.float64], T: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return minus the log likelihood (eq. 6) and its gradient, by the parameters' logarithms."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = np.exp(theta)
    repeat = x > 0
    stays, last = np.log(alpha + T), np.log(alpha + t_x)
    after = np.where(repeat, b + x - 1, 1.0)
    alive = -(r + x) * stays
    gone = np.where(repeat, np.log(a) - np.log(after) - (r + x) * last, -np.inf)
    both = np.logaddexp(alive, gone)
    value = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        + both
    ).sum()  # fmt: skip
    p_gone = np.exp(gone - both)
    p_alive = 1 - p_gone
    of_sum = digamma(a + b) - digamma(a + b + x)
    slopes = np.array(
        [
            (digamma(r + x) - digamma(r) + np.log(alpha) - p_alive * stays - p_gone * last).sum(),
            (r / alpha - (r + x) * (p_alive / (alpha + T) + p_gone / (alpha + t_x))).sum(),
            (of_sum + p_gone / a).sum(),
            (of_sum + digamma(b + x) - digamma(b) - p_gone / after).sum(),
        ]
    )
    return -float(value), -slopes * np.array([r, alpha, a, b])


def _covariance(theta: NDArray[np.float64], data: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    """Return the inverse of the observed information of the logarithms, NaN where it is not positive definite."""
    step = 1e-4
    information = np.stack(
        [(_negated(theta + at, *data)[1] - _negated(theta - at, *data)[1]) / (2 * step) for at in step * np.eye(4)]
    )
    information = (information + information.T) / 2
    if np.linalg.eigvalsh(information).min() <= 1e-8 * np.abs(information).max():
        return np.full((4, 4), np.nan)
    return np.asarray(np.linalg.inv(information))


def _histories(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the histories as floats of one shape; raises DataError for values that no history has."""
    x, t_x, observed = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (frequency, recency, T)))
    finite = np.isfinite(x).all() and np.isfinite(t_x).all() and np.isfinite(observed).all()
    if not finite or np.any(x < 0) or np.any(x != np.round(x)) or np.any(observed <= 0):
        raise DataError(
            "BG/NBD got a history that cannot be", allowed="whole numbers of repeat orders from 0, and T above 0"
        )
    if np.any(t_x < 0) or np.any(t_x > observed) or np.any((x == 0) & (t_x != 0)) or np.any((x > 0) & (t_x == 0)):
        raise DataError(
            "BG/NBD got a last order outside the time observed",
            allowed="0 < recency <= T with repeat orders, recency 0 without",
        )
    return x, t_x, observed
