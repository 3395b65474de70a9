"""Post-stratification as GrowthBook prints it for the same rows."""

from __future__ import annotations

import pytest

from framework.stats.designs.stratified import post_stratified
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

pytestmark = pytest.mark.reference


@pytest.mark.parametrize(
    ("key", "measure"),
    [
        ("revenue", Measure("revenue", "mean", "revenue")),
        ("orders_per_session", Measure("orders_per_session", "ratio", "orders", "sessions")),
    ],
)
def test_poststrat_segment_absolute(reference, key, measure):
    users, expected = reference("users.csv"), reference("gbstats.json")[key]["poststrat_segment_absolute"]
    strata = {}
    for segment in ("new", "regular", "vip"):
        rows = users["segment"] == segment
        arms = [
            Moments.of({c: users[c][rows & (users["variant"] == arm)].astype(float) for c in measure.own_columns})
            for arm in "01"
        ]
        strata[segment] = TwoArms(measure, arms[0], arms[1])
    found = post_stratified(strata, 0.95)
    assert float(found.differences.difference) == pytest.approx(expected["expected"], rel=1e-9)
    assert float(found.differences.standard_error) == pytest.approx(expected["uplift"]["stddev"], rel=1e-9)
    # poststrat_segment_relative: their estimate is the same, their error the delta method's around a fixed base.
    relative = reference("gbstats.json")[key]["poststrat_segment_relative"]
    assert found.relative.estimate == pytest.approx(relative["expected"], rel=1e-9)
