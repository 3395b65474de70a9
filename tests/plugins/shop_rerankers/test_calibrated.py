"""Calibration by hand, and against the objective summed in plain loops."""

import math

import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries, tiny_slates
from shop_rerankers.calibrated import Calibrated, CalibratedConfig
from tests.plugins.shop_rerankers.small_shop import queries, shop, slate

ALL = slate([0, 1, 2, 3, 4, 5, 6], [7, 6, 5, 4, 3, 2, 1])


def fitted(data, folder, **params):
    made = Calibrated(CalibratedConfig(**params))
    made.fit(data, tiny_context(folder))
    return made


def by_definition(relevance, category, mix, weight, smoothing, k):
    """Choose candidates one by one by relevance and Kullback-Leibler divergence, as the paper writes them."""

    def divergence(chosen):
        total = 0.0
        for g, p in enumerate(mix):
            shown = (1 - smoothing) * sum(category[i] == g for i in chosen) / len(chosen) + smoothing * p
            total += p * math.log(p / shown) if p > 0 else 0.0
        return total

    chosen, left = [], list(range(len(relevance)))
    while len(chosen) < k:
        value = [(1 - weight) * relevance[i] - weight * divergence([*chosen, i]) for i in left]
        best = max(range(len(left)), key=lambda place: (round(value[place], 9), -place))
        chosen.append(left.pop(best))
    return chosen


def test_the_whole_weight_meets_the_mix_of_the_user(tmp_path):
    # User 0 took three books and a game, user 1 two games and a book.
    made = fitted(shop(), tmp_path, weight=1.0)
    four = made.rerank(queries([0, 1]), slate([0, 1, 2, 3, 4, 5, 6], [7, 6, 5, 4, 3, 2, 1], 2), 4)
    assert sorted(four.items[0].tolist()) == [0, 1, 2, 3]
    three = made.rerank(queries([1]), ALL, 3)
    assert sorted(three.items[0].tolist()) == [0, 3, 4]


def test_a_history_at_call_time_is_the_mix(tmp_path):
    made = fitted(shop(), tmp_path, weight=1.0)
    found = made.rerank(
        queries([0, -1], history=[[-1, 3, 4], [-1, -1, 5]]), slate(ALL.items[0].tolist(), [7, 6, 5, 4, 3, 2, 1], 2), 2
    )
    assert found.items.tolist() == [[3, 4], [5, 0]]


def test_those_without_a_history_get_the_mix_of_their_segment_then_of_all(tmp_path):
    alone = slate(ALL.items[0].tolist(), [7, 6, 5, 4, 3, 2, 1], 4)
    # Segment a holds user 0, b user 1 and user 2, who took nothing. Strangers: in b by the query; of no segment.
    made = fitted(shop((0, 1, 1)), tmp_path, weight=1.0)
    found = made.rerank(queries([0, 2, -1, -1], segments=[0, -1, 1, 2]), alone, 3)
    mixes = [sorted(row) for row in found.items.tolist()]
    assert mixes[1] == mixes[2] == [0, 3, 4]
    everybody = [4 / 7, 3 / 7, 0]
    category = [0, 0, 0, 1, 1, 2, -1]
    assert found.items[3].tolist() == by_definition([1] * 7, category, everybody, 1.0, 0.01, 3)


def test_to_segment_is_the_mix_of_all_in_it(tmp_path):
    made = fitted(shop((0, 0, 1)), tmp_path, weight=1.0, to="segment")
    found = made.rerank(queries([0, 1], segments=[0, 0]), slate(ALL.items[0].tolist(), [7, 6, 5, 4, 3, 2, 1], 2), 5)
    expected = by_definition([1] * 7, [0, 0, 0, 1, 1, 2, -1], [4 / 7, 3 / 7, 0], 1.0, 0.01, 5)
    assert found.items.tolist() == [expected, expected]


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("smoothing", [0.01, 0.3])
def test_as_the_paper_defines_it(tmp_path, weight, smoothing):
    data = tiny_dataset()
    asked = tiny_queries(data)
    slates = tiny_slates(data, asked, k=9)
    found = fitted(data, tmp_path, weight=weight, smoothing=smoothing).rerank(asked, slates, 6)
    events = data.events.of_kind("purchase")
    for row in range(len(data.users)):
        own = data.item_table.category[events.item[events.user == row]]
        if not len(own):
            continue
        mix = np.bincount(own, minlength=3) / len(own)
        scores = slates.scores[row].astype(float)
        scaled = (scores - scores.min()) / (scores.max() - scores.min())
        category = data.item_table.category[slates.items[row]]
        expected = by_definition(scaled, category, mix, weight, smoothing, 6)
        assert found.items[row].tolist() == slates.items[row][expected].tolist()


def test_segments_need_a_model(tmp_path):
    with pytest.raises(ConfigError, match="no model has put the users into segments"):
        fitted(shop(), tmp_path, to="segment")


def test_a_log_without_categories_is_refused(tmp_path):
    data = shop()
    object.__setattr__(data.item_table, "category", np.full(7, -1, dtype=np.int32))
    with pytest.raises(DataError, match="the categories of what users took, and the log has none"):
        fitted(data, tmp_path)


def test_kinds_that_the_log_lacks_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="view, which the log lacks"):
        fitted(shop(), tmp_path, kinds=["view"])


@pytest.mark.parametrize(
    ("params", "message"), [({"weight": -0.1}, "weight is -0.1"), ({"smoothing": 0.0}, "smoothing is 0")]
)
def test_shares_are_shares(params, message):
    with pytest.raises(ConfigError, match=message):
        CalibratedConfig(**params)
