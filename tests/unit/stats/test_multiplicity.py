"""Corrections: who is in which family, that it is said, and that it is never silently left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.multiplicity import Corrections, adjust, benjamini_hochberg, correct, holm, interval_at

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(deadline=None)
@given(P_VALUES)
def test_holm_is_between_raw_and_bonferroni(p_values):
    adjusted = holm(p_values)
    for raw, p in zip(p_values, adjusted, strict=True):
        assert raw * (1 - 1e-12) <= p <= min(1.0, raw * len(p_values)) * (1 + 1e-12)
    assert list(np.argsort(adjusted, kind="stable")[:1]) == [int(np.argmin(adjusted))]


@settings(deadline=None)
@given(P_VALUES)
def test_benjamini_hochberg_never_exceeds_holm(p_values):
    for bh, by_holm, raw in zip(benjamini_hochberg(p_values), holm(p_values), p_values, strict=True):
        assert raw * (1 - 1e-12) <= bh <= by_holm * (1 + 1e-12)


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(5))
def test_as_statsmodels(seed):
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(seed).random(3 * seed + 1).round(2) ** 2
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1], rel=1e-12)
    assert benjamini_hochberg(p_values.tolist()) == pytest.approx(
        multipletests(p_values, method="fdr_bh")[1], rel=1e-12
    )


def test_worked_example_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.04, 0.04))
    assert holm([]) == ()


def test_each_family_is_corrected_by_itself_and_named(make_effect):
    effects = (
        make_effect(3.0),
        make_effect(2.5, metric="orders"),
        make_effect(2.5, treatment="newer"),
        make_effect(2.0, evidence="simulated"),
        make_effect(2.0, metric="clicks", role="secondary"),
        make_effect(-2.0, metric="latency", role="guardrail"),
        make_effect(1.0, control="new", treatment="newer"),
        make_effect(2.2, segment="vip"),
        make_effect(2.4, segment="lost", metric="orders"),
        make_effect(2.4, segment="lost", metric="clicks", role="secondary"),
    )
    found = correct(effects, 0.05)
    assert [replace(e, p_adjusted=None, correction=None, family=None) for e in found] == list(effects)
    assert [e.family for e in found] == [3, 3, 3, 1, None, None, 1, 2, 2, None]
    p = [e.p_value for e in effects]
    assert [e.p_adjusted for e in found[:3]] == pytest.approx([3 * p[0], 2 * p[1], 2 * p[1]])
    assert found[3].p_adjusted == p[3]
    assert found[4].p_adjusted is None
    assert found[4].correction == "none (secondary metric: read as exploratory)"
    assert "guardrail" in found[5].correction
    assert found[6].p_adjusted == p[6]
    assert [e.p_adjusted for e in found[7:9]] == pytest.approx(benjamini_hochberg(p[7:9]))
    assert found[0].correction == "Holm over primary metrics x treatments, 3 tests at 0.05"
    assert found[7].correction == "Benjamini-Hochberg over segments x metrics x treatments, 2 tests at 0.05"
    assert correct(found, 0.05) == found


def test_effects_without_a_role_are_one_family(make_effect):
    found = correct([make_effect(2.0, role=None, metric=m) for m in "abcd"])
    assert [e.family for e in found] == [4] * 4


def test_p_values_that_are_none_are_refused(make_effect):
    with pytest.raises(TrialError, match="metric 'revenue', new against old: p is nan"):
        correct([make_effect(1.0, p_value=float("nan"))])
    with pytest.raises(TrialError, match="alpha is 5"):
        correct([make_effect(1.0)], 5)


@given(st.floats(0.1, 100), st.floats(0.5, 0.999), st.sampled_from([None, 3.0, 30.0]))
def test_interval_at_another_coverage_agrees_with_scipy(make_effect, error, confidence, df):
    from scipy import stats

    frozen = stats.norm(2, error) if df is None else stats.t(df, 2, error)
    nominal = frozen.interval(0.95)
    effect = replace(make_effect(2.0, error, df=df), ci_low=nominal[0], ci_high=nominal[1])
    assert interval_at(effect, confidence) == pytest.approx(frozen.interval(confidence), rel=1e-9, abs=1e-9)


def test_other_corrections_are_named_in_what_was_corrected(make_effect):
    effects = [
        make_effect(z, metric=metric, treatment=treatment, control="old")
        for metric, treatment, z in (
            ("revenue", "a", 2.6),
            ("revenue", "b", 2.2),
            ("orders", "a", 1.9),
            ("orders", "b", 0.3),
        )
    ]
    p = [effect.p_value for effect in effects]
    hochberg = correct(effects, 0.05, Corrections(overall="hochberg"))
    assert [e.p_adjusted for e in hochberg] == pytest.approx(list(adjust(p, "hochberg")))
    assert hochberg[0].correction == "Hochberg over primary metrics x treatments, 4 tests at 0.05"
    shared = correct(effects, 0.05, Corrections(shares={"revenue": 0.8, "orders": 0.2}))
    # The smallest ratio p / share is first: 0.4 of alpha for each treatment on revenue.
    assert shared[0].p_adjusted == pytest.approx(p[0] / 0.4)
    assert "weighted Holm" in shared[0].correction
    with pytest.raises(TrialError, match=r"add up to 0\.9"):
        Corrections(shares={"revenue": 0.9})
    with pytest.raises(TrialError, match="no share of alpha"):
        correct(effects, 0.05, Corrections(shares={"revenue": 1.0}))
    with pytest.raises(TrialError, match="Did you mean 'hochberg'"):
        Corrections(overall="hochbreg")


def test_gatekeeping_tests_segments_only_below_what_was_shown(make_effect):
    whole = [make_effect(z, treatment=arm, control="old") for arm, z in (("a", 3.5), ("b", 0.5))]
    parts = [
        make_effect(4.0, treatment=arm, control="old", segment=segment) for arm in ("a", "b") for segment in ("x", "y")
    ]
    gated = correct([*whole, *parts], 0.05, Corrections(gatekeeping=True))
    # Each treatment holds half of alpha; below it, each of its two segments is stepped through by Holm.
    assert gated[0].p_adjusted == pytest.approx(2 * whole[0].p_value)
    assert gated[2].p_adjusted == pytest.approx(max(gated[0].p_adjusted, 4 * parts[0].p_value))
    assert gated[4].p_adjusted >= gated[1].p_adjusted == 1.0
    assert all("gatekeeping" in effect.correction for effect in gated)
