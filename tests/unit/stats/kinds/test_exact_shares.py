"""The exact unconditional test and intervals: brute force, scipy, and guaranteed coverage by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.stats.kinds.counted import Counted
from framework.stats.kinds.exact import INTERVAL_TABLES, clopper_pearson_interval, exact_interval, exact_p, tables
from framework.stats.kinds.proportions import two_proportions
from framework.stats.kinds.score import score_statistic


def brute_force_p(counts, difference):
    """Loop over every table and 4,001 shares."""
    shares = np.linspace(max(0, -difference), min(1, 1 - difference), 4001)
    size = abs(
        score_statistic(counts.hits_treatment, counts.n_treatment, counts.hits_control, counts.n_control, difference)
    )
    total = np.zeros_like(shares)
    for x in range(counts.n_treatment + 1):
        for y in range(counts.n_control + 1):
            if abs(score_statistic(x, counts.n_treatment, y, counts.n_control, difference)) >= size * (1 - 1e-9):
                above = stats.binom.pmf(x, counts.n_treatment, np.clip(shares + difference, 0, 1))
                total += above * stats.binom.pmf(y, counts.n_control, shares)
    return total.max()


@pytest.mark.parametrize("difference", [-0.4, 0.0, 0.1, 0.35])
@pytest.mark.parametrize("table", [(1, 6, 4, 7), (0, 5, 2, 8), (3, 3, 1, 9)])
def test_p_by_brute_force(table, difference):
    counts = Counted(*table)
    assert exact_p(counts, difference) == pytest.approx(brute_force_p(counts, difference), rel=1e-5)


@pytest.mark.parametrize("table", [(1, 34, 7, 34), (0, 12, 4, 9), (20, 60, 9, 45), (2, 15, 3, 200)])
def test_p_at_zero_is_barnards(table):
    """scipy looks for the maximum by another route; neither may be below the other by more than 1e-4 of it."""
    counts = Counted(*table)
    rows = [
        [counts.hits_treatment, counts.hits_control],
        [counts.n_treatment - counts.hits_treatment, counts.n_control - counts.hits_control],
    ]
    assert exact_p(counts) == pytest.approx(stats.barnard_exact(rows, n=128).pvalue, rel=1e-4)


@pytest.mark.parametrize("table", [(1, 34, 7, 34), (0, 10, 10, 10), (0, 10, 0, 12), (2, 9, 2, 30)])
def test_interval_ends_where_p_crosses(table):
    """Just outside every difference is rejected, and at each end, unless it is -1 or 1, p is near 5 %."""
    counts = Counted(*table)
    low, high = exact_interval(counts, 0.95)
    for end, step in ((low, -1e-3), (high, 1e-3)):
        if abs(end) < 1:
            assert exact_p(counts, end) <= 0.05 + 1e-6
            assert exact_p(counts, end + step) <= 0.05
            assert exact_p(counts, end - 1e-6 * np.sign(step)) > 0.05 - 1e-6


@pytest.mark.parametrize("interval", [exact_interval, clopper_pearson_interval])
def test_coverage_is_never_short(interval):
    """All tables of 5 and 7 units, weighed exactly: no Monte-Carlo error, coverage >= 95 % at 400 pairs of shares."""
    n_control, n_treatment = 5, 7
    found = np.array(
        [
            [interval(Counted(y, n_control, x, n_treatment), 0.95) for y in range(n_control + 1)]
            for x in range(n_treatment + 1)
        ]
    )
    shares = np.linspace(0.01, 0.99, 20)
    coverage = np.array(
        [
            (
                stats.binom.pmf(np.arange(n_treatment + 1), n_treatment, p)[:, None]
                * stats.binom.pmf(np.arange(n_control + 1), n_control, q)[None, :]
                * ((found[..., 0] <= p - q) & (p - q <= found[..., 1]))
            ).sum()
            for p in shares
            for q in shares
        ]
    )
    assert coverage.min() >= 0.95 - 1e-6
    assert coverage.mean() < (0.985 if interval is exact_interval else 0.9999)


def test_large_arms_get_the_conservative_interval():
    counts = Counted(150, 500, 180, 500)
    assert tables(counts) > INTERVAL_TABLES
    found = two_proportions(counts, method="barnard")
    assert [found.ci_low, found.ci_high] == list(clopper_pearson_interval(counts, 0.95))
    assert any("Clopper-Pearson" in text for text in found.warnings)
    assert "Clopper-Pearson" in found.method
