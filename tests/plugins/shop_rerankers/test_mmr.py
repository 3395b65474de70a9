"""MMR by hand, and against the definition written down as a loop."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from framework.errors import ConfigError, DataError
from framework.records import Slates
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries, tiny_slates
from shop_rerankers.mmr import Mmr, MmrConfig
from tests.plugins.shop_rerankers.small_shop import TEXTS, queries, shop, slate


def fitted(data, folder, **params):
    mmr = Mmr(MmrConfig(**params))
    mmr.fit(data, tiny_context(folder))
    return mmr


def by_definition(relevance, alike, trade_off, k):
    """Choose candidates one by one, in plain loops."""
    chosen, left = [], list(range(len(relevance)))
    while left and len(chosen) < k:
        value = [
            trade_off * relevance[i] - (1 - trade_off) * max((alike[i][j] for j in chosen), default=0.0) for i in left
        ]
        chosen.append(left.pop(int(np.argmax(value))))
    return chosen


def test_by_hand(tmp_path):
    # Relevance 1, 0.9, 0.8, 0.5, 0: after book 0, 0.5 * 0.9 - 0.5 < 0.5 * 0.5 - 0, so game 3 is second; then every
    # other is one more of a category but the garden hose: 0 beats 0.45 - 0.5.
    found = fitted(shop(), tmp_path, trade_off=0.5).rerank(queries([0]), slate([0, 1, 2, 3, 5], [10, 9, 8, 5, 0]), 5)
    assert found.items.tolist() == [[0, 3, 5, 1, 2]]
    np.testing.assert_allclose(found.scores[0], [0.5, 0.25, 0.0, -0.05, -0.1], atol=1e-7)


@pytest.mark.parametrize("similarity", ["category", "text", "co_purchase"])
@pytest.mark.parametrize("trade_off", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("relevance", ["score", "rank"])
def test_as_the_paper_defines_it(tmp_path, similarity, trade_off, relevance):
    data = tiny_dataset()
    asked = tiny_queries(data)
    slates = tiny_slates(data, asked, k=8)
    bought = data.matrix(("purchase",), binary=True).toarray().astype(float)
    if similarity == "category":
        alike = (data.item_table.category[:, None] == data.item_table.category).astype(float)
    else:
        vectors = (
            bought.T if similarity == "co_purchase" else TfidfVectorizer().fit_transform(data.item_table.text).toarray()
        )
        norms = np.linalg.norm(vectors, axis=1)
        alike = vectors @ vectors.T / np.maximum(np.outer(norms, norms), 1e-12)
    mmr = fitted(data, tmp_path, similarity=similarity, trade_off=trade_off, relevance=relevance)
    found = mmr.rerank(asked, slates, 5)
    for row, (items, scores) in enumerate(zip(slates.items, slates.scores.astype(float), strict=True)):
        scaled = (scores - scores.min()) / (scores.max() - scores.min())
        if relevance == "rank":
            scaled = 1 - np.arange(8) / 7
        expected = items[by_definition(scaled, np.round(alike, 12)[np.ix_(items, items)], trade_off, 5)]
        assert found.items[row].tolist() == expected.tolist()


def test_trade_off_one_leaves_the_order(tmp_path):
    found = fitted(shop(), tmp_path, trade_off=1.0).rerank(queries([0]), slate([2, 1, 0, 6], [3, 2, 1, 0]), 4)
    assert found.items.tolist() == [[2, 1, 0, 6]]


def test_items_of_which_nothing_is_known_are_like_none(tmp_path):
    for similarity in ("category", "text"):
        mmr = fitted(shop(), tmp_path, similarity=similarity, trade_off=0.0)
        assert mmr.rerank(queries([0]), slate([0, 1, 2, 6], [4, 3, 2, 1]), 2).items.tolist() == [[0, 6]]


def test_equal_scores_are_equally_relevant(tmp_path):
    found = fitted(shop(), tmp_path).rerank(queries([0]), slate([0, 1, 3], [1, 1, 1]), 3)
    assert found.items.tolist() == [[0, 3, 1]]


def test_a_log_that_does_not_say_it_is_refused(tmp_path):
    data = shop()
    object.__setattr__(data.item_table, "text", ("",) * len(TEXTS))
    object.__setattr__(data.item_table, "category", np.full(7, -1, dtype=np.int32))
    for similarity, what in (("text", "texts"), ("category", "categories")):
        with pytest.raises(DataError, match=f"by their {what}.*the log has none"):
            fitted(data, tmp_path, similarity=similarity)


def test_trade_off_is_a_share():
    with pytest.raises(ConfigError, match=r"trade_off is 1\.2"):
        MmrConfig(trade_off=1.2)


def test_slates_without_candidates_stay_empty(tmp_path):
    none = Slates(np.full((1, 3), -1, dtype=np.int32), np.full((1, 3), -np.inf, dtype=np.float32), np.array([True]))
    assert fitted(shop(), tmp_path).rerank(queries([0]), none, 3).items.tolist() == [[-1, -1, -1]]
