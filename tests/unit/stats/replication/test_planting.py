"""A planted gain moves an arm's value by exactly that much."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.replication.planting import planted
from framework.stats.samples import UnitValues


def value(values: UnitValues) -> float:
    return float(
        values.numerator.sum() / (values.numerator.size if values.denominator is None else values.denominator.sum())
    )


@pytest.mark.parametrize("gain", [0.3, -0.3, 0.0])
def test_a_mean_and_a_ratio_gain_exactly_that(gain: float) -> None:
    rng = np.random.default_rng(0)
    mean = UnitValues("mean", rng.gamma(1.0, size=500))
    ratio = UnitValues("ratio", rng.gamma(1.0, size=500), 1.0 + rng.poisson(2.0, size=500))
    for values in (mean, ratio):
        assert value(planted(values, gain, rng)) - value(values) == pytest.approx(gain, abs=1e-12)
    assert planted(mean, gain, rng).numerator.std() == pytest.approx(mean.numerator.std())


@pytest.mark.parametrize("base", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("gain", [0.005, -0.005])
def test_a_share_gains_it_in_whole_units(base: float, gain: float) -> None:
    values = UnitValues("proportion", (np.arange(2000) < 2000 * base) * 1.0)
    found = planted(values, gain, np.random.default_rng(0))
    assert set(found.numerator) <= {0.0, 1.0}
    assert value(found) - value(values) == pytest.approx(gain, abs=1e-12)
    moved = found.numerator - values.numerator
    assert (moved * np.sign(gain) >= 0).all()


def test_a_share_between_two_units_is_exact_on_average() -> None:
    """A gain of 2.5 units of 100: 2 or 3; the mean of 400 has sd 0.025 units."""
    values = UnitValues("proportion", (np.arange(100) < 50) * 1.0)
    rng = np.random.default_rng(5)
    found = np.array([planted(values, 0.025, rng).numerator.sum() - 50 for _ in range(400)])
    assert set(found) == {2.0, 3.0}
    assert found.mean() == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize(("base", "gain"), [(0.9, 0.2), (0.1, -0.2)])
def test_a_share_does_not_leave_0_to_1(base: float, gain: float) -> None:
    values = UnitValues("proportion", (np.arange(100) < 100 * base) * 1.0)
    with pytest.raises(TrialError, match=r"out of 0 to 1.*gains from"):
        planted(values, gain, np.random.default_rng(0), metric="conversion")


def test_all_the_room_can_be_used() -> None:
    values = UnitValues("proportion", (np.arange(100) < 90) * 1.0)
    assert value(planted(values, 0.1, np.random.default_rng(0))) == 1.0
