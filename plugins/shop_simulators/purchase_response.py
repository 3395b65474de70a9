"""`purchase_response`: who buys again, and which of the shown items, as the early part of the log foretells it.

Three regressions on the window that follows the early part: orders of a user (Poisson), purchase of an item by a user
who orders (logistic on pairs of user and item, all buyers' purchases against a weighted sample of items they left),
and the quantity of a purchase (log-linear with its own empirical residuals). A user's chance of at least one order is
1 - exp(-rate); given one, each shown item is bought with the pair's probability.

What it assumes: a shown item is bought exactly when the user would have bought it in the window anyway; items do not
compete. McCullagh and Nelder, Generalized Linear Models (1989), chapters 4 and 6; case-control weights as in King and
Zeng, Logistic Regression in Rare Events Data (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.data.randomness import keyed_uniform
from framework.data.tables import MICROSECONDS_PER_DAY, Dataset, Window
from framework.errors import DataError
from framework.records import Actions, Context, Queries, Responses, SimulatorCheck
from shop_simulators.honesty import check_against
from shop_simulators.pair_features import PairFeatures

MOST_BUYERS = 20_000
"""Buyers whose pairs the pair model is fitted on and checked with; more would only cost memory."""
_ACTIVE, _COUNT, _BUY, _QUANTITY, _ORDER = range(5)


@dataclass(frozen=True)
class PurchaseResponseConfig:
    """How pairs are sampled, how strongly the pair model is held back, how good a forecast must be.

    `negatives` items are sampled for each buyer as not bought; `regularization` is the L2 strength of the pair model;
    past a factor of `tolerance` between foretold and actual purchases the fit is not trusted.
    """

    negatives: int = 200
    regularization: float = 1.0
    tolerance: float = 1.5


class PurchaseResponse:
    """Simulator of repeat purchases; see the module's text for its three parts."""

    Config = PurchaseResponseConfig

    def __init__(self, config: PurchaseResponseConfig) -> None:
        self.config = config

    def fit(self, early: Dataset, later: Window, context: Context) -> None:
        """Learn from `early` what happened in `later`. Raises DataError where nobody known bought in the window."""
        from sklearn.linear_model import LogisticRegression, PoissonRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits

        orders = _orders(early, later)
        if not len(_known_purchases(later)[0]):
            raise DataError(
                "no user of the fit part bought a known item in the validation part, so responses cannot be learned",
                hint="Make the validation part longer (data.split.validation), or leave out simulated evidence.",
            )
        self._rate = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-3, max_iter=500))
        pairs = sample_pairs(early, later, self.config.negatives, context.rng)
        self._choice = make_pipeline(
            StandardScaler(), LogisticRegression(C=1.0 / self.config.regularization, max_iter=500)
        )
        features = PairFeatures.of(early).rows(pairs.user, pairs.item)
        with threadpool_limits(1):  # sums on several threads differ in the last digits
            self._rate.fit(_activity(early), orders)
            self._choice.fit(features, pairs.bought, logisticregression__sample_weight=pairs.weight)
        self._fit_quantity(early, later)
        self._days = (later.end - later.start) / MICROSECONDS_PER_DAY
        self.prepare(early)

    def prepare(self, data: Dataset) -> None:
        """Take `data` as the world in which `respond` answers: its users, items and histories."""
        self._data, self._pairs = data, PairFeatures.of(data)
        self._orders_rate = self.order_rates(data)
        self._log_quantity = _log_quantity(data)

    def order_rates(self, data: Dataset) -> NDArray[np.float64]:
        """Return each user's expected number of orders in the next window (U,)."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            rates: NDArray[np.float64] = self._rate.predict(_activity(data))
        return rates

    def pair_probabilities(
        self, pairs: PairFeatures, user: NDArray[np.int32], item: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the probability (m,) that each pair's user buys the item in a window in which the user orders."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            parts = [self._choice.predict_proba(block)[:, 1] for block in pairs.blocks(user, item)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def check(self, early: Dataset, later: Window, context: Context) -> SimulatorCheck:
        """Foretell `later` from `early` and compare.

        Rates are scaled to the length of `later` where it differs from the window of the fit.
        """
        state = PairFeatures.of(early)
        scale = (later.end - later.start) / MICROSECONDS_PER_DAY / self._days
        pairs = sample_pairs(early, later, self.config.negatives, context.rng)
        return check_against(
            early,
            orders=_orders(early, later),
            rates=self.order_rates(early) * scale,
            pairs=pairs,
            probabilities=self.pair_probabilities(state, pairs.user, pairs.item),
            popularity=state.recent[pairs.item],
            tolerance=self.config.tolerance,
        )

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        """Draw one window of each user. Chance is keyed by (user, item): common to all calls with equal generators."""
        key = int(rng.integers(2**63))
        user, items = queries.user, actions.items
        shape = items.shape
        active = keyed_uniform(key, user, np.full_like(user, _ACTIVE)) < 1.0 - np.exp(-self._orders_rate[user])
        visits = np.where(active, 1 + self._more_orders(key, user), 0).astype(np.int32)
        flat_user, flat_item = np.repeat(user, shape[1]), items.ravel()
        real = flat_item >= 0
        chance = np.zeros(flat_item.shape)
        chance[real] = self.pair_probabilities(self._pairs, flat_user[real], flat_item[real])
        draw = keyed_uniform(key, flat_user, flat_item, np.full_like(flat_item, _BUY)).reshape(shape)
        bought = (draw < chance.reshape(shape)) & active[:, None]
        amount = np.where(bought, self._amounts(key, flat_user, flat_item).reshape(shape), 0)
        place = keyed_uniform(key, flat_user, flat_item, np.full_like(flat_item, _ORDER)).reshape(shape)
        orders = _distinct(np.where(bought, np.floor(place * visits[:, None]).astype(np.int64), -1))
        return Responses(bought, bought, amount, visits, orders)

    def _more_orders(self, key: int, user: NDArray[np.int32]) -> NDArray[np.int32]:
        # Poisson given at least one order, by inverting its distribution at a keyed uniform.
        from scipy.stats import poisson

        rate = self._orders_rate[user]
        draw = keyed_uniform(key, user, np.full_like(user, _COUNT))
        none = np.exp(-rate)
        orders: NDArray[np.float64] = poisson.ppf(none + draw * (1.0 - none), rate)
        return (orders - 1).clip(min=0).astype(np.int32)

    def _fit_quantity(self, early: Dataset, later: Window) -> None:
        user, _, quantity = _known_purchases(later)
        own, actual = _log_quantity(early)[user], np.log(np.maximum(quantity, 1e-9))
        spread = float(own.var())
        slope = float(np.cov(own, actual, bias=True)[0, 1]) / spread if spread > 0 else 0.0
        self._quantity_slope, self._quantity_level = slope, float(actual.mean() - slope * own.mean())
        self._quantity_residuals = np.sort(actual - self._quantity_level - slope * own)

    def _amounts(self, key: int, user: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.int64]:
        draw = keyed_uniform(key, user, item, np.full_like(item, _QUANTITY))
        residual = self._quantity_residuals[(draw * len(self._quantity_residuals)).astype(np.intp)]
        log_quantity = self._quantity_level + self._quantity_slope * self._log_quantity[user] + residual
        price = np.where(item >= 0, self._data.item_table.price[item], 0)
        amount: NDArray[np.float64] = np.rint(price * np.maximum(np.rint(np.exp(log_quantity)), 1.0))
        return amount.astype(np.int64)


@dataclass(frozen=True)
class Pairs:
    """m pairs of a buyer and an item, each standing for `weight` pairs of the whole; `bought` is 0 or 1."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    bought: NDArray[np.int8]
    weight: NDArray[np.float64]


