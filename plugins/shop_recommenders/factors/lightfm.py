"""LightFM: a user is the sum of the vectors of their features, an item of its own, so that neither need be known.

A score is q_u . p_i + b_u + b_i, with q_u = sum_f e_f and b_u = sum_f b_f over the features f of u, and p_i, b_i
alike; one feature of each is its own id. Minimises, over purchases (u, i) and items j that u did not buy,
  warp      L(rank) max(0, 1 - score_ui + score_uj), j the first of the items sampled for which that is above 0, after
            N tries: rank = (items - 1) / N, L(n) = 1 + 1/2 + ... + 1/n,
  bpr       the mean over j of -log s(score_ui - score_uj),
  logistic  -log s(score_ui) and the mean over j of -log s(-score_uj),
and regularization / 2 times the squared lengths of the features' vectors. References: Kula, "Metadata embeddings for
user and item cold-start recommendations", CBRecSys 2015, section 3.2 (with the logistic loss); Weston, Bengio, Usunier,
"WSABIE: scaling up to large vocabulary image annotation", IJCAI 2011, equations 3 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, Dataset, ItemTable
from framework.errors import ConfigError, DataError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.factors.lightfm_features import (
    ITEM_FEATURES,
    ItemFeatures,
    beside,
    one_each,
    packed_names,
    unpacked_names,
    user_features,
)
from shop_recommenders.pairs.pair_batches import PairBatches
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import purchases

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class LightFmConfig:
    """Which features users and items have, how large the vectors are, and how which loss is minimised.

    `loss`: "logistic" (the paper's), "warp" or "bpr". `item_features`: of "category", "price" (its band) and "words"
    (of the item's text), those that the log tells. `user_features`: "segment", where a model has made them, and names
    of user features, in bands. `bands`: bands of a price or a user feature, with as many items or users each. `words`:
    how many words at most. `ids`: whether each item and user of a purchase is a feature of its own; without
    them features are all there is.

    `embedding_size`: length of the vectors. `negatives`: items sampled for a whole batch, each purchase counts those
    that its user did not buy. `tries`: with "warp" the most items sampled for each purchase in place of these.
    `regularization`: penalty on the squared lengths of the vectors of a batch's features; "warp" wants some ten times
    as much as the others. `optimizer`: "adam" or "adagrad", with its `learning_rate`; `batch_size` (purchases),
    `epochs`; `initial_scale`: standard deviation of the vectors at the start, biases are 0. `kinds`: kinds of event to
    learn from; null takes purchases, or the next sign of interest.
    """

    loss: Literal["logistic", "warp", "bpr"] = "logistic"
    item_features: Sequence[str] = ITEM_FEATURES
    user_features: Sequence[str] = ("segment",)
    bands: int = 10
    words: int = 2000
    ids: bool = True
    embedding_size: int = 64
    negatives: int = 512
    tries: int = 50
    regularization: float = 2e-3
    optimizer: Literal["adam", "adagrad"] = "adam"
    learning_rate: float = 5e-3
    batch_size: int = 4096
    epochs: int = 60
    initial_scale: float = 0.1
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("bands", "words", "embedding_size", "negatives", "tries", "batch_size", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"lightfm's {name} is {getattr(self, name)}", allowed="an integer from 1")
        if not (self.regularization >= 0.0 and np.isfinite(self.regularization)):
            raise ConfigError(f"lightfm's regularization is {self.regularization}", allowed="a number from 0")
        for name in ("learning_rate", "initial_scale"):
            value = getattr(self, name)
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"lightfm's {name} is {value}", allowed="a number above 0")
        for name, allowed in (
            ("loss", ("logistic", "warp", "bpr")),
            ("optimizer", ("adam", "adagrad")),
        ):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"lightfm's {name} is '{getattr(self, name)}'", allowed=allowed)
        strange = sorted(set(self.item_features) - set(ITEM_FEATURES))
        if strange:
            raise ConfigError(f"lightfm's item_features names '{strange[0]}'", allowed=ITEM_FEATURES)


class LightFm:
    """Scores by the sums of features; whoever has none that training saw is unknown.

    Items that nobody bought, and those that came after the training, are ranked by their features among the others;
    those without a known one come last, by item index. Items are sampled among those that somebody bought: what is new
    is not held against its features. Users without a purchase are answered by their features, strangers by their
    query's segment, and where nothing is known they get the popular items and are marked as fallback. A history at call
    time is ignored.
    """

    Config = LightFmConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "loss": {"choices": ["logistic", "warp", "bpr"]},
        "embedding_size": {"choices": [32, 64, 128]},
        "regularization": {"low": 1e-5, "high": 1e-1, "log": True},
        "learning_rate": {"low": 3e-4, "high": 5e-2, "log": True},
    }

    def __init__(self, config: LightFmConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh vectors of all features, and batches.

        Raises:
            ConfigError: a user feature that is not there.
            DataError: the log has no purchase of a known item, or nothing to learn vectors of.
        """
        from shop_recommenders.factors.lightfm_module import LightFmModule

        config, rng = self.config, context.rng
        bought = purchases(data, config.kinds, "lightfm")
        self._buyers = bought.getnnz(axis=0).astype(np.int64)
        self._segment_names = data.segment_names
        users, items = np.flatnonzero(np.diff(bought.indptr)), np.flatnonzero(self._buyers)
        self._features = ItemFeatures.of(data.item_table, config.item_features, config.bands, config.words)
        known = user_features(data, config.user_features, config.bands)
        self._user_rows, _ = _with_ids(known, users, ids=config.ids)
        self._item_rows, self._kept = _with_ids(self._features.rows(data.item_table), items, ids=config.ids)
        if not self._item_rows.shape[1]:
            raise DataError("lightfm has no feature of any item to learn from", hint="Set its ids=true.")
        of_users, of_items = (_vectors(rows.shape[1], config, rng) for rows in (self._user_rows, self._item_rows))
        self._module = LightFmModule(of_users, of_items, self._user_rows[users], self._item_rows[items], config)
        batches = PairBatches(
            bought[users][:, items],
            batch_size=config.batch_size,
            negatives=config.tries if config.loss == "warp" else config.negatives,
            seed=int(rng.integers(2**31)),
            # The first try that comes too near must not be the same for the whole batch.
            shared=config.loss != "warp",
        )
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch)

    def learned(self) -> None:
        """Add up the features' vectors as they are now."""
        users, items = self._module.weights()
        self._item_vectors = items[len(items) - len(self._kept) :]
        summed = self._user_rows @ users
        self._users = np.column_stack([summed, np.ones(len(summed), dtype=np.float32)])
        self._items = _sums_of_items(self._item_rows, items)
        self._known_users, self._known_items = (np.diff(rows.indptr) > 0 for rows in (self._user_rows, self._item_rows))

    def take_items(self, items: NDArray[np.str_], table: ItemTable) -> None:
        """Append items by their features; categories and words that no trained item has say nothing."""
        rows = self._features.rows(table)[:, self._kept]
        self._items = np.vstack([self._items, _sums_of_items(rows, self._item_vectors)])
        self._known_items = np.append(self._known_items, np.diff(rows.indptr) > 0)
        self._buyers = np.append(self._buyers, np.zeros(len(items), dtype=np.int64))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones where nothing is known of the user."""
        from threadpoolctl import threadpool_limits

        row = self._rows(queries)
        popular = FixedRanking.by(self._buyers)
        with threadpool_limits(1, "blas"):
            return rank_personally(replace(queries, user=row), k, self._score, row == UNKNOWN, popular)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the sums, of whom and what they are known, and what is known of items that are yet to come."""
        return {
            "users": self._users,
            "items": self._items,
            "known_users": self._known_users,
            "known_items": self._known_items,
            "buyers": self._buyers,
            "segment_names": packed_names(self._segment_names),
            "kept": self._kept,
            "item_vectors": self._item_vectors,
            **self._features.state(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._users, self._items = np.asarray(state["users"]), np.asarray(state["items"])
        self._known_users, self._known_items = np.asarray(state["known_users"]), np.asarray(state["known_items"])
        self._buyers, self._segment_names = np.asarray(state["buyers"]), unpacked_names(state["segment_names"])
        self._kept, self._item_vectors = np.asarray(state["kept"]), np.asarray(state["item_vectors"])
        self._features = ItemFeatures.of_state(state)

    def _rows(self, queries: Queries) -> NDArray[np.int32]:
        """Return the row of sums to answer each query by: the user's, for strangers their segment's, else -1."""
        users = len(self._users) - len(self._segment_names)
        own = {name: users + place for place, name in enumerate(self._segment_names)}
        of_segment = np.array([*(own.get(name, UNKNOWN) for name in queries.segment_names), UNKNOWN], dtype=np.int32)
        row = np.where(queries.user >= 0, queries.user, of_segment[queries.segment])
        return np.where((row >= 0) & self._known_users[row], row, UNKNOWN).astype(np.int32)

    def _score(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        # A product with one row takes another way through BLAS, and its last bit may differ: always two or more.
        twice = rows if len(rows) > 1 else np.repeat(rows, 2)
        scores: NDArray[np.float32] = (self._users[twice] @ self._items.T)[: len(rows)]
        scores[:, ~self._known_items] = scores.min(axis=1, keepdims=True) - 1.0
        return scores


def _with_ids(features: csr_matrix, trained: NDArray[np.intp], *, ids: bool) -> tuple[csr_matrix, NDArray[np.intp]]:
    """Return the rows to add up vectors by: each trained row's own id first, where `ids`, then the features.

    Features that no trained row has are left out, as nothing will be learned of them; those kept are returned too.
    """
    kept = np.flatnonzero(features[trained].getnnz(axis=0))
    own = np.full(features.shape[0], UNKNOWN)
    own[trained] = np.arange(len(trained))
    parts = [one_each(own, len(trained)), features[:, kept]]
    return beside(parts if ids else parts[1:]), kept


def _sums_of_items(rows: csr_matrix, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (p, 1, b) of each item (n, d + 2), so that its product with a user's (q, b, 1) is the score."""
    items = rows @ vectors
    return np.column_stack([items[:, :-1], np.ones(len(items), dtype=np.float32), items[:, -1]])


def _vectors(count: int, config: LightFmConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return vectors and biases (F, d + 1) to start from."""
    drawn = config.initial_scale * rng.standard_normal((count, config.embedding_size))
    return np.column_stack([drawn, np.zeros(count)]).astype(np.float32)
