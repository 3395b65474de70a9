"""The shipped conformance suite over the recommenders that learn from sequences, trained as the engine trains them."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.testing import RecommenderTests, tiny_context, tiny_dataset, tiny_queries
from framework.testing.fingerprint import fingerprint
from framework.training.fit import fit
from shop_recommenders.sequences.sasrec import SasRec, SasRecConfig

SMALL = {"embedding_size": 8, "negatives": 4, "max_length": 6, "batch_size": 16}


class SequenceRecommenderTests(RecommenderTests):
    """What holds for each of them, beside the suite."""

    __test__ = False

    once: ClassVar[dict[type, Any]] = {}

    def fitted(self, folder: Path, data: Dataset | None = None) -> Any:
        """Return a trained recommender, the same one wherever nothing is changed about it."""
        if data is None and type(self) not in self.once:
            self.once[type(self)] = self.afresh(folder, self.data())
        return self.once[type(self)] if data is None else self.afresh(folder, data)

    def afresh(self, folder: Path, data: Dataset) -> Any:
        recommender = self.make()
        fit(recommender, data, tiny_context(folder), self.trainer())
        return recommender

    def test_scores_hang_on_no_other_query(self, tmp_path: Path) -> None:
        recommender, queries = self.fitted(tmp_path), self.with_history()
        whole = recommender.recommend(queries, 5)
        for row in range(0, len(queries), 9):
            alone = recommender.recommend(queries.take(np.array([row])), 5)
            np.testing.assert_array_equal(alone.items[0], whole.items[row])
            # A row's place in a block may move the last bit of a product.
            np.testing.assert_allclose(alone.scores[0], whole.scores[row], rtol=2e-6, atol=1e-7)

    def test_answers_by_the_history_of_the_query(self, tmp_path: Path) -> None:
        recommender = self.fitted(tmp_path)
        slates = recommender.recommend(self.with_history(), 6)
        assert not slates.fallback.any()
        assert len({row.tobytes() for row in slates.items[-2:]}) == 2
        silent = self.with_history(-1)
        assert fingerprint(recommender.recommend(silent, 6)) == fingerprint(recommender.recommend(self.queries(), 6))

    def with_history(self, item: int | None = None) -> Any:
        """Return the suite's queries, each with the items that it took; strangers with different ones."""
        queries, items = self.queries(), len(self.data().items)
        rng = np.random.default_rng(5)
        history = rng.integers(items, size=(len(queries), 9)).astype(np.int32)
        history[np.arange(9) < rng.integers(9, size=len(queries))[:, None]] = -1
        history[-2:, -1] = (0, 7)
        if item is not None:
            history[:] = item
        return dataclasses.replace(queries, history=history)


class TestSasRec(SequenceRecommenderTests):
    __test__ = True
    component = "shop_recommenders.sequences.sasrec:SasRec"
    name = "sasrec"
    params: ClassVar[dict[str, Any]] = SMALL


class TestEsasRec(SequenceRecommenderTests):
    __test__ = True
    component = "shop_recommenders.sequences.esasrec:EsasRec"
    name = "esasrec"
    params: ClassVar[dict[str, Any]] = {**SMALL, "heads": 2, "sampling": "popularity", "correct_sampling": True}


class TestGru4Rec(SequenceRecommenderTests):
    __test__ = True
    component = "shop_recommenders.sequences.gru4rec:Gru4Rec"
    name = "gru4rec"
    params: ClassVar[dict[str, Any]] = {**SMALL, "loss": "bpr_max", "sampling": "in_batch", "hidden_size": 8}


class TestBert4Rec(SequenceRecommenderTests):
    __test__ = True
    component = "shop_recommenders.sequences.bert4rec:Bert4Rec"
    name = "bert4rec"
    params: ClassVar[dict[str, Any]] = SMALL


class TestCaser(SequenceRecommenderTests):
    __test__ = True
    component = "shop_recommenders.sequences.caser:Caser"
    name = "caser"
    params: ClassVar[dict[str, Any]] = {"embedding_size": 8, "horizontal": 2, "vertical": 2, "batch_size": 64}


class TestItem2Vec(SequenceRecommenderTests):
    __test__ = True
    component = "shop_recommenders.sequences.item2vec:Item2Vec"
    name = "item2vec"
    params: ClassVar[dict[str, Any]] = {"embedding_size": 8, "batch_size": 128}


@pytest.mark.parametrize("loss", ["bce", "gbce", "sampled_softmax", "full_softmax"])
@pytest.mark.parametrize("shared", [True, False])
def test_every_loss_trains(tmp_path: Path, loss: str, shared: bool) -> None:
    data = tiny_dataset()
    recommender = SasRec(SasRecConfig(**SMALL, loss=loss, shared_negatives=shared))
    record = fit(recommender, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu", epochs=2))
    assert record.epochs == 2
    assert recommender.recommend(tiny_queries(data), 3).items.min() >= 0
