"""Sample ratios of many experiments: real tests, the single test's answers, and the size of the test."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.health import sample_ratio, sample_ratios

DATA = Path(os.environ.get("PRELAUNCH_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
UPWORTHY = DATA / "upworthy_tests" / "tests.parquet"


@pytest.mark.reference
@pytest.mark.skipif(not UPWORTHY.exists(), reason=f"the data set upworthy_tests is not there: {UPWORTHY}")
def test_upworthy_assigned_badly_from_june_2013_to_january_2014():
    from pyarrow import parquet

    table = parquet.read_table(UPWORTHY, columns=["clickability_test_id", "impressions", "test_week"])
    experiment = np.array(table["clickability_test_id"].to_pylist())
    impressions, week = (table[name].to_numpy() for name in ("impressions", "test_week"))
    found = sample_ratios(experiment, impressions)
    first = np.full(found.experiment.size, np.inf)
    np.minimum.at(first, np.searchsorted(found.experiment, experiment), week)
    broken = (first >= 201326) & (first <= 201402)
    alerts = found.level == "alert"
    print(
        f"\nupworthy: alerts in {alerts[broken].sum()} of {broken.sum()} ({alerts[broken].mean():.2%}), "
        f"{alerts[~broken].sum()} of {(~broken).sum()} others ({alerts[~broken].mean():.2%})"
    )
    assert found.experiment.size == 2576
    assert broken.sum() == 596
    assert alerts[broken].sum() == 392  # 65.77 %
    assert alerts[~broken].sum() == 8  # 0.40 %
    assert not found.exact.any()


def test_each_experiment_as_the_single_test_has_it():
    rng = np.random.default_rng(7)
    experiment = np.repeat(np.arange(60), rng.integers(2, 5, 60))
    counts = rng.poisson(rng.choice([2.0, 6.0, 300.0], 60)[experiment])
    counts[experiment == 5] += 1
    shares = rng.uniform(0.5, 2.0, experiment.size)
    order = rng.permutation(experiment.size)
    found = sample_ratios(experiment[order], counts[order], shares[order])
    assert found.experiment.tolist() == list(range(60))
    assert 0 < found.exact.sum() < 60
    for index in np.flatnonzero(found.total > 0):
        rows = np.flatnonzero(experiment == index)
        single = sample_ratio(
            {str(row): int(counts[row]) for row in rows}, {str(row): float(shares[row]) for row in rows}
        )
        assert found.p_value[index] == pytest.approx(single["p_value"], rel=1e-9)
        assert found.statistic[index] == pytest.approx(single["statistic"], rel=1e-9)
        assert found.exact[index] == (single["method"] == "exact")
        assert found.level[index] == single["level"]
    tested = ~np.isnan(found.p_value)
    expected = stats.false_discovery_control(found.p_value[tested], method="bh")
    assert found.p_adjusted[tested] == pytest.approx(expected, rel=1e-12)


def test_what_cannot_be_tested_is_untested():
    found = sample_ratios(np.array(["one", "empty", "empty", "fine", "fine"]), np.array([5, 0, 0, 40, 60]))
    assert dict(zip(found.experiment.tolist(), found.level.tolist(), strict=True)) == {
        "empty": "untested",
        "fine": "ok",
        "one": "untested",
    }
    assert np.isnan(found.p_value[[0, 2]]).all()
    assert found.p_adjusted[1] == found.p_value[1]


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ([1, 2], None, "shape"),
        ([1, -2, 3], None, "'b', row 1: -2 units"),
        ([1, 2.5, 3], None, "'b', row 1: 2.5 units"),
        ([1, 2, 3], [1, 1, 0], "'b', row 2: 0 planned share"),
    ],
)
def test_unusable_arrays_are_refused(counts, shares, message):
    with pytest.raises(TrialError, match=message):
        sample_ratios(np.array(["a", "b", "b"]), np.array(counts), None if shares is None else np.array(shares))


@pytest.mark.parametrize("experiments", [4000, pytest.param(400_000, marks=pytest.mark.slow)])
def test_the_size_of_the_test(experiments):
    """Right assignment is a notice in 1 % and an alert in 0.1 % of experiments; four binomial errors are allowed."""
    rng = np.random.default_rng(experiments)
    counts = rng.multinomial(3000, [0.5, 0.3, 0.2], experiments)
    found = sample_ratios(np.repeat(np.arange(experiments), 3), counts.ravel(), np.tile([0.5, 0.3, 0.2], experiments))
    shares = {level: float((found.p_value < level).mean()) for level in (0.05, 0.01, 0.001)}
    print(f"\nsample ratio, {experiments} right assignments: {shares}")
    for level, share in shares.items():
        assert share == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / experiments))
    few = rng.binomial(8, 0.5, experiments)
    exact = sample_ratios(np.repeat(np.arange(experiments), 2), np.column_stack([few, 8 - few]).ravel())
    # Of the exact test's attainable levels, the largest not above 5 % is 2 / 2^8.
    share = float((exact.p_value < 0.05).mean())
    print(f"8 units in two arms, exact: {share:.4%} rejected at 5 %, {2 / 256:.4%} attainable")
    assert share == pytest.approx(2 / 256, abs=4 * math.sqrt(2 / 256 / experiments))
