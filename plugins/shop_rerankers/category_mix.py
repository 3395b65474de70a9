"""Which shares of what a user took, or a segment, or everybody, each category has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import interaction_kinds
from framework.data.tables import UNKNOWN, Dataset
from framework.errors import ConfigError, DataError
from framework.records import Queries

Whose = Literal["user", "segment"]
"""Whose mix a list is held to."""


@dataclass(frozen=True)
class CategoryMix:
    """Counts of what was taken by category, of items whose category is known.

    `category` (I,) of each item, -1 where unknown; `users` (U, G), `segments` (S, G) and `everybody` (G,) are counts;
    `labels` (U,) are the users' segments at the fit, whose names are `names`.
    """

    category: NDArray[np.int32]
    users: NDArray[np.int64]
    segments: NDArray[np.int64]
    labels: NDArray[np.int32]
    names: tuple[str, ...]

    @staticmethod
    def of(data: Dataset, kinds: Sequence[str] | None, reranker: str) -> CategoryMix:
        """Return the counts of the events of `kinds`; None takes purchases, or the next sign of interest.

        Raises:
            ConfigError: the log has none of the kinds.
            DataError: no event has an item whose category is known; `reranker` is who asks.
        """
        if kinds is not None and not set(kinds) & set(data.events.kinds):
            raise ConfigError(
                f"{reranker} is to learn from the kinds of event {', '.join(kinds) or 'none'}, which the log lacks",
                allowed=data.events.kinds,
            )
        events = data.events.of_kind(*(interaction_kinds(data) if kinds is None else kinds))
        category = data.item_table.category
        told = (events.user != UNKNOWN) & (events.item != UNKNOWN)
        user, of_event = events.user[told], category[events.item[told]]
        user, of_event = user[of_event != UNKNOWN], of_event[of_event != UNKNOWN]
        if not len(user):
            raise DataError(
                f"{reranker} goes by the categories of what users took, and the log has none",
                hint="Map a column to category, or leave the reranker out.",
            )
        shape = (len(data.users), len(data.item_table.categories))
        users = _counted(user, of_event, shape)
        labels = np.full(shape[0], UNKNOWN, dtype=np.int32) if data.segments is None else data.segments
        member = labels != UNKNOWN
        segments = np.zeros((len(data.segment_names), shape[1]), dtype=np.int64)
        np.add.at(segments, labels[member], users[member])
        return CategoryMix(category, users, segments, labels, data.segment_names)

    def shares(self, queries: Queries, whose: Whose) -> NDArray[np.float64]:
        """Return each query's mix (n, G), adding up to 1.

        A user's own is that of the history at call time where the query has one, else of what they took before; where
        there is nothing it is their segment's, and where that is unknown too everybody's.
        """
        counts = np.broadcast_to(self.users.sum(axis=0), (len(queries), self.users.shape[1])).astype(np.int64)
        segment = self._segments(queries)
        rows = np.flatnonzero(segment != UNKNOWN)
        rows = rows[self.segments[segment[rows]].any(axis=1)]
        counts[rows] = self.segments[segment[rows]]
        if whose == "user":
            own = self._own(queries)
            told = own.any(axis=1)
            counts[told] = own[told]
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
        return shares

    def _own(self, queries: Queries) -> NDArray[np.int64]:
        own = np.zeros((len(queries), self.users.shape[1]), dtype=np.int64)
        known = queries.user != UNKNOWN
        own[known] = self.users[queries.user[known]]
        if queries.history is not None:
            rows, places = np.nonzero(queries.history != UNKNOWN)
            of_item = self.category[queries.history[rows, places]]
            given = _counted(rows[of_item != UNKNOWN], of_item[of_item != UNKNOWN], own.shape)
            told = np.any(queries.history != UNKNOWN, axis=1)
            own[told] = given[told]
        return own

    def _segments(self, queries: Queries) -> NDArray[np.int32]:
        """Return each query's segment (n,) among the fitted ones, its user's at the fit where it names none, or -1."""
        segment = np.full(len(queries), UNKNOWN, dtype=np.int32)
        known = queries.user != UNKNOWN
        segment[known] = self.labels[queries.user[known]]
        places = [self.names.index(name) if name in self.names else UNKNOWN for name in queries.segment_names]
        own = np.array([*places, UNKNOWN], dtype=np.int32)[queries.segment]
        return np.where(own != UNKNOWN, own, segment)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the counts; names as the bytes of their lines."""
        return {
            "category": self.category,
            "users": self.users,
            "segments": self.segments,
            "labels": self.labels,
            "names": np.frombuffer("\n".join(self.names).encode(), dtype=np.uint8),
        }

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]]) -> CategoryMix:
        """Return the mix whose `state` this is."""
        text = np.asarray(state["names"]).tobytes().decode()
        category, users, segments, labels = (
            np.asarray(state[name]) for name in ("category", "users", "segments", "labels")
        )
        return CategoryMix(category, users, segments, labels, tuple(text.split("\n")) if text else ())


def _counted(row: NDArray[np.integer], category: NDArray[np.integer], shape: tuple[int, int]) -> NDArray[np.int64]:
    pairs = row.astype(np.int64) * shape[1] + category
    return np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)
