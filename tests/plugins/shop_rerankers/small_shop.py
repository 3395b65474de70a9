"""A shop of three users whose purchases, categories and texts a reader can hold in mind."""

from __future__ import annotations

import numpy as np

from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable
from framework.records import Queries, Slates

CATEGORIES = ("books", "games", "garden")
TEXTS = ("red book", "red book big", "blue book", "card game", "board game", "garden hose", "")
# Item 6 has neither category nor text.
CATEGORY = (0, 0, 0, 1, 1, 2, -1)
BOUGHT = ((0, 0), (0, 1), (0, 2), (0, 3), (1, 3), (1, 4), (1, 1))


def shop(segments: tuple[int, ...] | None = None) -> Dataset:
    """Users 0 (3 books, 1 game), 1 (2 games, 1 book), 2 (nothing); segments "a" and "b" where given."""
    user, item = (np.array(part, dtype=np.int32) for part in zip(*BOUGHT, strict=True))
    n = len(user)
    events = Interactions(
        user=user,
        item=item,
        kind=np.zeros(n, dtype=np.int8),
        time=np.arange(n, dtype=np.int64),
        quantity=np.ones(n),
        amount=np.full(n, 100, dtype=np.int64),
        order=np.arange(n, dtype=np.int64),
        kinds=("purchase",),
    )
    table = ItemTable(np.array(CATEGORY, dtype=np.int32), CATEGORIES, np.full(7, 100, dtype=np.int64), TEXTS)
    return Dataset(
        users=np.array(["u0", "u1", "u2"]),
        items=np.array([f"i{place}" for place in range(7)]),
        events=events,
        features=FeatureTable((), np.zeros((3, 0))),
        item_table=table,
        as_of=n,
        segments=None if segments is None else np.array(segments, dtype=np.int32),
        segment_names=() if segments is None else ("a", "b"),
    )


def queries(users: list[int], history: list[list[int]] | None = None, segments: list[int] | None = None) -> Queries:
    """Queries for pages of three items."""
    return Queries(
        user=np.array(users, dtype=np.int32),
        user_ids=np.array([f"u{user}" for user in users]),
        segment=np.array([-1] * len(users) if segments is None else segments, dtype=np.int32),
        segment_names=("a", "b", "new users"),
        positions=3,
        history=None if history is None else np.array(history, dtype=np.int32),
    )


def slate(items: list[int], scores: list[float], n: int = 1) -> Slates:
    """The same candidates for n queries."""
    return Slates(
        np.tile(np.array(items, dtype=np.int32), (n, 1)),
        np.tile(np.array(scores, dtype=np.float32), (n, 1)),
        np.zeros(n, dtype=bool),
    )
