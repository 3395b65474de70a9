"""Every named correction against outside software, and that none is ever silently left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import AT_ALPHA, CORRECTIONS, KEEPS, adjust

STATSMODELS = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hommel": "hommel",
    "hochberg": "simes-hochberg",
    "sidak": "sidak",
    "holm_sidak": "holm-sidak",
    "benjamini_hochberg": "fdr_bh",
    "benjamini_yekutieli": "fdr_by",
    "two_stage_bh": "fdr_tsbh",
    "two_stage_bky": "fdr_tsbky",
}
TEA_TASTING = {
    "by_segment_bh": "benjamini_hochberg",
    "by_segment_by": "benjamini_yekutieli",
    "by_segment_hochberg_sidak": "hochberg_sidak",
    "by_segment_holm_bonf": "holm",
}
PAIRED = {"holm": "holm", "fdr_bh": "benjamini_hochberg", "bonferroni": "bonferroni"}
FAST = tuple(name for name in CORRECTIONS if name != "hommel" and name not in AT_ALPHA)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=10)


@pytest.mark.reference
@pytest.mark.parametrize("method", STATSMODELS)
def test_as_statsmodels_printed(method, reference):
    known = reference("statsmodels_scipy.json")
    found = adjust(known["segment_pvals"], method)
    assert found == pytest.approx(known["multitest"][STATSMODELS[method]], rel=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize("method", STATSMODELS)
@pytest.mark.parametrize("seed", range(2))
def test_as_statsmodels_on_families_with_ties(method, seed):
    from statsmodels.stats.multitest import multipletests

    p_values = (np.random.default_rng(seed).random(5 + 6 * seed) ** 3).round(2)
    known = multipletests(np.maximum(p_values, 1e-4), alpha=0.1, method=STATSMODELS[method])[1]
    assert adjust(np.maximum(p_values, 1e-4), method, alpha=0.1) == pytest.approx(known, rel=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize("key", TEA_TASTING)
def test_as_tea_tasting_printed(key, reference):
    known = [row for segment in reference("tea_tasting.json")[key].values() for row in segment.values()]
    found = adjust([row["pvalue"] for row in known], TEA_TASTING[key])
    assert found == pytest.approx([row["pvalue_adj"] for row in known], rel=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize("test", ["t", "wilcoxon"])
@pytest.mark.parametrize("suffix", PAIRED)
def test_as_the_paired_pages_printed(test, suffix, reference):
    pairs = reference("paired.json")["pairs"]
    found = adjust([pair[f"p_{test}"] for pair in pairs], PAIRED[suffix])
    assert found == pytest.approx([pair[f"p_{test}_{suffix}"] for pair in pairs], rel=1e-12)


def test_worked_example_by_hand():
    p = [0.01, 0.04, 0.03]
    assert adjust(p, "bonferroni") == pytest.approx((0.03, 0.12, 0.09))
    assert adjust(p, "sidak") == pytest.approx([1 - 0.99**3, 1 - 0.96**3, 1 - 0.97**3])
    assert adjust(p, "holm_sidak") == pytest.approx([1 - 0.99**3, 1 - 0.97**2, 1 - 0.97**2])
    assert adjust(p, "hochberg") == pytest.approx((0.03, 0.04, 0.04))
    assert adjust(p, "hochberg_sidak") == pytest.approx([1 - 0.99**3, 0.04, 0.04])
    assert adjust(p, "benjamini_yekutieli") == pytest.approx([0.03 * 11 / 6, 0.04 * 11 / 6, 0.04 * 11 / 6])


@pytest.mark.parametrize("method", ["sidak", "holm_sidak", "hochberg_sidak"])
def test_tiny_p_values_are_not_rounded_to_zero(method):
    assert adjust([1e-30, 0.5], method)[0] == pytest.approx(2e-30, rel=1e-12)


@pytest.mark.parametrize("method", CORRECTIONS)
def test_small_families(method):
    assert adjust([], method) == ()
    assert adjust(np.array([]), method) == ()
    # A two-stage family of one that is not rejected at the first stage is charged for that stage.
    assert adjust([0.3], method) == pytest.approx([0.3 * 1.05 if method == "two_stage_bky" else 0.3])
    assert adjust([1.0, 1.0], method) == (1.0, 1.0)


@pytest.mark.parametrize("method", CORRECTIONS)
def test_a_correction_is_always_applied(method):
    found = adjust([0.02, 0.6, 0.5, 0.7], method)
    assert found[0] > 0.06
    assert method in KEEPS


@pytest.mark.parametrize("method", CORRECTIONS)
def test_a_missing_p_value_is_refused_and_never_corrected_around(method):
    with pytest.raises(TrialError, match=r"p-value 2 of 3 is nan, so the family cannot be corrected.*from 0 to 1"):
        adjust([0.01, math.nan, 0.2], method)
    with pytest.raises(TrialError, match="p-value 1 of 1 is nan"):
        CORRECTIONS[method]([math.nan])
    with pytest.raises(TrialError, match=r"p-value 1 of 2 is 1\.2"):
        adjust([1.2, 0.1], method)
    with pytest.raises(TrialError, match=r"shape \(1, 2\)"):
        adjust([[0.1, 0.2]], method)


def test_an_unknown_name_gets_its_nearest_match():
    with pytest.raises(TrialError, match=r"'hochburg' is unknown.*two_stage_bky\. Did you mean 'hochberg'"):
        adjust([0.1], "hochburg")
    with pytest.raises(TrialError, match="alpha is 5"):
        adjust([0.1], "two_stage_bh", alpha=5)


@pytest.mark.parametrize("method", CORRECTIONS)
def test_order_and_ties(method):
    p = np.array([0.04, 0.001, 0.04, 0.3, 0.001, 0.02])
    found = np.array(adjust(p, method))
    shuffle = np.array([3, 5, 0, 1, 4, 2])
    assert np.array_equal(np.array(adjust(p[shuffle], method)), found[shuffle])
    assert found[0] == found[2]
    assert found[1] == found[4]
    assert bool((np.diff(found[np.argsort(p, kind="stable")]) >= 0).all())


@given(P_VALUES)
def test_who_rejects_more(p_values):
    found = {name: np.array(adjust(p_values, name)) for name in FAST}
    slack = 1 + 1e-12
    for stricter, looser in [
        ("bonferroni", "holm"),
        ("holm", "hochberg"),
        ("sidak", "holm_sidak"),
        ("bonferroni", "sidak"),
        ("holm", "holm_sidak"),
        ("hochberg", "hochberg_sidak"),
        ("hochberg", "benjamini_hochberg"),
        ("benjamini_yekutieli", "benjamini_hochberg"),
    ]:
        assert bool((found[looser] <= found[stricter] * slack).all()), (stricter, looser)
    for name in FAST:
        assert bool((found[name] * slack >= np.array(p_values)).all()), name


@settings(max_examples=15, deadline=None)
@given(P_VALUES)
def test_hommel_lies_between_hochberg_and_the_raw_p_value(p_values):
    found = np.array(adjust(p_values, "hommel"))
    assert bool((found <= np.array(adjust(p_values, "hochberg")) * (1 + 1e-12)).all())
    assert bool((found * (1 + 1e-12) >= np.array(p_values)).all())
