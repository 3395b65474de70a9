"""Reasons to refuse an off-policy estimate, each by a log that has just that fault; and the rows that would do."""

import math

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.off_policy import (
    Thresholds,
    difference_for_rows,
    effective_number,
    health,
    rows_for_difference,
    unsupported_mass,
)


def sound_log(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    weight = rng.gamma(4.0, 0.25, n)
    return weight / weight.mean(), rng.binomial(1, 0.2, n).astype(np.float64)


def checks(found):
    return [reason.check for reason in found.reasons]


def test_a_log_with_nothing_against_it():
    weight, reward = sound_log()
    found = health(weight, reward, unsupported=0.0)
    assert found.sound
    assert found.rows_needed == found.rows == 4000
    assert found.effective_rewarded == pytest.approx((weight @ reward) ** 2 / ((weight * reward) ** 2).sum())


def test_equal_weights_are_as_many_as_there_are():
    assert effective_number(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_number(np.array([1.0, 0.0, 0.0])) == 1
    assert effective_number(np.zeros(3)) == 0
    assert effective_number(np.ones(6), np.array([1, 1, 2, 2, 3, 3])) == pytest.approx(3)


def test_few_rows_carry_the_weights():
    weight = np.zeros(1000)
    weight[:50] = 20.0
    found = health(weight, np.ones(1000))
    assert checks(found) == ["effective_rows", "effective_rewarded"]
    # 50 of 1,000 rows carry it, 100 are asked for: twice the rows.
    assert found.reasons[0].rows_needed == pytest.approx(2000)
    words = "only 50.0 effective rows carry the weights, of 1,000 rows (at least 100); about 2,000 rows would do"
    assert found.reasons[0].text == words
    assert found.rows_needed == pytest.approx(2000)


def test_few_rewarded_rows():
    weight, reward = sound_log()
    reward[:] = 0.0
    reward[:12] = 1.0
    found = health(np.ones_like(weight), reward)
    assert checks(found) == ["effective_rewarded"]
    assert found.reasons[0].rows_needed == pytest.approx(4000 * 60 / 12)


def test_no_rewarded_row_at_all():
    weight, reward = sound_log()
    found = health(weight, 0 * reward)
    assert checks(found) == ["effective_rewarded"]
    assert found.rows_needed is None


def test_weights_that_do_not_average_to_one():
    weight, reward = sound_log()
    found = health(weight * 0.9, reward)
    assert checks(found) == ["mean_weight"]
    assert found.mean_weight_z == pytest.approx(-0.1 / (0.9 * weight.std(ddof=1) / math.sqrt(4000)), rel=1e-9)
    assert found.rows_needed is None
    assert health(np.full(4000, 0.5), reward).mean_weight_z == -math.inf


def test_mean_weight_is_tested_by_unit():
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(100), 40)
    weight = rng.gamma(20.0, 0.05, 100)[unit]
    reward = np.ones(4000)
    assert abs(health(weight, reward, unit=unit).mean_weight_z) < abs(health(weight, reward).mean_weight_z) / 5


def test_mean_weight_of_a_true_log_is_seldom_refused():
    """3 standard errors: 0.27 % of normal means; a skewed weight's mean is not yet normal, so up to 1 % pass for it."""
    rng = np.random.default_rng(6)
    target = rng.dirichlet(np.full(80, 0.5))
    refused = 0
    for _ in range(1000):
        weight = target[rng.integers(0, 80, 2000)] * 80
        refused += "mean_weight" in checks(health(weight, np.ones(2000)))
    assert refused <= 10


def test_one_row_of_great_weight():
    weight, reward = np.ones(4000), sound_log()[1]
    weight[0] = 1000.0
    found = health(weight, reward, thresholds=Thresholds(effective_rows=1, effective_rewarded=1))
    assert checks(found) == ["largest_share"]
    assert found.reasons[0].seen == pytest.approx(1000 / 4999)
    assert found.reasons[0].rows_needed == pytest.approx(4000 * 1000 / 4999 / 0.1)


def test_what_the_logger_never_shows():
    target = np.array([[0.5, 0.3, 0.2], [0.5, 0.5, 0.0]])
    logging = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert unsupported_mass(target, logging) == pytest.approx((0.2 + 0.5) / 2)
    weight, reward = sound_log()
    found = health(weight, reward, unsupported=0.35)
    assert checks(found) == ["unsupported"]
    assert "35.0% of what the policy shows" in found.reasons[0].text


@pytest.mark.parametrize("weight", [np.array([1.0, -1.0]), np.array([1.0, np.inf]), np.ones(3), np.ones(1)])
def test_what_is_no_weight_is_refused(weight):
    with pytest.raises(TrialError):
        health(weight, np.ones(2))


def test_rows_and_difference_are_inverse():
    rows = rows_for_difference(10_000, 0.002, 0.0015)
    # (1.959964 + 0.841621)^2 = 7.848880
    assert rows == pytest.approx(10_000 * 7.848879734 * (0.002 / 0.0015) ** 2, rel=1e-8)
    assert difference_for_rows(10_000, 0.002, rows) == pytest.approx(0.0015)
    assert rows_for_difference(10_000, 0.002, -0.0015) == rows


def test_rows_needed_have_the_power():
    """At the rows asked for, a two-sided normal test finds the difference in 80 % of logs."""
    rng = np.random.default_rng(7)
    spread, difference = 3.0, 0.5
    rows = math.ceil(rows_for_difference(100, spread / 10, difference))
    found = rng.normal(difference, spread, (20_000, rows))
    z = found.mean(axis=1) / (found.std(axis=1, ddof=1) / math.sqrt(rows))
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.012)


@pytest.mark.parametrize(
    ("n", "error", "difference", "kwargs"),
    [(0, 1, 1, {}), (10, 0, 1, {}), (10, 1, 0, {}), (10, math.nan, 1, {}), (10, 1, 1, {"alpha": 0.0})],
)
def test_what_has_no_answer_is_refused(n, error, difference, kwargs):
    with pytest.raises(TrialError):
        rows_for_difference(n, error, difference, **kwargs)
