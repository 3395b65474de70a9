"""Max-T by sign flips: exact answers, outside tools within their Monte-Carlo error, and what may not change it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import holm
from framework.stats.multiplicity.maxt import differences_of, max_t, pairs_of, randomised_tukey

STEP_TEXT = {"down": "step-down", "single": "single-step"}


def rng():
    return np.random.default_rng(7)


def by_hand(rows, step):
    """Westfall and Young's algorithm, word for word, over all sign patterns: t tests by scipy, one at a time."""
    n, m = rows.shape
    observed = np.abs(stats.ttest_1samp(rows, 0).statistic)
    order = np.argsort(-observed)
    counts = np.zeros(m)
    for signs in itertools.product([1, -1], repeat=n):
        t = np.abs(stats.ttest_1samp(rows * np.array(signs)[:, None], 0).statistic)
        for place, j in enumerate(order):
            rivals = t[order[place:]] if step == "down" else t
            counts[j] += rivals.max() >= observed[j] * (1 - 1e-9)
    p = counts / 2**n
    for before, j in itertools.pairwise(order):
        p[j] = max(p[j], p[before])
    return p


@pytest.mark.parametrize("step", ["down", "single"])
def test_all_sign_flips_of_a_small_sample_by_hand(step):
    rows = rng().normal([0.9, 0.4, 0.0], 1.0, (7, 3)) + rng().normal(0, 1, (7, 1))
    found = max_t(rows, rng=rng(), step=step)
    assert found.exact
    assert found.draws == 128
    assert found.p_adjusted == pytest.approx(by_hand(rows, step), abs=1e-12)
    assert found.statistics == pytest.approx(stats.ttest_1samp(rows, 0).statistic, rel=1e-9)
    assert found.differences == pytest.approx(rows.mean(axis=0))
    assert found.correction == f"max-T {STEP_TEXT[step]} over 3 comparisons, all 128 sign flips of 7 units"


def test_raw_p_is_scipys_exact_permutation_test():
    rows = rng().normal(0.5, 1, (9, 1))
    known = stats.permutation_test(
        (rows[:, 0],), lambda x, axis: np.abs(x.mean(axis=axis)), permutation_type="samples", alternative="greater"
    )
    assert max_t(rows, rng=rng()).p_values[0] == pytest.approx(known.pvalue, abs=1e-12)


def scores(reference):
    table = reference("paired_ndcg.csv")
    names = reference("paired.json")["systems"]
    return np.column_stack([table[name].astype(float) for name in names])


@pytest.mark.reference
def test_p_signflip_mc(reference):
    known = np.array([pair["p_signflip_mc"] for pair in reference("paired.json")["pairs"]])
    found = max_t(differences_of(scores(reference)), rng=rng(), draws=20_000)
    error = np.sqrt(known * (1 - known) * 2 / 20_000) + 1 / 20_000
    assert bool((np.abs(found.p_values - known) <= 4 * error).all())
    assert found.differences == pytest.approx([pair["diff"] for pair in reference("paired.json")["pairs"]])
    assert found.statistics == pytest.approx([pair["t"] for pair in reference("paired.json")["pairs"]], rel=1e-9)


@pytest.mark.reference
def test_p_max_t_randomised_paired(reference):
    """Printed with 5,000 shuffles of systems within users; ours with 10,000."""
    known = np.array([pair["p_maxT_randomised_paired"] for pair in reference("paired.json")["pairs"]])
    found = randomised_tukey(scores(reference), rng=rng(), draws=10_000)
    error = np.sqrt(known * (1 - known) * (1 / 5_000 + 1 / 10_000)) + 1 / 5_000
    assert bool((np.abs(found.p_adjusted - known) <= 4 * error).all())
    assert found.correction == "randomised Tukey over 10 pairs, 10,000 shuffles of 5 systems in 300 units"


def test_correlated_comparisons_cost_less_than_holm():
    common = stats.norm.ppf((np.arange(80)[:, None] + 0.5) / 80) + 0.3
    rows = common + rng().normal(0, 0.1, (80, 8))
    found = max_t(rows, rng=rng(), draws=4_999)
    by_holm = holm(stats.ttest_1samp(rows, 0).pvalue)
    assert max(found.p_adjusted) < 0.5 * max(by_holm)
    assert bool((np.array(found.p_adjusted) >= found.p_values).all())
    single = max_t(rows, rng=rng(), draws=4_999, step="single")
    assert bool((np.array(single.p_adjusted) >= found.p_adjusted).all())


