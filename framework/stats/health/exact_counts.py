"""Exact tests of small counts against planned shares, where chi-square's approximation is rough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.stats.estimates import floored

OUTCOMES = 200_000
"""Ways to spread the units over the arms beyond which no exact test is tried."""
TIES = 1e-7
"""Relative slack within which two probabilities count as equal, as in scipy's `binomtest`."""


def exact_p(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> float | None:
    """Return the exact p-value of counts (k,) against shares (k,) that add up to 1, or None where it would be too dear.

    The total probability of all outcomes that are no more likely than the observed one: the exact binomial test with
    two arms (scipy's `binomtest`, called), the exact multinomial test with more, where the units can be spread over
    the arms in at most `OUTCOMES` ways.
    """
    from scipy import special, stats

    total = int(counts.sum())
    if counts.size == 2:
        return floored(stats.binomtest(int(counts[0]), total, float(shares[0])).pvalue)
    if special.comb(total + counts.size - 1, counts.size - 1) > OUTCOMES:
        return None
    outcomes = _outcomes(total, counts.size)
    log_p = stats.multinomial.logpmf(outcomes, total, shares)
    observed = float(stats.multinomial.logpmf(counts, total, shares))
    return floored(np.exp(log_p[log_p <= observed + TIES]).sum())


def _outcomes(total: int, arms: int) -> NDArray[np.int64]:
    """Return all ways (ways, arms) to spread `total` units over the arms."""
    spread = np.arange(total + 1)[:, None]
    for _ in range(arms - 2):
        left = total - spread.sum(axis=1)
        rows = np.repeat(np.arange(left.size), left + 1)
        starts = np.repeat(np.cumsum(left + 1) - (left + 1), left + 1)
        spread = np.column_stack([spread[rows], np.arange(rows.size) - starts])
    return np.column_stack([spread, total - spread.sum(axis=1)])
