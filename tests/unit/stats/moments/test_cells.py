"""The table of cells: sums over buckets and segments are the arms, and the same place is the same bucket everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.moments.cells import Cells
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments, stacked
from framework.stats.moments.resampled import bucket_bootstrap, bucket_jackknife
from framework.stats.moments.two_arms import TwoArms

ROWS = 300


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    return {
        "arm": rng.choice(["0", "1"], ROWS),
        "segment": rng.choice(["new", "vip"], ROWS, p=[0.9, 0.1]),
        "bucket": rng.integers(0, 8, ROWS) * 3,
        "y": 1e8 + rng.normal(size=ROWS),
    }


def cells_of(rows, order=None):
    keys = sorted(set(zip(rows["arm"].tolist(), rows["segment"].tolist(), rows["bucket"].tolist(), strict=True)))
    keys = keys if order is None else [keys[place] for place in order.permutation(len(keys))]
    chosen = [(rows["arm"] == a) & (rows["segment"] == s) & (rows["bucket"] == b) for a, s, b in keys]
    moments = stacked([Moments.of({"y": rows["y"][own]}) for own in chosen])
    return Cells(
        np.array([key[0] for key in keys]),
        np.array([key[1] for key in keys]),
        np.array([key[2] for key in keys], dtype=np.int64),
        moments,
    )


def same(found, values):
    expected = Moments.of({"y": values})
    assert found.n == expected.n
    assert found.mean == pytest.approx(expected.mean, rel=1e-15)
    assert found.comoments == pytest.approx(expected.comoments, rel=1e-8)


@pytest.mark.parametrize("segment", [None, "new", "vip"])
@pytest.mark.parametrize("arm", ["0", "1"])
def test_an_arm_is_the_merger_of_its_cells(rows, arm, segment):
    chosen = rows["arm"] == arm
    chosen = chosen if segment is None else chosen & (rows["segment"] == segment)
    for cells in (cells_of(rows), cells_of(rows, np.random.default_rng(1))):
        same(cells.of(arm, segment), rows["y"][chosen])
        assert cells.units(arm, segment) == int(chosen.sum())
        assert (cells.arms, cells.segments) == (("0", "1"), ("new", "vip"))


def test_buckets_stand_in_the_same_place_in_every_arm(rows):
    cells = cells_of(rows, np.random.default_rng(1))
    buckets = np.unique(rows["bucket"])
    for arm in ("0", "1"):
        found = cells.by_bucket(arm)
        assert found.n.shape == buckets.shape
        for place, bucket in enumerate(buckets):
            same(found.at(place), rows["y"][(rows["arm"] == arm) & (rows["bucket"] == bucket)])


def test_an_empty_bucket_has_nobody_and_no_value(rows):
    chosen = ~((rows["arm"] == "1") & np.isin(rows["bucket"], (0, 6)))
    cells = cells_of({name: column[chosen] for name, column in rows.items()})
    found = cells.by_bucket("1")
    assert (found.n == 0).tolist() == [True, False, True, False, False, False, False, False]
    assert not found.mean[[0, 2]].any()
    assert not found.comoments[[0, 2]].any()
    same(found.pooled(), rows["y"][chosen & (rows["arm"] == "1")])
    assert cells.by_bucket("2").n.tolist() == [0.0] * 8
    assert cells.by_bucket("1", "nobody's").mean.shape == (8, 1)


def test_an_arm_or_segment_without_units_is_named(rows):
    cells = cells_of(rows)
    with pytest.raises(TrialError, match=r"arm '2' has no unit.*Allowed: 0, 1"):
        cells.of("2")
    with pytest.raises(TrialError, match="arm '1', segment 'old' has no unit"):
        cells.of("1", "old")


def test_resampled_buckets_are_brute_force_over_rows(rows):
    cells = cells_of(rows)
    arms = TwoArms(Measure("m", "mean", "y"), cells.by_bucket("0"), cells.by_bucket("1"))
    found = bucket_jackknife(arms)
    buckets = np.unique(rows["bucket"])

    def difference(keep):
        return rows["y"][keep & (rows["arm"] == "1")].mean() - rows["y"][keep & (rows["arm"] == "0")].mean()

    left_out = np.array([difference(rows["bucket"] != bucket) for bucket in buckets])
    error = np.sqrt(7 / 8 * ((left_out - left_out.mean()) ** 2).sum())
    assert found.difference == pytest.approx(difference(rows["bucket"] >= 0), abs=1e-7)
    assert found.standard_error == pytest.approx(error, rel=1e-6)
    drawn = bucket_bootstrap(arms, rng=np.random.default_rng(0), resamples=500)
    picked = np.random.default_rng(0).multinomial(8, np.full(8, 1 / 8), size=500)
    times = picked[:, np.searchsorted(buckets, rows["bucket"])]
    ones, zeros = times * (rows["arm"] == "1"), times * (rows["arm"] == "0")
    shifted = rows["y"] - 1e8
    draws = ones @ shifted / ones.sum(axis=1) - zeros @ shifted / zeros.sum(axis=1)
    assert drawn.standard_error == pytest.approx(draws.std(ddof=1), rel=1e-6)
    assert [drawn.ci_low, drawn.ci_high] == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=1e-7)


def test_a_bucket_that_holds_all_of_an_arm_is_refused():
    control = stacked([Moments.of({"y": np.arange(4.0)}), Moments.of({"y": np.arange(3.0)})])
    treatment = Moments(("y",), np.array([0.0, 3.0]), np.array([[0.0], [2.0]]), np.zeros((2, 1, 1)))
    arms = TwoArms(Measure("m", "mean", "y"), control, treatment)
    with pytest.raises(TrialError, match="nothing to divide by"):
        bucket_jackknife(arms)
    with pytest.raises(TrialError, match="nothing to divide by"):
        bucket_bootstrap(arms, rng=np.random.default_rng(0))


def test_buckets_that_never_differ_give_no_certainty():
    flat = stacked([Moments.of({"y": np.ones(3)})] * 60)
    arms = TwoArms(Measure("m", "mean", "y"), flat, flat.shifted(1.0, "y"))
    found = bucket_jackknife(arms)
    assert (found.standard_error, found.p_value) == (0.0, pytest.approx(2 / 60))
    assert bucket_jackknife(TwoArms(arms.measure, flat, flat)).p_value == 1.0
