"""Slope One: a rating foretold from how much better or worse other items were rated by the users who rated both.

dev_ji = mean over the c_ji users u who rated both of (r_uj - r_ui), and a user's rating of j is
sum_i (dev_ji + r_ui) c_ji / sum_i c_ji over the other items i that the user rated. Reference: Lemire, Maclachlan,
"Slope One predictors for online rating-based collaborative filtering", SDM 2005, the weighted scheme (P^wS1, section
3.2 there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError, DataError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import checked_kinds
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_CELLS = 1 << 22


@dataclass(frozen=True)
class SlopeOneConfig:
    """Which pairs of items say something of each other.

    `min_common`: users who must have rated both items of a pair for it to count. The paper counts every pair, which
    foretells ratings about as well; a ranking by what two or three users said puts chance first. `kinds`: kinds of
    event whose ratings count; null takes every event with a rating, whatever its kind.
    """

    min_common: int = 10
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.min_common < 1:
            raise ConfigError(f"slope_one's min_common is {self.min_common}", allowed="an integer from 1")


class SlopeOne:
    """Ranks by the rating foretold, of items rated before too; others follow by the number of users who rated them.

    A user's last rating of an item counts, of several at one moment the highest. Users without a rating, and those
    whose items say nothing of any other, get the items that most users rated, and are marked as fallback.

    A history at call time bears no ratings. Its items have the ratings that this user gave them in the log, and the
    others the mean of this user's ratings, of a stranger's the mean of all: where no rating is known the order says
    which items were liked better than those of the history by users who rated both.

    Memory: 20 bytes for each ordered pair of items with enough users in common, twice that while fitting.
    """

    Config = SlopeOneConfig
    SEARCH: ClassVar[dict[str, Any]] = {"min_common": {"low": 1, "high": 100, "log": True}}

    def __init__(self, config: SlopeOneConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Compare the ratings of all pairs of items. Raises DataError where the log has no rating of a known item."""
        rated = last_ratings(data, self.config.kinds)
        self._take(rated, *deviations(rated, self.config.min_common))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) items of each query with the highest rating foretold."""
        taken = self._taken(queries)
        row = np.repeat(np.arange(len(queries)), np.diff(taken.indptr))
        lacking = np.bincount(row[self._compared[taken.indices]], minlength=len(queries)) == 0
        places = replace(queries, user=np.arange(len(queries), dtype=np.int32))
        return rank_personally(places, k, lambda rows: self._scores(taken[rows]), lacking, self._popular)

    def foretold(self, taken: csr_matrix) -> NDArray[np.float64]:
        """Return the ratings (n, I) foretold from those that rows of `taken` (n, I) store, NaN where nothing tells."""
        ones = taken.copy()
        ones.data = np.ones_like(taken.data)
        weight = (ones @ self._counts).toarray()
        # Differences are stored as r_i - r_j by row i and column j, so that row j's are their negatives.
        summed = (taken @ self._counts).toarray() - (ones @ self._differences).toarray()
        found: NDArray[np.float64] = np.divide(summed, weight, out=np.full(weight.shape, np.nan), where=weight > 0)
        return found

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the ratings, and the counts and differences of all pairs."""
        differences = {"differences.data": self._differences.data}
        return {**packed("rated", self._rated), **packed("counts", self._counts), **differences}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        counts = unpacked("counts", state)
        self._take(unpacked("rated", state), counts, _like(counts, state["differences.data"]))

    def _take(self, rated: csr_matrix, counts: csr_matrix, differences: csr_matrix) -> None:
        users, items = rated.shape
        self._rated, self._counts, self._differences = rated, counts, differences
        self._compared = np.diff(counts.indptr) > 0
        self._raters = rated.getnnz(axis=0)
        self._popular = FixedRanking.by(self._raters)
        user = np.repeat(np.arange(users), np.diff(rated.indptr))
        self._keys = user * items + rated.indices
        given = np.diff(rated.indptr)
        means = np.bincount(user, rated.data, minlength=users) / np.maximum(given, 1)
        overall = rated.data.mean()
        self._means = np.append(np.where(given > 0, means, overall), overall)  # the last for -1

    def _taken(self, queries: Queries) -> csr_matrix:
        """Return the ratings (n, I) to go by: those in the log, and the mean where a history holds other items."""
        taken = baskets(queries, self._rated)
        user = queries.user[np.repeat(np.arange(len(queries)), np.diff(taken.indptr))]
        keys = user.astype(np.int64) * taken.shape[1] + taken.indices
        place = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        taken.data = np.where(self._keys[place] == keys, self._rated.data[place], self._means[user])
        return taken

    def _scores(self, taken: csr_matrix) -> NDArray[np.float32]:
        scores = self.foretold(taken)
        lowest = np.nanmin(scores, axis=1, keepdims=True)
        rest = lowest - 2.0 + self._raters / (self._raters.max() + 1.0)
        return np.where(np.isnan(scores), rest, scores).astype(np.float32)


