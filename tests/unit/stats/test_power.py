"""Planning: held to statsmodels' forward power, to simulation, and to its own inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.planning.means import minimum_detectable_mean, power_mean, units_for_mean
from framework.stats.planning.observed import minimum_detectable, units_needed
from framework.stats.planning.proportions import power_proportion
from framework.stats.planning.statistic import power_of_difference


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 3), st.floats(0.3, 0.99), st.sampled_from([0.1, 1.0, 25.0]))
def test_a_found_sample_size_has_the_wanted_power(difference, power, ratio):
    from statsmodels.stats.power import TTestIndPower

    n = units_for_mean(difference, 1.0, power=power, ratio=ratio)
    reached = float(TTestIndPower().power(difference, n, 0.05, ratio=ratio))
    smallest = 1 + 1 / min(1.0, ratio)
    assert reached == pytest.approx(power, abs=2e-6) or (n == smallest and reached >= power)


def test_extreme_plans_stay_finite():
    assert units_for_mean(50.0, 1.0) == 2.0
    assert units_for_mean(1e-4, 1.0) == pytest.approx(2 * (2.8015852 * 1e4) ** 2, rel=1e-4)
    assert power_mean(1e3, 1.0, 300, 30_000) == 1.0
    assert power_mean(0.0, 1.0, 50, 80) == pytest.approx(0.05)
    with pytest.raises(TrialError, match="no sample below"):
        units_for_mean(1e-9, 1.0)


def test_power_of_a_paired_design_is_that_of_the_differences():
    from statsmodels.stats.power import TTestPower

    assert power_mean(0.3, 1.5, 200, 200, design="paired") == pytest.approx(float(TTestPower().power(0.2, 200, 0.05)))
    with pytest.raises(TrialError, match="paired design with 10 and 12"):
        power_mean(0.3, 1.5, 10, 12, design="paired")


def test_power_by_simulation(mean):
    # 300 replications: standard error 2.7 points at 0.7, tolerance four of them.
    rng = np.random.default_rng(11)
    hits = sum(
        compare(
            mean(rng.normal(0, 1, 100)),
            mean(rng.normal(0.35, 1, 100)),
            metric="m",
            control_name="a",
            treatment_name="b",
            design="independent",
        ).p_value
        <= 0.05
        for _ in range(300)
    )
    assert hits / 300 == pytest.approx(power_mean(0.35, 1.0, 100, 100), abs=4 * 0.027)


def test_units_needed_and_minimum_detectable_are_inverse(make_effect):
    for design, now in (("paired", 100), ("independent", 300)):
        effect = make_effect(0.5, 0.4, design=design, n_treatment=100 if design == "paired" else 200)
        needed = units_needed(effect, difference=0.5, power=0.9)
        error = 0.4 * math.sqrt(now / needed)
        assert power_of_difference(0.5, error) == pytest.approx(0.9, abs=1e-3)
        detectable = minimum_detectable(effect, power=0.9)
        assert units_needed(effect, difference=detectable, power=0.9) == pytest.approx(now, abs=1)


def test_nothing_to_plan_with(make_effect):
    assert units_needed(make_effect(0.0), difference=0.0) is None
    assert units_needed(make_effect(1.0, 0.0), difference=1.0) is None
    assert units_needed(make_effect(1.0), difference=1e-9) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: power_of_difference(1.0, 0.0),
        lambda: power_of_difference(1.0, 1.0, 0.0),
        lambda: power_mean(1.0, 0.0, 5, 5),
        lambda: power_mean(1.0, 1.0, 1, 5),
        lambda: power_proportion(0.0, 0.2, 5, 5),
        lambda: units_for_mean(0.0, 1.0),
        lambda: units_for_mean(1.0, 1.0, power=1.0),
        lambda: minimum_detectable_mean(1.0, 50, 50, power=0.01),
    ],
)
def test_impossible_plans_are_refused(call):
    with pytest.raises(TrialError):
        call()


def test_power_of_unequal_proportions_by_simulation():
    rng = np.random.default_rng(4)
    n_control, n_treatment, reps = 400, 1200, 4000
    control, treatment = (
        rng.binomial(n_control, 0.2, reps) / n_control,
        rng.binomial(n_treatment, 0.27, reps) / n_treatment,
    )
    pooled = (control * n_control + treatment * n_treatment) / (n_control + n_treatment)
    z = (treatment - control) / np.sqrt(pooled * (1 - pooled) * (1 / n_control + 1 / n_treatment))
    share = float((np.abs(z) > 1.959964).mean())
    # Binomial standard error 0.6 points, and up to 1.5 points of statsmodels' normal approximation.
    assert power_proportion(0.2, 0.27, n_control, n_treatment) == pytest.approx(share, abs=0.035)
