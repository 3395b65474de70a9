"""Do corrections keep the error rate that they name? Seeded simulations with known nulls.

A rate over r replications has a binomial standard error; every assertion allows four of them. Where theory names the
rate exactly, both sides are held; where it names a bound, the bound, and that the test is not simply mute.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.stats.multiplicity.adjust import adjust
from framework.stats.multiplicity.hierarchical import gatekeeping, selective
from framework.stats.multiplicity.maxt import max_t
from framework.stats.multiplicity.shares import fallback

SIZES = [pytest.param(1, id="short"), pytest.param(15, id="full", marks=pytest.mark.slow)]


def error(rate, reps):
    return 4 * math.sqrt(rate * (1 - rate) / reps)


def p_values(rng, reps, shifts, correlation):
    """Return two-sided p (reps, m) of equicorrelated normal statistics with the given means."""
    shifts = np.asarray(shifts, dtype=float)
    z = math.sqrt(correlation) * rng.normal(size=(reps, 1)) + math.sqrt(1 - correlation) * rng.normal(
        size=(reps, shifts.size)
    )
    return 2 * stats.norm.sf(np.abs(z + shifts))


def family_wise(method, shifts, correlation, reps):
    """Return the share of replications with a true null rejected at 0.05."""
    null = np.asarray(shifts) == 0
    p = p_values(np.random.default_rng(17), reps, shifts, correlation)
    return float(np.mean([(np.array(adjust(row, method))[null] <= 0.05).any() for row in p]))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shifts", [(0,) * 6, (0, 0, 0, 3, 3, 3)], ids=["all-null", "half-null"])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
@pytest.mark.parametrize("method", ["holm", "hochberg"])
def test_family_wise_error(method, correlation, shifts, size):
    reps = 2_000 * size
    rate = family_wise(method, shifts, correlation, reps)
    print(f"{method}, correlation {correlation}, {sum(s == 0 for s in shifts)} nulls of 6: {rate:.4f} of {reps}")
    assert rate <= 0.05 + error(0.05, reps)
    assert rate >= 0.01
    if correlation == 0 and not any(shifts):
        exact = 1 - (1 - 0.05 / 6) ** 6
        assert rate >= exact - error(exact, reps)


@pytest.mark.parametrize("size", SIZES)
def test_the_step_up_with_sidaks_levels_exceeds_alpha_by_what_it_says(size):
    """Two independent tests: alpha + (alpha - c)^2 with c = 1 - sqrt(1 - alpha), 0.0506."""
    reps = 10_000 * size
    rate = family_wise("hochberg_sidak", (0, 0), 0.0, reps)
    exact = 0.05 + (0.05 - (1 - math.sqrt(0.95))) ** 2
    print(f"hochberg_sidak, 2 nulls: {rate:.4f}, exact {exact:.4f}")
    assert abs(rate - exact) <= error(exact, reps)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", ["normal", "heavy"])
def test_family_wise_error_of_max_t(shape, size):
    """Six comparisons of 25 units, correlated 0.7, three of them null: sign flips are exact for symmetric units."""
    reps, n = 300 * size, 25
    rng = np.random.default_rng(5)
    rejected = {"null": 0, "all": 0}
    for _ in range(reps):
        draw = rng.normal(size=(n, 7)) if shape == "normal" else rng.standard_t(2, size=(n, 7))
        rows = math.sqrt(0.7) * draw[:, :1] + math.sqrt(0.3) * draw[:, 1:]
        rejected["all"] += min(max_t(rows, rng=rng, draws=199).p_adjusted) <= 0.05
        some = max_t(rows + np.repeat([0.0, 1.0], 3), rng=rng, draws=199).p_adjusted
        rejected["null"] += min(some[:3]) <= 0.05
    rates = {name: count / reps for name, count in rejected.items()}
    print(f"max-T, {shape}: all null {rates['all']:.4f}, three null {rates['null']:.4f} of {reps}")
    assert rates["null"] <= 0.05 + error(0.05, reps)
    # With all null the level is used up exactly: 0.05 x 200 is a whole number of draws.
    assert abs(rates["all"] - 0.05) <= error(0.05, reps)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("method", "expected"),
    [("benjamini_hochberg", 0.05 * 0.75), ("benjamini_yekutieli", 0.05 * 0.75 / sum(1 / k for k in range(1, 21)))],
)
def test_false_discovery_rate(method, expected, size):
    """Independent, 15 nulls of 20: the rate is exactly 0.75 alpha, over 1 + ... + 1/20 for Benjamini-Yekutieli."""
    reps = 3_000 * size
    null = np.arange(20) < 15
    p = p_values(np.random.default_rng(11), reps, np.where(null, 0, 3.5), 0.0)
    found = np.array([adjust(row, method) for row in p]) <= 0.05
    share = (found & null).sum(axis=1) / np.maximum(1, found.sum(axis=1))
    slack = 4 * share.std() / math.sqrt(reps)
    print(f"{method}: {share.mean():.4f}, expected {expected:.4f} +- {slack:.4f}")
    assert abs(share.mean() - expected) <= slack


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_false_discovery_rate_averaged_over_selected_families(correlation, size):
    """Ten families of eight; in three of them two members are real. The naive second step breaks its promise."""
    reps = 700 * size
    rng = np.random.default_rng(3)
    shifts = np.zeros((10, 8))
    shifts[:3, :2] = 3.2
    common, own = rng.normal(size=(reps, 10, 1)), rng.normal(size=(reps, 10, 8))
    z = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own + shifts
    kept, naive = [], []
    for p in 2 * stats.norm.sf(np.abs(z)):
        result = selective(p)
        chosen = np.array(result.selected)
        inside = [adjust(row, "benjamini_hochberg") for row in p]
        for averages, adjusted in ((kept, result.p_adjusted), (naive, inside)):
            found = (np.array(adjusted) <= 0.05) & chosen[:, None]
            wrong = (found & (shifts == 0)).sum(axis=1) / np.maximum(1, found.sum(axis=1))
            averages.append(wrong[chosen].mean() if chosen.any() else 0.0)
    slack = 4 * np.std(kept) / math.sqrt(reps)
    print(f"selective, correlation {correlation}: {np.mean(kept):.4f} +- {slack:.4f}; naive {np.mean(naive):.4f}")
    assert np.mean(kept) <= 0.05 + slack
    assert np.mean(naive) > np.mean(kept)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_family_wise_error_down_a_tree(correlation, size):
    """Two of three metrics are real, one of their three segments each; whole alpha in each family would not do."""
    reps = 2_000 * size
    parents = [None, None, None, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    shifts = np.array([9, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0])
    p = p_values(np.random.default_rng(2), reps, shifts, correlation)
    found = np.array([gatekeeping(row, parents).p_adjusted for row in p]) <= 0.05
    rate = float(found[:, shifts == 0].any(axis=1).mean())
    levels = [np.array([adjust(row[part], "holm") for row in p]) <= 0.05 for part in np.split(np.arange(12), 4)]
    naive = np.hstack([levels[0], *(level & levels[0][:, [k]] for k, level in enumerate(levels[1:]))])
    naive_rate = float(naive[:, shifts == 0].any(axis=1).mean())
    print(f"gatekeeping, correlation {correlation}: {rate:.4f} of {reps}; whole alpha in each family {naive_rate:.4f}")
    assert naive_rate > 0.05 + error(0.05, reps)
    assert rate <= 0.05 + error(0.05, reps)
    assert rate >= 0.02
    assert found[:, 3].mean() > 0.99


@pytest.mark.parametrize("size", SIZES)
def test_family_wise_error_of_the_fallback(size):
    reps = 4_000 * size
    shifts = np.array([3, 0, 3, 0])
    p = p_values(np.random.default_rng(4), reps, shifts, 0.3)
    found = np.array([fallback(row, [0.4, 0.3, 0.2, 0.1]) for row in p]) <= 0.05
    rate = float(found[:, shifts == 0].any(axis=1).mean())
    print(f"fallback: {rate:.4f} of {reps}")
    assert 0.02 <= rate <= 0.05 + error(0.05, reps)
