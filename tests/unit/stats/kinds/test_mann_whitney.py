"""The rank test: outside software, its warning, and arms that do not overlap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.kinds.ranks import ANOTHER_QUESTION, mann_whitney


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


@pytest.fixture(scope="module")
def latency(reference):
    users = reference("users.csv")
    values = users["latency"].astype(float)
    return values[users["variant"] == "0"], values[users["variant"] == "1"]


@pytest.mark.reference
def test_mwu_latency(latency, reference):
    expected = reference("statsmodels_scipy.json")["mwu_latency"]
    found = mann_whitney(*latency)
    assert (found.difference + 1) / 2 * latency[0].size * latency[1].size == near(expected["U"])
    assert found.p_value == near(expected["p"])


@pytest.mark.reference
def test_latency_mwu(latency, reference):
    expected = reference("tea_tasting.json")["overall"]["latency_mwu"]
    found = mann_whitney(*latency)
    assert found.difference == near(expected["effect_size"])
    assert found.p_value == near(expected["pvalue"])


def test_interval_is_brunner_and_munzels():
    """The interval leaves 0 out exactly where scipy's Brunner-Munzel test rejects; its t is ours."""
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.2, 0.4, 0.6):
        y, x = rng.normal(0, 1, 40), rng.normal(shift, 3, 60)
        found, test = mann_whitney(y, x), stats.brunnermunzel(y, x)
        assert found.difference / found.standard_error == near(test.statistic)
        assert (found.ci_low > 0 or found.ci_high < 0) == (test.pvalue < 0.05)


def test_it_always_says_that_it_asks_another_question(latency):
    assert ANOTHER_QUESTION in mann_whitney(*latency).warnings


def test_it_can_contradict_the_means():
    """The warning is true: more units are higher in the arm with the lower mean."""
    control, treatment = np.r_[np.zeros(80), np.full(20, 100.0)], np.r_[np.ones(80), np.full(20, 10.0)]
    assert treatment.mean() < control.mean()
    found = mann_whitney(control, treatment)
    assert found.difference > 0
    assert found.p_value < 0.001


def test_ranks_know_no_unit(latency):
    assert mann_whitney(*latency) == mann_whitney(*(1000 * values for values in latency))


def test_arms_that_do_not_overlap_still_have_an_interval():
    found = mann_whitney([1.0, 2, 3], [4.0, 5, 6])
    assert (found.difference, found.ci_high) == (1, 1)
    assert -0.5 < found.ci_low < 0.5
    assert found.p_value == near(0.1)
    equal = mann_whitney(np.ones(4), np.ones(5))
    assert (equal.difference, equal.p_value) == (0, 1)
    assert equal.ci_low == pytest.approx(-equal.ci_high)
    assert equal.ci_low < -0.3


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_impossible_values_are_refused(values):
    with pytest.raises(TrialError, match="arm 'treatment'"):
        mann_whitney([1.0, 2.0], values)
