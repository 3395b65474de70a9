"""Gatekeeping down trees and selective inference over families, against the procedures done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import benjamini_hochberg, holm
from framework.stats.multiplicity.hierarchical import gatekeeping, selective, serial
from framework.stats.multiplicity.shares import graph, weighted_holm

P = st.floats(1e-6, 1)


def test_serial_opens_a_family_only_behind_the_one_before():
    primary, secondary, third = serial([[0.01, 0.02], [0.001, 0.3], [0.0001]])
    assert primary.p_adjusted == pytest.approx((0.02, 0.02))
    assert secondary.p_adjusted == pytest.approx((0.02, 0.3))
    assert third.p_adjusted == pytest.approx((0.3,))
    assert primary.correction == "holm over 2 tests"
    assert secondary.correction == "holm over 2 tests, only where all tests of the family before were rejected"
    assert third.correction == "holm over 1 test, only where all tests of the 2 families before were rejected"
    assert serial([]) == ()
    assert serial([[], [0.2]])[1].p_adjusted == (0.2,)


@given(st.lists(P, min_size=1, max_size=5))
def test_serial_families_of_one_are_a_fixed_sequence(p_values):
    found = [family.p_adjusted[0] for family in serial([[p] for p in p_values])]
    assert found == pytest.approx(np.maximum.accumulate(p_values), rel=1e-12)


def test_a_false_discovery_rate_opens_no_gate():
    with pytest.raises(TrialError, match=r"opens no gate.*Use `selective`"):
        serial([[0.1]], "benjamini_hochberg")
    with pytest.raises(TrialError, match="Did you mean 'hommel'"):
        serial([[0.1]], "hommell")


def test_a_tree_by_hand():
    """Two arms at half of alpha each; below the first two metrics; below its first metric two segments."""
    found = gatekeeping([0.01, 0.02, 0.001, 0.2, 0.004, 0.002], [None, None, 0, 0, 2, 2])
    assert found.shares == pytest.approx((1 / 2, 1 / 2, 1 / 4, 1 / 4, 1 / 8, 1 / 8))
    # Segments: Holm gives 0.004 for both, over their metric's quarter 0.016, which is below the parent's 0.02.
    assert found.p_adjusted == pytest.approx((0.02, 0.04, 0.02, 0.8, 0.02, 0.02))
    assert found.correction == (
        "gatekeeping over 6 tests: 2 at the top, 4 below in 2 families, each only where its parent was rejected; "
        "equal shares of alpha, family-wise error of the whole tree"
    )


@given(st.lists(P, min_size=7, max_size=7))
def test_the_tree_is_a_graph_that_hands_each_share_down(p_values):
    """Metrics 0 and 1 with segments 2 to 4 and 5, 6: Bretz' graph, Holm's transitions within the leaves."""
    parents = [None, None, 0, 0, 0, 1, 1]
    hand_on = np.zeros((7, 7))
    for family, parent in (([2, 3, 4], 0), ([5, 6], 1)):
        hand_on[parent, family] = 1 / len(family)
        for i in family:
            hand_on[i, [j for j in family if j != i]] = 1 / (len(family) - 1)
    known = graph(p_values, [0.5, 0.5, 0, 0, 0, 0, 0], hand_on)
    assert gatekeeping(p_values, parents).p_adjusted == pytest.approx(known, rel=1e-9)


@given(st.lists(P, min_size=1, max_size=6))
def test_one_family_at_the_top_is_holm_and_a_chain_a_fixed_sequence(p_values):
    m = len(p_values)
    assert gatekeeping(p_values, [None] * m).p_adjusted == pytest.approx(holm(p_values), rel=1e-12)
    chain = gatekeeping(p_values, [None, *range(m - 1)])
    assert chain.p_adjusted == pytest.approx(np.maximum.accumulate(p_values), rel=1e-12)
    shares = np.arange(1, m + 1) / (m * (m + 1) / 2)
    assert gatekeeping(p_values, [None] * m, shares.tolist()).p_adjusted == pytest.approx(
        weighted_holm(p_values, shares.tolist()), rel=1e-12
    )


def test_trees_that_are_none_are_refused():
    with pytest.raises(TrialError, match="hypotheses 1, 2 hang in a circle"):
        gatekeeping([0.1, 0.1, 0.1], [None, 2, 1])
    with pytest.raises(TrialError, match="hypothesis 1 has parent 7"):
        gatekeeping([0.1, 0.1], [None, 7])
    with pytest.raises(TrialError, match="2 p-values but 1 parents"):
        gatekeeping([0.1, 0.1], [None])
    with pytest.raises(TrialError, match=r"shares below hypothesis 0 are \[0\.5, 0\.6\]"):
        gatekeeping([0.1, 0.1, 0.1], [None, 0, 0], [1, 0.5, 0.6])
    with pytest.raises(TrialError, match="p-value 2 of 2 is nan"):
        gatekeeping([0.1, float("nan")], [None, 0])
    assert gatekeeping([], []).p_adjusted == ()


@given(st.lists(st.lists(P, min_size=1, max_size=4), min_size=1, max_size=5), st.sampled_from([0.05, 0.2, 0.5]))
def test_selective_discovers_what_the_procedure_discovers(families, level):
    """Benjamini and Bogomolov's steps: Simes a family, BH over them, BH inside at level x R / m."""
    found = selective(families, level)
    simes = [min(len(f) * p / rank for rank, p in enumerate(sorted(f), 1)) for f in families]
    assert found.family_p == pytest.approx(simes, rel=1e-12)
    chosen = np.array(benjamini_hochberg(np.minimum(simes, 1.0))) <= level
    assert found.selected == tuple(chosen)
    share = level * chosen.sum() / len(families)
    for family, is_chosen, adjusted in zip(families, chosen, found.p_adjusted, strict=True):
        for own, p in zip(benjamini_hochberg(family), adjusted, strict=True):
            if abs(own - share) > 1e-12:
                assert (p <= level) == (bool(is_chosen) and own <= share)
    # A selected family always holds a discovery: Simes' p is its smallest adjusted one, and BH gave R of m.
    assert all(not s or min(a) <= level * (1 + 1e-12) for s, a in zip(found.selected, found.p_adjusted, strict=True))


def test_selective_by_hand():
    found = selective([[0.001, 0.02, 0.5], [0.3, 0.4], [0.01, 0.9]])
    assert found.family_p == pytest.approx((0.003, 0.4, 0.02))
    assert found.selected == (True, False, True)
    assert found.p_adjusted[0] == pytest.approx((0.009, 0.03 * 3 / 2, 0.75))
    assert found.p_adjusted[1] == pytest.approx((0.6, 0.6))
    assert found.correction == "Benjamini-Bogomolov at 0.05: 2 of 3 families selected, 7 tests in all"
    assert selective([]).p_adjusted == ()
    with pytest.raises(TrialError, match="family 2 of 2 is empty"):
        selective([[0.1], []])
    with pytest.raises(TrialError, match="level is 5"):
        selective([[0.1]], 5)
