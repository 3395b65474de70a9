"""Real data's corners: no spread, no units, missing values, extreme sizes; and what must not change an effect."""

from __future__ import annotations

import dataclasses
import math
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.arms import arm_value
from framework.stats.compare import ESTIMATORS, compare
from framework.stats.samples import UnitValues

NAMES = {"metric": "revenue", "control_name": "old", "treatment_name": "new"}
CASES = sorted(ESTIMATORS)


def draw(kind, n, rng):
    if kind == "proportion":
        return UnitValues(kind, (rng.random(n) < 0.4).astype(float))
    if kind == "ratio":
        sessions = rng.poisson(3, n) + 1.0
        return UnitValues(kind, rng.poisson(0.5 * sessions).astype(float), sessions)
    return UnitValues(kind, rng.normal(5, 2, n))


def numbers(effect):
    flat = dataclasses.asdict(effect)
    return [v for v in flat.values() if isinstance(v, float)] + [
        v for v in flat["relative"].values() if isinstance(v, float)
    ]


@pytest.mark.parametrize("design", ["paired", "independent"])
@pytest.mark.parametrize("kind", ["mean", "ratio"])
def test_equal_values_everywhere_give_a_point_and_a_warning(kind, design):
    ones = UnitValues(kind, np.full(40, 0.1), np.full(40, 3.0) if kind == "ratio" else None)
    effect = compare(ones, ones, **NAMES, design=design)
    assert (effect.estimate, effect.standard_error, effect.ci_low, effect.ci_high) == (0, 0, 0, 0)
    assert effect.p_value == 1
    assert "zero variance" in effect.warnings[0]


def test_a_constant_gain_has_the_sign_flip_p_and_never_zero(mean):
    rng = np.random.default_rng(1)
    base = rng.normal(100, 10, 12)
    effect = compare(mean(base), mean(base + 0.1), **NAMES, design="paired")
    assert effect.estimate == pytest.approx(0.1)
    assert effect.ci_low == effect.ci_high == effect.estimate
    assert effect.p_value == pytest.approx(2 / 2**12)
    many = compare(mean(np.zeros(5000)), mean(np.ones(5000)), **NAMES, design="paired")
    assert many.p_value == sys.float_info.min


def test_two_constant_arms_have_the_permutation_p(mean):
    effect = compare(mean([1, 1, 1]), mean([2, 2, 2, 2]), **NAMES, design="independent")
    assert effect.p_value == pytest.approx(2 / math.comb(7, 3))
    assert effect.ci_low == effect.ci_high == 1


def test_one_constant_arm_is_a_one_sample_test(mean):
    from scipy import stats

    x = np.random.default_rng(0).normal(3, 1, 50)
    for flat_first in (True, False):
        arms = (mean(np.full(30, 2.5)), mean(x)) if flat_first else (mean(x), mean(np.full(30, 2.5)))
        effect = compare(*arms, **NAMES, design="independent")
        test = stats.ttest_1samp(x, 2.5)
        assert effect.p_value == pytest.approx(test.pvalue)
        assert effect.df == 49
        assert effect.ci_low < effect.estimate < effect.ci_high
        assert effect.ci_high - effect.ci_low == pytest.approx(np.ptp(test.confidence_interval()))


@pytest.mark.parametrize(("hits", "p_is_one"), [((0, 0), True), ((50, 50), True), ((0, 50), False)])
def test_proportions_at_the_edge_keep_an_honest_interval(hits, p_is_one):
    arms = [UnitValues("proportion", (np.arange(50) < hit).astype(float)) for hit in hits]
    effect = compare(*arms, **NAMES, design="independent")
    assert effect.ci_low < effect.ci_high
    assert effect.ci_low <= effect.estimate <= effect.ci_high
    assert (effect.p_value == 1) is p_is_one
    assert effect.p_value > 0
    assert effect.warnings


def test_p_that_underflows_is_never_zero(mean):
    rng = np.random.default_rng(0)
    for kind in ("mean", "ratio"):
        below = np.ones(10_000) + rng.random(10_000) if kind == "ratio" else None
        arms = [UnitValues(kind, rng.normal(m, 1, 10_000), below) for m in (10, 20)]
        for design in ("paired", "independent"):
            assert 0 < compare(*arms, **NAMES, design=design).p_value < 1e-300


def test_large_values_with_a_small_spread_do_not_cancel(mean):
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 400), rng.normal(0.3, 1, 500)
    here = compare(mean(x), mean(y), **NAMES, design="independent")
    far = compare(mean(x + 1e8), mean(y + 1e8), **NAMES, design="independent")
    assert far.standard_error == pytest.approx(here.standard_error, rel=1e-6)
    assert far.p_value == pytest.approx(here.p_value, rel=1e-5)


