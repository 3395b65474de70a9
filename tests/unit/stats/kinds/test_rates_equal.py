"""Equal rates of K arms: scipy's chi-square, thousands of real tests, and speed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.estimates import SMALLEST_P
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.proportions import two_proportions
from framework.stats.kinds.rates_equal import rates_equal, rates_equal_many
from framework.stats.multiplicity import benjamini_hochberg, holm

ROOT = Path(__file__).resolve().parents[4]
UPWORTHY = Path(os.environ.get("PRELAUNCH_DATA", ROOT.parent / "shared" / "data")) / "upworthy_tests" / "tests.parquet"


@pytest.mark.parametrize("arms", [2, 3, 14])
def test_one_experiment_is_scipys(arms):
    rng = np.random.default_rng(arms)
    n = rng.integers(50, 5000, arms)
    hits = rng.binomial(n, 0.1)
    found = rates_equal(hits, n)
    expected = stats.chi2_contingency(np.array([hits, n - hits]), correction=False)
    assert [found.statistic, found.p_value] == pytest.approx([expected.statistic, expected.pvalue], rel=1e-9)
    assert (found.df, found.arms) == (expected.dof, arms)
    assert found.smallest_expected == pytest.approx(expected.expected_freq.min())


def test_two_arms_are_the_pooled_z():
    assert rates_equal([30, 45], [400, 380]).p_value == pytest.approx(
        two_proportions(Counted(30, 400, 45, 380)).p_value, rel=1e-9
    )


def test_many_are_each_alone():
    """Rows in any order, experiments of any label; an arm without units counts for nothing."""
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.repeat([f"t{number}" for number in range(40)], 4))
    n = rng.integers(0, 300, labels.size)
    n[:5] = 0
    hits = rng.binomial(n, 0.05)
    many = rates_equal_many(hits, n, labels)
    assert list(many.experiment) == sorted(set(labels))
    for row, label in enumerate(many.experiment):
        alone = rates_equal(hits[labels == label], n[labels == label])
        assert many.statistic[row] == pytest.approx(alone.statistic, rel=1e-12)
        assert many.p_value[row] == pytest.approx(alone.p_value, rel=1e-12)
        assert many.cautious[row] == bool(alone.warnings)


def test_edges():
    assert rates_equal([0, 0, 0], [10, 20, 30]).p_value == 1
    assert rates_equal([10, 20], [10, 20]).p_value == 1
    assert rates_equal([0, 100_000], [100_000, 100_000]).p_value == SMALLEST_P
    assert "expects only 2.5" in rates_equal([2, 3], [50, 50]).warnings[0]
    alone = rates_equal_many([3, 0, 2], [10, 0, 9], ["a", "a", "b"])
    assert list(alone.p_value) == [1, 1]
    assert list(alone.arms) == [1, 1]
    assert alone.cautious.all()
    with pytest.raises(TrialError, match="two arms"):
        rates_equal([1, 0], [10, 0])
    with pytest.raises(TrialError, match="row 1 has 11 hits among 10"):
        rates_equal_many([1, 11], [10, 10], [0, 0])
    with pytest.raises(TrialError, match="do not match"):
        rates_equal_many([1, 1], [10, 10], [0])


def test_size_at_the_null():
    """20,000 experiments of 4 arms at 10 %: p <= 0.05 in 5 %, within 4 binomial standard errors (0.6 points)."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(20_000), 4)
    n = rng.integers(200, 3000, labels.size)
    found = rates_equal_many(rng.binomial(n, 0.1), n, labels)
    assert (found.p_value <= 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 20_000))


@pytest.mark.skipif(not UPWORTHY.exists(), reason=f"the data set upworthy_tests is not there: {UPWORTHY}")
def test_upworthy():
    """2,576 real tests of headlines, each of 2 arms or more: how many rates differ, by Holm and by BH at 5 %."""
    table = pyarrow.parquet.read_table(UPWORTHY, columns=["clickability_test_id", "impressions", "clicks"])
    columns = {name: table[name].to_numpy() for name in table.column_names}
    found = rates_equal_many(columns["clicks"], columns["impressions"], columns["clickability_test_id"].astype(str))
    assert found.experiment.size == 2_576
    assert found.arms.sum() == 11_976
    assert found.arms.min() == 2
    assert (np.asarray(holm(found.p_value)) <= 0.05).sum() == 274
    assert (np.asarray(benjamini_hochberg(found.p_value)) <= 0.05).sum() == 882
