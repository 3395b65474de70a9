"""The picked segment's effect: exact cases, and coverage whatever the true effects are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.segments import best_segment


def test_a_clear_winner_needs_no_correction():
    found = best_segment([0.0, 50.0, 1.0], [1.0, 2.0, 1.0])
    assert found.index == 1
    assert found.estimate == pytest.approx(50.0, abs=1e-6)
    # Inside the simultaneous interval at alpha / 10: the tails that are left are a little smaller than 2.5 %.
    reach = stats.norm.ppf((1 + 0.995 ** (1 / 3)) / 2)
    share = (0.05 - 0.005) / 0.995 / 2
    mass = 2 * stats.norm.cdf(reach) - 1
    z = -stats.norm.ppf(stats.norm.cdf(-reach) + share * mass)
    assert (found.ci_low, found.ci_high) == pytest.approx((50 - 2 * z, 50 + 2 * z), rel=1e-6)


def test_a_close_race_is_corrected_downwards():
    found = best_segment([1.0, 1.05, 0.9, 0.95], [1.0, 1.0, 1.0, 1.0])
    assert (found.index, found.raw) == (1, 1.05)
    assert found.estimate < 0.2
    assert found.ci_low < found.estimate < found.ci_high
    assert "picked out of 4" in found.text


def test_lower_is_better_is_the_mirror_image_and_units_do_not_matter():
    y, error = np.array([1.0, 2.5, 0.3]), np.array([1.0, 0.8, 0.5])
    found, mirrored = best_segment(y, error), best_segment(-y, error, higher_is_better=False)
    assert (mirrored.index, mirrored.estimate) == (found.index, pytest.approx(-found.estimate, rel=1e-9))
    assert (mirrored.ci_low, mirrored.ci_high) == pytest.approx((-found.ci_high, -found.ci_low), rel=1e-9)
    other = best_segment(1000 * y, 1000 * error)
    assert other.ci_low == pytest.approx(1000 * found.ci_low, rel=1e-7)


def test_a_segment_alone_and_a_confidence_of_95_are_refused():
    with pytest.raises(TrialError, match="2 or more"):
        best_segment([1.0], [1.0])
    with pytest.raises(TrialError, match="confidence is 95"):
        best_segment([1.0, 2.0], [1.0, 1.0], confidence=95)


@pytest.mark.parametrize("trials", [200, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("truth", "error"),
    [
        (np.zeros(2), np.ones(2)),
        (np.zeros(10), np.ones(10)),
        (np.zeros(10), np.geomspace(0.5, 2, 10)),
        (np.linspace(0, 2, 6), np.ones(6)),
        (np.r_[4.0, np.zeros(9)], np.ones(10)),
    ],
)
def test_coverage_of_the_pick(truth, error, trials):
    """95 % to 95.5 % (0.95 / 0.995), and as often too high as too low, less what the hybrid's limits take (2 points);
    the raw estimate's interval misses more where segments are alike. Four binomial errors are allowed."""
    rng = np.random.default_rng([trials, truth.size])
    held = high = raw = 0
    for _ in range(trials):
        y = truth + error * rng.normal(size=truth.size)
        found = best_segment(y, error)
        held += found.ci_low <= truth[found.index] <= found.ci_high
        high += found.estimate > truth[found.index]
        raw += abs(found.raw - truth[found.index]) <= 1.96 * error[found.index]
    print(
        f"\nbest of {truth.size}, true effects up to {truth.max():g}: coverage {held / trials:.2%} (raw "
        f"{raw / trials:.2%}), too high in {high / trials:.2%}"
    )
    slack = 4 * math.sqrt(0.05 * 0.95 / trials)
    assert 0.95 - slack < held / trials < 0.9548 + slack
    assert high / trials == pytest.approx(0.5, abs=0.02 + 4 * math.sqrt(0.25 / trials))