@pytest.mark.parametrize(("design", "kind"), CASES)
@pytest.mark.parametrize("n", [0, 1])
def test_too_few_units_name_arm_and_metric(design, kind, n):
    rng = np.random.default_rng(0)
    with pytest.raises(TrialError, match=rf"metric 'revenue', arm 'new': {n} unit"):
        compare(draw(kind, 5, rng), draw(kind, n, rng), **NAMES, design=design)


def test_missing_values_are_counted(mean):
    values = np.array([1.0, np.nan, 3.0, np.inf])
    with pytest.raises(TrialError, match=r"arm 'old': 2 of 4 values are missing or infinite"):
        compare(mean(values), mean([1, 2, 3, 4]), **NAMES, design="paired")


@pytest.mark.parametrize(
    ("control", "treatment", "options", "message"),
    [
        (UnitValues("mean", np.arange(3.0)), UnitValues("mean", np.arange(4.0)), {"design": "paired"}, "3 units"),
        (UnitValues("mean", np.arange(3.0)), UnitValues("mean", np.arange(3.0)), {"design": "pared"}, "'paired'"),
        (UnitValues("mean", np.arange(3.0)), UnitValues("mean", np.arange(3.0)), {"interval": "boot"}, "bootstrap"),
        (UnitValues("mean", np.arange(3.0)), UnitValues("mean", np.arange(3.0)), {"confidence": 95}, "between 0 and 1"),
        (UnitValues("mean", np.arange(3.0)), UnitValues("mean", np.arange(3.0)), {"interval": "bootstrap"}, "rng"),
        (UnitValues("mean", np.arange(2.0)), UnitValues("proportion", np.arange(2.0)), {}, "is a mean"),
        (UnitValues("proportion", np.arange(3.0)), UnitValues("proportion", np.arange(3.0)), {}, "has the value 2"),
        (UnitValues("ratio", np.arange(3.0)), UnitValues("ratio", np.arange(3.0)), {}, "no denominator"),
        (UnitValues("ratio", np.ones(3), np.zeros(3)), UnitValues("ratio", np.ones(3), np.ones(3)), {}, "add up to 0"),
        (UnitValues("ratio", np.ones(3), np.ones(2)), UnitValues("ratio", np.ones(3), np.ones(3)), {}, "2 denominator"),
        (UnitValues("means", np.ones(3)), UnitValues("mean", np.ones(3)), {}, "Did you mean 'mean'"),
        (UnitValues("mean", np.ones((3, 2))), UnitValues("mean", np.ones(3)), {}, "shape"),
    ],
)
def test_unusable_input_is_refused_in_words(control, treatment, options, message):
    with pytest.raises(TrialError, match=message):
        compare(control, treatment, **NAMES, **options)


def varies(arm):
    left = arm.numerator - arm.numerator.sum() / arm.denominator.sum() * arm.denominator
    return np.ptp(left) > 1e-9


