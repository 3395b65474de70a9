"""Strategies that show fixed items, and a simulator whose answers are known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.data.randomness import keyed_uniform
from framework.data.tables import Dataset
from framework.records import NEW_USERS, Actions, Feedback, Queries, Responses, Slates
from framework.strategies import Rule, Strategy


@dataclass
class Shows:
    """Recommends the same items to everybody."""

    items: tuple[int, ...]

    def fit(self, data, context) -> None:
        raise AssertionError("a trial never fits")

    def recommend(self, queries: Queries, k: int) -> Slates:
        n, items = len(queries), np.array(self.items[:k], dtype=np.int32)
        scores = -np.arange(len(items), dtype=np.float32)
        return Slates(np.tile(items, (n, 1)), np.tile(scores, (n, 1)), queries.user < 0)


class Top:
    """Shows the best of the slate."""

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        items = slates.items[:, : queries.positions]
        return Actions(items, np.ones(items.shape))


@dataclass
class Remembers(Top):
    """Like Top, and writes what it is told into a list that its copies share."""

    told: list[Feedback] = field(default_factory=list)

    def learn(self, feedback: Feedback) -> None:
        self.told.append(feedback)

    def __deepcopy__(self, memo: dict[int, object]) -> Remembers:
        return Remembers(self.told)


@dataclass
class Counts:
    """Shows another item after every batch that it learned from."""

    batches: int = 0

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        items = np.roll(slates.items, self.batches, axis=1)[:, : queries.positions]
        return Actions(items, np.ones(items.shape))

    def learn(self, feedback: Feedback) -> None:
        self.batches += 1


@dataclass
class Coin:
    """Every user buys a shown item with the item's own chance, for 100 a piece."""

    chances: NDArray[np.float64]

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        key = int(rng.integers(2**63))
        user = np.repeat(queries.user, actions.items.shape[1])
        draw = keyed_uniform(key, user, actions.items.ravel()).reshape(actions.items.shape)
        bought = draw < self.chances[actions.items]
        ones = np.ones(len(queries), dtype=np.int32)
        return Responses(bought, bought, bought * np.int64(100), ones, bought.any(axis=1).astype(np.int32))


def strategy(name: str, items: tuple[int, ...], data: Dataset, policy: Top | None = None) -> Strategy:
    rule = Rule(Shows(items), policy or Top())
    return Strategy(name, rule, data.segments, (*data.segment_names, NEW_USERS))
