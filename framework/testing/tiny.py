"""Small seeded inputs for tests of components: a shop of a few dozen users, as the engine would hand it over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from framework.data.tables import MICROSECONDS_PER_DAY, UNKNOWN, Dataset, Interactions, ItemTable, Window
from framework.records import Context, Outcomes, Queries, Slates
from framework.testing.tiny_features import tiny_features

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KINDS = ("view", "cart", "purchase")
CATEGORIES = ("books", "games", "garden")
AS_OF = 19_723 * MICROSECONDS_PER_DAY
"""2024-01-01 UTC: the end of the tiny log."""
DAYS = 180
"""Length of the tiny log."""
WINDOW_DAYS = 30
"""Length of the tiny window after it."""


def tiny_dataset(seed: int = 0, users: int = 60, items: int = 20) -> Dataset:
    """Return a data set with what components tend to trip over; same arguments, same arrays.

    Users like one of three categories. A tenth of them only view; one user bought once; item 0 is bestseller; the last
    item was viewed and never bought; the two items before it tie in popularity. Two segments, "even" and "odd" users.
    Most purchases bear a rating from 1 to 5.
    Needs at least 10 users and 8 items.
    """
    rng = np.random.default_rng([seed, users, items])
    category = (np.arange(items) % len(CATEGORIES)).astype(np.int32)
    price = rng.integers(200, 5000, items)
    table = ItemTable(
        category, CATEGORIES, price, tuple(f"item {place} of {CATEGORIES[c]}" for place, c in enumerate(category))
    )
    events = _events(rng, users, table, AS_OF - DAYS * MICROSECONDS_PER_DAY, DAYS, viewers=max(users // 10, 1))
    return Dataset(
        users=np.array([f"u{place:05d}" for place in range(users)]),
        items=np.array([f"i{place:04d}" for place in range(items)]),
        events=events,
        features=tiny_features(events, users, table, AS_OF),
        item_table=table,
        as_of=AS_OF,
        currency="GBP",
        segments=(np.arange(users) % 2).astype(np.int32),
        segment_names=("even", "odd"),
    )


def tiny_window(data: Dataset, seed: int = 0) -> Window:
    """Return the 30 days after a tiny data set: about two thirds of its users, three new ones, some unknown items."""
    rng = np.random.default_rng([seed, len(data.users), 1])
    known = np.flatnonzero(rng.random(len(data.users)) < 0.7)
    events = _events(rng, len(known) + 3, data.item_table, data.as_of, WINDOW_DAYS, viewers=0)
    events.item[rng.random(len(events)) < 0.05] = UNKNOWN
    ids = np.concatenate([data.users[known], np.array(["v00000", "v00001", "v00002"])])
    places = np.concatenate([known, np.full(3, UNKNOWN)]).astype(np.int32)
    end = data.as_of + WINDOW_DAYS * MICROSECONDS_PER_DAY
    return Window(data.as_of, end, ids, places, events)


def tiny_queries(data: Dataset, positions: int = 5) -> Queries:
    """Return one query for every user of the data set, and two for users that it does not know (index -1)."""
    strangers = np.array(["w00000", "w00001"])
    user = np.concatenate([np.arange(len(data.users)), np.full(2, UNKNOWN)]).astype(np.int32)
    segments = data.segments if data.segments is not None else np.full(len(data.users), UNKNOWN)
    segment = np.concatenate([segments, np.full(2, UNKNOWN)]).astype(np.int32)
    return Queries(user, np.concatenate([data.users, strangers]), segment, data.segment_names, positions)


def tiny_slates(data: Dataset, queries: Queries, k: int = 8, seed: int = 0) -> Slates:
    """Return k distinct random candidates for each query, with falling scores; the last query is a fallback."""
    rng = np.random.default_rng([seed, k, 2])
    items = np.stack([rng.permutation(len(data.items))[:k] for _ in range(len(queries))]).astype(np.int32)
    scores = -np.sort(-rng.random((len(queries), k)), axis=1).astype(np.float32)
    return Slates(items, scores, queries.user == UNKNOWN)


def tiny_outcomes(evidence: str = "holdout", seed: int = 0, units: int = 40, positions: int = 10) -> Outcomes:
    """Return outcomes over a catalogue of 25 items; same arguments, same arrays.

    There is an empty position, a unit that buys nothing, and units that buy more than they were shown. `relevant` is
    None unless the evidence is "holdout".
    """
    rng = np.random.default_rng([seed, units, positions, 3])
    catalogue = 25
    items = np.stack([rng.permutation(catalogue)[:positions] for _ in range(units)]).astype(np.int32)
    items[0, -1] = UNKNOWN
    bought = (rng.random(items.shape) < 0.15) & (items != UNKNOWN)
    bought[1] = False
    relevant = (bought.sum(axis=1) + rng.integers(0, 12, units)).astype(np.int32)
    return Outcomes(
        evidence=evidence,
        strategy="control",
        units=np.array([f"u{place:05d}" for place in range(units)]),
        segment=rng.integers(-1, 2, units).astype(np.int32),
        segment_names=("even", "odd"),
        items=items,
        bought=bought,
        amount=np.where(bought, rng.integers(100, 9000, items.shape), 0).astype(np.int64),
        orders=np.where(bought.any(axis=1), rng.integers(1, 4, units), 0).astype(np.int32),
        relevant=relevant if evidence == "holdout" else None,
        popularity=rng.integers(0, 30, catalogue).astype(np.int64),
        fallback=rng.random(units) < 0.1,
        currency="GBP",
    )


def tiny_context(folder: Path, seed: int = 0) -> Context:
    """Return a context with a freshly seeded generator, the CPU, this folder and a quiet log."""
    return Context(np.random.default_rng(seed), "cpu", folder, logging.getLogger("prelaunch.testing"))


def _events(
    rng: np.random.Generator, users: int, table: ItemTable, start: int, days: int, viewers: int
) -> Interactions:
    """Draw events of all users in time order; the last `viewers` users only view."""
    count = len(table.category)
    weight = 1.0 / np.arange(1, count + 1)
    weight[-3:] = 0.0
    rows: list[tuple[int, int, int, int, int]] = []
    order = 0
    for user in range(users):
        liked = weight * np.where(table.category == user % len(CATEGORIES), 5.0, 1.0)
        baskets = 1 if user == 0 else int(rng.integers(1, 7))
        for _ in range(baskets):
            order += 1
            time = start + int(rng.integers(days * MICROSECONDS_PER_DAY))
            size = 1 if user == 0 else int(rng.integers(1, 4))
            chosen = rng.choice(count, size, replace=False, p=liked / liked.sum())
            for item in chosen:
                rows.extend(
                    (time, user, int(item), kind, order) for kind in (0, 2)[: 1 if user >= users - viewers else 2]
                )
    # What rests on single events: two items that tie, and one that is seen but not bought.
    rows.extend((start + 1, user, count - 3 + place, 2, order + 1) for user in (1, 2) for place in (0, 1))
    rows.append((start + 2, 3, count - 1, 0, order + 2))
    time_, user_, item_, kind_, order_ = np.array(sorted(rows), dtype=np.int64).T
    quantity = rng.integers(1, 4, len(rows)).astype(np.float64)
    amount: NDArray[np.int64] = np.where(kind_ == 2, table.price[item_] * quantity, 0).astype(np.int64)
    return Interactions(
        user=user_.astype(np.int32),
        item=item_.astype(np.int32),
        kind=kind_.astype(np.int8),
        time=time_,
        quantity=quantity,
        amount=amount,
        order=order_,
        kinds=KINDS,
        rating=_ratings(rng, user_, item_, kind_, table),
    )


def _ratings(
    rng: np.random.Generator,
    user: NDArray[np.int64],
    item: NDArray[np.int64],
    kind: NDArray[np.int64],
    table: ItemTable,
) -> NDArray[np.float64]:
    """Rate four purchases in five, 4 or 5 in the liked category and 1 to 4 elsewhere; nothing else is rated."""
    (own,) = rng.spawn(1)  # what else is drawn stays as it is
    liked = table.category[item] == user % len(CATEGORIES)
    stars = np.where(liked, own.integers(4, 6, len(user)), own.integers(1, 5, len(user))).astype(np.float64)
    return np.where((kind == 2) & (own.random(len(user)) < 0.8), stars, np.nan)
