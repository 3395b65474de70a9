"""The world behind the synthetic shop: who the users are, what the items are, who likes what, what is in fashion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shop_sources.synthetic_shop_words import (
    AGE_BANDS,
    CHANNELS,
    COUNTRIES,
    TIERS,
    Archetype,
    category_names,
    segment_archetypes,
)

DAY = 86_400_000_000
WEEK_DAYS = 7
TIER_PRICE = (6.0, 18.0, 50.0)
SHARPNESS = 2.0
"""How strongly affinity rules what a user looks at; log odds per standard deviation."""
GAIN = 0.5
"""How strongly affinity rules the response to a shown item at planted_effect 1; log odds per standard deviation."""
BASE_RESPONSE = -4.2
"""Log odds that a seen item is bought by a user of the average segment, at affinity 0."""
VISITS = 1.5
"""Visits that an average user pays during a trial."""


@dataclass(frozen=True)
class Users:
    """U users: segment, relative activity (mean 1), day of arrival, likings, what they respond with, attributes.

    The likings are centred over the catalogue for each user, and their sum has standard deviation 1 over all.
    """

    segment: NDArray[np.int32]
    activity: NDArray[np.float64]
    arrival: NDArray[np.float64]
    category_affinity: NDArray[np.float32]
    tier_affinity: NDArray[np.float32]
    response_logit: NDArray[np.float64]
    visit_rate: NDArray[np.float64]
    money_unit: NDArray[np.int64]
    age_band: NDArray[np.int8]
    channel: NDArray[np.int8]
    country: NDArray[np.int8]


@dataclass(frozen=True)
class Items:
    """I items: category, price tier, price in cents, quality (standard normal), week of arrival."""

    category: NDArray[np.int32]
    tier: NDArray[np.int32]
    price: NDArray[np.int64]
    quality: NDArray[np.float64]
    arrival_week: NDArray[np.int32]


@dataclass(frozen=True)
class World:
    """Users, items, and `popularity` (weeks, I): each item's weight in its week, 0 before it arrives."""

    segments: tuple[Archetype, ...]
    categories: tuple[str, ...]
    users: Users
    items: Items
    popularity: NDArray[np.float64]
    sessions_per_day: NDArray[np.float64]


