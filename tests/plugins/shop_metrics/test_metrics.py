import dataclasses
import math

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, precision_score, recall_score

from framework.errors import ConfigError, TrialError
from framework.testing import tiny_outcomes
from shop_metrics.average_order_value import AverageOrderValue
from shop_metrics.capped_recall import CappedRecall
from shop_metrics.catalogue_coverage import CatalogueCoverage
from shop_metrics.conversion import Conversion
from shop_metrics.gini import Gini
from shop_metrics.hit_rate import HitRate
from shop_metrics.mrr import Mrr
from shop_metrics.ndcg import Ndcg
from shop_metrics.novelty import Novelty
from shop_metrics.orders_per_user import OrdersPerUser
from shop_metrics.precision import Precision
from shop_metrics.recall import Recall
from shop_metrics.revenue_per_user import RevenuePerUser

AT_K = [Recall, Precision, Ndcg, Mrr, HitRate, Novelty, CatalogueCoverage, Gini]
NEED_RELEVANT = [Recall, Precision, Ndcg, Mrr, HitRate]


def make(metric, **params):
    return metric(metric.Config(**params))


def read(metric, outcomes):
    return metric.measure(outcomes) if hasattr(metric, "measure") else metric.summarise(outcomes)


def by_hand(**changes):
    """Two users, three positions, a catalogue of four."""
    arrays = {
        "units": np.array(["a", "b"]),
        "segment": np.zeros(2, dtype=np.int32),
        "fallback": np.zeros(2, dtype=bool),
        "items": np.array([[0, 1, 2], [0, 3, -1]], dtype=np.int32),
        "bought": np.array([[False, True, True], [False, False, False]]),
        "amount": np.array([[0, 250, 1000], [0, 0, 0]]),
        "orders": np.array([2, 0], dtype=np.int32),
        "relevant": np.array([4, 1], dtype=np.int32),
        "popularity": np.array([4, 2, 1, 0]),
    }
    return dataclasses.replace(tiny_outcomes(), **(arrays | changes))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Recall, [2 / 4, 0]),
        (Precision, [2 / 3, 0]),
        (Ndcg, [(1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2), 0]),
        (Mrr, [1 / 2, 0]),
        (HitRate, [1, 0]),
        # Shares of 8 buyers, the never bought item counting one: 4/8, 2/8, 1/8 for one user, 4/8, 1/8 for the other.
        (Novelty, [(1 + 2 + 3) / 3, (1 + 3) / 2]),
    ],
)
def test_values_by_hand(metric, expected):
    np.testing.assert_allclose(make(metric, k=3).measure(by_hand()).numerator, expected)


def test_summaries_by_hand():
    # Exposures 2, 1, 1, 1: mean absolute difference over twice the mean is 0.15.
    assert make(Gini, k=3).summarise(by_hand()) == pytest.approx(0.15)
    assert make(CatalogueCoverage, k=3).summarise(by_hand()) == 1.0
    assert make(CatalogueCoverage, k=1).summarise(by_hand()) == 0.25
    assert make(Gini, k=1).summarise(by_hand()) == pytest.approx(0.75)


def test_business_metrics_by_hand():
    outcomes = by_hand()
    conversion = make(Conversion).measure(outcomes)
    assert (conversion.kind, conversion.numerator.tolist()) == ("proportion", [1, 0])
    assert make(OrdersPerUser).measure(outcomes).numerator.tolist() == [2, 0]
    assert make(RevenuePerUser).measure(outcomes).numerator.tolist() == [1250, 0]
    value = make(AverageOrderValue).measure(outcomes)
    assert value.kind == "ratio"
    assert value.numerator.sum() / value.denominator.sum() == 625


def full_lists(seed):
    """Outcomes that rank the whole catalogue, so that everything bought was shown, and what scikit-learn wants."""
    outcomes = tiny_outcomes(seed=seed, units=60, positions=25)
    items, bought = outcomes.items[2:], outcomes.bought[2:]
    rows = bought.any(axis=1)
    items, bought = items[rows], bought[rows]
    n = len(items)
    truth, score = np.zeros((n, 25)), np.zeros((n, 25))
    np.put_along_axis(truth, items, bought.astype(float), axis=1)
    np.put_along_axis(score, items, np.tile(np.arange(25, 0, -1.0), (n, 1)), axis=1)
    changes = {name: getattr(outcomes, name)[2:][rows] for name in ("units", "segment", "amount", "orders", "fallback")}
    relevant = bought.sum(axis=1).astype(np.int32)
    return dataclasses.replace(outcomes, items=items, bought=bought, relevant=relevant, **changes), truth, score


