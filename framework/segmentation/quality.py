"""What speaks for one segmentation: stable, foretold by half of the users, large enough, short to say, telling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from framework.config import SegmentationConfig
from framework.data.resampled import take_users
from framework.data.tables import Dataset, Window
from framework.segmentation.candidates import Candidate
from framework.stats.groups.explained import Explained, revenue_explained
from framework.stats.groups.prediction_strength import PredictionStrength, prediction_strength
from framework.stats.groups.stability import Refit, Stability, bootstrap_stability
from framework.stats.groups.surrogate import Surrogate, surrogate_rules


@dataclass(frozen=True)
class Quality:
    """One segmentation in figures. `explained` is of the later period, `smallest` the users of its smallest group."""

    candidate: Candidate
    stability: Stability
    strength: PredictionStrength
    surrogate: Surrogate
    explained: Explained
    smallest: int
    groups: int


@dataclass(frozen=True)
class Unsealed:
    """What was found before the later period was looked at."""

    candidate: Candidate
    stability: Stability
    strength: PredictionStrength
    surrogate: Surrogate


def measure(
    candidate: Candidate, data: Dataset, settings: SegmentationConfig, seed: int, advance: Callable[[], None]
) -> Unsealed:
    """Return what refits and rules say of a segmentation; `advance` is called after each refit."""
    refit = _counted(candidate.refit, advance)
    labels, users = candidate.segmentation.labels.astype(np.int64), len(data.users)
    groups = len(candidate.segmentation.names)
    # Every segmentation is put to the same resamples and splits.
    rng = np.random.default_rng([seed, crc32(b"segmentation")])
    stability = bootstrap_stability(labels, refit, rng=rng, resamples=settings.resamples, groups=groups)
    strength = prediction_strength(users, refit, rng=rng, splits=settings.splits)
    surrogate = surrogate_rules(
        data.features.names,
        data.features.values,
        labels,
        candidate.segmentation.names,
        conditions=settings.conditions,
        seed=seed,
    )
    return Unsealed(candidate, stability, strength, surrogate)


def judged(found: Unsealed, outcome: NDArray[np.float64], seed: int, confidence: float) -> Quality:
    """Return a segmentation's figures with how much of the later outcome (n,) it explains."""
    labels = found.candidate.segmentation.labels.astype(np.int64)
    explained = revenue_explained(
        outcome, labels, rng=np.random.default_rng([seed, crc32(b"explained")]), confidence=confidence
    )
    sizes = np.bincount(labels)
    sizes = sizes[sizes > 0]
    return Quality(
        found.candidate,
        found.stability,
        found.strength,
        found.surrogate,
        explained,
        int(sizes.min(initial=len(labels))),
        len(sizes),
    )


def grouped_users(data: Dataset, users: str) -> Dataset:
    """Return the data of the users that are to be grouped: "all", or the "buyers" among them."""
    if users == "all":
        return data
    bought = np.unique(data.events.of_kind("purchase").user)
    return take_users(data, bought[bought >= 0].astype(np.intp))


def later_outcome(data: Dataset, later: Window, kind: str) -> NDArray[np.float64]:
    """Return what each user of the data spent in the later window, in major units, 0 for those who stayed away.

    `kind` "log_revenue" takes log(1 + amount) of it, so that a handful of wholesale buyers do not decide alone.
    """
    purchases = later.events.of_kind("purchase")
    user = data.user_index(later.user_ids)[purchases.user]
    spent = np.bincount(user[user >= 0], weights=purchases.amount[user >= 0], minlength=len(data.users)) / 100.0
    return np.log1p(np.maximum(spent, 0.0)) if kind == "log_revenue" else spent


def _counted(refit: Refit, advance: Callable[[], None]) -> Refit:
    def counted(rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.int64]:
        labels = refit(rows, rng).astype(np.int64)
        advance()
        return labels

    return counted
