"""Shares of alpha: against the procedures done by hand at many levels, and against each other as graphs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import bonferroni, holm
from framework.stats.multiplicity.shares import equal_shares, fallback, graph, weighted_bonferroni, weighted_holm

FAMILIES = st.lists(st.tuples(st.floats(1e-6, 1), st.floats(0.05, 1)), min_size=1, max_size=6)


def parts(family):
    p, weight = np.array(family).T
    return p.tolist(), (weight / weight.sum()).tolist()


def fallback_at(p, shares, alpha):
    """The procedure as Wiens states it: walk down, carry alpha on after a rejection."""
    rejected, carried = [], 0.0
    for value, share in zip(p, shares, strict=True):
        level = alpha * share + carried
        rejected.append(value <= level)
        carried = level if rejected[-1] else 0.0
    return rejected


def holm_at(p, shares, alpha):
    """Weighted Holm as stated: reject the smallest p / share at alpha over the shares that are left, or stop."""
    left, rejected = set(range(len(p))), [False] * len(p)
    while left:
        i = min(left, key=lambda k: p[k] / shares[k])
        if p[i] / shares[i] > alpha / sum(shares[k] for k in left):
            break
        rejected[i] = True
        left.remove(i)
    return rejected


@pytest.mark.parametrize(("adjusted", "at"), [(fallback, fallback_at), (weighted_holm, holm_at)])
@given(family=FAMILIES)
def test_adjusted_p_values_reject_what_the_procedure_rejects(adjusted, at, family):
    p, shares = parts(family)
    found = np.array(adjusted(p, shares))
    # Midway between the adjusted p-values every level gives one clear answer.
    edges = np.unique(np.concatenate([[0.0], found, [1.0]]))
    for alpha in (edges[1:] + edges[:-1]) / 2:
        if np.min(np.abs(found - alpha)) > 1e-9:
            assert at(p, shares, alpha) == (found <= alpha).tolist()


@given(FAMILIES)
def test_holm_and_fallback_are_graphs(family):
    p, shares = parts(family)
    m = len(p)
    chain = np.eye(m, k=1)
    assert graph(p, shares, chain) == pytest.approx(fallback(p, shares), rel=1e-9)
    if m > 1:
        to_others = np.array([[0 if i == j else shares[j] / (1 - shares[i]) for j in range(m)] for i in range(m)])
        assert graph(p, shares, to_others) == pytest.approx(weighted_holm(p, shares), rel=1e-9)


@given(FAMILIES)
def test_equal_shares_are_the_plain_corrections(family):
    p, _ = parts(family)
    shares = equal_shares(len(p))
    assert weighted_bonferroni(p, shares) == pytest.approx(bonferroni(p), rel=1e-12)
    assert weighted_holm(p, shares) == pytest.approx(holm(p), rel=1e-12)


def test_worked_examples_by_hand():
    assert weighted_bonferroni([0.01, 0.03], [0.8, 0.2]) == pytest.approx((0.0125, 0.15))
    assert weighted_holm([0.01, 0.03], [0.8, 0.2]) == pytest.approx((0.0125, 0.03))
    # Wiens and Dmitrienko: shares 1/3 each; the first fails, the second starts afresh and hands on to the third.
    assert fallback([0.2, 0.01, 0.025], equal_shares(3)) == pytest.approx((0.6, 0.03, 0.0375))
    # A fixed sequence: everything after the first that fails inherits its p.
    assert fallback([0.01, 0.2, 0.001], [1, 0, 0]) == pytest.approx((0.01, 0.2, 0.2))


def test_the_graph_of_two_primaries_and_two_secondaries():
    """Bretz et al. 2009, figure 7: each primary hands on to its secondary, which hands on to the other primary.

    At 0.025 with p 0.01, 0.005, 0.01, 0.5: primary 2 goes first (0.005 / 0.5 = 0.01) and secondary 2 gets its half
    but fails; primary 1 at half: 0.02; secondary 1 at half: 0.02.
    """
    hand_on = [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert graph([0.01, 0.005, 0.01, 0.5], [0.5, 0.5, 0, 0], hand_on) == pytest.approx((0.02, 0.01, 0.02, 0.5))


def test_a_share_of_nothing_is_never_rejected():
    assert weighted_bonferroni([0.0, 0.5], [0, 1])[0] == 1
    assert weighted_holm([0.0, 0.001], [0, 1]) == (1.0, 0.001)
    assert graph([0.0, 0.5], [0, 0.5], np.zeros((2, 2))) == (1.0, 1.0)
    for function in (weighted_bonferroni, weighted_holm, fallback):
        assert function([], []) == ()
    assert graph([], [], []) == ()


def test_what_is_refused():
    for function in (weighted_bonferroni, weighted_holm, fallback):
        with pytest.raises(TrialError, match=r"shares of alpha are 0\.5, 0\.6.*1 in all"):
            function([0.1, 0.2], [0.5, 0.6])
        with pytest.raises(TrialError, match=r"0\.5, 0\.4"):
            function([0.1, 0.2], [0.5, 0.4])
        with pytest.raises(TrialError, match=r"1\.5, -0\.5"):
            function([0.1, 0.2], [1.5, -0.5])
        with pytest.raises(TrialError, match="2 p-values but 1 shares"):
            function([0.1, 0.2], [1])
        with pytest.raises(TrialError, match="p-value 1 of 1 is nan"):
            function([float("nan")], [1])
    with pytest.raises(TrialError, match=r"transitions have shape \(1, 2\)"):
        graph([0.1, 0.2], [0.5, 0.5], [[0, 1]])
    with pytest.raises(TrialError, match="hand on what is not there"):
        graph([0.1, 0.2], [0.5, 0.5], [[0, 1.1], [0, 0]])
