"""The bootstrap of a quantile, drawn exactly from order statistics: no resample is ever made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.estimates import Estimate, floored
from framework.stats.kinds.quantiles import quantile_difference


def quantile_bootstrap(
    control: ArrayLike,
    treatment: ArrayLike,
    q: float,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 10_000,
) -> Estimate:
    """Return the treatment's quantile minus the control's with the percentile bootstrap's error, interval and p.

    The k-th smallest of n draws with replacement from sorted values is the value at rank ceil(n U), where U is the
    k-th smallest of n uniform numbers: Beta(k, n - k + 1). So a resampled quantile costs two draws, whatever n
    (Efron 1979, section 3). p inverts the interval, with 1 added to both counts. Same rng state, same numbers.

    Raises:
        TrialError: as `quantile_difference`; fewer than 1 resample.
    """
    if resamples < 1:
        raise TrialError(f"{resamples} resamples", allowed="1 or more, such as 10000")
    analytic = quantile_difference(control, treatment, q, confidence)
    y, x = (np.sort(np.asarray(values, dtype=np.float64)) for values in (control, treatment))
    draws = resampled_quantiles(x, q, resamples, rng) - resampled_quantiles(y, q, resamples, rng)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    beyond = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return replace(
        analytic,
        standard_error=float(draws.std(ddof=1)) if resamples > 1 else 0.0,
        ci_low=float(low),
        ci_high=float(high),
        p_value=floored(2 * beyond / (resamples + 1)),
        df=None,
        method=f"{q:g} quantile, percentile bootstrap, {resamples} resamples",
    )


def resampled_quantiles(
    ordered: NDArray[np.float64], q: float, resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return (resamples,) bootstrap quantiles, linearly interpolated, of sorted values (n,)."""
    n = ordered.size
    position = q * (n - 1)
    rank = int(np.floor(position))
    first = rng.beta(rank + 1, n - rank, resamples)
    lower = ordered[_index(first, n)]
    weight = position - rank
    if weight == 0 or rank + 1 >= n:
        return np.asarray(lower)
    # The next order statistic, given this one, is the smallest of the n - rank - 1 uniform numbers left above it.
    second = 1 - (1 - first) * rng.beta(n - rank - 1, 1, resamples)
    return np.asarray(lower + weight * (ordered[_index(second, n)] - lower))


def _index(uniform: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    return np.minimum((n * uniform).astype(np.int64), n - 1)
