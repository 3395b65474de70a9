"""The three popularity recommenders against counts by hand and by plain loops."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from framework.data.ranking import top_k
from framework.data.tables import MICROSECONDS_PER_DAY
from framework.errors import ConfigError, DataError
from framework.testing import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.popularity.popular import Popular, PopularConfig
from shop_recommenders.popularity.recent_popular import RecentPopular, RecentPopularConfig
from shop_recommenders.popularity.segment_popular import SegmentPopular, SegmentPopularConfig


def test_popular_counts_users_or_events(log_of, ask, context):
    # Item 2: one user three times. Item 1: two users. Item 0: one view only. Item 3: nothing.
    data = log_of([(0, 2), (0, 2), (0, 2), (0, 1), (1, 1), (2, 0, 1, "view")], users=3, items=4)
    by_users, by_events = Popular(PopularConfig()), Popular(PopularConfig(weights="counts"))
    by_users.fit(data, context)
    by_events.fit(data, context)
    first, second = by_users.recommend(ask([0, 2, -1]), 9), by_events.recommend(ask([0]), 2)
    assert first.items.tolist() == [[1, 2, 0, 3]] * 3
    assert first.scores[0].tolist() == [2, 1, 0, 0]
    assert first.fallback.tolist() == [False, True, True]
    assert second.items.tolist() == [[2, 1]]
    assert second.scores.tolist() == [[3, 2]]


def test_popular_equals_a_plain_count(context):
    data = tiny_dataset(3, users=80, items=30)
    model = Popular(PopularConfig())
    model.fit(data, context)
    slates = model.recommend(tiny_queries(data), 30)
    purchase = data.events.kinds.index("purchase")
    pairs = {
        (u, i) for u, i, k in zip(data.events.user, data.events.item, data.events.kind, strict=True) if k == purchase
    }
    counts = Counter(int(item) for _, item in pairs)
    expected = sorted(range(30), key=lambda item: (-counts[item], item))
    assert slates.items[0].tolist() == expected
    assert slates.scores[0].tolist() == [counts[item] for item in expected]


def test_recent_popular_looks_back_days_then_ever(log_of, ask, context):
    events = [(0, 0, 40), (1, 0, 40), (2, 0, 40), (0, 1, 5), (1, 2, 28), (2, 2, 40), (0, 3, 29), (3, 4, 90), (4, 4, 90)]
    data = log_of(events, users=5, items=6)
    model = RecentPopular(RecentPopularConfig(days=28.0))
    model.fit(data, context)
    # Lately: item 1 once, item 2 once (28 days ago is in); 2 drew two users ever, 1 one. Then by all time.
    assert model.recommend(ask([-1]), 6).items.tolist() == [[2, 1, 0, 4, 3, 5]]
    narrow = RecentPopular(RecentPopularConfig(days=27.9))
    narrow.fit(data, context)
    assert narrow.recommend(ask([-1]), 6).items.tolist() == [[1, 0, 2, 4, 3, 5]]


def test_recent_popular_over_all_days_is_popular(context):
    data = tiny_dataset(1)
    recent, ever = RecentPopular(RecentPopularConfig(days=10_000.0)), Popular(PopularConfig())
    for model in (recent, ever):
        model.fit(data, context)
    queries = tiny_queries(data)
    np.testing.assert_array_equal(recent.recommend(queries, 20).items, ever.recommend(queries, 20).items)


def test_segment_popular_shrinks_as_the_formula_says(context):
    data = tiny_dataset(2)
    model = SegmentPopular(SegmentPopularConfig(shrinkage=7.0))
    model.fit(data, context)
    slates = model.recommend(tiny_queries(data), 20)
    bought = data.matrix(binary=True).toarray()
    buyers = bought.sum(axis=1) > 0
    p = bought.sum(axis=0) / buyers.sum()
    for segment in (0, 1):
        members = buyers & (data.segments == segment)
        share = (bought[members].sum(axis=0) + 7.0 * p) / (members.sum() + 7.0)
        row = int(np.flatnonzero(members)[0])
        np.testing.assert_allclose(slates.scores[row], share[slates.items[row]], rtol=1e-6)
        np.testing.assert_allclose(slates.scores[row], np.sort(share)[::-1], rtol=1e-6)
    np.testing.assert_allclose(slates.scores[-1], np.sort(p)[::-1], rtol=1e-6)  # a stranger: the shop's own shares


def test_segment_popular_serves_each_segment_its_own(log_of, ask, context):
    events = [(user, 0) for user in range(4)] + [(user, 1) for user in range(4, 7)]
    data = log_of(events, users=8, items=3, segments=[0, 0, 0, 0, 1, 1, 1, 1], names=("a", "b"))
    model = SegmentPopular(SegmentPopularConfig(shrinkage=1.0))
    model.fit(data, context)
    slates = model.recommend(ask([0, 4, 7, -1]), 1)
    assert slates.items.reshape(-1).tolist() == [0, 1, 1, 0]
    assert slates.fallback.tolist() == [False, False, True, True]
    # The query's own segment decides, by its name; one that the model does not know says nothing.
    moved = model.recommend(ask([0, -1, 4], [1, 1, 0], ("other", "b")), 1)
    assert moved.items.reshape(-1).tolist() == [1, 1, 1]


def test_segment_popular_at_the_ends_of_shrinkage(log_of, ask, context):
    data = log_of([(0, 1), (1, 0), (2, 0)], users=3, items=2, segments=[0, 1, 1], names=("a", "b"))
    for shrinkage, first in ((0.0, 1), (1e9, 0)):
        model = SegmentPopular(SegmentPopularConfig(shrinkage=shrinkage))
        model.fit(data, context)
        assert model.recommend(ask([0]), 1).items.tolist() == [[first]]


def test_segment_popular_without_segments_says_what_to_add(log_of, context):
    with pytest.raises(ConfigError, match=r"model: \{name: rfm\}"):
        SegmentPopular(SegmentPopularConfig()).fit(log_of([(0, 0)], users=1, items=1), context)


def test_log_without_items_or_kinds(log_of, context):
    with pytest.raises(DataError, match="no items"):
        Popular(PopularConfig()).fit(log_of([], users=1, items=0), context)
    with pytest.raises(ConfigError, match="Allowed: view, purchase"):
        Popular(PopularConfig(kinds=["purchse"])).fit(log_of([(0, 0)], users=1, items=1), context)


@pytest.mark.parametrize("days", [0.0, -1.0, float("nan"), float("inf")])
def test_days_must_be_positive(days):
    with pytest.raises(ConfigError, match="above 0"):
        RecentPopularConfig(days=days)


def test_shrinkage_must_not_be_negative():
    with pytest.raises(ConfigError, match="from 0"):
        SegmentPopularConfig(shrinkage=-1.0)


@pytest.mark.parametrize("k", [1, 7, 40, 99])
def test_fixed_ranking_equals_top_k_on_equal_rows(k):
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 6, 40).astype(np.float32)
    barred = rng.random((700, 40)) < rng.random((700, 1)) ** 2
    barred[:3] = [[True], [False], [True]]
    exclude = csr_matrix(barred)
    exclude.data[::11] = False  # a stored zero marks nothing
    expected = top_k(np.tile(scores, (700, 1)), k, exclude)
    found = FixedRanking.by(scores).top_k(700, k, exclude)
    np.testing.assert_array_equal(found.items, expected.items)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(FixedRanking.by(scores).top_k(2, k).items, top_k(np.tile(scores, (2, 1)), k).items)


def test_recent_popular_counts_from_the_end_of_the_log(tmp_path: Path):
    data = tiny_dataset(4)
    model = RecentPopular(RecentPopularConfig(days=30.0))
    model.fit(data, tiny_context(tmp_path))
    bought = data.events.of_kind("purchase")
    ever, late = (bought.where(bought.time >= since) for since in (0, data.as_of - 30 * MICROSECONDS_PER_DAY))
    count = [[len(set(e.user[e.item == item].tolist())) for item in range(20)] for e in (late, ever)]
    expected = sorted(range(20), key=lambda item: (-count[0][item], -count[1][item], item))
    assert model.recommend(tiny_queries(data), 20).items[0].tolist() == expected
