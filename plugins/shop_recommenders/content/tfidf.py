"""Vectors of texts by the words in them: how often each comes, times how rare it is among the texts.

weight(w, text) = tf * (1 + log((1 + texts) / (1 + texts with w))), with tf the word's count, or 1 + log of it; vectors
have length 1. Reference: Salton, Buckley, "Term-weighting approaches in automatic text retrieval", Information
Processing and Management 1988; words and smoothing as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class TfIdf:
    """Words (V), sorted, with their rarity `idf` (V,)."""

    words: tuple[str, ...]
    idf: NDArray[np.float64]
    sublinear: bool

    @staticmethod
    def of(texts: Sequence[str], most: int, *, sublinear: bool) -> TfIdf:
        """Return the `most` words that come most often in all texts, of two letters or digits or more."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        try:
            fitted = TfidfVectorizer(max_features=most).fit(texts)
        except ValueError:  # there is no word in any text
            return TfIdf((), np.zeros(0), sublinear)
        return TfIdf(tuple(fitted.get_feature_names_out().tolist()), np.asarray(fitted.idf_), sublinear)

    def vectors(self, texts: Sequence[str]) -> csr_matrix:
        """Return the vectors (n, V) of texts, float32, of length 1 or, without a word that is known, 0."""
        from scipy.sparse import csr_matrix
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not self.words or not texts:
            return csr_matrix((len(texts), len(self.words)), dtype=np.float32)
        made = TfidfVectorizer(vocabulary=list(self.words), sublinear_tf=self.sublinear, dtype=np.float64)
        made.idf_ = self.idf
        found = made.transform(texts).tocsr().astype(np.float32)
        found.sort_indices()
        return found

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the words, in UTF-8 with a 0 between, and their rarity."""
        text = "\0".join(self.words).encode()
        return {"words": np.frombuffer(text, dtype=np.uint8), "idf": self.idf}

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]], *, sublinear: bool) -> TfIdf:
        """Return what `state` was of."""
        text = np.asarray(state["words"]).tobytes().decode()
        return TfIdf(tuple(text.split("\0")) if text else (), np.asarray(state["idf"]), sublinear)