def last_ratings(data: Dataset, kinds: Sequence[str] | None) -> csr_matrix:
    """Return the ratings (U, I): each user's last of an item, of several at one moment the highest.

    Stored entries are ratings, also where they are 0.

    Raises:
        ConfigError: the log knows none of the kinds.
        DataError: it has no items, no ratings, or none on events of these kinds.
    """
    from scipy.sparse import csr_matrix

    checked_kinds(data, kinds)
    events = data.events if kinds is None else data.events.of_kind(*kinds)
    rating = np.full(len(events), np.nan) if events.rating is None else events.rating
    rated = np.flatnonzero((events.user >= 0) & (events.item >= 0) & ~np.isnan(rating))
    if not len(rated):
        on = "" if kinds is None else f" on events of the kind {', '.join(kinds)}"
        raise DataError(
            f"slope_one learns from ratings of items, and the log has none{on}",
            hint="Name the column of ratings (source.params.columns.rating), or use another recommender.",
        )
    user, item, rating = events.user[rated], events.item[rated], rating[rated]
    order = np.lexsort((rating, events.time[rated], item, user))
    user, item, rating = user[order], item[order], rating[order]
    last = np.append((np.diff(user) != 0) | (np.diff(item) != 0), True)
    where = (user[last], item[last])
    found = csr_matrix((rating[last], where), shape=(len(data.users), len(data.items)))
    found.sort_indices()
    return found


def deviations(rated: csr_matrix, min_common: int) -> tuple[csr_matrix, csr_matrix]:
    """Return how many users rated both items of a pair (I, I), and the sums of r_i - r_j over them.

    Both store the same pairs: those with at least `min_common` users, an item and itself never.
    """
    from scipy.sparse import csr_matrix

    items = rated.shape[1]
    ones = _like(rated, np.ones_like(rated.data))
    by_item, ones_by_item = rated.T.tocsr(), ones.T.tocsr()
    columns, counts, sums, stored = [], [], [], [np.zeros(1, dtype=np.int64)]
    step = max(1, _CELLS // items)
    for start in range(0, items, step):
        rows = slice(start, start + step)
        common = (ones_by_item[rows] @ ones).toarray()
        differences = (by_item[rows] @ ones).toarray() - (ones_by_item[rows] @ rated).toarray()
        common[np.arange(len(common)), np.arange(start, start + len(common))] = 0.0
        kept = common >= min_common
        columns.append(np.nonzero(kept)[1].astype(np.int32))
        counts.append(common[kept])
        sums.append(differences[kept])
        stored.append(kept.sum(axis=1))
    pairs = np.concatenate(columns), np.cumsum(np.concatenate(stored))
    found = csr_matrix((np.concatenate(counts), *pairs), shape=(items, items))
    return found, _like(found, np.concatenate(sums))


def _like(matrix: csr_matrix, data: NDArray[Any]) -> csr_matrix:
    """Return a matrix that stores other numbers at the same places, and shares these."""
    from scipy.sparse import csr_matrix

    return csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
