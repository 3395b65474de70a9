"""Days from traffic: exact where the log covers them, and within its range where growth has a known law."""

from __future__ import annotations

import math

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.planning.traffic import accumulated, accumulation, days_for, units_by


def steady(days, per_day=100):
    return accumulation(per_day * np.arange(1, days + 1))


def test_first_sights_accumulate():
    traffic = accumulated(np.array([0, 0, 2, 1, 2, 2]), 5)
    assert traffic.uniques.tolist() == [2, 3, 6, 6, 6]
    assert traffic.days == 5
    assert accumulated(np.array([0, 3])).days == 4


def test_within_the_log_its_own_curve_is_read():
    traffic = accumulation([200.0, 300.0, 350.0, 400.0] + [410.0] * 12)
    found = days_for(traffic, 325.0, full_weeks=False)
    assert found.exact_days == pytest.approx(2.5)
    assert (found.days, found.days_low, found.days_high) == (3, 3, 3)
    assert found.method == "the log's own curve"
    assert not found.beyond_log
    assert found.warnings == ()
    assert days_for(traffic, 325.0).days == 7
    assert days_for(traffic, 100.0, full_weeks=False).exact_days == pytest.approx(0.5)
    # A plateau: the first day on which they are there.
    assert days_for(traffic, 410.0, full_weeks=False).days == 5
    assert units_by(traffic, 2.5).units == pytest.approx(325.0)


def test_a_share_of_the_traffic_and_a_follow_up():
    traffic = steady(60)
    found = days_for(traffic, 1000.0, share=0.5, full_weeks=False)
    assert found.days == 20
    assert days_for(traffic, 1000.0, share=0.5, follow_up=3, full_weeks=False).days == 23
    assert days_for(traffic, 1000.0, share=0.5, follow_up=3).days == 28
    assert units_by(traffic, 20.0, share=0.5).units == pytest.approx(1000.0)


def test_steady_arrivals_go_on_steadily_in_every_reading():
    # U(d) = 100 d: power law, rate and decay all say the same.
    found = days_for(steady(30), 6000.0, full_weeks=False)
    assert found.beyond_log
    assert (found.days, found.days_low, found.days_high) == (60, 60, 60)
    assert "extrapolated" in found.warnings[0]
    by = units_by(steady(30), 60.0)
    assert (by.units, by.low, by.high) == pytest.approx((6000.0, 6000.0, 6000.0))


@pytest.mark.parametrize("exponent", [0.4, 0.7, 0.95])
def test_a_power_law_is_found_exactly(exponent):
    traffic = accumulation(500 * np.arange(1, 57) ** exponent)
    assert traffic.exponent == pytest.approx(exponent)
    found = days_for(traffic, 500 * 100**exponent, full_weeks=False)
    assert found.exact_days == pytest.approx(100.0)
    assert found.days_low <= 100
    assert found.days_high is None or found.days_high >= 100
    assert units_by(traffic, 100.0).units == pytest.approx(500 * 100**exponent)


def test_a_population_that_runs_out_may_never_do():
    # 1,000 users, each first seen with probability 5 % a day: after 42 days 884 of them came.
    traffic = accumulation(1000 * (1 - 0.95 ** np.arange(1, 43)))
    assert traffic.decay == pytest.approx(0.95, abs=1e-9)
    found = days_for(traffic, 930.0, full_weeks=False)
    truth = math.log(0.07) / math.log(0.95)
    # The decaying reading is the truth here; the power law and the steady rate are too hopeful, and lie below it.
    assert found.days_high == math.ceil(truth)
    assert found.days_low < found.days_high
    never = days_for(traffic, 1100.0)
    assert never.days is not None
    assert never.days_high is None
    assert "never comes" in never.warnings[-1]
    by = units_by(traffic, 60.0)
    assert by.low == pytest.approx(1000 * (1 - 0.95**60))


def test_units_and_days_are_inverse_beyond_the_log():
    traffic = accumulation(300 * np.arange(1, 29) ** 0.8)
    for days in (3.7, 28.0, 41.0, 90.0):
        units = units_by(traffic, days, share=0.3).units
        assert days_for(traffic, units, share=0.3, full_weeks=False).exact_days == pytest.approx(days)


def test_a_dead_log_never_brings_more():
    traffic = accumulation([5.0, 9.0] + [10.0] * 40)
    found = days_for(traffic, 20.0)
    assert (found.days, found.days_low, found.days_high, found.exact_days) == (None, None, None, None)
    assert "never brings" in found.warnings[1]


def test_a_short_log_is_said():
    assert "two weeks or more" in days_for(steady(10), 500.0).warnings[-1]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: accumulation([5.0]), "uniques have shape"),
        (lambda: accumulation([5.0, 4.0]), "uniques fall"),
        (lambda: accumulation([0.0, 0.0]), "uniques in all is 0"),
        (lambda: accumulation([1.0, math.nan]), "not finite"),
        (lambda: accumulated(np.array([0.5, 1.0])), "first_seen has shape"),
        (lambda: accumulated(np.array([-1, 1])), "first_seen goes from -1"),
        (lambda: accumulated(np.array([0, 9]), 5), "to 9"),
        (lambda: days_for(steady(30), 0.0), "units is 0"),
        (lambda: days_for(steady(30), 10.0, share=0.0), "share is 0"),
        (lambda: days_for(steady(30), 10.0, share=1.1), "share is 1.1"),
        (lambda: days_for(steady(30), 10.0, follow_up=-1), "follow_up is -1"),
        (lambda: units_by(steady(30), 0.0), "days is 0"),
    ],
)
def test_bad_traffic_is_refused(call, named):
    with pytest.raises(TrialError, match=named):
        call()
