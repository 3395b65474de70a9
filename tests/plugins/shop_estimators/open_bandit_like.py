"""A shop like Open Bandit, whose truth is known: 80 items, 3 places, a uniform logger, a policy like Thompson's."""

import math
from dataclasses import dataclass

import numpy as np

from framework.records import WeightedRows
from framework.stats.off_policy import health, value_interval
from shop_estimators.doubly_robust.dr import Dr, DrConfig
from shop_estimators.doubly_robust.dr_os import DrOs, DrOsConfig
from shop_estimators.doubly_robust.sg_dr import SgDr, SgDrConfig
from shop_estimators.doubly_robust.sndr import Sndr, SndrConfig
from shop_estimators.doubly_robust.switch_dr import SwitchDr, SwitchDrConfig
from shop_estimators.weighting.clipped_ips import ClippedIps, ClippedIpsConfig
from shop_estimators.weighting.ips import Ips, IpsConfig
from shop_estimators.weighting.mips import Mips, MipsConfig
from shop_estimators.weighting.replay import Replay, ReplayConfig
from shop_estimators.weighting.sg_ips import SgIps, SgIpsConfig
from shop_estimators.weighting.snips import Snips, SnipsConfig

ITEMS, PLACES, KINDS = 80, 3, 8
# The largest weight of this policy is about 5.
SLOPE, MSE = ({"constant": rule, "candidates": (1.0, 2.0, 4.0, math.inf)} for rule in ("slope", "mse"))
ESTIMATORS = [
    Ips(IpsConfig()),
    Snips(SnipsConfig()),
    Dr(DrConfig()),
    Sndr(SndrConfig()),
    Replay(ReplayConfig()),
    Mips(MipsConfig()),
    ClippedIps(ClippedIpsConfig(2.0)),
    ClippedIps(ClippedIpsConfig(**SLOPE)),
    ClippedIps(ClippedIpsConfig(**MSE)),
    SgIps(SgIpsConfig(0.05)),
    SgIps(SgIpsConfig()),
    SwitchDr(SwitchDrConfig(2.0)),
    SwitchDr(SwitchDrConfig(**SLOPE)),
    SwitchDr(SwitchDrConfig(**MSE)),
    DrOs(DrOsConfig(100.0)),
    DrOs(DrOsConfig()),
    SgDr(SgDrConfig(0.05)),
    SgDr(SgDrConfig()),
]
UNBIASED = ESTIMATORS[:4]


@dataclass(frozen=True)
class Shop:
    """Click rates (80,) drawn from Beta(2, 500) times `busy`, and what the policy shows (80, 3).

    The policy's shares are those in which items come first, second and third where rates are drawn from what 300
    impressions each would have taught of them. `kind` (80,) puts items into 8 groups by their rates.
    """

    rates: np.ndarray
    policy: np.ndarray
    kind: np.ndarray

    @classmethod
    def drawn(cls, seed=0, busy=1.0):
        rng = np.random.default_rng(seed)
        rates = rng.beta(2, 500, ITEMS)
        drawn = rng.beta(2 + 300 * rates, 500 + 300 * (1 - rates), size=(20_000, ITEMS))
        ranked = np.argsort(-drawn, axis=1)[:, :PLACES]
        policy = np.stack([np.bincount(ranked[:, k], minlength=ITEMS) for k in range(PLACES)], axis=1) / 20_000
        kind = np.argsort(np.argsort(rates)) * KINDS // ITEMS
        return cls(busy * rates, policy, kind)

    @property
    def truth(self):
        return float((self.rates[:, None] * self.policy).sum() / PLACES)

    def log(self, n, rng):
        """Return n rows of the uniform logger, with a reward model: each item's rate in the other half of the log."""
        item, place = rng.integers(0, ITEMS, n), rng.integers(0, PLACES, n)
        reward = (rng.random(n) < self.rates[item]).astype(np.float64)
        half = np.arange(n) % 2
        fitted, expected = np.empty(n), np.empty(n)
        for own in (0, 1):
            other = half != own
            rate = item_rates(item[other], reward[other])
            fitted[~other] = rate[item[~other]]
            expected[~other] = (rate @ self.policy)[place[~other]]
        by_kind = np.stack([np.bincount(self.kind, weights=self.policy[:, k]) for k in range(PLACES)], axis=1)
        marginal = (by_kind / np.bincount(self.kind)[:, None] * ITEMS)[self.kind[item], place]
        return item, WeightedRows(reward, ITEMS * self.policy[item, place], fitted, expected, marginal=marginal)


def item_rates(item, reward, counts=None, pulled=250):
    """Return each item's click rate (80,), pulled by one more click in `pulled` impressions (0: by none)."""
    weight = np.ones(len(item)) if counts is None else counts
    clicks = np.bincount(item, weights=weight * reward, minlength=ITEMS)
    return (clicks + (pulled > 0)) / (np.bincount(item, weights=weight, minlength=ITEMS) + pulled)


@dataclass(frozen=True)
class Coverage:
    """Shares of replications whose interval holds the truth, by label; and of those that health would refuse."""

    held: dict[str, dict[str, float]]
    bias: dict[str, float]
    refused: float
    effective_rewarded: float
    least_rewarded: float


def coverage(shop, n, replications, seed, estimators=ESTIMATORS):
    held = {name: dict.fromkeys(("t", "hall"), 0) for name in (each.label for each in estimators)}
    total = dict.fromkeys(held, 0.0)
    refused, rewarded = 0, []
    for replication in range(replications):
        _, rows = shop.log(n, np.random.default_rng([seed, replication]))
        sound = health(rows.weight, rows.reward)
        refused += not sound.sound
        rewarded.append(sound.effective_rewarded)
        for estimator in estimators:
            found = estimator.estimate(rows)
            total[estimator.label] += found.value
            for method in ("t", "hall"):
                interval = value_interval(found.terms, method=method)
                held[estimator.label][method] += interval.ci_low <= shop.truth <= interval.ci_high
    return Coverage(
        {name: {method: count / replications for method, count in both.items()} for name, both in held.items()},
        {name: value / replications / shop.truth - 1 for name, value in total.items()},
        refused / replications,
        float(np.median(rewarded)),
        min(rewarded),
    )
