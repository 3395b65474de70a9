"""How much segments' true effects differ: the spread tau between them, estimated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean

METHODS = ("paule-mandel", "reml", "dersimonian-laird")


def tau_squared(
    estimates: NDArray[np.floating], standard_errors: NDArray[np.floating], method: str = "paule-mandel"
) -> float:
    """Return the variance between K true effects, 0 or more, in the metric's unit squared.

    - "paule-mandel": where Cochran's Q with weights 1 / (error^2 + tau^2) equals K - 1 (Paule and Mandel 1982);
      needs no normality and has little bias (Veroniki et al. 2016);
    - "reml": restricted maximum likelihood of normal effects (Viechtbauer 2005);
    - "dersimonian-laird": method of moments in one step (DerSimonian and Laird 1986); low where tau is large.

    Raises:
        TrialError: an unknown method, or arrays that `checked_segments` refuses.
    """
    if method not in METHODS:
        raise TrialError(f"method '{method}' is unknown", allowed=METHODS, hint=did_you_mean(method, METHODS))
    y, error = checked_segments(estimates, standard_errors)
    unit = float(error.min())
    y, variance = y / unit, (error / unit) ** 2
    found = {"paule-mandel": _paule_mandel, "reml": _reml, "dersimonian-laird": _dersimonian_laird}[method](y, variance)
    return found * unit**2


def centre(y: NDArray[np.float64], variance: NDArray[np.float64], tau2: float) -> tuple[float, float]:
    """Return the mean effect weighted by 1 / (variance + tau2), and its variance."""
    weights = 1 / (variance + tau2)
    return float(weights @ y / weights.sum()), float(1 / weights.sum())


def checked_segments(
    estimates: NDArray[np.floating], standard_errors: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return estimates (K,) and errors (K,) as floats.

    Raises:
        TrialError: fewer than 2 segments, other shapes, numbers that are not finite, errors not above 0.
    """
    y, error = np.asarray(estimates, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    if y.ndim != 1 or y.shape != error.shape or y.size < 2:
        raise TrialError(
            f"estimates of shape {y.shape}, errors of shape {error.shape}", allowed="one of each a segment, 2 or more"
        )
    if not (np.isfinite(y).all() and np.isfinite(error).all() and (error > 0).all()):
        raise TrialError(
            "a segment's estimate or error is missing, infinite or 0",
            allowed="finite estimates and errors above 0",
            hint="Leave out segments without spread, or merge them.",
        )
    return y, error


def _q(y: NDArray[np.float64], variance: NDArray[np.float64], tau2: float) -> float:
    mean, _ = centre(y, variance, tau2)
    return float(((y - mean) ** 2 / (variance + tau2)).sum())


def _paule_mandel(y: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    from scipy import optimize

    if _q(y, variance, 0.0) <= y.size - 1:
        return 0.0
    # With tau^2 at the sum of squares Q is at most 1, so the root lies below.
    highest = float(((y - y.mean()) ** 2).sum())
    return float(optimize.brentq(lambda tau2: _q(y, variance, tau2) - (y.size - 1), 0.0, highest, xtol=1e-12))


def _dersimonian_laird(y: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    weights = 1 / variance
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(0.0, (_q(y, variance, 0.0) - (y.size - 1)) / scale)


def _reml(y: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    from scipy import optimize

    def score(tau2: float) -> float:
        weights = 1 / (variance + tau2)
        mean = float(weights @ y / weights.sum())
        squares, twice = weights**2, float((weights**2).sum() / weights.sum())
        return float(squares @ (y - mean) ** 2 - weights.sum() + twice)

    # The score may cross 0 more than once: the likelihood says which crossing is the largest.
    def loss(tau2: float) -> float:
        total = variance + tau2
        return float(np.log(total).sum() + np.log((1 / total).sum()) + _q(y, variance, tau2)) / 2

    highest = float(((y - y.mean()) ** 2).sum()) + 1.0
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 200) * highest])
    best = int(np.argmin([loss(tau2) for tau2 in grid]))
    low, high = grid[max(0, best - 1)], grid[min(grid.size - 1, best + 1)]
    if score(low) <= 0:
        return float(low) if best > 0 and low > 0 else 0.0
    if score(high) >= 0:
        return float(high)
    return float(optimize.brentq(score, low, high, xtol=1e-12))
