"""Segment popular: what most users of the same segment bought, shrunk towards what everybody buys.

The share of a segment's buyers who bought an item is estimated as (bought + shrinkage * p) / (buyers + shrinkage),
where p is the item's share among all buyers: the posterior mean under a Beta prior with mean p that weighs as much as
`shrinkage` users. Reference: Efron and Morris, "Data analysis using Stein's estimator and its generalizations", JASA
1975.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import checked_kinds, demand, lacks_history, with_history
from shop_recommenders.popularity.fixed_ranking import FixedRanking


@dataclass(frozen=True)
class SegmentPopularConfig:
    """`shrinkage`: how many users the shop's own shares weigh against the segment's; 0 trusts the segment alone.

    `kinds`: kinds of event that count; null takes purchases, or the next sign of interest that the log has.
    """

    shrinkage: float = 50.0
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not (self.shrinkage >= 0.0 and np.isfinite(self.shrinkage)):
            raise ConfigError(f"segment_popular's shrinkage is {self.shrinkage}", allowed="a number from 0")


class SegmentPopular:
    """One ranking a segment, by the shrunk share of its buyers who bought each item; scores are those shares.

    A query's own segment decides where the model knows its name, else the segment that its user had in the training
    data, else the shop's shares are used. Queries of unknown users and of users without history are marked as fallback.
    """

    Config = SegmentPopularConfig

    def __init__(self, config: SegmentPopularConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Count by segment. Raises ConfigError where no model has put users into segments."""
        kinds = checked_kinds(data, self.config.kinds)
        if data.segments is None or not data.segment_names:
            raise ConfigError(
                "segment_popular ranks items by segment, and no model has put the users into segments",
                hint="Add a model to the study (model: {name: rfm}), or to this strategy (strategies.NAME.model).",
            )
        self._labels, self._names = data.segments, data.segment_names
        self._history = with_history(data, kinds)
        bought = data.matrix(kinds, binary=True)
        overall = demand(data, kinds, "binary") / max(int(self._history.sum()), 1)
        self._overall = FixedRanking.by(overall)
        self._rankings = []
        for segment in range(len(self._names)):
            members = (self._labels == segment) & self._history
            own = np.bincount(bought[np.flatnonzero(members)].indices, minlength=len(data.items))
            weight = members.sum() + self.config.shrinkage
            shares = (own + self.config.shrinkage * overall) / weight if members.any() else overall
            self._rankings.append(FixedRanking.by(shares))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) items most popular in each query's segment."""
        segment = self._segments(queries)
        items = np.empty((len(queries), min(k, len(self._overall.order))), dtype=np.int32)
        scores = np.empty(items.shape, dtype=np.float32)
        for index in np.unique(segment):
            rows = np.flatnonzero(segment == index)
            ranking = self._overall if index == UNKNOWN else self._rankings[index]
            exclude = None if queries.exclude is None else queries.exclude[rows]
            items[rows], scores[rows] = ranking.top_k(len(rows), k, exclude)
        return Slates(items, scores, lacks_history(self._history, queries.user))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return all rankings, the shop's own last, the segments with their names as bytes, and who has a history."""
        rankings = [*self._rankings, self._overall]
        return {
            "order": np.stack([ranking.order for ranking in rankings]),
            "scores": np.stack([ranking.scores for ranking in rankings]),
            "labels": self._labels,
            "names": np.frombuffer(json.dumps(self._names).encode(), dtype=np.uint8),
            "history": self._history,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        *self._rankings, self._overall = map(FixedRanking, state["order"], state["scores"])
        self._labels, self._history = np.asarray(state["labels"]), np.asarray(state["history"])
        self._names = tuple(json.loads(np.asarray(state["names"]).tobytes()))

    def _segments(self, queries: Queries) -> NDArray[np.int32]:
        """Return each query's segment (n,) among the fitted ones, -1 where there is none."""
        segment = np.full(len(queries), UNKNOWN, dtype=np.int32)
        known = queries.user >= 0
        segment[known] = self._labels[queries.user[known]]
        places = [self._names.index(name) if name in self._names else UNKNOWN for name in queries.segment_names]
        own = np.array([*places, UNKNOWN], dtype=np.int32)[queries.segment]
        return np.where(own != UNKNOWN, own, segment)
