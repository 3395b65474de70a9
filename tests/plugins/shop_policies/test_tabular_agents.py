"""Tabular agents on Gymnasium's toy problems: exact optima, independent reference runs, updates by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from shop_policies.reinforcement.expected_sarsa import expected_sarsa_next_values, expected_sarsa_update
from shop_policies.reinforcement.finite_models import FiniteModel
from shop_policies.reinforcement.q_learning import q_learning_next_values, q_learning_update
from shop_policies.reinforcement.sarsa import sarsa_next_values, sarsa_update
from shop_policies.reinforcement.tabular_training import TabularTraining, Trained, Update, greedy_return, train

CLIFF = TabularTraining(episodes=500, alpha=0.5, epsilon=0.1)
FROZEN = TabularTraining(
    episodes=10_000, alpha=0.1, alpha_decay=1 - 4e-4, gamma=0.999, epsilon=0.2, initial=1.0, longest=100
)


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """What an independent program found, and exact optima; see PRELAUNCH_REFERENCE."""
    default = Path(__file__).parents[4] / "shared" / "reference"
    path = Path(os.environ.get("PRELAUNCH_REFERENCE", default)) / "ope" / "tabular_rl.json"
    if not path.is_file():
        pytest.skip(f"the reference {path} is absent; name its folder in PRELAUNCH_REFERENCE")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def bare(name: str, **options: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **options).unwrapped


def cliff(update: Update, seeds: int, *, looks_ahead: bool = False) -> tuple[list[float], list[float]]:
    """Return the greedy return and the mean training return of the last 100 episodes, of each seed."""
    environment = bare("CliffWalking-v1")
    greedy, last = [], []
    for seed in range(seeds):
        found = train(environment, update, CLIFF, np.random.default_rng(seed), looks_ahead=looks_ahead)
        greedy.append(greedy_return(environment, found.values))
        last.append(float(found.returns[-100:].mean()))
    return greedy, last


def value_of(model: FiniteModel, found: Trained, horizon: int) -> float:
    return model.value_of_greedy(found.greedy, horizon)


def near(found: list[float], said: dict[str, Any]) -> bool:
    """Whether the mean lies within 4 standard errors of two means from what the reference had."""
    spread = np.hypot(np.std(found, ddof=1) / np.sqrt(len(found)), said["last100_sd"] / np.sqrt(said["seeds"]))
    return bool(abs(np.mean(found) - said["last100_mean"]) < 4 * spread)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CliffWalking-v1", {}),
        ("CliffWalking-v1", {"is_slippery": True}),
        ("Taxi-v4", {}),
        ("FrozenLake-v1", {"map_name": "4x4"}),
        ("FrozenLake8x8-v1", {}),
    ],
)
def test_optima_by_dynamic_programming_are_the_reference_s(
    name: str, options: dict[str, Any], reference: dict[str, Any]
) -> None:
    known = reference[f"{name}{options}"]
    model = FiniteModel.of(bare(name, **options))
    horizon = known["horizon"]
    values, plan = model.optimal(horizon)
    assert model.start @ values == pytest.approx(known["optimal"], rel=1e-12)
    assert plan.shape == (horizon, len(values))
    uniform = np.full(model.rewards.shape, 1 / model.rewards.shape[1])
    assert model.start @ model.values_of(uniform, horizon) == pytest.approx(known["uniform_random"], rel=1e-9)
    # Nothing beats the optimum, and doing one thing is worth what its own table says.
    assert (model.values_of(uniform, horizon) <= values + 1e-9).all()


def test_models_need_a_table_of_transitions() -> None:
    with pytest.raises(DataError, match="no table P"):
        FiniteModel.of(gymnasium.make("CartPole-v1"))


def test_q_learning_walks_along_the_cliff(reference: dict[str, Any]) -> None:
    greedy, last = cliff(q_learning_update, 6)
    assert greedy == [-13.0] * 6
    assert near(last, reference["cliff_q"])


def test_sarsa_keeps_away_from_the_cliff(reference: dict[str, Any]) -> None:
    greedy, last = cliff(sarsa_update, 8, looks_ahead=True)
    # 80 of 100 seeds of the reference found the way of 17 steps: 3 of 8 or fewer would come once in 100 tries.
    assert sum(value == -17.0 for value in greedy) > 3
    assert max(greedy) == -17.0
    assert near(last, reference["cliff_sarsa"])


def test_expected_sarsa_takes_the_middle_way(reference: dict[str, Any]) -> None:
    greedy, last = cliff(expected_sarsa_update, 6)
    assert greedy == [-15.0] * 6
    assert near(last, reference["cliff_esarsa"])


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize(
    ("update", "looks_ahead", "key", "least"),
    [
        (q_learning_update, False, "cliff_q", {-13.0: 100}),
        (sarsa_update, True, "cliff_sarsa", {-17.0: 62}),
        (expected_sarsa_update, False, "cliff_esarsa", {-15.0: 95}),
    ],
)
def test_a_hundred_seeds_do_as_the_reference(
    update: Update, looks_ahead: bool, key: str, least: dict[float, int], reference: dict[str, Any]
) -> None:
    greedy, last = cliff(update, reference[key]["seeds"], looks_ahead=looks_ahead)
    for value, count in least.items():
        assert sum(one == value for one in greedy) >= count
    assert near(last, reference[key])


@pytest.mark.parametrize("update", [q_learning_update, pytest.param(expected_sarsa_update, marks=pytest.mark.slow)])
def test_taxi_is_driven_well_from_every_start(update: Update) -> None:
    environment = bare("Taxi-v4")
    training = TabularTraining(
        episodes=3000,
        alpha=1.0 if update is q_learning_update else 0.5,
        gamma=0.99,
        epsilon=0.3,
        epsilon_decay=1.0 if update is q_learning_update else 1 - 5 / 3000,
        longest=200,
    )
    found = train(environment, update, training, np.random.default_rng(0))
    # The mean over all start states, exactly.
    assert value_of(FiniteModel.of(environment), found, 200) == pytest.approx(7.93, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("update", "looks_ahead"), [(q_learning_update, False), (sarsa_update, True), (expected_sarsa_update, False)]
)
def test_all_agents_cross_the_frozen_lake(update: Update, looks_ahead: bool, seed: int) -> None:
    environment = bare("FrozenLake-v1", map_name="4x4")
    found = train(environment, update, FROZEN, np.random.default_rng(seed), looks_ahead=looks_ahead)
    assert value_of(FiniteModel.of(environment), found, 100) == pytest.approx(0.744, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_sarsa_drives_the_taxi_well(seed: int) -> None:
    environment = bare("Taxi-v4")
    training = TabularTraining(episodes=20_000, alpha=0.3, gamma=0.99, epsilon=0.5, epsilon_decay=0.9997, longest=200)
    found = train(environment, sarsa_update, training, np.random.default_rng(seed), looks_ahead=True)
    assert value_of(FiniteModel.of(environment), found, 200) == pytest.approx(7.93, abs=0.15)


def test_updates_by_hand() -> None:
    for update, following in (
        (q_learning_update, 5.0),
        (sarsa_update, 2.0),
        (expected_sarsa_update, 0.8 * 5.0 + 0.2 * (2.0 + 5.0 - 1.0) / 3),
    ):
        table = [[1.0, 0.0, 0.0], [2.0, 5.0, -1.0]]
        update(table, 0, 0, 3.0, 1, 0, False, 0.1, 0.5, 0.2)
        assert table == [[pytest.approx(1.0 + 0.1 * (3.0 + 0.5 * following - 1.0)), 0.0, 0.0], [2.0, 5.0, -1.0]]
        update(table, 1, 2, 3.0, 0, 0, True, 0.5, 0.5, 0.2)
        assert table[1][2] == pytest.approx(-1.0 + 0.5 * (3.0 + 1.0))


def test_what_policies_foresee_is_what_updates_foresee() -> None:
    """The values of a next state that pages learn from are those that the textbook's updates use."""
    row, rng = [2.0, 5.0, -1.0], np.random.default_rng(0)
    many = 20_000
    for update, foresee in (
        (q_learning_update, q_learning_next_values),
        (expected_sarsa_update, expected_sarsa_next_values),
    ):
        table = [[0.0], list(row)]
        update(table, 0, 0, 0.0, 1, 0, False, 1.0, 1.0, 0.2)
        np.testing.assert_allclose(foresee(np.array(row), 4, 0.2, rng), np.full(4, table[0][0]))
    drawn = sarsa_next_values(np.array(row), many, 0.2, rng)
    assert set(drawn.tolist()) == set(row)
    mean = float(expected_sarsa_next_values(np.array(row), 1, 0.2, rng)[0])
    assert drawn.mean() == pytest.approx(mean, abs=5 * np.std(row) / np.sqrt(many))


def test_same_generator_same_training_and_decay_ends_exploring() -> None:
    environment = bare("CliffWalking-v1")
    training = TabularTraining(episodes=60, epsilon=1.0, epsilon_decay=0.5, longest=50)
    runs = [train(environment, q_learning_update, training, np.random.default_rng(4)) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].values, runs[1].values)
    np.testing.assert_array_equal(runs[0].returns, runs[1].returns)
    # An episode is cut off after 50 steps, of which none costs less than 1.
    assert (runs[0].returns >= -50 * 100).all()
    assert (runs[0].returns[:3] <= -50).all()


def test_spaces_and_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="use dqn"):
        train(bare("CartPole-v1"), q_learning_update, CLIFF, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"epsilon is 1\.5"):
        TabularTraining(epsilon=1.5)
    with pytest.raises(ConfigError, match="episodes is 0"):
        TabularTraining(episodes=0)
