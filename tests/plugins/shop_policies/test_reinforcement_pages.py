"""Agents as policies of a shop: standings, values by hand, what a small shop with users who come again is worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.errors import ConfigError, DataError, TrialError
from framework.records import Actions, Feedback, Queries, Responses, Slates
from shop_policies.reinforcement.bcq import Bcq, BcqConfig
from shop_policies.reinforcement.behaviour_cloning import BehaviourCloning
from shop_policies.reinforcement.discrete_cql import DiscreteCql, DiscreteCqlConfig
from shop_policies.reinforcement.dqn import Dqn
from shop_policies.reinforcement.expected_sarsa import ExpectedSarsa
from shop_policies.reinforcement.neural_policy import NeuralPolicyConfig
from shop_policies.reinforcement.q_learning import QLearning
from shop_policies.reinforcement.sarsa import Sarsa
from shop_policies.reinforcement.tabular_policy import TabularPolicyConfig
from shop_policies.reinforcement.visit_steps import ItemSteps, Standings

NEURAL = NeuralPolicyConfig(items=6, hidden=(16,), updates=60, batch_size=64, learning_rate=0.01, target_every=20)


def queries(users: int, positions: int = 1) -> Queries:
    ids = np.array([f"u{n:05d}" for n in range(users)])
    return Queries(
        np.arange(users, dtype=np.int32), ids, (np.arange(users) % 2).astype(np.int32), ("a", "b"), positions
    )


def slates(users: int, items: int = 3) -> Slates:
    shown = np.tile(np.arange(items, dtype=np.int32), (users, 1))
    return Slates(shown, -shown.astype(np.float32), np.zeros(users, dtype=np.bool_))


def feedback(asked: Queries, items: Any, bought: Any, clicked: Any = None, visits: Any = None) -> Feedback:
    shown, bought = np.asarray(items, dtype=np.int32), np.asarray(bought, dtype=np.bool_)
    clicked = bought if clicked is None else np.asarray(clicked, dtype=np.bool_)
    visits = np.ones(len(asked), np.int32) if visits is None else np.asarray(visits, dtype=np.int32)
    amount = np.where(bought, 250, 0).astype(np.int64)
    answers = Responses(clicked, bought, amount, visits, bought.any(axis=1).astype(np.int32))
    return Feedback(asked, Actions(shown, np.ones(shown.shape)), answers)


def test_users_stand_as_their_last_page_left_them() -> None:
    asked, standings = queries(5), Standings()
    stranger = replace(asked, user=np.array([0, 1, 2, 3, -1], dtype=np.int32))
    told = feedback(
        stranger, [[0]] * 5, [[1], [0], [0], [0], [1]], clicked=[[1], [1], [0], [0], [1]], visits=[1, 1, 1, 0, 1]
    )
    np.testing.assert_array_equal(standings.of(asked), 0)
    np.testing.assert_array_equal(standings.after(told), [3, 2, 1, 0, 3])
    standings.note(told)
    np.testing.assert_array_equal(standings.of(stranger), [3, 2, 1, 0, 0])
    # Nobody came by: all stands as it did.
    standings.note(feedback(stranger, [[0]] * 5, [[0]] * 5, visits=[0] * 5))
    np.testing.assert_array_equal(standings.of(stranger), [3, 2, 1, 0, 0])


def test_steps_are_what_visitors_saw(tmp_path: Path) -> None:
    asked, standings = queries(3, positions=2), Standings()
    standings.note(feedback(asked, [[0, -1]] * 3, [[0, 0], [1, 0], [0, 0]]))
    told = feedback(asked, [[4, 2], [1, -1], [0, 5]], [[0, 1], [0, 0], [0, 0]], visits=[2, 1, 0])
    steps = ItemSteps.of(told, standings)
    np.testing.assert_array_equal(steps.item, [4, 2, 1])
    np.testing.assert_array_equal(steps.segment, [0, 0, 1])
    np.testing.assert_array_equal(steps.standing, [1, 1, 3])
    np.testing.assert_array_equal(steps.next_standing, [3, 3, 1])
    np.testing.assert_array_equal(steps.reward("amount"), [0, 250, 0])
    np.testing.assert_array_equal(steps.context, [[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    steps.save(tmp_path / "log.npz")
    again = ItemSteps.joined([ItemSteps.load(tmp_path / "log.npz"), steps])
    np.testing.assert_array_equal(again.item, [4, 2, 1, 4, 2, 1])
    with pytest.raises(DataError, match="cannot be read"):
        ItemSteps.load(tmp_path / "none.npz")


def test_a_table_learns_by_hand() -> None:
    """Two shows of item 1 to new users of segment a, one of which sells; then the same users see it again."""
    policy = QLearning(TabularPolicyConfig(gamma=0.5, epsilon=0.0))
    asked = queries(4)
    policy.learn(feedback(asked, [[1], [0], [1], [0]], [[1], [0], [0], [0]]))
    new, sold, passed = 4, 4 + 3, 4 + 1
    assert policy.values[new, 1] == pytest.approx(0.5)
    assert policy.counts[new, 1] == 2
    np.testing.assert_array_equal(policy.act(asked, slates(4), np.random.default_rng(0)).items[:, 0], [0, 0, 0, 0])
    policy.learn(feedback(asked, [[1], [0], [2], [0]], [[1], [0], [0], [0]]))
    # The first user stood as a buyer and bought again: nothing was known of what follows, so 1 + 0.5 * 0.
    assert policy.values[sold, 1] == pytest.approx(1.0)
    assert policy.values[passed, 2] == 0.0
    # Users who are new now: what follows a purchase is worth 1 by now, a pass 0.
    fresh = replace(asked, user=np.full(4, -1, dtype=np.int32))
    policy.learn(feedback(fresh, [[1], [1], [0], [1]], [[1], [0], [0], [0]]))
    assert policy.values[new, 1] == pytest.approx((0.5 * 2 + 1 + 0.5 * 1.0) / 3)
    np.testing.assert_array_equal(policy.act(fresh, slates(4), np.random.default_rng(0)).items[:, 0], [1, 0, 1, 0])


def test_constant_steps_and_trust() -> None:
    policy = QLearning(TabularPolicyConfig(alpha=0.5, epsilon=0.0, by_segment=False, trust=1.0, gamma=0.0))
    asked = queries(4)
    policy.learn(feedback(asked, [[2]] * 4, [[1], [1], [1], [0]]))
    # Four steps of one half towards 3 / 4.
    assert policy.values[0, 2] == pytest.approx(0.75 * (1 - 0.5**4))
    # 0.703 + 1 / log2(4) beats 1 / log2(2) and 1 / log2(3); without trust in the order it would too, by more.
    found = policy.act(replace(asked, user=asked.user + 4), slates(4), np.random.default_rng(0)).items[:, 0]
    np.testing.assert_array_equal(found, 2)
    far = slates(4, items=6)
    worse = replace(far, items=far.items[:, [0, 1, 3, 4, 5, 2]])
    found = policy.act(replace(asked, user=asked.user + 4), worse, np.random.default_rng(0)).items[:, 0]
    np.testing.assert_array_equal(found, 2 if 0.75 * (1 - 0.5**4) + 1 / np.log2(7) > 1 else 0)


def rounds(policy: Any, users: int, visits: int, rng: np.random.Generator) -> float:
    """Let users come `visits` times to a shop of three items; return the mean sales of a user.

    Item 0 sells to 0.5 who then, or whoever passed it, buy nothing at the next page. Item 1 sells to 0.3, and after it
    whatever is shown sells to 0.9 at the next page. Item 2 sells to nobody.
    """
    total, hot = 0.0, np.full(users, 0.0)
    asked, offered = queries(users), slates(users)
    asked = replace(asked, segment=np.zeros(users, dtype=np.int32))
    for visit in range(visits):
        first = visit % 2 == 0
        actions = policy.act(asked, offered, rng)
        shown = actions.items[:, 0]
        chance = np.array([0.5, 0.3, 0.0])[shown] if first else hot
        bought = rng.random(users) < chance
        # Only a page that sold or was clicked is followed up; item 1 is clicked by all who do not buy it.
        clicked = bought | (shown == 1) if first else bought
        hot = np.where((shown == 1) & first, 0.9, 0.0)
        policy.learn(feedback(asked, actions.items, bought[:, None], clicked=clicked[:, None]))
        if not first:
            policy._standings.by_user[:] = 0
        total += float(bought.mean())
    return total


@pytest.mark.parametrize("kind", [QLearning, Sarsa, ExpectedSarsa])
def test_what_follows_a_page_counts(kind: Any) -> None:
    """With the next page in view item 1 is worth 0.3 + 0.9 and item 0 just 0.5; without, 0.3 against 0.5."""
    rng = np.random.default_rng(0)
    for gamma, best in ((0.9, 1), (0.0, 0)):
        policy = kind(TabularPolicyConfig(gamma=gamma, epsilon=0.3))
        rounds(policy, 2000, 12, rng)
        # Segment a, new users.
        assert policy.values[4].argmax() == best
    assert policy.values[4, 0] == pytest.approx(0.5, abs=0.05)
    assert policy.values[4, 1] == pytest.approx(0.3, abs=0.05)


def test_a_network_sees_what_follows_too() -> None:
    rng = np.random.default_rng(0)
    for gamma, best in ((0.9, 1), (0.0, 0)):
        policy = Dqn(replace(NEURAL, gamma=gamma, epsilon=0.3, dueling=False))
        rounds(policy, 500, 12, rng)
        policy._standings.by_user[:] = 0
        asked = replace(queries(2), segment=np.zeros(2, dtype=np.int32))
        assert policy.values(asked, slates(2).items)[0].argmax() == best


def logged(rng: np.random.Generator, n: int = 6000) -> ItemSteps:
    """A log of new users: segment a is shown item 0 mostly and 1 at times, b is shown 1 mostly; 4 was never shown.

    Items 0 to 3 sell with 0.2, 0.6, 0.9 and 0.1 whatever the segment; item 2 was shown to hardly anybody.
    """
    asked = queries(n)
    likely = np.array([[0.7, 0.25, 0.01, 0.04], [0.2, 0.75, 0.01, 0.04]])
    item = np.array([rng.choice(4, p=likely[segment]) for segment in asked.segment])
    bought = rng.random(n) < np.array([0.2, 0.6, 0.9, 0.1])[item]
    return ItemSteps.of(feedback(asked, item[:, None], bought[:, None]), Standings())


def first_items(policy: Any) -> list[int]:
    """What is shown first to new users of segments a and b."""
    found = policy.act(queries(2), slates(2, items=5), np.random.default_rng(0)).items[:, 0]
    return [int(item) for item in found]


def test_policies_start_from_a_log(tmp_path: Path) -> None:
    logged(np.random.default_rng(0)).save(tmp_path / "log.npz")
    of_log: dict[str, Any] = {"log": str(tmp_path / "log.npz"), "epsilon": 0.0}
    neural = replace(NEURAL, log_updates=200, gamma=0.0, **of_log)
    shared = {name: getattr(neural, name) for name in NeuralPolicyConfig.__dataclass_fields__}
    # The clone does what was done, whatever came of it; bounded to what is common, the better of the two is found;
    # where all that was shown counts, the rare one that sells best.
    assert first_items(BehaviourCloning(neural)) == [0, 1]
    assert first_items(Bcq(BcqConfig(**{**shared, "threshold": 0.3}))) == [1, 1]
    assert first_items(Dqn(neural)) == [2, 2]
    assert first_items(QLearning(TabularPolicyConfig(**of_log))) == [2, 2]
    # The more conservatism weighs, the more it does what was done.
    assert first_items(DiscreteCql(DiscreteCqlConfig(**{**shared, "conservatism": 0.0}))) == [2, 2]
    assert first_items(DiscreteCql(DiscreteCqlConfig(**{**shared, "conservatism": 100.0}))) == [0, 1]
    for kind in (BehaviourCloning, Bcq, DiscreteCql):
        shown = kind(kind.Config(**shared)).act(queries(2, positions=5), slates(2, items=5), np.random.default_rng(0))
        np.testing.assert_array_equal(shown.items[:, 4], 4)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    policy = Dqn(replace(NEURAL, updates=1))
    with pytest.raises(ConfigError, match=r"params\.items"):
        policy.learn(feedback(queries(2), [[0], [9]], [[0], [1]]))
    policy.learn(feedback(queries(2), [[0], [1]], [[0], [1]]))
    with pytest.raises(TrialError, match="described by 8 numbers"):
        policy.act(
            replace(queries(2), segment_names=("only",), features=np.zeros((2, 3))), slates(2), np.random.default_rng(0)
        )
    with pytest.raises(ConfigError, match="gamma is 2"):
        TabularPolicyConfig(gamma=2.0)
    with pytest.raises(ConfigError, match="threshold is"):
        BcqConfig(threshold=-0.1)
    with pytest.raises(DataError, match="cannot be read"):
        QLearning(TabularPolicyConfig(log=str(tmp_path / "none.npz")))