def draw_world(
    rng: np.random.Generator,
    *,
    users: int,
    items: int,
    days: int,
    events: int,
    segments: int,
    categories: int,
    new_user_share: float,
    new_item_share: float,
) -> World:
    """Draw a world in which `events` events are expected within `days` days; same generator state, same world."""
    archetypes = segment_archetypes(segments)
    weeks = -(-days // WEEK_DAYS)
    stock = _draw_items(rng, items, categories, weeks, new_item_share)
    people = _draw_users(rng, archetypes, stock, users, days, categories, new_user_share)
    sessions = _sessions_per_day(archetypes, people, days, events)
    popularity = _draw_popularity(rng, stock, weeks)
    return World(archetypes, category_names(categories), people, stock, popularity, sessions)


def _draw_items(rng: np.random.Generator, n: int, categories: int, weeks: int, new_share: float) -> Items:
    category = rng.permutation(np.arange(n) % categories).astype(np.int32)
    tier = rng.choice(3, size=n, p=(0.4, 0.4, 0.2)).astype(np.int32)
    level = np.exp(rng.normal(0.0, 0.3, categories))[category] * np.exp(rng.normal(0.0, 0.25, n))
    price = np.maximum(np.rint(np.array(TIER_PRICE)[tier] * level * 10.0) * 10, 50).astype(np.int64) - 1
    arrival = np.zeros(n, dtype=np.int32)
    if weeks > 1:
        late = rng.choice(n, size=round(new_share * n), replace=False)
        arrival[late] = rng.integers(1, weeks, size=len(late))
    # Every aisle (category and tier) that sells anything sells something from the first day on.
    _, opener = np.unique(category * len(TIERS) + tier, return_index=True)
    arrival[opener] = 0
    return Items(category, tier, price, rng.normal(size=n), arrival)


def _draw_users(
    rng: np.random.Generator,
    archetypes: tuple[Archetype, ...],
    items: Items,
    n: int,
    days: int,
    categories: int,
    new_share: float,
) -> Users:
    share = np.array([archetype.share for archetype in archetypes])
    segment = rng.choice(len(archetypes), size=n, p=share / share.sum()).astype(np.int32)
    activity = np.array([archetype.activity for archetype in archetypes])[segment] * rng.gamma(3.0, 1.0 / 3.0, n)
    activity /= activity.mean()
    arrival = np.zeros(n)
    late = rng.choice(n, size=round(new_share * n), replace=False)
    arrival[late] = rng.uniform(0.0, days, size=len(late))
    taste = rng.normal(0.0, 0.9, (len(archetypes), categories))
    category_affinity = taste[segment] + rng.normal(0.0, 1.1, (n, categories))
    tier_affinity = np.array([archetype.tiers for archetype in archetypes])[segment] + rng.normal(0.0, 0.4, (n, 3))
    in_category = np.bincount(items.category, minlength=categories) / len(items.category)
    in_tier = np.bincount(items.tier, minlength=3) / len(items.tier)
    category_affinity -= (category_affinity @ in_category)[:, None]
    tier_affinity -= (tier_affinity @ in_tier)[:, None]
    spread = np.sqrt(((category_affinity**2) @ in_category + (tier_affinity**2) @ in_tier).mean())
    scale = spread if spread > 1e-6 else 1.0  # one aisle only: nobody likes anything better than the rest
    category_affinity, tier_affinity = category_affinity / scale, tier_affinity / scale
    logit = BASE_RESPONSE + np.array([archetype.response for archetype in archetypes])[segment]
    # A user's money is of the user's own price level, never of the item bought: with no planted effect, what is shown
    # must not move the expected revenue either.
    weight = in_tier * np.exp(tier_affinity)
    level = (weight @ np.array(TIER_PRICE)) / weight.sum(axis=1) * np.exp(rng.normal(0.0, 0.2, n))
    return Users(
        segment=segment,
        activity=activity,
        arrival=arrival,
        category_affinity=category_affinity.astype(np.float32),
        tier_affinity=tier_affinity.astype(np.float32),
        response_logit=logit + rng.normal(0.0, 0.4, n),
        visit_rate=np.minimum(VISITS * activity, 12.0),
        money_unit=np.maximum(np.rint(level * 25.0), 1).astype(np.int64),
        age_band=_draw_attribute(rng, segment, len(archetypes), len(AGE_BANDS)),
        channel=_draw_attribute(rng, segment, len(archetypes), len(CHANNELS)),
        country=_draw_attribute(rng, segment, len(archetypes), len(COUNTRIES)),
    )


def _draw_attribute(
    rng: np.random.Generator, segment: NDArray[np.int32], segments: int, values: int
) -> NDArray[np.int8]:
    # Weakly informative: each segment has its own mild leaning on top of what all share.
    common = rng.normal(0.0, 0.5, values)
    odds = np.exp(common + rng.normal(0.0, 0.5, (segments, values)))
    edges = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
    drawn: NDArray[np.int64] = (rng.random(len(segment))[:, None] > edges[segment][:, :-1]).sum(axis=1)
    return drawn.astype(np.int8)


def _sessions_per_day(archetypes: tuple[Archetype, ...], users: Users, days: int, events: int) -> NDArray[np.float64]:
    per_session = np.array([a.views * (1.0 + a.cart * (1.0 + a.buy * (1.0 + a.review))) for a in archetypes])
    relative = users.activity * (days - users.arrival) * per_session[users.segment]
    return users.activity * float(events / relative.sum())


def _draw_popularity(rng: np.random.Generator, items: Items, weeks: int) -> NDArray[np.float64]:
    n = len(items.category)
    # Zipf over ranks that quality shapes but does not settle; then fashion: a random walk, and a new item's bonus.
    rank = np.empty(n)
    rank[np.argsort(-(items.quality + rng.normal(size=n)), kind="stable")] = np.arange(1, n + 1)
    log_weight = -0.5 * np.log(rank) + np.cumsum(rng.normal(0.0, 0.25, (weeks, n)), axis=0)
    age = np.arange(weeks)[:, None] - items.arrival_week[None, :]
    log_weight += np.where(items.arrival_week > 0, 1.2 * np.exp(-np.maximum(age, 0) / 3.0), 0.0)
    return np.where(age >= 0, np.exp(log_weight), 0.0)
