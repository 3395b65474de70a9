"""What speaks for a purchase of an item by a user: features of (user, item) pairs, as known at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import MICROSECONDS_PER_DAY, Dataset

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

RECENT_DAYS = 28
NEIGHBOURS = 100
_BLOCK = 50_000

NAMES = (
    "recent popularity",
    "all-time popularity",
    "popularity in the user's segment",
    "bought before",
    "times bought before",
    "likeness to the user's items",
    "category share",
    "distance to the user's price level",
    "breadth of the user's purchases",
)


@dataclass(frozen=True)
class PairFeatures:
    """Tables from which the features of any (user, item) pair of one data set are read.

    `bought` (U, I) counts purchases; `likeness` (I, I) is the cosine of items over their buyers, the strongest
    `NEIGHBOURS` of each; `category_share` (U, C) and `segment_popularity` (S, I) are shares; the rest is per user or
    per item.
    """

    bought: csr_matrix
    likeness: csr_matrix
    recent: NDArray[np.float64]
    all_time: NDArray[np.float64]
    segment: NDArray[np.int32]
    segment_popularity: NDArray[np.float64]
    category: NDArray[np.int32]
    category_share: NDArray[np.float64]
    item_price: NDArray[np.float64]
    user_price: NDArray[np.float64]
    breadth: NDArray[np.float64]

    @staticmethod
    def of(data: Dataset) -> PairFeatures:
        """Return the tables for a data set as of its own end."""
        bought = data.matrix(("purchase",))
        binary = data.matrix(("purchase",), binary=True)
        users = max(len(data.users), 1)
        segment = np.zeros(len(data.users), dtype=np.int32) if data.segments is None else data.segments
        return PairFeatures(
            bought=bought,
            likeness=_likeness(binary),
            recent=_recent_buyers(data) / users,
            all_time=np.asarray(binary.sum(axis=0)).ravel() / users,
            segment=segment,
            segment_popularity=_segment_popularity(binary, segment),
            category=data.item_table.category,
            category_share=_category_share(bought, data.item_table.category, len(data.item_table.categories)),
            item_price=np.log1p(np.maximum(data.item_table.price, 0).astype(np.float64)),
            user_price=_user_price(bought, data),
            breadth=np.log1p(np.diff(binary.indptr).astype(np.float64)),
        )

    def rows(self, user: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the features (m, len(NAMES)) of m pairs; popularity enters as a logarithm."""
        blocks = list(self.blocks(user, item))
        return np.concatenate(blocks) if blocks else np.zeros((0, len(NAMES)))

    def blocks(self, user: NDArray[np.int32], item: NDArray[np.int32]) -> Iterator[NDArray[np.float64]]:
        """Give the same features in blocks of a bounded number of pairs, in order."""
        for start in range(0, len(user), _BLOCK):
            yield self._block(user[start : start + _BLOCK], item[start : start + _BLOCK])

    def _block(self, user: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.float64]:
        floor = 0.5 / max(len(self.segment), 1)
        history = self.bought[user]
        counts = np.asarray(self.bought[user, item]).ravel()
        alike = np.asarray(history.multiply(self.likeness[item]).sum(axis=1)).ravel()
        length = np.sqrt(np.maximum(np.diff(history.indptr), 1))
        category = self.category[item]
        known = category >= 0
        share = np.zeros(len(user))
        share[known] = self.category_share[user[known], category[known]]
        return np.column_stack(
            [
                np.log(self.recent[item] + floor),
                np.log(self.all_time[item] + floor),
                np.log(self.segment_popularity[self.segment[user], item] + floor),
                counts > 0,
                np.log1p(counts),
                np.log1p(alike / length),
                share,
                np.abs(self.item_price[item] - self.user_price[user]),
                self.breadth[user],
            ]
        ).astype(np.float64)


def _recent_buyers(data: Dataset) -> NDArray[np.float64]:
    events = data.events.of_kind("purchase")
    events = events.where((events.time >= data.as_of - RECENT_DAYS * MICROSECONDS_PER_DAY) & (events.item >= 0))
    pairs = np.unique(np.stack([events.user, events.item]), axis=1)
    return np.bincount(pairs[1], minlength=len(data.items)).astype(np.float64)


def _likeness(binary: csr_matrix) -> csr_matrix:
    from scipy.sparse import csr_matrix, vstack

    norms = np.sqrt(np.asarray(binary.sum(axis=0)).ravel())
    scaled = binary.multiply(1.0 / np.maximum(norms, 1.0)[None, :]).tocsr()
    by_item = scaled.T.tocsr()
    width, parts = binary.shape[1], []
    for start in range(0, width, 2048):
        block = (by_item[start : start + 2048] @ scaled).toarray()
        rows = np.arange(len(block))
        block[rows, start + rows] = 0.0
        if width > NEIGHBOURS:
            weakest = np.argpartition(-block, NEIGHBOURS, axis=1)[:, NEIGHBOURS:]
            np.put_along_axis(block, weakest, 0.0, axis=1)
        parts.append(csr_matrix(block))
    return vstack(parts).tocsr() if parts else csr_matrix((0, 0))


def _segment_popularity(binary: csr_matrix, segment: NDArray[np.int32]) -> NDArray[np.float64]:
    rows = int(segment.max(initial=0)) + 1
    table = np.zeros((rows, binary.shape[1]))
    for index in range(rows):
        members = np.flatnonzero(segment == index)
        if len(members):
            table[index] = np.asarray(binary[members].sum(axis=0)).ravel() / len(members)
    return table


def _category_share(bought: csr_matrix, category: NDArray[np.int32], categories: int) -> NDArray[np.float64]:
    from scipy.sparse import csr_matrix

    if not categories:
        return np.zeros((bought.shape[0], 1))
    known = np.flatnonzero(category >= 0)
    ones = np.ones(len(known))
    membership = csr_matrix((ones, (known, category[known])), shape=(len(category), categories))
    counts = (bought @ membership).toarray()
    shares: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return shares


def _user_price(bought: csr_matrix, data: Dataset) -> NDArray[np.float64]:
    prices = np.log1p(np.maximum(data.item_table.price, 0).astype(np.float64))
    counts = np.asarray(bought.sum(axis=1)).ravel()
    overall = float((bought @ prices).sum() / max(counts.sum(), 1.0))
    own = np.asarray(bought @ prices).ravel()
    # A few purchases say little about a price level, so it is drawn towards everybody's by two of them.
    level: NDArray[np.float64] = (own + 2.0 * overall) / (counts + 2.0)
    return level
