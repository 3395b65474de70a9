"""The plan record: what it says, what it warns of, what it refuses."""

from __future__ import annotations

import dataclasses
import math

import pytest

from framework.errors import TrialError
from framework.stats.planning import counts, differences, levels, margins, means, mismatch, proportions, statistic
from framework.stats.planning import variance as spread
from framework.stats.planning.plan import plan_difference, plan_units
from framework.stats.planning.setting import Setting


def test_a_plan_says_what_it_rests_on():
    setting = Setting("spend", sd=30.0, baseline=20.0, treatments=3, metrics=2, ratio=0.5, variance_reduction=0.4)
    plan = plan_units(setting, -2.0)
    assert plan.n_treatment == math.ceil(plan.n_control / 2)
    assert plan.n_total == plan.n_control + 3 * plan.n_treatment
    assert plan.alpha_each == pytest.approx(0.05 / 6)
    assert plan.minimum_detectable == 2.0
    assert plan.relative_minimum == pytest.approx(0.1)
    assert plan.planned_sd == pytest.approx(30 * math.sqrt(0.6))
    needed = means.units_for_mean(2.0, plan.planned_sd, alpha=plan.alpha_each, ratio=0.5)
    assert plan.n_control == math.ceil(needed)
    assert plan.warnings == ()


@pytest.mark.parametrize(
    ("change", "factor"),
    [({"inflation": 1.11}, 1.11), ({"variance_reduction": 0.5}, 0.5), ({"design_effect": 2.9}, 2.9)],
)
@pytest.mark.parametrize(
    ("setting", "difference"),
    [
        (Setting("m", sd=3.0), 0.1),
        (Setting("m", "proportion", baseline=0.2), 0.01),
        (Setting("m", "count", baseline=2.0), 0.05),
    ],
)
def test_units_grow_with_the_variance(setting, difference, change, factor):
    before, after = plan_units(setting, difference), plan_units(dataclasses.replace(setting, **change), difference)
    assert after.n_control == pytest.approx(factor * before.n_control, rel=1e-3)


def test_every_kind_plans_by_its_own_function():
    # The front door and the functions behind it must not drift apart.
    assert plan_units(Setting("m", "proportion", baseline=0.3, ratio=2.0), 0.05).n_control == math.ceil(
        proportions.units_for_proportion(0.3, 0.35, ratio=2.0)
    )
    assert plan_units(Setting("m", "count", baseline=3.0, dispersion=1.5), 0.5).n_control == math.ceil(
        counts.units_for_count(3.0, 3.5, dispersion=1.5)
    )
    assert plan_units(Setting("m", "ratio", sd=0.7), 0.1).n_control == math.ceil(differences.units_normal(0.1, 0.7))
    assert plan_units(Setting("m", "proportion", design="paired", sd=0.5), 0.1).n_total == math.ceil(
        means.units_for_mean(0.1, 0.5, design="paired")
    )
    about = Setting("m", sd=1.0, hypothesis="equivalence", margin=0.3)
    assert plan_units(about, 0.05).n_control == math.ceil(
        margins.units_for_margin(0.3, 1.0, goal="equivalence", difference=0.05)
    )


def test_groups_come_whole_and_give_the_degrees_of_freedom():
    setting = Setting("m", sd=1.0, design_effect=spread.cluster_design_effect(50, 0.05), group_size=50)
    plan = plan_units(setting, 0.5)
    assert plan.n_control % 50 == 0
    clusters = plan.n_control // 50
    assert plan.power == pytest.approx(means.power_mean(0.5, math.sqrt(3.45 / 50), clusters, clusters))
    assert any("groups" in text for text in plan.warnings)


def test_small_plans_warn():
    assert "leans on units being normal" in plan_units(Setting("m", sd=1.0), 3.0).warnings[0]
    rare = plan_difference(Setting("m", "proportion", baseline=0.001), 2000)
    assert "1.0 successes or failures expected" in rare.warnings[-1]


def test_no_proportion_beyond_one_is_a_difference():
    with pytest.raises(TrialError, match="no difference below"):
        plan_difference(Setting("m", "proportion", baseline=0.97), 20)
    with pytest.raises(TrialError, match=r"difference 0\.4 makes 0\.7 a proportion of 1\.1"):
        plan_units(Setting("m", "proportion", baseline=0.7), 0.4)


