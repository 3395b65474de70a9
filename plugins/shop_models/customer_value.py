"""Customer value: users by what they will be worth over a horizon, with those who have probably left apart.

BG/NBD (`bg_nbd`) says how many orders are to come and who has left, gamma-gamma (`gamma_gamma`) what an order is worth;
the two are taken as independent, so a user's value is the product. Reference: Fader, Hardie, Lee, "RFM and CLV: using
iso-value curves for customer base analysis", JMR 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import ConfigError, DataError
from framework.records import Context, Segmentation
from shop_models.bg_nbd import (
    BgNbdParameters,
    expected_purchases,
    expected_purchases_interval,
    fit_bg_nbd,
    next_order,
    probability_alive,
)
from shop_models.buyers import NO_PURCHASE, money
from shop_models.gamma_gamma import GammaGammaParameters, expected_value, expected_value_interval, fit_gamma_gamma
from shop_models.grouped_users import unfitted
from shop_models.order_history import OrderHistory, order_history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset

GONE = "probably gone"
"""Name of the segment of users whose probability of being customers still is below the config's `alive`."""
FEWEST = 20
"""Users with repeat orders without whom the models are not fitted."""


@dataclass(frozen=True)
class CustomerValueConfig:
    """Over which time users are valued, and where tiers are cut.

    `horizon_days` is how far ahead the value looks. `names` are the tiers from the highest value down; `shares` of the
    users still alive part them, from the top: [0.2, 0.5] makes the best 20 %, those up to 50 %, and the rest; the cuts
    are those of the users that `fit` saw. Users whose probability of being alive is below `alive` are "probably gone";
    0 leaves them in their tier. `confidence` is that of the intervals in the descriptions.
    """

    horizon_days: float = 90.0
    names: Sequence[str] = ("high value", "middle value", "low value")
    shares: Sequence[float] = (0.2, 0.5)
    alive: float = 0.3
    confidence: float = 0.95

    def __post_init__(self) -> None:
        cuts = np.asarray(list(self.shares), dtype=float)
        names = list(self.names)
        if len(names) != len(cuts) + 1 or len(set(names)) != len(names) or {GONE, NO_PURCHASE} & set(names):
            raise ConfigError(
                f"customer_value's names are {names} for {len(cuts)} shares",
                allowed=f"one name more, all different, none of them '{GONE}' or '{NO_PURCHASE}'",
            )
        if np.any(cuts <= 0) or np.any(cuts >= 1) or np.any(np.diff(cuts) <= 0):
            raise ConfigError(
                f"customer_value's shares are {list(self.shares)}", allowed="ascending shares between 0 and 1"
            )
        for name, top in (("horizon_days", np.inf), ("confidence", 1.0)):
            if not 0 < getattr(self, name) < top:
                raise ConfigError(
                    f"customer_value's {name} is {getattr(self, name)}", allowed=f"above 0 and below {top:g}"
                )
        if not 0 <= self.alive < 1:
            raise ConfigError(f"customer_value's alive is {self.alive}", allowed="from 0 to below 1")