@pytest.mark.parametrize(("design", "kind"), CASES)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 60), scale=st.sampled_from([1e-6, 1e-3, 1e3, 1e6]))
def test_unit_order_and_direction_do_not_matter(design, kind, seed, n, scale):
    rng = np.random.default_rng(seed)
    control, treatment = draw(kind, n, rng), draw(kind, n if design == "paired" else n + 3, rng)
    if kind == "ratio":  # an arm whose ratios are all one varies by rounding alone, and that hangs on the unit
        assume(all(varies(arm) for arm in (control, treatment)))
    effect = compare(control, treatment, **NAMES, design=design)
    assert all(math.isfinite(number) for number in numbers(effect))
    assert effect.ci_low <= effect.estimate <= effect.ci_high
    assert 0 < effect.p_value <= 1
    back = compare(treatment, control, **NAMES, design=design)
    assert back.estimate == pytest.approx(-effect.estimate, rel=1e-9, abs=1e-12)
    assert back.p_value == pytest.approx(effect.p_value, rel=1e-9)
    assert back.ci_low == pytest.approx(-effect.ci_high, rel=1e-9, abs=1e-12)
    if kind == "proportion":
        return

    def rescaled(arm):
        return UnitValues(kind, arm.numerator * scale, arm.denominator)

    other = compare(rescaled(control), rescaled(treatment), **NAMES, design=design)
    assert other.p_value == pytest.approx(effect.p_value, rel=1e-6)
    assert other.ci_low == pytest.approx(effect.ci_low * scale, rel=1e-6, abs=1e-9 * scale)
    assert other.warnings == effect.warnings
    if effect.relative.ci_low is not None:
        assert other.relative.ci_low == pytest.approx(effect.relative.ci_low, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("design", ["paired", "independent"])
def test_a_ratio_over_ones_is_a_mean(design, mean):
    rng = np.random.default_rng(5)
    x, y = rng.normal(5, 1, 200), rng.normal(5, 1, 200)
    ones = np.ones(200)
    ratio = compare(UnitValues("ratio", x, ones), UnitValues("ratio", y, ones), **NAMES, design=design)
    plain = compare(mean(x), mean(y), **NAMES, design=design)
    assert ratio.estimate == pytest.approx(plain.estimate)
    assert ratio.standard_error == pytest.approx(plain.standard_error)
    assert (ratio.p_value == pytest.approx(plain.p_value)) is (design == "paired")  # t and t, normal and t


def test_pairing_uses_the_covariance(mean):
    rng = np.random.default_rng(7)
    user = rng.lognormal(3, 1, 500)
    control, treatment = mean(user + rng.normal(0, 1, 500)), mean(user * 1.05 + rng.normal(0, 1, 500))
    paired = compare(control, treatment, **NAMES, design="paired")
    apart = compare(control, treatment, **NAMES, design="independent")
    assert paired.standard_error < 0.1 * apart.standard_error
    assert paired.relative.ci_high - paired.relative.ci_low < 0.1 * (apart.relative.ci_high - apart.relative.ci_low)
    assert paired.relative.ci_low < 0.05 < paired.relative.ci_high


def test_the_delta_method_agrees_with_an_exact_linear_case():
    # Numerators proportional to denominators: the ratio is the constant in every sample, so its error is 0.
    rng = np.random.default_rng(2)
    sessions = rng.poisson(4, 300) + 1.0
    arms = [UnitValues("ratio", rate * sessions, sessions) for rate in (2.0, 3.0)]
    effect = compare(*arms, **NAMES, design="independent")
    assert effect.estimate == pytest.approx(1.0)
    assert effect.ci_low == pytest.approx(1.0)
    assert effect.ci_high == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        ([-3, -2, -4, -3], [1, 2, 3, 2], "negative"),
        ([0, 0, 0, 0], [1, 2, 3, 2], "near to zero"),
        ([5, -5, 4, -3.5], [1, 2, 3, 2], "near to zero"),
        ([5, 6, 7, 8], [-1, -2, 1, -1], "logarithm"),
    ],
)
def test_relative_effects_are_refused_with_the_reason(mean, control, treatment, reason):
    effect = compare(mean(control), mean(treatment), **NAMES, design="independent")
    assert effect.relative.ci_low is None
    assert reason in effect.relative.reason


def test_warnings_name_tiny_samples_heavy_tails_and_rare_events(mean):
    rng = np.random.default_rng(0)
    calm = compare(mean(rng.normal(5, 1, 500)), mean(rng.normal(5, 1, 500)), **NAMES, design="independent")
    assert calm.warnings == ()
    tiny = compare(mean(rng.normal(5, 1, 20)), mean(rng.normal(5, 1, 500)), **NAMES, design="independent")
    assert any("Only 20 units" in text for text in tiny.warnings)
    spend = rng.lognormal(3, 1.5, 300) * (rng.random(300) < 0.05)
    heavy = compare(mean(spend), mean(rng.lognormal(3, 1.5, 3000)), **NAMES, design="independent")
    assert any("Heavy tail" in text for text in heavy.warnings)
    rare = [UnitValues("proportion", (np.arange(400) < hits).astype(float)) for hits in (4, 30)]
    assert any("Only 4 successes" in text for text in compare(*rare, **NAMES, design="independent").warnings)
    orders = (rng.random(200) < 0.02).astype(float)
    few = [UnitValues("ratio", orders * 30, orders), UnitValues("ratio", orders * 30 + orders, orders)]
    assert any("denominator" in text for text in compare(*few, **NAMES, design="independent").warnings)


def test_arm_value_without_spread_has_a_reason():
    found = arm_value(UnitValues("mean", np.full(9, 2.0)))
    assert (found.estimate, found.ci_low, found.ci_high) == (2.0, None, None)
    assert found.reason
    with pytest.raises(TrialError, match="metric 'revenue', arm 'new'"):
        arm_value(UnitValues("mean", np.ones(1)), metric="revenue", arm="new")
    zero = arm_value(UnitValues("proportion", np.zeros(50)))
    assert zero.ci_low == pytest.approx(0, abs=1e-15)
    assert 0 < zero.ci_high < 0.1
