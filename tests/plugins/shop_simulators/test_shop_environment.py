"""The shop as an environment: Gymnasium's own checker, exact answers of a planted simulator, users side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from framework.data.randomness import keyed_uniform
from framework.errors import ConfigError, DataError
from framework.records import Actions, Queries, Responses, Slates
from shop_policies.reinforcement.q_learning import q_learning_update
from shop_policies.reinforcement.tabular_training import TabularTraining, train
from shop_simulators.environment import ShopEnvironment
from shop_simulators.shop_world import Rewards, ShopConfig, ShopWorld
from shop_simulators.vector_environment import ShopVectorEnvironment

USERS, CANDIDATES = 12, 4


@dataclass
class Planted:
    """Item i is bought with chance[segment, i], for 10.00 + i; everybody comes once a page. Clicks are purchases."""

    chance: NDArray[np.float64]

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        key = int(rng.integers(2**63))
        items = actions.items
        draw = keyed_uniform(key, np.broadcast_to(queries.user[:, None], items.shape), items)
        bought = (draw < self.chance[queries.segment[:, None], items]) & (items >= 0)
        amount = np.where(bought, 1000 + items, 0).astype(np.int64)
        n = len(items)
        return Responses(bought, bought, amount, np.ones(n, np.int32), bought.any(axis=1).astype(np.int32))


def shop(users: int = USERS) -> tuple[Queries, Slates]:
    ids = np.array([f"u{n:05d}" for n in range(users)])
    queries = Queries(np.arange(users, dtype=np.int32), ids, (np.arange(users) % 2).astype(np.int32), ("a", "b"), 1)
    items = np.tile(np.arange(CANDIDATES, dtype=np.int32), (users, 1))
    return queries, Slates(items, -items.astype(np.float32), np.zeros(users, dtype=np.bool_))


SURE = Planted(np.array([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]))
STAY = (0.0, 0.0, 0.0)


@pytest.mark.parametrize("observation", ["discrete", "vector"])
@pytest.mark.parametrize("action", ["item", "recommender", "discount"])
def test_gymnasium_finds_no_fault(observation: Any, action: Any) -> None:
    queries, slates = shop()
    rankings = [slates, replace(slates, items=slates.items[:, ::-1])]
    config = ShopConfig(observation=observation, action=action, positions=2)
    simulator = Planted(np.full((2, CANDIDATES), 0.3))
    environment = ShopEnvironment(simulator, queries, rankings if action == "recommender" else slates, config)
    environment.spec = gymnasium.envs.registration.EnvSpec("Shop-v0", entry_point=lambda: environment)
    check_env(environment, skip_render_check=True, skip_close_check=True)


def test_pages_rewards_and_standings_are_exact() -> None:
    queries, slates = shop(2)
    rewards = Rewards(click=0.5, purchase=2.0, margin=0.1, leaving=3.0)
    config = ShopConfig(positions=2, visits=3, leave=STAY, margin_share=0.4, rewards=rewards)
    world = ShopWorld(SURE, queries, slates, config)
    world.begin(np.random.default_rng(0))
    np.testing.assert_array_equal(world.observe(), [4, 8])
    answer = world.step(np.array([3, 2]))
    # Items 3 and 0 for the first, who buys both; 2 and 0 for the second, who buys neither.
    np.testing.assert_array_equal(answer.feedback.actions.items, [[3, 0], [2, 0]])
    assert answer.reward == pytest.approx([2 * 0.5 + 2 * 2.0 + 0.1 * 0.4 * (10.03 + 10.00), 0.0])
    np.testing.assert_array_equal(world.observe(), [4 + 3, 8 + 1])
    np.testing.assert_array_equal(world.allowed(), [[False, True, True, False], [True] * 4])
    # What was bought is gone: the action shows the others, in their order.
    answer = world.step(np.array([3, 1]))
    np.testing.assert_array_equal(answer.feedback.actions.items, [[1, 2], [1, 0]])
    np.testing.assert_array_equal(world.slates(np.array([1])).items, [[0, 2, 3, -1]])
    assert not answer.cut_off.any()
    assert world.step(np.array([0, 0])).cut_off.all()
    assert world.over.all()
    gone = world.step(np.array([0, 0]))
    assert not gone.reward.any()
    assert not len(gone.feedback.queries)


def test_one_position_shows_the_chosen_item_or_nothing() -> None:
    queries, slates = shop(2)
    world = ShopWorld(SURE, queries, slates, ShopConfig(leave=STAY))
    world.begin(np.random.default_rng(0))
    np.testing.assert_array_equal(world.step(np.array([0, 1])).reward, [1.0, 1.0])
    answer = world.step(np.array([0, 2]))
    np.testing.assert_array_equal(answer.feedback.actions.items, [[-1], [2]])
    np.testing.assert_array_equal(answer.reward, [0.0, 0.0])
    # Nothing was seen by the first, whose standing stays.
    np.testing.assert_array_equal(world.standing, [3, 1])


def test_a_recommender_is_chosen() -> None:
    queries, slates = shop(2)
    rankings = [slates, replace(slates, items=slates.items[:, ::-1].copy())]
    world = ShopWorld(SURE, queries, rankings, ShopConfig(action="recommender", positions=2, leave=STAY, again=True))
    world.begin(np.random.default_rng(0))
    answer = world.step(np.array([0, 1]))
    np.testing.assert_array_equal(answer.feedback.actions.items, [[0, 1], [3, 2]])
    with pytest.raises(DataError, match="2 or more"):
        ShopWorld(SURE, queries, slates, ShopConfig(action="recommender"))
    with pytest.raises(ConfigError, match="from 0 to 1"):
        world.step(np.array([0, 2]))


def test_discounts_sell_more_for_less() -> None:
    users, chance = 40_000, 0.2
    queries, slates = shop(users)
    rewards = Rewards(purchase=0.0, margin=1.0)
    config = ShopConfig(action="discount", discounts=(0.0, 0.25), margin_share=0.5, leave=STAY, rewards=rewards)
    simulator = Planted(np.full((2, CANDIDATES), chance))
    for action, discount in enumerate(config.discounts):
        world = ShopWorld(simulator, queries, slates, config)
        world.begin(np.random.default_rng(0))
        answer = world.step(np.full(users, action))
        # With elasticity 2 and 25 % off, half of a second try counts.
        expected = chance + (1 - chance) * chance * 2.0 * discount
        share = answer.feedback.responses.bought.mean() if not discount else (answer.earned > 0).mean()
        assert share == pytest.approx(expected, abs=5 * np.sqrt(expected / users))
        bought = answer.earned[answer.earned > 0]
        np.testing.assert_allclose(bought, 1000 * (0.5 - discount))
        np.testing.assert_allclose(answer.reward, answer.earned / 100)


def test_users_leave_and_send_back_as_often_as_is_said() -> None:
    users = 40_000
    queries, slates = shop(users)
    config = ShopConfig(leave=(0.3, 0.0, 0.1), return_chance=0.25, rewards=Rewards(returned=1.0))
    world = ShopWorld(SURE, queries, slates, config)
    world.begin(np.random.default_rng(0))
    answer = world.step(np.zeros(users, dtype=np.int64))
    buys = queries.segment == 0
    for group, chance in ((buys, 0.1), (~buys, 0.3)):
        assert answer.left[group].mean() == pytest.approx(chance, abs=5 * np.sqrt(chance / (users / 2)))
    assert answer.returned[buys].mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.25 / (users / 2)))
    np.testing.assert_array_equal(answer.earned[buys] > 0, answer.returned[buys] == 0)
    np.testing.assert_allclose(answer.reward[buys], 1.0 - answer.returned[buys])


def test_side_by_side_is_as_one_by_one() -> None:
    """Where nothing is left to chance, all users at once get what each gets alone."""
    queries, slates = shop()
    config = ShopConfig(observation="vector", visits=5, leave=(0.0, 0.0, 1.0), positions=2, again=True)
    together = ShopVectorEnvironment(SURE, queries, slates, config)
    alone = ShopEnvironment(SURE, queries, slates, config)
    actions = np.random.default_rng(3).integers(CANDIDATES, size=(config.visits, USERS))
    seen, infos = together.reset(seed=0)
    assert together.observation_space.contains(seen)
    histories: list[list[Any]] = [[(seen[user], infos["action_mask"][user])] for user in range(USERS)]
    running = np.ones(USERS, dtype=np.bool_)
    for step in range(config.visits):
        assert together.action_space.contains(actions[step])
        seen, reward, ended, cut_off, infos = together.step(actions[step])
        for user in np.flatnonzero(running):
            histories[user].append((seen[user], reward[user], ended[user], cut_off[user], infos["earned"][user]))
        running &= ~(ended | cut_off)
    assert not running.any()
    for user, history in enumerate(histories):
        first, info = alone.reset(seed=0, options={"user": user})
        np.testing.assert_array_equal(first, history[0][0])
        np.testing.assert_array_equal(info["action_mask"], history[0][1])
        for step, known in enumerate(history[1:]):
            seen, *told, info = alone.step(int(actions[step, user]))
            np.testing.assert_array_equal(seen, known[0])
            assert (*told, info["earned"]) == known[1:]


def test_equally_seeded_worlds_share_chances_and_marked_users_begin_anew() -> None:
    queries, slates = shop(400)
    simulator = Planted(np.full((2, CANDIDATES), 0.4))
    config = ShopConfig(again=True)
    rewards = []
    for others in (0, 1):
        environment = ShopVectorEnvironment(simulator, queries, slates, config)
        environment.reset(seed=5)
        actions = np.where(np.arange(400) < 200, 2, others)
        rewards.append(np.stack([environment.step(actions)[1] for _ in range(5)]))
    np.testing.assert_array_equal(rewards[0][:, :200], rewards[1][:, :200])
    assert (rewards[0][:, 200:] != rewards[1][:, 200:]).any()
    over = environment.world.over.copy()
    made = environment.world.made.copy()
    environment.reset(options={"reset_mask": over})
    np.testing.assert_array_equal(environment.world.made, np.where(over, 0, made))
    assert not environment.world.over.any()


def test_q_learning_finds_what_each_segment_buys() -> None:
    """Item 3 sells best to segment a and 1 to b; every page is the same problem, so values are known exactly."""
    queries, slates = shop()
    chance = np.array([[0.3, 0.1, 0.0, 0.7], [0.1, 0.6, 0.2, 0.1]])
    config = ShopConfig(visits=5, again=True, leave=(0.5, 0.5, 0.5))
    environment = ShopEnvironment(Planted(chance), queries, slates, config)
    training = TabularTraining(episodes=1200, alpha=0.2, alpha_decay=0.998, alpha_floor=0.01, gamma=0.0, epsilon=0.3)
    found = train(environment, q_learning_update, training, np.random.default_rng(0))
    for segment, best in ((0, 3), (1, 1)):
        rows = found.values[(segment + 1) * 4 : (segment + 2) * 4]
        np.testing.assert_array_equal(rows[[0, 1, 3]].argmax(axis=1), best)
        assert rows[0, best] == pytest.approx(chance[segment, best], abs=0.15)
