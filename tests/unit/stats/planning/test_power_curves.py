"""Curves agree with the functions they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.planning.curves import minimum_over_days, minimum_over_units, power_over_effect, power_over_units
from framework.stats.planning.means import minimum_detectable_mean, power_mean
from framework.stats.planning.plan import plan_units
from framework.stats.planning.setting import Setting
from framework.stats.planning.traffic import accumulation

SETTING = Setting("m", sd=2.0)


def test_power_over_effect():
    curve = power_over_effect(SETTING, 100, np.linspace(-1, 1, 9))
    assert curve.y == pytest.approx([power_mean(x, 2.0, 100, 100) for x in curve.x])
    assert curve.y[4] == pytest.approx(0.05)
    assert curve.y == pytest.approx(curve.y[::-1])
    share = power_over_effect(Setting("m", "proportion", baseline=0.9), 100, [-0.2, 0.0, 0.05, 0.2])
    assert np.isnan(share.y).tolist() == [False, False, False, True]
    assert (share.x_label, share.y_label) == ("difference", "power")


def test_power_over_units_rises_to_the_plan():
    plan = plan_units(SETTING, 0.5)
    curve = power_over_units(SETTING, 0.5, [1, 2, 50, plan.n_control - 1, plan.n_control, 1000])
    assert np.isnan(curve.y[0])
    assert np.all(np.diff(curve.y[1:]) > 0)
    assert curve.y[3] < 0.8 <= curve.y[4]


def test_smallest_difference_over_units_and_days():
    by_units = minimum_over_units(SETTING, [1, 50, 200])
    assert np.isnan(by_units.y[0])
    assert by_units.y[1:] == pytest.approx([minimum_detectable_mean(2.0, n, n) for n in (50, 200)])
    traffic = accumulation(100.0 * np.arange(1, 31))
    by_days = minimum_over_days(SETTING, traffic, [1, 4, 60], share=0.5)
    assert by_days.y == pytest.approx([minimum_detectable_mean(2.0, n, n) for n in (25, 100, 1500)])
    none = minimum_over_units(Setting("m", "proportion", baseline=0.97), [10.0])
    assert np.isnan(none.y).all()


def test_curves_of_margins():
    setting = Setting("m", sd=2.0, hypothesis="equivalence", margin=0.5)
    curve = power_over_effect(setting, 400, [-0.5, 0.0, 0.5])
    assert curve.y[1] == pytest.approx(setting.power_at(0.0, 400))
    assert curve.y[[0, 2]] == pytest.approx(0.05, abs=1e-3)
    assert np.all(np.diff(minimum_over_units(setting, [50, 100, 200]).y) < 0)


@pytest.mark.parametrize("points", [[], [[1.0]], [np.nan]])
def test_points_that_are_no_list(points):
    with pytest.raises(TrialError, match="effects have shape"):
        power_over_effect(SETTING, 10, points)