@dataclass(frozen=True)
class CustomerValues:
    """What is expected of users who bought (n,): in the order of their histories.

    `orders` (days with an order) and `value` (minor units) over the horizon, `low` and `high` of the value's
    expectation, `alive` the probability of being a customer still, `next_days` the median time to the next order of
    those who are. The interval knows how well the parameters are known, not how much luck varies.
    """

    orders: NDArray[np.float64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    alive: NDArray[np.float64]
    next_days: NDArray[np.float64]


class CustomerValue:
    """Tiers of expected value, and who has probably gone; users without purchases are "no purchase yet".

    Deterministic; `context.rng` is not used. Raises DataError where fewer than 20 users ordered on more than one day.
    """

    Config = CustomerValueConfig

    def __init__(self, config: CustomerValueConfig) -> None:
        self.config = config
        self.frequency: BgNbdParameters | None = None
        self.spending: GammaGammaParameters | None = None
        self.cuts: NDArray[np.float64] = np.zeros(0)

    def fit(self, data: Dataset, context: Context) -> None:
        """Fit both models to the users who bought, and cut the tiers among those still alive."""
        seen = order_history(data)
        repeaters = int((seen.repeats > 0).sum())
        if repeaters < FEWEST:
            raise DataError(
                f"model 'customer_value': {repeaters} users ordered on more than one day",
                allowed=f"{FEWEST} or more",
                hint="Take a longer log, or rfm.",
            )
        self.frequency = fit_bg_nbd(seen.repeats, seen.last, seen.observed)
        paid = seen.day_value > 0
        self.spending = fit_gamma_gamma(seen.days[paid], seen.day_value[paid])
        values = self.values(seen)
        there = values.alive >= self.config.alive
        shares = 1 - np.asarray(list(self.config.shares), dtype=float)
        told = values.value[there] if there.any() else values.value
        self.cuts = np.quantile(told, shares, method="inverted_cdf")
        context.log.debug("bg/nbd %s, gamma-gamma %s", self.frequency.values, self.spending.values)

    def values(self, seen: OrderHistory) -> CustomerValues:
        """Return what is expected of users with these histories. Raises PluginError before `fit`."""
        if self.frequency is None or self.spending is None:
            raise unfitted("customer_value")
        horizon, confidence = self.config.horizon_days, self.config.confidence
        history = (seen.repeats, seen.last, seen.observed)
        orders = expected_purchases(self.frequency, horizon, *history)
        # What was given back on the whole tells nothing of what the next order is worth.
        known = np.where(seen.day_value > 0, seen.days, 0)
        worth = expected_value(self.spending, known, seen.day_value)
        # The two logarithms' errors are independent, and their squares add up.
        least, most = (
            expected_purchases_interval(self.frequency, horizon, *history, confidence),
            expected_value_interval(self.spending, known, seen.day_value, confidence),
        )
        reach = np.hypot(np.log(least[1] / orders), np.log(most[1] / worth))
        value = orders * worth
        return CustomerValues(
            orders=orders,
            value=value,
            low=value * np.exp(-reach),
            high=value * np.exp(reach),
            alive=probability_alive(self.frequency, *history),
            next_days=next_order(self.frequency, seen.repeats, seen.observed),
        )

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's tier. Raises PluginError before `fit`."""
        seen = order_history(data)
        values = self.values(seen)
        names = (*self.config.names, GONE, NO_PURCHASE)
        labels = np.full(len(data.users), len(names) - 1, dtype=np.int32)
        tier = (values.value[:, None] <= self.cuts).sum(axis=1)
        labels[seen.chosen] = np.where(values.alive >= self.config.alive, tier, len(names) - 2)
        described = tuple(
            self._described(values, labels[seen.chosen] == place, data.currency) for place in range(len(names) - 1)
        )
        unbought = "Seen in the log, but not buying so far." if np.any(~seen.chosen) else "No users at present."
        return Segmentation(labels, names, (*described, unbought), self._notes())

    def _described(self, values: CustomerValues, members: NDArray[np.bool_], currency: str) -> str:
        if not members.any():
            return "No users at present."
        middle = {name: float(np.median(getattr(values, name)[members])) for name in ("value", "low", "high", "alive")}
        text = (
            f"Half of them are worth {money(middle['value'], currency)} or more in the next "
            f"{self.config.horizon_days:g} days"
        )
        if np.isfinite(middle["low"]):
            text += f" ({money(middle['low'], '')} to {money(middle['high'], '')} as far as the model is known)"
        soon = float(np.median(values.next_days[members]))
        return (
            f"{text}, with {values.orders[members].mean():.2f} days with an order on average; customers still with a "
            f"probability of {middle['alive']:.0%}; the next order in {soon:,.0f} days, if they are."
        )

    def _notes(self) -> tuple[str, ...]:
        if self.frequency is None or self.spending is None:
            return ()
        r, alpha, a, b = self.frequency.values
        p, q, gamma = self.spending.values
        notes = [
            f"BG/NBD over days: r {r:.3g}, alpha {alpha:.3g}, a {a:.3g}, b {b:.3g}",
            f"gamma-gamma over minor units: p {p:.3g}, q {q:.3g}, gamma {gamma:.3g}",
        ]
        if not np.isfinite(self.frequency.covariance).all() or not np.isfinite(self.spending.covariance).all():
            notes.append("warning: the likelihood is flat, so the parameters are not told apart; no intervals")
        if q <= 1:
            notes.append("warning: q is at most 1: the mean worth of an order is not finite")
        return tuple(notes)
