"""What each entry of a matrix of documents and terms says of its document, for similarities between documents.

Items are documents and their buyers the terms, or users are documents and what they bought the terms. A term that many
documents have tells them apart less. "tfidf": r entries weigh r (1 + log((1 + N) / (1 + n))) for a term in n of N
documents, as in scikit-learn's TfidfTransformer. "bm25": r (k1 + 1) / (r + k1 (1 - b + b length / average length))
log(1 + (N - n + 0.5) / (n + 0.5)), k1 = 1.2, b = 0.75, after Robertson and Zaragoza, "The probabilistic relevance
framework: BM25 and beyond", Foundations and Trends in Information Retrieval 2009, with a rarity that is never below 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Weighting = Literal["none", "tfidf", "bm25"]

_K1, _B = 1.2, 0.75


@dataclass(frozen=True)
class TermWeights:
    """`rarity` (T,) is each term's weight, `length` the documents' average sum of entries."""

    weighting: Weighting
    rarity: NDArray[np.float64]
    length: float

    @staticmethod
    def of(documents: csr_matrix, weighting: Weighting) -> TermWeights:
        """Return the weights that these documents (N, T) give to their terms."""
        number = documents.shape[0]
        having = documents.getnnz(axis=0)
        rarity = {
            "none": np.ones(len(having)),
            "tfidf": 1.0 + np.log((1.0 + number) / (1.0 + having)),
            "bm25": np.log1p((number - having + 0.5) / (having + 0.5)),
        }[weighting]
        return TermWeights(weighting, rarity, float(documents.sum()) / max(number, 1) or 1.0)

    def apply(self, documents: csr_matrix) -> csr_matrix:
        """Return the documents (N, T) with weighted entries, in double precision."""
        weighted: csr_matrix = documents.astype(np.float64)
        if self.weighting == "none":
            return weighted
        if self.weighting == "bm25":
            lengths = np.asarray(weighted.sum(axis=1)).reshape(-1) / self.length
            room = np.repeat(_K1 * (1.0 - _B + _B * lengths), np.diff(weighted.indptr))
            weighted.data *= (_K1 + 1.0) / (room + weighted.data)
        weighted.data *= self.rarity[weighted.indices]
        return weighted
