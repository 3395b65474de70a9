"""A made-up trial whose arms differ, with every kind of metric, correlated within users, and three segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from framework.stats.decision import DecisionRule
from framework.stats.replication.pool import Pool, pool_of
from framework.stats.replication.replay import Asked, Replay
from framework.stats.samples import UnitValues

SEGMENTS = ("small", "middle", "large")
SHARES = (0.1, 0.4, 0.5)


@pytest.fixture(scope="session")
def make_pool() -> Callable[..., Pool]:
    def make(units: Any, arms: int = 2, design: str = "paired", seed: int = 0, effect: float = 0.0) -> Pool:
        rng = np.random.default_rng(seed)
        names = [f"arm {number}" for number in range(arms)]
        sizes = [units] * arms if isinstance(units, int) else list(units)
        values: dict[str, dict[str, UnitValues]] = {"mean": {}, "share": {}, "ratio": {}}
        segment = {}
        taste = [rng.normal(size=sizes[0])] * arms if design == "paired" else [rng.normal(size=n) for n in sizes]
        labels = [np.array(SEGMENTS)[rng.choice(3, p=SHARES, size=n)] for n in sizes]
        for number, name in enumerate(names):
            n, own = sizes[number], taste[number]
            noise = rng.normal(size=n)
            spend = np.exp(0.3 * own + 0.5 * noise) + effect * number
            likes = own + 0.8 * noise + 0.6 * rng.normal(size=n) + effect * number
            orders = 1.0 + rng.poisson(2.0, size=n)
            values["mean"][name] = UnitValues("mean", spend)
            values["share"][name] = UnitValues("proportion", (likes > 0.7) * 1.0)
            values["ratio"][name] = UnitValues("ratio", spend * orders, orders)
            segment[name] = labels[0] if design == "paired" else labels[number]
        return pool_of(values, segment, design=design, segments=SEGMENTS)

    return make


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Replay]:
    def make(pool: Pool, metrics: tuple[str, ...] | None = None, segments: bool = True, **planted: float) -> Replay:
        metrics = metrics or tuple(pool.values)
        control, *treatments = pool.arms
        asked = [Asked("made up", metric, control, arm, None, "primary") for metric in metrics for arm in treatments]
        if segments:
            asked += [
                Asked("made up", metric, control, arm, segment, "primary")
                for segment in pool.segments
                for metric in metrics
                for arm in treatments
            ]
        asked += [
            Asked("made up", metric, first, second, None, "primary")
            for metric in metrics
            for place, first in enumerate(treatments)
            for second in treatments[place + 1 :]
        ]
        rule = DecisionRule(
            alpha=0.05,
            power=0.8,
            difference=0.0,
            evidence=("made up",),
            primary=metrics,
            guardrails={},
            higher_is_better=dict.fromkeys(metrics, True),
        )
        gains = {("made up", metric, arm): gain for metric, gain in planted.items() for arm in treatments}
        return Replay({"made up": pool}, tuple(asked), rule, 0.95, 0.05, gains)

    return make