def test_copies_of_one_comparison_cost_nothing():
    rows = rng().normal(0.3, 1, (40, 1))
    found = max_t(np.repeat(rows, 5, axis=1) * [1, -1, 1000, 0.001, 1], rng=rng(), draws=999)
    assert set(found.p_adjusted) == set(found.p_values)
    assert len(set(found.p_values)) == 1


def test_the_unit_and_the_order_of_metrics_change_nothing():
    rows = rng().normal(0.2, 1, (50, 3))
    plain = max_t(rows, rng=rng(), draws=499)
    assert max_t(rows * [1000, 1, 0.01], rng=rng(), draws=499).p_adjusted == plain.p_adjusted
    turned = max_t(rows[:, [2, 0, 1]], rng=rng(), draws=499)
    assert turned.p_adjusted == tuple(plain.p_adjusted[i] for i in (2, 0, 1))
    table = rng().normal(0, 1, (30, 3))
    assert randomised_tukey(table * 1000, rng=rng(), draws=199).p_adjusted == pytest.approx(
        randomised_tukey(table, rng=rng(), draws=199).p_adjusted
    )


def test_never_zero_and_never_a_surprise_without_spread():
    rows = np.column_stack([np.ones(60), np.zeros(60), rng().normal(0, 1, 60)])
    found = max_t(rows, rng=rng(), draws=199)
    assert found.p_values[0] == found.p_adjusted[0] == 1 / 200
    assert found.p_values[1] == found.p_adjusted[1] == 1
    assert found.statistics[1] == 0
    assert abs(found.statistics[0]) > 1e6
    certain = randomised_tukey(np.tile([0.0, 1.0, 2.0], (60, 1)), rng=rng(), draws=199)
    assert certain.p_adjusted[1] == 1 / 200


def test_clusters_flip_together():
    """Copies of units within clusters bring nothing: the p-values are those of one unit a cluster."""
    base = rng().normal(0.4, 1, (8, 2))
    labels = np.repeat(np.array(list("hgfedcba")), 5)
    together = max_t(np.repeat(base, 5, axis=0), rng=rng(), clusters=labels)
    alone = max_t(base, rng=rng())
    assert together.p_adjusted == alone.p_adjusted
    assert together.draws == 256
    assert "256 sign flips of 8 clusters" in together.correction
    assert together.differences == pytest.approx(alone.differences)
    apart = max_t(np.repeat(base, 5, axis=0), rng=rng())
    assert min(apart.p_adjusted) < min(together.p_adjusted)


def test_same_seed_same_numbers_in_one_block_or_many(monkeypatch):
    rows = rng().normal(0.1, 1, (40, 4))
    assert max_t(rows, rng=rng(), draws=300) == max_t(rows, rng=rng(), draws=300)
    monkeypatch.setattr("framework.stats.multiplicity.maxt.BLOCK", 40 * 7)
    found = max_t(rows, rng=rng(), draws=300)
    assert found.draws == 300
    assert bool((np.array(found.p_values) * 301 >= 1).all())
    assert randomised_tukey(rows, rng=rng(), draws=50).draws == 50


def test_pairs_and_differences():
    table = np.array([[1.0, 2.0, 4.0], [1.0, 1.0, 1.0]])
    assert pairs_of(3) == ((0, 1), (0, 2), (1, 2))
    assert differences_of(table)[0].tolist() == [1, 3, 2]
    assert differences_of(table, control=1)[0].tolist() == [-1, 2]


def test_what_is_refused():
    rows = np.ones((4, 2))
    with pytest.raises(TrialError, match="1 of 8 differences are missing"):
        max_t(np.where(np.arange(8).reshape(4, 2) == 3, math.nan, rows), rng=rng())
    with pytest.raises(TrialError, match="'up' is unknown"):
        max_t(rows, rng=rng(), step="up")
    with pytest.raises(TrialError, match=r"shape \(4,\)"):
        max_t(rows[:, 0], rng=rng())
    with pytest.raises(TrialError, match="draws is 0"):
        max_t(rows, rng=rng(), draws=0)
    with pytest.raises(TrialError, match="all units are in one cluster"):
        max_t(rows, rng=rng(), clusters=[1, 1, 1, 1])
    with pytest.raises(TrialError, match=r"shape \(3,\) for 4 units"):
        max_t(rows, rng=rng(), clusters=[1, 2, 3])
    with pytest.raises(TrialError, match="make no pair"):
        randomised_tukey(rows[:, :1], rng=rng())
    with pytest.raises(TrialError, match="control is column 2"):
        differences_of(rows, control=2)
