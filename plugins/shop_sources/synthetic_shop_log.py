"""The events of the synthetic shop: sessions of views, carts, purchases and reviews, a stretch of time at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from shop_sources.synthetic_shop_words import CLOSINGS, OPENINGS, TIERS
from shop_sources.synthetic_shop_world import DAY, SHARPNESS, WEEK_DAYS, World

KINDS = ("view", "cart", "purchase", "review", "cancellation")
VIEW, CART, PURCHASE, REVIEW, CANCELLATION = range(5)
POSTAGE_PRICE = 395
_SECOND = 1_000_000
_SESSIONS_PER_STRETCH = 1_000_000_000
DIRT = {"repeats": 0.4, "missing_users": 0.2, "cancellations": 0.2, "zero_prices": 0.1, "postage": 0.1}
"""Kinds of dirt with their share of all dirty rows."""


@dataclass(frozen=True)
class Rows:
    """n rows of the log, as numbers.

    Indices of user (-1: missing), item (number of items: postage) and kind, microseconds since the shop opened, pieces,
    cents a piece, session, stars (0: none), index of the review text (-1: none).
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    time: NDArray[np.int64]
    quantity: NDArray[np.int32]
    price: NDArray[np.int64]
    order: NDArray[np.int64]
    rating: NDArray[np.int8]
    text: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        """Return the rows at `rows`."""
        return Rows(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def join(parts: list[Rows]) -> Rows:
    """Return the rows of all parts, one after the other."""
    return Rows(**{field.name: np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(Rows)})


def draw_log(
    world: World, seed: int, *, days: int, stretches: int, dirt: float
) -> Iterator[tuple[Rows, dict[str, int]]]:
    """Yield the log in `stretches` parts of equal length, each in the order of time, with the counts of its dirt.

    Parts do not overlap in time; an event that a session of one stretch causes in a later one (a review, a
    cancellation) waits for its part, and is left out after the last day. Every stretch has a generator of its own.
    """
    shelves = _Shelves.of(world)
    edges = np.rint(np.linspace(0.0, days * DAY, stretches + 1)).astype(np.int64)
    waiting: list[Rows] = []
    for stretch in range(stretches):
        rng = np.random.default_rng([seed, 1, stretch])
        start, end, last = int(edges[stretch]), int(edges[stretch + 1]), int(edges[-1])
        drawn = _draw_stretch(rng, world, shelves, stretch, start, end)
        now = join([*waiting, drawn])
        later = now.time >= end
        waiting, now = [now.take(later & (now.time < last))], now.take(~later)
        part, counts, cancelled = _soil(rng, now, dirt, end, last, len(world.items.category))
        waiting.append(cancelled)
        yield part.take(np.argsort(part.time, kind="stable")), counts


@dataclass(frozen=True)
class _Shelves:
    """Cumulative chances to draw from: of every user over the aisles, of every week and aisle over its items."""

    aisles: NDArray[np.float64]
    n_aisles: int
    items: NDArray[np.int32]
    within: NDArray[np.float64]

    @staticmethod
    def of(world: World) -> _Shelves:
        users, items = world.users, world.items
        aisle = items.category * len(TIERS) + items.tier
        n_aisles = users.category_affinity.shape[1] * len(TIERS)
        mass = np.bincount(aisle, weights=world.popularity.mean(axis=0), minlength=n_aisles)
        affinity = users.category_affinity[:, :, None] + users.tier_affinity[:, None, :]
        weight = np.exp(SHARPNESS * affinity.reshape(len(affinity), n_aisles)) * mass
        aisles = np.cumsum(weight, axis=1, dtype=np.float64)
        aisles /= aisles[:, -1:]
        order = np.argsort(aisle, kind="stable")
        sorted_aisle = aisle[order]
        popularity = world.popularity[:, order]
        total = np.zeros((len(popularity), n_aisles))
        for week, row in enumerate(popularity):
            total[week] = np.bincount(sorted_aisle, weights=row, minlength=n_aisles)
        running = np.cumsum(popularity, axis=1)
        before = np.cumsum(total, axis=1) - total
        share = (running - before[:, sorted_aisle]) / total[:, sorted_aisle]
        # One sorted row a week: the item of aisle a at quantile q is the first whose a + share exceeds a + q.
        return _Shelves(aisles, n_aisles, order.astype(np.int32), np.clip(share, 0.0, 1.0) + sorted_aisle)

    def pick(self, rng: np.random.Generator, user: NDArray[np.int32], week: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return one item for every (user, week) pair (n,)."""
        n_users = len(self.aisles)
        flat = (self.aisles + np.arange(n_users)[:, None]).ravel()
        aisle = (
            np.searchsorted(flat, user + rng.random(len(user)), side="right") - user.astype(np.int64) * self.n_aisles
        )
        item = np.empty(len(user), dtype=np.int32)
        quantile = aisle.clip(0, self.n_aisles - 1) + rng.random(len(user))
        for one in np.unique(week):
            here = np.flatnonzero(week == one)
            place = np.searchsorted(self.within[one], quantile[here], side="right")
            item[here] = self.items[place.clip(max=len(self.items) - 1)]
        return item


def _draw_stretch(
    rng: np.random.Generator, world: World, shelves: _Shelves, stretch: int, start: int, end: int
) -> Rows:
    users, items = world.users, world.items
    opened = np.maximum(np.rint(users.arrival * DAY).astype(np.int64), start)
    length = np.maximum(end - opened, 0)
    sessions = rng.poisson(world.sessions_per_day * length / DAY)
    owner = np.repeat(np.arange(len(sessions), dtype=np.int32), sessions)
    # Milliseconds: what most shops log.
    begin = opened[owner] + (rng.random(len(owner)) * length[owner]).astype(np.int64) // 1000 * 1000
    per_session = _of_segment(world, "views")[owner]
    views = 1 + rng.poisson(per_session - 1.0)
    session = np.repeat(np.arange(len(owner)), views)
    place = np.arange(len(session)) - np.repeat(np.cumsum(views) - views, views)
    user = owner[session]
    viewed = begin[session] + place * (45 * _SECOND) + (rng.random(len(session)) * 30_000).astype(np.int64) * 1000
    item = shelves.pick(rng, user, (begin // (WEEK_DAYS * DAY))[session])
    cart = np.flatnonzero(rng.random(len(user)) < _of_segment(world, "cart")[user])
    bought = cart[rng.random(len(cart)) < _of_segment(world, "buy")[user[cart]]]
    reviewed = bought[rng.random(len(bought)) < _of_segment(world, "review")[user[bought]]]
    # A basket is paid at once; lines a millisecond apart stay distinct even where an item is bought twice.
    paid = begin[session] + views[session] * (45 * _SECOND) + 60 * _SECOND + place * 1000
    number = stretch * _SESSIONS_PER_STRETCH + session

    def rows(
        at: NDArray[np.intp],
        kind: int,
        time: NDArray[np.int64],
        *,
        quantity: NDArray[np.int32] | None = None,
        rating: NDArray[np.int8] | None = None,
        text: NDArray[np.int32] | None = None,
    ) -> Rows:
        n = len(at)
        return Rows(
            user=user[at],
            item=item[at],
            kind=np.full(n, kind, dtype=np.int8),
            time=time,
            price=items.price[item[at]],
            order=number[at],
            quantity=np.ones(n, dtype=np.int32) if quantity is None else quantity,
            rating=np.zeros(n, dtype=np.int8) if rating is None else rating,
            text=np.full(n, -1, dtype=np.int32) if text is None else text,
        )

    quantity = (1 + rng.poisson(0.25, len(bought))).astype(np.int32)
    stars, text = _opinions(rng, world, user[reviewed], item[reviewed])
    delay = (rng.uniform(1.0, 21.0, len(reviewed)) * DAY).astype(np.int64) // 1000 * 1000
    return join(
        [
            rows(np.arange(len(user)), VIEW, viewed),
            rows(cart, CART, viewed[cart] + 10 * _SECOND),
            rows(bought, PURCHASE, paid[bought], quantity=quantity),
            rows(reviewed, REVIEW, paid[reviewed] + delay, rating=stars, text=text),
        ]
    )


def _of_segment(world: World, what: str) -> NDArray[np.float64]:
    values = np.array([getattr(archetype, what) for archetype in world.segments], dtype=np.float64)
    return values[world.users.segment]


def _opinions(
    rng: np.random.Generator, world: World, user: NDArray[np.int32], item: NDArray[np.int32]
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    category = world.items.category[item]
    liking = world.users.category_affinity[user, category] + world.users.tier_affinity[user, world.items.tier[item]]
    mood = 3.6 + 0.6 * world.items.quality[item] + 0.4 * liking + rng.normal(0.0, 0.8, len(user))
    stars = np.clip(np.rint(mood), 1, 5).astype(np.int8)
    opening = rng.integers(0, len(OPENINGS[0]), len(user))
    closing = rng.integers(0, len(CLOSINGS), len(user))
    text = ((stars.astype(np.int64) - 1) * len(OPENINGS[0]) + opening) * len(CLOSINGS) + closing
    return stars, (text * len(world.categories) + category).astype(np.int32)


def _soil(
    rng: np.random.Generator, rows: Rows, dirt: float, end: int, last: int, postage: int
) -> tuple[Rows, dict[str, int], Rows]:
    """Return the part with its dirt, how many rows of each kind it holds, and cancellations that fall after it."""
    counts = {kind: int(dirt * share * len(rows)) for kind, share in DIRT.items()}
    purchases = rng.permutation(np.flatnonzero(rows.kind == PURCHASE))
    # No row is soiled twice, so that each rule of a cleaning finds exactly its own rows.
    counts = {kind: n if kind == "repeats" else min(n, len(purchases) // 5) for kind, n in counts.items()}
    cuts = np.cumsum([counts["zero_prices"], counts["cancellations"], counts["postage"], counts["missing_users"]])
    free, to_cancel, to_post, nameless = np.split(purchases[: cuts[-1]], cuts[:-1])
    rows.price[free] = 0
    rows.user[nameless] = -1
    cancelled = rows.take(to_cancel)
    delay = (rng.uniform(0.05, 5.0, len(cancelled)) * DAY).astype(np.int64) // 1000 * 1000
    cancelled.kind[:] = CANCELLATION
    cancelled.time[:] += delay
    cancelled = cancelled.take(cancelled.time < last)
    fees = rows.take(to_post)
    fees.item[:], fees.price[:], fees.quantity[:] = postage, POSTAGE_PRICE, 1
    clean = np.setdiff1d(np.flatnonzero(rows.kind != CANCELLATION), purchases[: cuts[-1]])
    repeats = rows.take(np.sort(rng.choice(clean, min(counts["repeats"], len(clean)), replace=False)))
    soon = cancelled.time < end
    counts = {
        "repeats": len(repeats),
        "missing_users": len(nameless),
        "cancellations": len(cancelled),
        "zero_prices": len(free),
        "postage": len(fees),
    }
    return join([rows, cancelled.take(soon), fees, repeats]), counts, cancelled.take(~soon)
