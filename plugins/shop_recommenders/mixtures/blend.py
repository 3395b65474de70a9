"""Blend: one ranking out of several recommenders' rankings.

Each member ranks its best `depth` items, and an item's score is the sum over members m of weight_m times
1 / (constant + rank) (reciprocal rank fusion: Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet
and individual rank learning methods", SIGIR 2009), (depth + 1 - rank) / depth (Borda's count), or the member's score
scaled between the worst and the best of its list (CombSUM with min-max: Fox, Shaw, "Combination of multiple searches",
TREC-2 1994); an item that a member does not list gets nothing from it. Ranks begin with 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import top_k
from framework.data.tables import UNKNOWN, Dataset
from framework.errors import ConfigError
from framework.kinds import Recommender, Stored
from framework.records import Context, Part, Queries, Slates
from shop_recommenders.demand import checked_kinds, demand

_CELLS = 1 << 22

Method = Literal["reciprocal_rank", "borda", "scores"]


@dataclass(frozen=True)
class Member:
    """One recommender of a blend, by name, with its parameters, and the `weight` of its voice."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0


@dataclass(frozen=True)
class BlendConfig:
    """Whose rankings are blended, and how.

    `members`: recommenders by a name of their own: {als: {name: als, params: {factors: 32}, weight: 2.0}, ...}. Neural
    ones are trained too, for their own `epochs`. `method`: "reciprocal_rank", "borda", or "scores" for members whose
    scores say by how much one item is better. `depth`: items that each member ranks. `constant`: what reciprocal ranks
    add to a rank; a larger one trusts the first places less.
    """

    members: Mapping[str, Member]
    method: Method = "reciprocal_rank"
    depth: int = 100
    constant: float = 60.0

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise ConfigError(f"blend has {len(self.members)} members", allowed="two recommenders or more")
        for key, member in self.members.items():
            if not re.fullmatch(r"[\w-]+", key):
                raise ConfigError(f"blend's members names one '{key}'", allowed="letters, digits, _ and -")
            if not (member.weight > 0.0 and np.isfinite(member.weight)):
                raise ConfigError(f"blend's members.{key}.weight is {member.weight}", allowed="a number above 0")
        if self.depth < 1:
            raise ConfigError(f"blend's depth is {self.depth}", allowed="an integer from 1")
        if not (self.constant >= 0.0 and np.isfinite(self.constant)):
            raise ConfigError(f"blend's constant is {self.constant}", allowed="a number from 0")

    def named_parts(self) -> Mapping[str, Part]:
        """Return the members, for the engine to build and fit."""
        return {
            f"members.{key}": Part("recommender", member.name, member.params) for key, member in self.members.items()
        }


class Blend:
    """Scores are the fused ones; items that no member lists follow by popularity, with scores below 0.

    A member's fallback has no voice where another member knows the user; where all fall back their lists are fused,
    and the query is marked. Members answer by a history at call time as they do alone. A blend is `Stored` where all of
    its members are.
    """

    Config = BlendConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "method": {"choices": ["reciprocal_rank", "borda", "scores"]},
        "depth": {"low": 20, "high": 500, "log": True},
        "constant": {"low": 1.0, "high": 200.0, "log": True},
    }

    def __init__(self, config: BlendConfig, parts: Mapping[str, Recommender]) -> None:
        self.config = config
        self._parts = parts
        self._stored = {key: part for key, part in parts.items() if isinstance(part, Stored)}
        if len(self._stored) == len(parts):
            # A blend can be stored where all its members can; others have no state(), and so do blends of them.
            self.state, self.restore = self._state, self._restore

    def built_parts(self) -> Mapping[str, Any]:
        """Return the members."""
        return self._parts

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the members are fitted by the engine
        """Count what is popular. Raises DataError where the log has no items."""
        self._buyers = demand(data, checked_kinds(data, None), "binary")

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query."""
        items = len(self._buyers)
        slates = {key: part.recommend(queries, self.config.depth) for key, part in sorted(self._parts.items())}
        lacking: NDArray[np.bool_] = np.ones(len(queries), dtype=bool)
        for slate in slates.values():
            lacking &= slate.fallback
        rest = self._buyers / (self._buyers.max(initial=0) + 1.0) - 1.0
        found = np.empty((len(queries), min(k, items)), dtype=np.int32)
        scores = np.empty(found.shape, dtype=np.float32)
        step = max(1, _CELLS // items)
        for start in range(0, len(queries), step):
            rows = np.arange(start, min(start + step, len(queries)))
            fused, listed = np.zeros((len(rows), items)), np.zeros((len(rows), items), dtype=bool)
            for key, slate in slates.items():
                heard = (slate.items[rows] != UNKNOWN) & (~slate.fallback[rows] | lacking[rows])[:, None]
                row, place = np.nonzero(heard)
                column = slate.items[rows][row, place]
                # An item stands once in a list, so no two additions meet.
                fused[row, column] += self._voice(key, slate, rows)[row, place]
                listed[row, column] = True
            blended = np.where(listed, fused, rest).astype(np.float32)
            exclude = queries.exclude
            found[rows], scores[rows] = top_k(blended, k, None if exclude is None else exclude[rows])
        return Slates(found, scores, lacking)

    def _state(self) -> Mapping[str, NDArray[Any]]:
        """Return every member's state under its name."""
        found: dict[str, NDArray[Any]] = {"buyers": self._buyers}
        for key, part in self._stored.items():
            found |= {f"{key}.{name}": array for name, array in part.state().items()}
        return found

    def _restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._buyers = np.asarray(state["buyers"])
        for key, part in self._stored.items():
            own = f"{key}."
            part.restore({name.removeprefix(own): array for name, array in state.items() if name.startswith(own)})

    def _voice(self, key: str, slate: Slates, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return what a member says of each place of its lists (m, depth), its weight included."""
        weight = self.config.members[key.partition(".")[2]].weight
        rank = np.broadcast_to(np.arange(1.0, slate.items.shape[1] + 1.0), (len(rows), slate.items.shape[1]))
        if self.config.method == "reciprocal_rank":
            return weight / (self.config.constant + rank)
        if self.config.method == "borda":
            return weight * (self.config.depth + 1.0 - rank) / self.config.depth
        scores, there = slate.scores[rows].astype(np.float64), slate.items[rows] != UNKNOWN
        best = np.max(scores, axis=1, initial=-np.inf, where=there, keepdims=True)
        worst = np.min(scores, axis=1, initial=np.inf, where=there, keepdims=True)
        apart = there & (best > worst)
        scaled = np.ones(scores.shape)
        np.divide(scores - np.where(np.isfinite(worst), worst, 0.0), best - worst, out=scaled, where=apart)
        return weight * scaled