def sample_pairs(early: Dataset, later: Window, negatives: int, rng: np.random.Generator) -> Pairs:
    """Return the known (user, item) purchases of the window, and for each of its buyers a sample of items not bought.

    Of more than `MOST_BUYERS` buyers a random sample of that size stands for all. Half of the items not bought are
    drawn by popularity, where recommendations are; the weights undo both.
    """
    user, item, _ = _known_purchases(later)
    width = np.int64(len(early.items))
    buyers = everyone = np.unique(user)
    if len(everyone) > MOST_BUYERS:
        buyers = np.sort(rng.choice(everyone, MOST_BUYERS, replace=False))
        kept = np.isin(user, buyers)
        user, item = user[kept], item[kept]
    share = len(buyers) / max(len(everyone), 1)
    positive = np.unique(user.astype(np.int64) * width + item)
    counts = np.bincount(early.events.of_kind("purchase").item.clip(min=0), minlength=width) + 1.0
    chance = 0.5 / width + 0.5 * counts / counts.sum()
    drawn = rng.choice(width, size=(len(buyers), negatives), p=chance)
    keys = (buyers.astype(np.int64)[:, None] * width + drawn).ravel()
    weight = (1.0 / (negatives * chance))[drawn.ravel()]
    fresh = ~np.isin(keys, positive)
    keys = np.concatenate([positive, keys[fresh]])
    weight = np.concatenate([np.ones(len(positive)), weight[fresh]]) / share
    bought = np.zeros(len(keys), dtype=np.int8)
    bought[: len(positive)] = 1
    return Pairs((keys // width).astype(np.int32), (keys % width).astype(np.int32), bought, weight)


def _known_purchases(later: Window) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Return user, item and quantity of the window's purchases whose user and item were known before."""
    events = later.events.of_kind("purchase")
    owner = later.user_index[events.user]
    known = (owner >= 0) & (events.item >= 0)
    return owner[known], events.item[known], events.quantity[known]


def _orders(early: Dataset, later: Window) -> NDArray[np.int64]:
    events = later.events.of_kind("purchase")
    owner = later.user_index[events.user]
    baskets = np.unique(np.stack([owner[owner >= 0].astype(np.int64), events.order[owner >= 0]]), axis=1)
    return np.bincount(baskets[0], minlength=len(early.users))


def _activity(data: Dataset) -> NDArray[np.float64]:
    events = data.events.of_kind("purchase")
    n = len(data.users)
    baskets = np.unique(np.stack([events.user.astype(np.int64), events.order]), axis=1)
    frequency = np.bincount(baskets[0], minlength=n).astype(np.float64)
    last, first = np.full(n, data.events.time.min(initial=data.as_of)), np.full(n, data.as_of)
    np.maximum.at(last, events.user, events.time)
    np.minimum.at(first, events.user, events.time)
    recency = (data.as_of - last) / MICROSECONDS_PER_DAY
    tenure = (data.as_of - first) / MICROSECONDS_PER_DAY
    pace = frequency / np.maximum(tenure, 1.0)
    return np.column_stack(
        [np.log1p(frequency), np.log1p(recency), np.log1p(tenure), np.log(pace + 1e-3), recency * pace]
    )


def _log_quantity(data: Dataset) -> NDArray[np.float64]:
    events = data.events.of_kind("purchase")
    logs = np.log(np.maximum(events.quantity, 1e-9))
    overall = float(logs.mean()) if len(logs) else 0.0
    total = np.bincount(events.user, weights=logs, minlength=len(data.users))
    lines = np.bincount(events.user, minlength=len(data.users))
    means: NDArray[np.float64] = (total + 5.0 * overall) / (lines + 5.0)
    return means


def _distinct(orders: NDArray[np.int64]) -> NDArray[np.int32]:
    # Orders are numbered within a row, -1 is none: count the different numbers of each row.
    ranked = np.sort(orders, axis=1)
    changes = (np.diff(ranked, axis=1) != 0) & (ranked[:, 1:] >= 0)
    first = (ranked[:, :1] >= 0).sum(axis=1)
    count: NDArray[np.int64] = changes.sum(axis=1) + first
    return count.astype(np.int32)
