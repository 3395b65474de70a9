"""One look of a plan: exact answers at one look, adaptation to what came, and what interval and p-value promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from framework.errors import TrialError
from framework.stats.sequential.boundaries import exit_probabilities
from framework.stats.sequential.design import RULES, group_sequential
from framework.stats.sequential.looks import boundaries_seen, group_sequential_look

PARAMETERS = {"wang_tsiatis": 0.25}
FOLLOWS = ("lan_demets_obrien_fleming", "lan_demets_pocock", "hwang_shih_decani", "power")


def plan(rule, looks=5, **options):
    return group_sequential(looks, rule=rule, parameter=PARAMETERS.get(rule), **options)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("statistic", [-3.1, -0.4, 0.0, 1.959, 1.961, 12.0])
def test_a_plan_of_one_look_is_the_z_test(rule, statistic):
    look = group_sequential_look(statistic * 3, 3.0, information=[1.0], design=plan(rule, 1))
    assert look.p_value == pytest.approx(2 * stats.norm.sf(abs(statistic)), rel=1e-6)
    assert (look.ci_low, look.ci_high) == pytest.approx(stats.norm.interval(0.95, statistic * 3, 3.0), rel=1e-12)
    assert look.crossed == (abs(statistic) > 1.96)
    assert (look.look, look.looks, look.information) == (1, 1, 1.0)


@pytest.mark.parametrize("statistic", [-2.5, 0.7, 2.2])
def test_with_df_a_plan_of_one_look_is_the_t_test(statistic):
    look = group_sequential_look(statistic, 1.0, information=[1.0], design=plan("power", 1), df=12)
    assert look.p_value == pytest.approx(2 * stats.t.sf(abs(statistic), 12), rel=1e-6)
    assert look.boundary == pytest.approx(stats.t.isf(0.025, 12), rel=1e-10)


def test_a_one_sided_plan_bounds_from_below():
    look = group_sequential_look(2.0, 1.0, information=[1.0], design=plan("power", 1, sides=1, alpha=0.025))
    assert look.p_value == pytest.approx(stats.norm.sf(2.0), rel=1e-6)
    assert (look.ci_low, look.ci_high) == (pytest.approx(2 - stats.norm.isf(0.025), rel=1e-9), math.inf)
    down = group_sequential_look(-2.0, 1.0, information=[1.0], design=plan("pocock", 1, sides=1, alpha=0.025))
    assert not down.crossed
    assert down.p_value == pytest.approx(stats.norm.sf(-2.0), rel=1e-9)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sides", [1, 2])
def test_p_is_alpha_where_the_boundary_is_met(rule, sides):
    design = plan(rule, 4, sides=sides)
    for k in range(1, 5):
        edge, seen = design.boundaries[k - 1], design.information[:k]
        at = [group_sequential_look(edge + way, 1.0, information=seen, design=design) for way in (-1e-5, 0.0, 1e-5)]
        assert [look.crossed for look in at] == [False, True, True]
        assert at[1].p_value == pytest.approx(0.05, rel=1e-9)
        assert at[0].p_value > 0.05 > at[2].p_value
        assert at[0].ci_low < 0 < at[2].ci_low
        assert at[0].p_value == pytest.approx(at[2].p_value, rel=1e-3)


@pytest.mark.parametrize("rule", RULES)
def test_p_is_the_alpha_of_the_plan_that_would_have_stopped_here(rule):
    """The definition, by another road: plan anew at alpha = p, and the boundary is the statistic."""
    look = group_sequential_look(2.1, 1.0, information=[0.25, 0.5, 0.75], design=plan(rule, 4))
    assert look.p_value is not None
    assert plan(rule, 4, alpha=look.p_value).boundaries[2] == pytest.approx(2.1, abs=1e-7)


@pytest.mark.parametrize("rule", RULES)
def test_p_falls_as_the_statistic_grows(rule):
    design = plan(rule)
    found = [
        group_sequential_look(z, 1.0, information=design.information[:3], design=design).p_value
        for z in (0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 15.0, 36.0, 50.0, 1e6)
    ]
    logs = np.log(found)
    assert bool((np.diff(logs) <= 1e-6).all())
    assert found[0] == pytest.approx(1.0, abs=1e-9)
    assert 0 < found[-1] < 1e-60


@pytest.mark.parametrize("rule", RULES)
def test_the_unit_and_the_null_do_not_matter(rule):
    design = plan(rule)
    one = group_sequential_look(0.31, 0.14, information=[0.2, 0.4], design=design)
    thousand = group_sequential_look(310.0, 140.0, information=[0.2, 0.4], design=design)
    moved = group_sequential_look(5.31, 0.14, information=[0.2, 0.4], design=design, null=5.0)
    assert thousand.p_value == pytest.approx(one.p_value, rel=1e-6)
    assert (thousand.ci_low, thousand.ci_high) == pytest.approx((1000 * one.ci_low, 1000 * one.ci_high), rel=1e-9)
    assert moved.p_value == pytest.approx(one.p_value, rel=1e-6)


def leaves_by_quadrature(times, edges):
    """Return the error of two looks, by adaptive quadrature rather than by the recursion."""
    ratio = math.sqrt(times[0] / times[1])
    spread = math.sqrt(1 - ratio**2)

    def leaves(z):
        return stats.norm.pdf(z) * (
            stats.norm.sf((edges[1] - ratio * z) / spread) + stats.norm.cdf((-edges[1] - ratio * z) / spread)
        )

    cuts = np.linspace(-edges[0], edges[0], 12)
    second = sum(integrate.quad(leaves, a, b, epsabs=1e-14)[0] for a, b in itertools.pairwise(cuts))
    return 2 * stats.norm.sf(edges[0]) + second


@pytest.mark.parametrize("rule", FOLLOWS)
@pytest.mark.parametrize(
    ("times", "final"), [((0.31, 1.0), False), ((0.31, 0.83), True), ((0.6, 1.27), False), ((0.01, 1.0), False)]
)
def test_boundaries_follow_the_looks_as_they_came(rule, times, final):
    """Planned at 0.5 and 1; early, late, under-run and over-run looks spend 0.05 in all, to 1e-11."""
    design = plan(rule, 2)
    first = group_sequential_look(0.0, 1.0, information=times[:1], design=design)
    second = group_sequential_look(0.0, 1.0, information=times, design=design, final=final)
    edges = (min(first.boundary, 12.0), second.boundary)
    assert leaves_by_quadrature(times, edges) == pytest.approx(0.05, abs=1e-11)


@pytest.mark.parametrize("rule", FOLLOWS)
def test_more_looks_than_planned_are_no_trouble(rule):
    design, times = plan(rule, 3), (0.1, 0.2, 0.35, 0.5, 0.77, 1.0)
    edges = boundaries_seen(design, times)
    assert exit_probabilities(times, edges).total == pytest.approx(0.05, abs=1e-12)
    assert boundaries_seen(design, times[:3]) == pytest.approx(edges[:3], rel=1e-12)
    assert group_sequential_look(1.0, 1.0, information=times, design=design).boundary == pytest.approx(edges[-1])


@pytest.mark.parametrize("rule", FOLLOWS)
def test_looks_as_planned_have_the_planned_boundaries(rule):
    design = plan(rule)
    assert boundaries_seen(design, design.information) == pytest.approx(design.boundaries, rel=1e-12)


def test_a_look_after_the_error_is_spent_says_nothing():
    design = plan("lan_demets_obrien_fleming", 2)
    look = group_sequential_look(9.0, 1.0, information=[0.5, 1.0, 1.2], design=design)
    assert (look.boundary, look.crossed, look.p_value) == (math.inf, False, 1.0)
    assert (look.ci_low, look.ci_high) == (-math.inf, math.inf)


@pytest.mark.parametrize("estimate", [0.0, 3.0])
def test_without_spread_nothing_is_said(estimate):
    look = group_sequential_look(estimate, 0.0, information=[0.5], design=plan("power", 2))
    assert (look.crossed, look.p_value, look.ci_low, look.ci_high) == (False, 1.0, -math.inf, math.inf)


@pytest.mark.parametrize("rule", ["pocock", "obrien_fleming", "wang_tsiatis"])
@pytest.mark.parametrize("times", [(0.3,), (0.5, 0.9), (0.5, 1.0, 1.1)])
def test_classic_plans_refuse_other_looks(rule, times):
    with pytest.raises(TrialError, match="Plan by a spending function"):
        group_sequential_look(1.0, 1.0, information=times, design=plan(rule, 2))


@pytest.mark.parametrize(
    ("estimate", "error", "times"),
    [(math.nan, 1.0, (0.5,)), (1.0, -1.0, (0.5,)), (1.0, 1.0, (0.5, 0.5)), (1.0, 1.0, ())],
)
def test_refuses_what_is_no_look(estimate, error, times):
    with pytest.raises(TrialError):
        group_sequential_look(estimate, error, information=times, design=plan("power", 2))


@pytest.mark.parametrize("rule", RULES)
def test_repeated_intervals_hold_at_all_looks_at_once(rule):
    """40,000 paths with a true effect of 1.7 sd at the end: some look's interval misses it in exactly 5 %.

    Monte-Carlo tolerance 4 standard errors, 0.0044. The interval at a look is the estimate +- boundary x error.
    """
    design, paths = plan(rule, (0.3, 0.5, 0.9, 1.0)), 40_000
    times, effect = np.array(design.information), 1.7
    reach = np.array([
        group_sequential_look(0.0, 1.0, information=design.information[: k + 1], design=design).ci_high
        for k in range(4)
    ])  # fmt: skip
    steps = np.diff(times, prepend=0.0)
    scores = np.cumsum(np.random.default_rng(3).normal(effect * steps, np.sqrt(steps), (paths, 4)), axis=1)
    estimates, errors = scores / times, 1 / np.sqrt(times)
    missed = (np.abs(estimates - effect) > reach * errors).any(axis=1).mean()
    assert missed == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / paths))


def test_the_least_repeated_p_is_valid_at_every_level():
    """P(least p over the looks <= a) is at most a, for other a than the plan's: 4,000 null paths, 4 standard errors.

    The least p is compared through its definition: p <= a at look k where |z| is at least the boundary at alpha a.
    """
    design, paths = plan("lan_demets_obrien_fleming", 4), 4_000
    steps = np.diff(np.array(design.information), prepend=0.0)
    scores = np.cumsum(np.random.default_rng(8).normal(0.0, np.sqrt(steps), (paths, 4)), axis=1)
    z = np.abs(scores / np.sqrt(np.array(design.information)))
    for level in (0.01, 0.1, 0.3, 0.6):
        edges = np.array(boundaries_seen(design, design.information, alpha=level))
        rate = (z >= edges).any(axis=1).mean()
        assert rate == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) / paths))
        for k in range(1, 5):
            look = group_sequential_look(edges[k - 1], 1.0, information=design.information[:k], design=design)
            assert look.p_value == pytest.approx(level, rel=1e-6)


def test_numpy_numbers_in_plain_numbers_out():
    look = group_sequential_look(np.float64(2.0), np.float64(1.0), information=np.array([0.5]), design=plan("power", 2))
    assert [type(value) for value in (look.crossed, look.ci_low, look.ci_high, look.p_value)] == [
        bool,
        float,
        float,
        float,
    ]
