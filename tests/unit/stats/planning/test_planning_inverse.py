"""Power, units and smallest difference are inverses of each other, whatever the metric, its unit and its design."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.stats.planning import counts, differences, margins, means, proportions
from framework.stats.planning.plan import plan_difference, plan_units
from framework.stats.planning.setting import Setting

levels = st.sampled_from([0.001, 0.05, 0.2])
powers = st.floats(0.3, 0.99)
sizes = st.integers(20, 5000)
ratios = st.sampled_from([0.1, 0.5, 1.0, 3.0])
sides = st.sampled_from([1, 2])
few = settings(deadline=None, max_examples=25)


@few
@given(levels, powers, sizes, ratios, sides, st.sampled_from([None, 0.4, 7.0]))
def test_means(alpha, power, n, ratio, sided, other):
    known = {"alpha": alpha, "power": power, "sd_treatment": other, "sides": sided}
    found = means.minimum_detectable_mean(2.0, n, n * ratio, **known)
    reached = means.power_mean(found, 2.0, n, n * ratio, alpha, sd_treatment=other, sides=sided)
    assert reached == pytest.approx(power, abs=1e-10)
    assert means.units_for_mean(found, 2.0, ratio=ratio, **known) == pytest.approx(n, rel=1e-5)


@few
@given(levels, powers, sizes, sides)
def test_paired_means(alpha, power, n, sided):
    known = {"alpha": alpha, "power": power, "design": "paired", "sides": sided}
    found = means.minimum_detectable_mean(2.0, n, n, **known)
    assert means.power_mean(found, 2.0, n, n, alpha, "paired", sides=sided) == pytest.approx(power, abs=1e-10)
    assert means.units_for_mean(found, 2.0, **known) == pytest.approx(n, rel=1e-5)


@few
@given(levels, powers, sizes, ratios, sides, st.sampled_from([None, 0.4]))
def test_normal_differences(alpha, power, n, ratio, sided, other):
    known = {"alpha": alpha, "power": power, "sd_treatment": other, "sides": sided}
    found = differences.minimum_detectable_normal(2.0, n, n * ratio, **known)
    reached = differences.power_normal(found, 2.0, n, n * ratio, alpha, sd_treatment=other, sides=sided)
    assert reached == pytest.approx(power, abs=1e-10)
    assert differences.units_normal(found, 2.0, ratio=ratio, **known) == pytest.approx(n, rel=1e-5)


@few
@given(levels, powers, st.integers(2000, 50_000), ratios, sides, st.floats(0.05, 0.9), st.booleans())
def test_proportions(alpha, power, n, ratio, sided, before, up):
    known = {"alpha": alpha, "power": power, "sides": sided}
    found = proportions.minimum_detectable_proportion(before, n, n * max(ratio, 0.5), up=up, **known)
    after = before + found if up else before - found
    assert 0 < after < 1
    reached = proportions.power_proportion(before, after, n, n * max(ratio, 0.5), alpha, sides=sided)
    assert reached == pytest.approx(power, abs=1e-9)
    again = proportions.units_for_proportion(before, after, ratio=max(ratio, 0.5), **known)
    assert again == pytest.approx(n, rel=1e-5)


@few
@given(levels, powers, sizes, ratios, st.floats(0.1, 20), st.sampled_from([0.0, 0.5]))
def test_counts(alpha, power, n, ratio, rate, overdispersion):
    spread = {"exposure": 2.0, "dispersion": 1.3, "overdispersion": overdispersion}
    n = n + 200
    found = counts.minimum_detectable_count(rate, n, n * max(ratio, 0.5), alpha=alpha, power=power, **spread)
    reached = counts.power_count(rate, rate + found, n, n * max(ratio, 0.5), alpha, **spread)
    assert reached == pytest.approx(power, abs=1e-9)
    known = {"alpha": alpha, "power": power, "ratio": max(ratio, 0.5), **spread}
    assert counts.units_for_count(rate, rate + found, **known) == pytest.approx(n, rel=1e-5)


@few
@given(
    st.sampled_from([0.01, 0.05]), powers, sizes, st.sampled_from(margins.GOALS), st.sampled_from([0.0, 0.02, -0.02])
)
def test_margins(alpha, power, n, goal, difference):
    error, df = means.mean_error_and_df(1.5, n, 2 * n)
    known = {"goal": goal, "difference": difference, "alpha": alpha}
    margin = margins.smallest_margin(error, df, power=power, **known)
    assert margins.power_margin(margin, error, df, **known) == pytest.approx(power, abs=1e-9)
    again = margins.units_for_margin(margin, 1.5, power=power, ratio=2.0, **known)
    assert again == pytest.approx(n, rel=1e-4)


SETTINGS = [
    Setting("m", sd=4.0, baseline=20.0),
    Setting("m", sd=4.0, sd_treatment=5.0, ratio=0.5, treatments=2),
    Setting("m", design="paired", sd=4.0),
    Setting("m", "proportion", baseline=0.2, ratio=2.0, variance_reduction=0.3),
    Setting("m", "proportion", baseline=0.2, design_effect=2.0, group_size=10.0),
    Setting("m", "ratio", sd=0.8, inflation=1.1),
    Setting("m", "count", baseline=3.0, dispersion=2.0),
    Setting("m", sd=4.0, design_effect=3.0, group_size=25.0, metrics=2),
    Setting("m", sd=4.0, treatments=4, correction="dunnett", ratio=0.5),
    Setting("m", sd=4.0, hypothesis="non-inferiority", margin=1.0, alpha=0.025),
    Setting("m", sd=4.0, hypothesis="equivalence", margin=1.0),
    Setting("m", "proportion", baseline=0.2, hypothesis="equivalence", margin=0.05),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=range(len(SETTINGS)))
def test_a_plan_for_units_is_the_plan_for_their_difference(setting):
    about = setting.hypothesis != "difference"
    size = float(setting.margin or 0.0) if about else 0.05 if setting.kind == "proportion" else 0.6
    plan = plan_units(setting, 0.0 if about else size)
    assert plan.minimum_detectable == size
    assert setting.power <= plan.power < setting.power + 0.02
    # One group fewer is too few.
    fewer = plan.n_control - setting.group_size
    assert setting.power_at(0.0 if about else size, fewer) < setting.power
    back = plan_difference(dataclasses.replace(setting, power=plan.power), plan.n_total)
    assert back.minimum_detectable == pytest.approx(size, rel=2e-3)
    assert back.power == pytest.approx(plan.power, abs=1e-9)
    assert back.n_control == pytest.approx(plan.n_control, abs=1)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize("setting", [SETTINGS[i] for i in (0, 1, 2, 5, 7, 8, 9, 10)])
def test_a_metrics_unit_changes_nothing(setting, factor):
    about = setting.hypothesis != "difference"
    names = [name for name in ("sd", "sd_treatment", "margin", "baseline") if getattr(setting, name) is not None]
    other = dataclasses.replace(setting, **{name: factor * getattr(setting, name) for name in names})
    size = 0.0 if about else 0.6
    one, two = plan_units(setting, size), plan_units(other, factor * size)
    assert (one.n_control, one.n_treatment) == (two.n_control, two.n_treatment)
    assert one.power == pytest.approx(two.power, rel=1e-12)
    assert one.relative_minimum == pytest.approx(two.relative_minimum) or one.relative_minimum is None
    one, two = plan_difference(setting, 900, size), plan_difference(other, 900, factor * size)
    assert factor * one.minimum_detectable == pytest.approx(two.minimum_detectable, rel=1e-9)
