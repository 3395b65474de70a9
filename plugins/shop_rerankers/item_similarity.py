"""How alike items are, between 0 and 1: by category, by their texts, or by who bought them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import interaction_kinds
from framework.data.tables import UNKNOWN, Dataset
from framework.errors import DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Similarity = Literal["category", "text", "co_purchase"]


class ItemSimilarity:
    """Cosines of the items' vectors, rows of `vectors` (I, d) of length 1, or of 0 where nothing is known of an item.

    Where all that is known is a category, `category` (I,) stands for such vectors.
    """

    def __init__(self, category: NDArray[np.int32] | None = None, vectors: csr_matrix | None = None) -> None:
        self._category, self._vectors = category, vectors

    @staticmethod
    def of(data: Dataset, similarity: Similarity, reranker: str) -> ItemSimilarity:
        """Return the similarity of the data's items.

        Raises:
            DataError: the log does not say what items are to be compared by; `reranker` is who compares.
        """
        if similarity == "category":
            if not np.any(data.item_table.category != UNKNOWN):
                raise _lacks(reranker, "categories", "Map a column to category, or set similarity: co_purchase.")
            return ItemSimilarity(category=data.item_table.category)
        if similarity == "text":
            if not any(text.strip() for text in data.item_table.text):
                raise _lacks(reranker, "texts of items", "Map a column to text, or set similarity: co_purchase.")
            return ItemSimilarity(vectors=_of_length_one(_weighted_words(data.item_table.text)))
        return ItemSimilarity(vectors=_of_length_one(data.matrix(interaction_kinds(data), binary=True).T.tocsr()))

    def among(self, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the similarities (n, C, C) among the candidates of each query (n, C); of -1 to anything 0."""
        n, width = items.shape
        if self._category is not None:
            category = np.where(items != UNKNOWN, self._category[items], UNKNOWN)
            alike = (category[:, :, None] == category[:, None, :]) & (category != UNKNOWN)[:, :, None]
            same: NDArray[np.float64] = alike.astype(np.float64)
            return same
        assert self._vectors is not None  # noqa: S101 - one of both is always given
        found = np.zeros((n, width, width))
        for row, own in enumerate(items):
            there = np.flatnonzero(own != UNKNOWN)
            vectors = self._vectors[own[there]]
            found[row][np.ix_(there, there)] = (vectors @ vectors.T).toarray()
        return found

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the categories, or the vectors' parts."""
        if self._category is not None:
            return {"category": self._category}
        own = self._vectors
        assert own is not None  # noqa: S101 - one of both is always given
        shape = np.array(own.shape, dtype=np.int64)
        return {"data": own.data, "indices": own.indices, "indptr": own.indptr, "shape": shape}

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]]) -> ItemSimilarity:
        """Return the similarity whose `state` this is."""
        from scipy.sparse import csr_matrix

        if "category" in state:
            return ItemSimilarity(category=np.asarray(state["category"]))
        arrays = (state["data"], state["indices"], state["indptr"])
        return ItemSimilarity(vectors=csr_matrix(arrays, shape=tuple(np.asarray(state["shape"]).tolist())))


def _weighted_words(texts: tuple[str, ...]) -> csr_matrix:
    """Return the weights (I, V) of the words of each text: how often they come, times their rarity among the texts."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        return TfidfVectorizer(dtype=np.float64).fit_transform(texts).tocsr()
    except ValueError:  # texts without a single word
        return csr_matrix((len(texts), 1), dtype=np.float64)


def _of_length_one(vectors: csr_matrix) -> csr_matrix:
    from scipy.sparse import csr_matrix

    vectors = csr_matrix(vectors, dtype=np.float64)
    vectors.sort_indices()
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).reshape(-1))
    vectors.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(vectors.indptr))
    return vectors


def _lacks(reranker: str, what: str, hint: str) -> DataError:
    return DataError(f"{reranker} compares items by their {what}, and the log has none", hint=hint)
