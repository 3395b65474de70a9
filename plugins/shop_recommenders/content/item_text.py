"""Items by their texts: what reads like the things that a user has.

score(u, i) = cos(mean of v_j over the items j that u has, v_i), with v the unit vectors of the items' texts: TF-IDF
weights of their words, or the means of a language model's states. Nothing is learned from other users, so an item that
nobody bought yet is ranked like any other. Reference: Lops, de Gemmis, Semeraro, "Content-based recommender systems:
State of the art and trends", Recommender Systems Handbook 2011, section 3.3 (Rocchio's profile of what was liked).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset, ItemTable
from framework.errors import ConfigError, DataError
from framework.records import Context, Queries, Slates
from shop_recommenders.content.text_vectors import TextEncoder, item_texts
from shop_recommenders.content.tfidf import TfIdf
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class ItemTextConfig:
    """How texts become vectors.

    `encoder`: a folder that a Transformers model and its tokenizer were saved to, or a name to fetch them by; null
    takes TF-IDF, of the `words` that come most often, their counts' logarithms where `sublinear`. `category`: the name
    of an item's category belongs to its text. `max_length` (tokens that are read), `batch_size` (texts in one go) and
    `local_files_only` (never fetch) are an encoder's. `kinds`: kinds of event that say what a user has; null takes
    purchases, or the next sign of interest.
    """

    encoder: str | None = None
    category: bool = True
    words: int = 20_000
    sublinear: bool = True
    max_length: int = 128
    batch_size: int = 64
    local_files_only: bool = False
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("words", "max_length", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"item_text's {name} is {getattr(self, name)}", allowed="an integer from 1")


class ItemText:
    """Scores are cosines; items without a text come last, by item index. What a user has ranks high itself.

    A history at call time is what its user has, and its items may be ones that nobody bought. Users who have nothing
    with a text get the popular items, and are marked as fallback. With an encoder on a GPU, the last bits of vectors,
    and so the order of items that read alike, may differ from a CPU's.
    """

    Config = ItemTextConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "words": {"low": 200, "high": 50_000, "log": True},
        "sublinear": {"choices": [True, False]},
        "category": {"choices": [True, False]},
    }

    def __init__(self, config: ItemTextConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Read the texts.

        Raises:
            ConfigError: the encoder is not to be had here.
            DataError: the log has no texts of items, or no event of the kinds.
        """
        texts = item_texts(data.item_table, category=self.config.category)
        if not any(texts):
            raise DataError(
                "item_text compares the texts of items, and the log has none",
                hint="Map a column to text (source.params.columns.text), or give the log a table of items.",
            )
        has = purchases(data, self.config.kinds, "item_text")
        self._words = None
        if self.config.encoder is None:
            self._words = TfIdf.of(texts, self.config.words, sublinear=self.config.sublinear)
        self._take(has, self._vectors(texts, context.device, context.log))

    def take_items(self, items: NDArray[np.str_], table: ItemTable) -> None:
        """Append items by what is written of them; words that no trained text holds say nothing."""
        from scipy.sparse import csr_matrix, vstack

        texts = item_texts(table, category=self.config.category)
        new = self._vectors(texts, "cpu", logging.getLogger("prelaunch.item_text"))
        both = [self.vectors, new]
        has = self._has
        longer = csr_matrix((has.data, has.indices, has.indptr), shape=(has.shape[0], has.shape[1] + len(items)))
        self._take(longer, np.vstack(both) if self._words is None else vstack(both).tocsr())

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) items of each query that read most like what its user has."""
        has = baskets(queries, self._has, any_item=True)
        profiles = has @ self.vectors
        lacking = np.asarray(abs(profiles).sum(axis=1)).reshape(-1) == 0
        places = replace(queries, user=np.arange(len(queries), dtype=np.int32))
        return rank_personally(places, k, lambda rows: self._score(profiles[rows]), lacking, self._popular)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the items' vectors, who has what, and the words."""
        vectors = {"vectors": self.vectors} if self._words is None else packed("vectors", self.vectors)
        return {**packed("has", self._has), **vectors, **({} if self._words is None else self._words.state())}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._words = None
        if self.config.encoder is None:
            self._words = TfIdf.of_state(state, sublinear=self.config.sublinear)
        vectors = np.asarray(state["vectors"]) if self._words is None else unpacked("vectors", state)
        self._take(unpacked("has", state), vectors)

    def _take(self, has: csr_matrix, vectors: Any) -> None:
        self._has, self.vectors = has, vectors
        self._popular = FixedRanking.by(has.getnnz(axis=0))
        self._silent = np.asarray(abs(vectors).sum(axis=1)).reshape(-1) == 0

    def _vectors(self, texts: Sequence[str], device: str, log: logging.Logger) -> csr_matrix | NDArray[np.float32]:
        """Return unit vectors (n, d) of texts, sparse ones of words."""
        if self._words is not None:
            return self._words.vectors(texts)
        config = self.config
        encoder = TextEncoder(
            str(config.encoder), config.max_length, config.batch_size, config.local_files_only, device
        )
        found = encoder.vectors(texts, log)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (found / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
        return unit

    def _score(self, profiles: Any) -> NDArray[np.float32]:
        if self._words is not None:
            scores = (profiles @ self.vectors.T).toarray()
            lengths = np.sqrt(np.asarray(profiles.multiply(profiles).sum(axis=1)).reshape(-1, 1))
        else:
            scores, lengths = self._products(profiles), np.linalg.norm(profiles, axis=1, keepdims=True)
        cosines: NDArray[np.float32] = (scores / lengths).astype(np.float32)
        if self._silent.any():
            cosines[:, self._silent] = -2.0
        return cosines

    def _products(self, profiles: NDArray[np.float32]) -> NDArray[np.float32]:
        from threadpoolctl import threadpool_limits

        # A product with one row takes another way through BLAS, and its last bit may differ: always two or more.
        rows = profiles if len(profiles) > 1 else np.repeat(profiles, 2, axis=0)
        with threadpool_limits(1, "blas"):
            found: NDArray[np.float32] = (rows @ self.vectors.T)[: len(profiles)]
        return found
