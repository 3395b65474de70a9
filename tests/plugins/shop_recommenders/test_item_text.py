"""Items by their texts: against scikit-learn's own cosines, a saved encoder run by hand, and a log with cold items."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from framework.data.tables import ItemTable
from framework.errors import ConfigError, DataError
from framework.kinds import Searchable, Stored, TakesItems
from framework.testing.recommender import RecommenderTests
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.content.item_text import ItemText, ItemTextConfig
from shop_recommenders.content.text_vectors import TextEncoder
from shop_recommenders.content.tfidf import TfIdf
from tests.plugins.shop_recommenders.tiny_encoder import saved_to

LOG = logging.getLogger("test")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(saved_to(tmp_path_factory.mktemp("encoder")))


def fitted(folder, data=None, **params):
    made = ItemText(ItemTextConfig(**params))
    made.fit(tiny_dataset() if data is None else data, tiny_context(folder))
    return made


def of_users(data):
    asked = tiny_queries(data)
    return asked.take(np.arange(len(data.users)))


def test_scores_are_cosines_with_the_mean_of_what_a_user_has(tmp_path):
    data = tiny_dataset()
    texts = [
        f"{text} {data.item_table.categories[c]}"
        for text, c in zip(data.item_table.text, data.item_table.category, strict=True)
    ]
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(texts).toarray()
    bought = data.matrix(("purchase",), binary=True).toarray()
    told = bought.any(axis=1)
    expected = cosine_similarity((bought @ vectors)[told], vectors)
    found = fitted(tmp_path, data).recommend(of_users(data), len(data.items))
    order = np.argsort(found.items[told], axis=1)
    np.testing.assert_allclose(np.take_along_axis(found.scores[told], order, axis=1), expected, atol=1e-6)
    np.testing.assert_array_equal(found.fallback, ~told)


def test_a_history_at_call_time_is_what_its_user_has(tmp_path):
    data = tiny_dataset()
    asked = replace(
        of_users(data).take(np.array([0, 1])), history=np.array([[-1, 19, 4], [-1, -1, -1]], dtype=np.int32)
    )
    made = fitted(tmp_path, data, category=False)
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(data.item_table.text)
    expected = cosine_similarity(np.asarray(vectors[[19, 4]].sum(axis=0)), vectors)[0]
    found = made.recommend(asked, 20)
    # Item 19 was never bought, and is known by its text all the same.
    np.testing.assert_allclose(found.scores[0], expected[found.items[0]], atol=1e-6)
    np.testing.assert_array_equal(found.items[1], made.recommend(of_users(data), 20).items[1])


def test_cold_items_are_ranked_by_what_is_written_of_them(tmp_path):
    data = tiny_dataset()
    table = data.item_table
    text = tuple("red book" if c == 0 else "card game" if c == 1 else "garden hose" for c in table.category)
    made = fitted(tmp_path, replace(data, item_table=replace(table, text=text)), category=False)
    asked = replace(of_users(data).take(np.array([0])), history=np.array([[0]], dtype=np.int32))
    items = set(made.recommend(asked, 7).items[0].tolist())
    assert items == {0, 3, 6, 9, 12, 15, 18}  # 18 was never bought
    new = ItemTable(np.array([0, 0], dtype=np.int32), ("toys",), np.zeros(2, dtype=np.int64), ("red book", "blue"))
    made.take_items(np.array(["new", "newer"]), new)
    asked = replace(asked, exclude=csr_matrix(([1.0], ([0], [3])), shape=(1, 22)))
    found = made.recommend(asked, 22)
    assert set(found.items[0, :7].tolist()) == {0, 6, 9, 12, 15, 18, 20}
    assert found.items[0, -2] == 21  # no word of it is known
    assert found.items[0, -1] == -1
    history = replace(asked, exclude=None, history=np.array([[20]], dtype=np.int32))
    assert set(made.recommend(history, 8).items[0].tolist()) == {0, 3, 6, 9, 12, 15, 18, 20}


def test_items_without_a_text_come_last(tmp_path):
    data = tiny_dataset()
    text = tuple("" if place in {0, 5} else words for place, words in enumerate(data.item_table.text))
    made = fitted(tmp_path, replace(data, item_table=replace(data.item_table, text=text)), category=False)
    found = made.recommend(of_users(data).take(np.array([1])), 20)
    assert found.items[0, -2:].tolist() == [0, 5]


def test_a_log_without_texts_is_refused(tmp_path):
    data = tiny_dataset()
    with pytest.raises(DataError, match="item_text compares the texts of items, and the log has none"):
        fitted(tmp_path, replace(data, item_table=replace(data.item_table, text=("",) * 20)), category=False)


def test_words_and_rarity_survive_as_numbers():
    texts = ["naïve café menu", "café bar", "", "bar bar"]
    made = TfIdf.of(texts, 10, sublinear=False)
    again = TfIdf.of_state(made.state(), sublinear=False)
    assert again.words == made.words == ("bar", "café", "menu", "naïve")
    np.testing.assert_allclose(
        again.vectors(texts).toarray(), TfidfVectorizer().fit_transform(texts).toarray(), atol=1e-7
    )
    assert TfIdf.of(["", "!"], 10, sublinear=True).vectors(["a b", "bar"]).shape == (2, 0)


def test_an_encoders_vectors_are_means_over_the_tokens_of_a_text(encoder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["red book", "blue card game of books", "", "red book", "hose " * 40]
    found = TextEncoder(encoder, max_length=12, batch_size=2, device="cpu").vectors(texts, LOG)
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    for text, vector in zip(texts, found, strict=True):
        if not text:
            np.testing.assert_array_equal(vector, np.zeros(16))
            continue
        ids = tokenizer(text, truncation=True, max_length=12, return_tensors="pt")
        assert "attention_mask" in ids
        with torch.inference_mode():
            alone = model(**ids).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vector, alone.numpy(), atol=1e-5)


def test_the_log_says_how_far_the_encoding_is(encoder, caplog):
    with caplog.at_level(logging.INFO, logger="test"):
        TextEncoder(encoder, batch_size=1, device="cpu").vectors([f"item {number}" for number in range(20)], LOG)
    assert [record.getMessage() for record in caplog.records][::9] == [
        "encoded 2 of 20 texts",
        "encoded 20 of 20 texts",
    ]


@pytest.mark.parametrize("local", [True, False])
def test_an_encoder_that_cannot_be_had_is_said_in_words(tmp_path, monkeypatch, local):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "config.json").write_text("{}")
    for name, what in (("nobody/no-such-model", "cannot be had"), (str(tmp_path), "is a folder without a whole model")):
        with pytest.raises(ConfigError, match=f"{name}' {what}.*save_pretrained"):
            TextEncoder(name, local_files_only=local, device="cpu").vectors(["red"], LOG)


def test_item_text_by_an_encoder(encoder, tmp_path):
    data = tiny_dataset()
    made = fitted(tmp_path, data, encoder=encoder, local_files_only=True)
    raw = TextEncoder(encoder, device="cpu").vectors(
        [
            f"{text} {data.item_table.categories[c]}"
            for text, c in zip(data.item_table.text, data.item_table.category, strict=True)
        ],
        LOG,
    )
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    bought = data.matrix(("purchase",), binary=True).toarray()
    found = made.recommend(of_users(data).take(np.array([1])), 20)
    np.testing.assert_allclose(
        found.scores[0], cosine_similarity(bought[1:2] @ unit, unit)[0][found.items[0]], atol=1e-5
    )
    made.take_items(
        np.array(["new"]), ItemTable(np.array([-1], dtype=np.int32), (), np.zeros(1, dtype=np.int64), ("red",))
    )
    assert 20 in made.recommend(of_users(data), 21).items


def test_it_can_be_stored_searched_and_takes_items():
    made = ItemText(ItemTextConfig())
    assert isinstance(made, Stored)
    assert isinstance(made, Searchable)
    assert isinstance(made, TakesItems)
    with pytest.raises(ConfigError, match="words is 0"):
        ItemTextConfig(words=0)


class TestItemTextByAnEncoder(RecommenderTests):
    component = ItemText

    @pytest.fixture(autouse=True)
    def _encoder(self, encoder, monkeypatch):
        monkeypatch.setattr(type(self), "params", {"encoder": encoder, "local_files_only": True})
