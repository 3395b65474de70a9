"""A log of a mediocre policy in the synthetic shop: what is learned from it, for other users of the shop, exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable, Window
from framework.records import Queries, Slates
from framework.testing.tiny import tiny_context, tiny_dataset
from shop_policies.bandits.epsilon_greedy import EpsilonGreedy, EpsilonGreedyConfig
from shop_policies.reinforcement.bcq import Bcq, BcqConfig
from shop_policies.reinforcement.behaviour_cloning import BehaviourCloning
from shop_policies.reinforcement.discrete_cql import DiscreteCql, DiscreteCqlConfig
from shop_policies.reinforcement.neural_policy import NeuralPolicyConfig
from shop_policies.reinforcement.visit_steps import ItemSteps, Standings
from shop_simulators.shop_world import ShopConfig, ShopWorld
from shop_simulators.synthetic_shop import SyntheticShop, SyntheticShopConfig
from shop_sources.synthetic_shop import SyntheticShop as Shop
from shop_sources.synthetic_shop import SyntheticShopConfig as ShopSettings

USERS, ITEMS, POSITIONS, VISITS = 4000, 60, 5, 4


def simulator_of(folder: Path, users: NDArray[np.str_]) -> SyntheticShop:
    """Return a simulator fitted for these users alone."""
    none: Interactions = tiny_dataset().events.where(np.zeros(len(tiny_dataset().events), dtype=np.bool_))
    table = ItemTable(np.zeros(ITEMS, np.int32), ("all",), np.ones(ITEMS, np.int64), ("",) * ITEMS)
    items = np.array([f"I{n:06d}" for n in range(ITEMS)])
    data = Dataset(users, items, none, FeatureTable((), np.zeros((len(users), 0))), table, as_of=0)
    simulator = SyntheticShop(SyntheticShopConfig(truth=str(folder)))
    simulator.fit(data, Window(0, 1, users[:0], np.zeros(0, np.int32), none), tiny_context(folder))
    return simulator


def asked(simulator: SyntheticShop, users: NDArray[np.str_]) -> Queries:
    truth = simulator._truth
    segment = truth.segment[np.searchsorted(truth.user_ids, users)].astype(np.int32)
    return Queries(np.arange(len(users), dtype=np.int32), users, segment, truth.segment_names, POSITIONS)


def slates(users: int) -> Slates:
    order = np.random.default_rng(5).permutation(ITEMS).astype(np.int32)
    shown = np.tile(order, (users, 1))
    return Slates(shown, np.zeros(shown.shape, np.float32), np.zeros(users, dtype=np.bool_))


def conversion(simulator: SyntheticShop, policy: Any, queries: Queries) -> NDArray[np.float64]:
    """Return each user's exact chance to buy from the page; of a policy that draws, the mean of 20 pages."""
    offered = slates(len(queries))
    pages = [policy.act(queries, offered, np.random.default_rng(seed)) for seed in range(20)]
    return np.asarray(np.mean([simulator.expected(queries, page)[0] for page in pages], axis=0))


@pytest.mark.slow
def test_what_is_learned_from_a_log_serves_other_users(tmp_path: Path) -> None:
    Shop(ShopSettings(users=USERS, items=ITEMS, events=20_000, days=60, seed=3)).read(tiny_context(tmp_path / "shop"))
    users = np.array([f"U{n:07d}" for n in range(USERS)])
    logged, others = users[: USERS // 2], users[USERS // 2 :]
    here, there = simulator_of(tmp_path / "shop", logged), simulator_of(tmp_path / "shop", others)
    # The log: half of the places at random, the others in an order that knows nothing.
    logger = EpsilonGreedy(EpsilonGreedyConfig(0.5))
    world = ShopWorld(here, asked(here, logged), slates(len(logged)), ShopConfig(positions=POSITIONS, visits=VISITS))
    world.begin(np.random.default_rng(0))
    standings, parts = Standings(), []
    for visit in range(VISITS):
        rows = np.flatnonzero(~world.over)
        shown = logger.act(world.queries.take(rows), world.slates(rows), np.random.default_rng([1, visit]))
        feedback = world.show(rows, shown.items).feedback
        parts.append(ItemSteps.of(feedback, standings))
        standings.note(feedback)
    steps = ItemSteps.joined(parts)
    settings = NeuralPolicyConfig(epsilon=0.0, items=ITEMS, reward="clicked", gamma=0.5, log_updates=1500, hidden=(32,))
    common = {name: getattr(settings, name) for name in NeuralPolicyConfig.__dataclass_fields__}
    policies: dict[str, Any] = {
        "cloning": BehaviourCloning(settings),
        "cql": DiscreteCql(DiscreteCqlConfig(**common, conservatism=0.1)),
        "bcq": Bcq(BcqConfig(**common, threshold=0.1)),
    }
    queries = asked(there, others)
    earned = {"logger": conversion(there, logger, queries)}
    for name, policy in policies.items():
        policy.warm_start(steps)
        earned[name] = conversion(there, policy, replace(queries, user=np.full(len(queries), -1, dtype=np.int32)))
    gains = {}
    for name in ("cql", "bcq"):
        for other in ("logger", "cloning"):
            gain = earned[name] - earned[other]
            gains[name, other] = gain.mean(), 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    print(len(steps), {name: float(value.mean()) for name, value in earned.items()}, gains)
    for gain, half in gains.values():
        assert gain - half > 0.0
