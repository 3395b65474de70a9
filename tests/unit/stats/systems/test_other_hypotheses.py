"""Wilcoxon and the sign test: scipy's numbers, ties by rounding, and that they ask for something else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.estimates import SMALLEST_P
from framework.stats.systems.other_hypotheses import PSEUDOMEDIAN, SIGN, other_test, sign_test, wilcoxon


@pytest.mark.parametrize("zeros", ["wilcox", "pratt"])
@pytest.mark.parametrize("n", [8, 40, 200])
def test_as_scipy_on_whole_numbers(n, zeros):
    differences = np.random.default_rng(n).integers(-4, 6, n).astype(float)
    expected = stats.wilcoxon(differences, zero_method=zeros)
    found = wilcoxon(differences, 6.0, zeros)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
    assert found.ties == (differences == 0).sum()
    assert found.used == n - (found.ties if zeros == "wilcox" else 0)


def test_exact_by_hand():
    # Five users all gain: 2 of 2^5 sign patterns are as extreme, for ranks and for signs.
    gains = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    assert wilcoxon(gains, 1.0).p_value == pytest.approx(2 / 32)
    assert sign_test(gains, 1.0).p_value == pytest.approx(2 / 32)
    # One loss of 6: 2 (1 + 6) / 64.
    assert sign_test(np.append(gains, -0.2), 1.0).p_value == pytest.approx(14 / 64)


def test_ties_that_only_rounding_breaks():
    old, new = np.array([0.1, 0.2, 0.3, 0.7, 0.1 + 0.2]), np.array([0.2, 0.3, 0.4, 0.6, 0.3])
    assert len(set(np.abs(new - old))) > 2
    found = wilcoxon(new - old, 0.7)
    exact = stats.wilcoxon([1, 1, 1, -1, 0])
    assert (found.p_value, found.ties) == (pytest.approx(exact.pvalue), 1)
    assert sign_test(new - old, 0.7).used == 4


@pytest.mark.parametrize("name", ["wilcoxon", "pratt", "sign"])
def test_no_difference_at_all(name):
    found = other_test(name, np.zeros(20), 1.0)
    assert (found.p_value, found.ties) == (1.0, 20)


def test_p_is_never_zero():
    assert sign_test(np.ones(5000), 1.0).p_value == SMALLEST_P


def test_they_say_what_they_test():
    assert other_test("pratt", np.arange(5.0), 4.0).warning == PSEUDOMEDIAN
    assert other_test("sign", np.arange(5.0), 4.0).warning == SIGN
    with pytest.raises(TrialError, match="Did you mean 'wilcoxon'"):
        other_test("wilcoxen", np.arange(5.0), 4.0)


def test_they_contradict_the_mean():
    # Many lose a little, few win much: the mean gains while both other tests call it a loss.
    rng = np.random.default_rng(5)
    gaps = np.where(rng.random(2000) < 0.1, rng.uniform(2, 3, 2000), -rng.uniform(0.05, 0.15, 2000))
    assert stats.ttest_1samp(gaps, 0).statistic > 4
    for test in (wilcoxon, sign_test):
        assert test(gaps, 3.0).p_value < 1e-6
    assert sign_test(gaps, 3.0).statistic < 500
