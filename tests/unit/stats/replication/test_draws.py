"""What a replication draws: units of one truth, as many as there were, and bags that spread as their units do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.replication.draws import states_of, weights_of
from framework.stats.replication.pool import pool_of
from framework.stats.samples import UnitValues


def test_paired_arms_see_every_outcome_of_every_unit_once(make_pool: Any) -> None:
    pool = make_pool(40, arms=3, effect=1.0)
    states = states_of(pool, np.random.default_rng(1))
    assert states.bags == 120
    assert sorted(states.bag) == list(range(120))
    for metric, by_arm in pool.values.items():
        outcomes = np.stack([by_arm[arm].numerator for arm in pool.arms])
        for arm in pool.arms:
            seen = states.values[metric][arm].numerator.reshape(3, 40)
            np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(outcomes, axis=0))
    spend = np.stack([states.values["mean"][arm].numerator for arm in pool.arms])
    # In one state the arms have the unit's three outcomes, each one of them.
    np.testing.assert_array_equal(np.sort(spend, axis=0)[:, :40], np.sort(spend, axis=0)[:, 40:80])


def test_metrics_of_a_unit_are_dealt_together(make_pool: Any) -> None:
    pool = make_pool(200, arms=3, effect=1.0)
    states = states_of(pool, np.random.default_rng(1))
    known = {
        (own, below)
        for arm in pool.arms
        for own, below in zip(pool.values["mean"][arm].numerator, pool.values["ratio"][arm].denominator, strict=True)
    }
    for arm in pool.arms:
        pairs = zip(states.values["mean"][arm].numerator, states.values["ratio"][arm].denominator, strict=True)
        assert set(pairs) <= known


def test_any_two_outcomes_meet_as_any_two_arms(make_pool: Any) -> None:
    """Four arms, 2,000 units: each ordered pair of outcomes is met in 1/12 of the states (sd 0.003 here)."""
    arms = 4
    names = [f"arm {number}" for number in range(arms)]
    values = {"which": {name: UnitValues("mean", np.full(2000, float(number))) for number, name in enumerate(names)}}
    pool = pool_of(values, {name: np.full(2000, "all") for name in names}, design="paired")
    states = states_of(pool, np.random.default_rng(3))
    first, last = (states.values["which"][name].numerator for name in (names[0], names[2]))
    _, counts = np.unique(arms * first + last, return_counts=True)
    assert counts.size == 12
    np.testing.assert_allclose(counts / counts.sum(), 1 / 12, atol=0.015)


def test_independent_arms_draw_as_many_units_as_they_had(make_pool: Any) -> None:
    pool = make_pool((3000, 900, 100), arms=3, design="independent")
    rng = np.random.default_rng(1)
    states = states_of(pool, rng)
    weights = weights_of(pool, states, 3, rng)
    assert [int(weights[arm][0].sum()) for arm in pool.arms] == [3000, 900, 100]
    assert (weights["arm 0"][-1] == 1).all()


@pytest.mark.parametrize("sizes", [(30_000, 30_000), (40_000, 2_000)])
def test_bags_keep_the_sizes_of_unequal_arms(make_pool: Any, sizes: tuple[int, int]) -> None:
    pool = make_pool(sizes, design="independent")
    rng = np.random.default_rng(1)
    states = states_of(pool, rng)
    weights = weights_of(pool, states, 20, rng)
    units = np.bincount(states.bag, minlength=states.bags)
    assert units.max() > 1
    for arm, size in zip(pool.arms, sizes, strict=True):
        drawn = weights[arm][:-1] @ units
        np.testing.assert_allclose(drawn, size, rtol=0.02)


def test_paired_bags_are_of_equal_size(make_pool: Any) -> None:
    pool = make_pool(1000, arms=2)
    states = states_of(pool, np.random.default_rng(1), widest=600)
    assert states.bags == 600
    assert set(np.bincount(states.bag)) == {3, 4}


def test_the_same_seed_deals_the_same(make_pool: Any) -> None:
    pool = make_pool(50, arms=3)
    one, other = (states_of(pool, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.values["share"]["arm 1"].numerator, other.values["share"]["arm 1"].numerator)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"design": "pared"}, "Did you mean 'paired'"),
        ({"names": {"a": np.full(3, "s"), "b": np.full(2, "s")}}, "paired arms"),
        ({"segments": ("t",)}, "segment 't' has no unit in arm 'a'"),
        ({"values": {"m": {"a": UnitValues("mean", np.ones(3)), "b": UnitValues("mean", np.ones(4))}}}, "4 values"),
    ],
)
def test_what_is_no_pool_is_refused(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "values": {"m": {arm: UnitValues("mean", np.arange(3.0)) for arm in "ab"}},
        "names": {arm: np.full(3, "s") for arm in "ab"},
        "design": "paired",
        "segments": (),
    }
    given |= changes
    with pytest.raises(TrialError, match=message):
        pool_of(given["values"], given["names"], design=given["design"], segments=given["segments"])
