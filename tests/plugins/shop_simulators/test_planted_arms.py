"""Planted arms: chances as they were planted, drift that keeps its spread, answers that follow the chances."""

import numpy as np
import pytest

from framework.errors import ConfigError
from framework.kinds import Simulator, World
from framework.records import Actions
from framework.testing import SimulatorTests
from shop_simulators.planted_arms import PlantedArms, PlantedArmsConfig


class TestPlantedArmsByFeatures(SimulatorTests):
    component = "shop_simulators.planted_arms:PlantedArms"
    params = {"segment_spread": 0.05, "context_spread": 0.1, "rate": 0.4}  # noqa: RUF012 - as the suite declares it


def _world(seed=0, **params):
    world = PlantedArms(PlantedArmsConfig(**params))
    world.plant(np.random.default_rng(seed))
    return world


def test_it_is_a_simulator_and_a_world():
    assert isinstance(_world(), Simulator)
    assert isinstance(_world(), World)


def test_spreads_are_those_of_the_config():
    """20,000 arms: the chances' mean and variance by segment and context within 5 standard errors of the config's."""
    world = _world(arms=20_000, segments=2, features=3, rate=0.5, spread=0.03, segment_spread=0.04, context_spread=0.05)
    queries, slates = world.arrive(40, 1, np.random.default_rng(1))
    chance = world.expected(queries, slates.items)
    assert slates.items.shape == (40, 20_000)
    by_segment = [chance[queries.segment == own].mean(axis=0) for own in (0, 1)]
    assert abs(chance.mean() - 0.5) < 5 * 0.07 / np.sqrt(20_000)
    size = (queries.features**2).sum(axis=1) / 3
    variance = chance.var(axis=1)
    expected = 0.03**2 + 0.04**2 + 0.05**2 * size
    np.testing.assert_allclose(variance, expected, rtol=5 * np.sqrt(2 / 20_000))
    assert 0 < np.corrcoef(*by_segment)[0, 1] < 0.9


def test_drift_forgets_by_half_and_keeps_its_spread():
    """Over one half life the levels' correlation is 1/2, their standard deviation the same (40,000 arms)."""
    world = _world(arms=40_000, half_life=300.0, rate=0.5, spread=0.05)
    rng = np.random.default_rng(2)
    queries, slates = world.arrive(1, 1, rng)
    before = world.expected(queries, slates.items)[0]
    for _ in range(3):
        queries, slates = world.arrive(100, 1, rng)
    after = world.expected(queries, slates.items[:1])[0]
    assert abs(np.corrcoef(before, after)[0, 1] - 0.5) < 5 * 0.75 / np.sqrt(40_000)
    assert abs(after.std() / before.std() - 1) < 5 / np.sqrt(40_000)
    still = _world(arms=5)
    first = still.expected(*_chances(still, rng))
    np.testing.assert_array_equal(still.expected(*_chances(still, rng))[0], first[0])


def _chances(world, rng):
    queries, slates = world.arrive(3, 1, rng)
    return queries, slates.items


def test_answers_follow_the_chances_whatever_else_is_shown():
    """Shares of buyers within 5 binomial standard errors; an arm's answer does not depend on its company."""
    world = _world(arms=6, features=2, context_spread=0.1)
    queries, slates = world.arrive(20_000, 2, np.random.default_rng(3))
    chance = world.expected(queries, slates.items)
    one = Actions(slates.items[:, [2, 4]], np.ones((20_000, 2)))
    two = Actions(slates.items[:, [5, 2]], np.ones((20_000, 2)))
    found, other = (world.respond(queries, own, np.random.default_rng(4)) for own in (one, two))
    np.testing.assert_array_equal(found.bought[:, 0], other.bought[:, 1])
    for place, arm in enumerate((2, 4)):
        p = chance[:, arm]
        assert abs(found.bought[:, place].mean() - p.mean()) < 5 * np.sqrt((p * (1 - p)).mean() / 20_000)
        high = p > np.median(p)
        assert found.bought[high, place].mean() > found.bought[~high, place].mean()
    assert (found.amount == np.where(found.bought, 1000, 0)).all()


def test_no_item_is_never_bought():
    world = _world()
    queries, _ = world.arrive(2, 2, np.random.default_rng(0))
    nothing = np.full((2, 2), -1, dtype=np.int32)
    assert (world.expected(queries, nothing) == 0).all()
    assert not world.respond(queries, Actions(nothing, np.ones((2, 2))), np.random.default_rng(0)).bought.any()


@pytest.mark.parametrize(
    "params", [{"arms": 1}, {"rate": 1.0}, {"spread": -0.1}, {"half_life": 0.0}, {"delay": -1}, {"features": -1}]
)
def test_bad_parameters_are_named(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        PlantedArmsConfig(**params)