@pytest.mark.reference
@pytest.mark.parametrize("k", [1, 3, 10, 25])
@pytest.mark.parametrize("seed", [0, 1])
def test_ranking_metrics_equal_scikit_learn(k, seed):
    outcomes, truth, score = full_lists(seed)
    shown = score > 25 - k
    ours = {metric: make(metric, k=k).measure(outcomes).numerator for metric in (Ndcg, Recall, Precision)}
    assert ours[Ndcg].mean() == pytest.approx(ndcg_score(truth, score, k=k), abs=1e-12)
    assert ours[Recall].mean() == pytest.approx(recall_score(truth, shown, average="samples"), abs=1e-12)
    assert ours[Precision].mean() == pytest.approx(precision_score(truth, shown, average="samples"), abs=1e-12)


@pytest.mark.reference
def test_mrr_equals_scikit_learn_where_one_item_is_relevant():
    outcomes, truth, score = full_lists(3)
    first = outcomes.bought.argmax(axis=1)
    one = np.zeros_like(outcomes.bought)
    one[np.arange(len(one)), first] = True
    truth = np.zeros_like(truth)
    np.put_along_axis(truth, outcomes.items, one.astype(float), axis=1)
    outcomes = dataclasses.replace(outcomes, bought=one, relevant=np.ones(len(one), dtype=np.int32))
    expected = label_ranking_average_precision_score(truth, score)
    assert make(Mrr, k=25).measure(outcomes).numerator.mean() == pytest.approx(expected, abs=1e-12)


def test_gini_is_half_the_relative_mean_difference():
    outcomes = tiny_outcomes(seed=5)
    shown = outcomes.items[:, :10]
    exposure = np.bincount(shown[shown >= 0], minlength=25)
    difference = np.abs(exposure[:, None] - exposure[None, :]).mean() / (2 * exposure.mean())
    assert make(Gini).summarise(outcomes) == pytest.approx(difference)


def test_capped_recall_divides_by_what_k_positions_can_hold():
    outcomes, truth, score = full_lists(7)
    wanted, found = truth.sum(axis=1), (truth * (score > 20)).sum(axis=1)
    expected = found / np.minimum(wanted, 5)
    np.testing.assert_allclose(make(CappedRecall, k=5).measure(outcomes).numerator, expected, atol=1e-12)
    assert (wanted > 5).any()
    assert (wanted < 5).any()


def test_a_perfect_list_scores_one_also_with_more_purchases_than_positions():
    bought = np.ones((2, 3), dtype=bool)
    items = np.array([[0, 1, 2], [1, 2, 3]], dtype=np.int32)
    outcomes = by_hand(items=items, bought=bought, relevant=np.array([9, 3], dtype=np.int32))
    assert make(Ndcg, k=3).measure(outcomes).numerator.tolist() == [1, 1]
    assert make(Recall, k=3).measure(outcomes).numerator.tolist() == [3 / 9, 1]


def test_nothing_bought_at_all_is_zero():
    outcomes = by_hand(bought=np.zeros((2, 3), dtype=bool), relevant=np.zeros(2, dtype=np.int32))
    for metric in NEED_RELEVANT:
        assert make(metric, k=3).measure(outcomes).numerator.tolist() == [0, 0]


def test_nothing_shown_is_zero():
    nothing = by_hand(items=np.full((2, 3), -1, dtype=np.int32))
    assert make(Gini, k=3).summarise(nothing) == 0
    assert make(CatalogueCoverage, k=3).summarise(nothing) == 0
    assert make(Novelty, k=3).measure(nothing).numerator.tolist() == [0, 0]


@pytest.mark.parametrize("metric", AT_K)
def test_k_beyond_the_shown_positions_is_refused(metric):
    with pytest.raises(TrialError, match=r"looks at 11 positions, but the holdout trial shows 10.*k from 1 to 10"):
        read(make(metric, k=11), tiny_outcomes())


@pytest.mark.parametrize("metric", AT_K)
@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_k_must_be_a_positive_whole_number(metric, k):
    with pytest.raises(ConfigError, match="a whole number from 1"):
        make(metric, k=k)


@pytest.mark.parametrize("metric", NEED_RELEVANT)
def test_simulated_evidence_does_not_know_all_purchases(metric):
    with pytest.raises(TrialError, match="simulated evidence knows only of the items shown"):
        make(metric).measure(tiny_outcomes("simulated"))


def test_labels_carry_k():
    assert [make(metric, k=5).label for metric in AT_K] == [
        "recall@5",
        "precision@5",
        "ndcg@5",
        "mrr@5",
        "hit_rate@5",
        "novelty@5",
        "catalogue_coverage@5",
        "gini@5",
    ]