MEAN = Setting("m", sd=1.0)
GUARD = Setting("m", sd=1.0, hypothesis="non-inferiority", margin=0.2)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Setting("m", sd=-1.0), "sd is -1"),
        (lambda: Setting("m", sd=math.nan), "sd is nan"),
        (lambda: Setting("m"), "needs sd"),
        (lambda: Setting("m", "proportion"), "needs its baseline"),
        (lambda: Setting("m", "proportion", baseline=1.2), "baseline is 1.2"),
        (lambda: Setting("m", "count", baseline=0.0), "baseline is 0"),
        (lambda: Setting("m", "means", sd=1.0), "kind 'means' is unknown.*Did you mean 'mean'"),
        (lambda: Setting("m", design="pared", sd=1.0), "design 'pared'"),
        (lambda: Setting("m", design="paired", sd=1.0, ratio=2.0), "paired design"),
        (lambda: Setting("m", sd=1.0, hypothesis="superiority"), "hypothesis 'superiority'"),
        (lambda: Setting("m", sd=1.0, correction="sidak"), "correction 'sidak'"),
        (lambda: Setting("m", sd=1.0, alpha=0.0), "alpha is 0"),
        (lambda: Setting("m", sd=1.0, power=0.04), "power is 0.04"),
        (lambda: Setting("m", sd=1.0, power=1.0), "power is 1"),
        (lambda: Setting("m", sd=1.0, ratio=0.0), "ratio is 0"),
        (lambda: Setting("m", sd=1.0, variance_reduction=1.0), "variance_reduction is 1"),
        (lambda: Setting("m", sd=1.0, variance_reduction=-0.1), "variance_reduction is -0.1"),
        (lambda: Setting("m", sd=1.0, inflation=0.9), "inflation is 0.9"),
        (lambda: Setting("m", sd=1.0, design_effect=0.0), "design_effect is 0"),
        (lambda: Setting("m", sd=1.0, group_size=0.5), "group_size is 0.5"),
        (lambda: Setting("m", sd=1.0, treatments=0), "treatments is 0"),
        (lambda: Setting("m", sd=1.0, alpha_share=1.5), "share is 1.5"),
        (lambda: Setting("m", sd=1.0, margin=0.0), "margin is 0"),
        (lambda: dataclasses.replace(GUARD, correction="dunnett", treatments=2), "dunnett"),
        (lambda: plan_units(MEAN, 0.0), "difference is 0"),
        (lambda: plan_units(MEAN, math.inf), "difference is inf"),
        (lambda: plan_units(dataclasses.replace(GUARD, margin=None)), "needs a margin"),
        (lambda: plan_units(GUARD, -0.2), "not within the margin"),
        (lambda: plan_units(dataclasses.replace(GUARD, hypothesis="equivalence"), 0.3), "not within the margin"),
        (lambda: plan_difference(MEAN, 2), "n_control is 1"),
        (lambda: plan_difference(MEAN, -5), "n_total is -5"),
        (lambda: plan_units(MEAN, 1e-9), "no sample below"),
        (lambda: means.units_for_mean(0.0, 1.0), "difference is 0"),
        (lambda: means.units_for_mean(1.0, 1.0, ratio=-1.0), "ratio is -1"),
        (lambda: means.power_mean(1.0, -2.0, 10, 10), "standard deviation is -2"),
        (lambda: means.power_mean(1.0, 1.0, 10, 10, sides=3), "sides '3'"),
        (lambda: means.power_mean(1.0, 1.0, 10, 10, 0.05, "paired", sd_treatment=1.0), "sd_treatment"),
        (lambda: differences.units_normal(0.0, 1.0), "difference is 0"),
        (lambda: differences.power_normal(1.0, 1.0, 0, 5), "n_control is 0"),
        (lambda: proportions.units_for_proportion(0.2, 0.2), "both proportions are 0.2"),
        (lambda: proportions.units_for_proportion(0.2, 1.2), "proportions 0.2 and 1.2"),
        (lambda: proportions.minimum_detectable_proportion(0.0, 10, 10), "proportion 0"),
        (lambda: counts.units_for_count(2.0, 2.0), "rate_treatment - rate_control is 0"),
        (lambda: counts.count_sd(2.0, overdispersion=-1.0), "overdispersion is -1"),
        (lambda: margins.power_margin(0.0, 1.0, goal="equivalence"), "margin is 0"),
        (lambda: margins.power_margin(1.0, 1.0, goal="better"), "goal 'better'"),
        (lambda: margins.power_share_between(0.5, 0.6, 0.4, 100), "low is 0.6 and high 0.4"),
        (lambda: mismatch.mismatch_size([0.5, 0.5], [0.6, 0.5]), "actual shares"),
        (lambda: mismatch.power_of_mismatch(0.1, 100, 1), "arms is 1"),
        (lambda: levels.level_each(0.05, share=0.0), "share is 0"),
        (lambda: levels.dunnett_critical(2, alpha=1.0), "alpha is 1"),
        (lambda: statistic.power_of_statistic(1.0, 0.0), "df is 0"),
        (lambda: spread.cluster_design_effect(0.5, 0.1), "size is 0.5"),
        (lambda: spread.cluster_design_effect(5, 1.1), "icc is 1.1"),
        (lambda: spread.stratified_sd([0.5, 0.4], [1, 1]), "shares add up to 0.9"),
        (lambda: spread.stratified_sd([0.5, 0.5], [1, -1]), "sds go down to -1"),
        (lambda: spread.switchback_design_effect(1.0), "autocorrelation is 1"),
        (lambda: spread.switchback_design_effect(0.5, 2, washout=2), "washout 2"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(call, named):
    with pytest.raises(TrialError, match=named):
        call()
