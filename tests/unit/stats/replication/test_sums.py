"""Weighted sums of states are the moments of the rows that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from framework.stats.moments.record import Moments
from framework.stats.replication.sums import added_up


def test_they_are_the_moments_of_the_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    states, bags = 300, 40
    bag, segment = rng.integers(bags, size=states), rng.integers(3, size=states)
    columns = {
        "first": {"x": rng.normal(size=states), "y": 1e6 + rng.normal(size=states)},
        "second": {"z": rng.random(states)},
    }
    weights = rng.multinomial(bags, np.full(bags, 1 / bags), size=5).astype(float)
    found = added_up(columns, bag, segment, weights)
    for place in range(5):
        for code in (None, 0, 1, 2):
            inside = np.ones(states, bool) if code is None else segment == code
            rows = np.repeat(np.flatnonzero(inside), weights[place, bag[inside]].astype(int))
            for key, named in columns.items():
                expected = Moments.of({name: column[rows] for name, column in named.items()})
                own = found[key, code].at(place)
                assert own.n == expected.n
                np.testing.assert_allclose(own.mean, expected.mean, rtol=1e-12)
                np.testing.assert_allclose(own.comoments, expected.comoments, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.3])
def test_a_draw_of_equal_units_has_no_spread_at_all(value: float) -> None:
    """A segment of equal values among others that spread: not even rounding is left."""
    rng = np.random.default_rng(0)
    column = np.concatenate([np.full(50, value), rng.gamma(1.0, size=150)])
    segment = np.repeat([0, 1], [50, 150])
    weights = rng.multinomial(200, np.full(200, 1 / 200), size=20).astype(float)
    found = added_up({"m": {"x": column}}, np.arange(200), segment, weights)
    assert (found["m", 0].comoments == 0).all()
    np.testing.assert_allclose(found["m", 0].mean, value, rtol=1e-12)
    assert (found["m", None].comoments > 0).all()


def test_a_draw_without_a_segment_is_nan_there() -> None:
    weights = np.array([[2.0, 0.0], [0.0, 2.0]])
    found = added_up({"m": {"x": np.array([1.0, 2.0])}}, np.arange(2), np.arange(2), weights)
    np.testing.assert_array_equal(found["m", 1].n, [0.0, 2.0])
    assert np.isnan(found["m", 1].mean[0, 0])
