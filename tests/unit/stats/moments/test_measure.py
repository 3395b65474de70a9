"""A measure's value, its units' contributions and their shape, from moments as from rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.moments.measure import Covariate, Measure, mean_variance, value_of, variance_of
from framework.stats.moments.record import Moments, merged, stacked
from framework.stats.moments.rows import arms_of
from framework.stats.moments.shape import FLAT, contributions_of, shape_of
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms
from framework.stats.samples import UnitValues

MEAN = Measure("m", "mean", "y")
RATIO = Measure("r", "ratio", "y", "d")


@pytest.fixture
def rows():
    rng = np.random.default_rng(8)
    return {"y": rng.exponential(3, 80), "d": rng.poisson(4, 80) + 1.0, "x": rng.normal(size=80)}


def test_columns_are_read_once_each():
    measure = Measure("r", "ratio", "y", "d", (Covariate("x", "d"), Covariate("x"), Covariate("z")))
    assert measure.own_columns == ("y", "d")
    assert measure.columns == ("y", "d", "x", "z")


@pytest.mark.parametrize(("kind", "denominator"), [("mean", "d"), ("proportion", "d"), ("ratio", None)])
def test_only_a_ratio_has_a_denominator(kind, denominator):
    with pytest.raises(TrialError, match="a denominator for a ratio, and for nothing else"):
        Measure("m", kind, "y", denominator)


def test_value_and_variance_are_those_of_rows(rows):
    own = Moments.of(rows)
    assert value_of(MEAN, own) == pytest.approx(rows["y"].mean())
    assert variance_of(MEAN, own) == pytest.approx(rows["y"].var(ddof=1))
    ratio = rows["y"].sum() / rows["d"].sum()
    linear = (rows["y"] - ratio * rows["d"]) / rows["d"].mean()
    assert value_of(RATIO, own) == pytest.approx(ratio)
    assert mean_variance(RATIO, own) == pytest.approx(linear.var(ddof=1) / 80)
    assert contributions_of(RATIO, own, rows) == pytest.approx(linear)


def test_what_rounding_leaves_is_no_variance():
    for value in (0.1, 1e8 + 0.3):
        column = np.full(1001, value)
        parts = [Moments.of({"y": column[start::7], "d": 3 * column[start::7]}) for start in range(7)]
        assert variance_of(MEAN, merged(parts)) == 0.0
        assert variance_of(RATIO, merged(parts)) == 0.0
    rng = np.random.default_rng(0)
    below = rng.exponential(size=500)
    assert variance_of(RATIO, Moments.of({"y": 0.3 * below, "d": below})) == 0.0
    assert variance_of(MEAN, Moments.of({"y": 1e8 + rng.normal(size=500)})) > 0.5


def test_batches_are_their_groups_one_by_one(rows):
    singles = [Moments.of({name: column[start:] for name, column in rows.items()}) for start in (0, 20, 50)]
    for measure in (MEAN, RATIO):
        for function in (value_of, variance_of, mean_variance):
            batch = function(measure, stacked(singles))
            assert batch == pytest.approx([float(function(measure, single)) for single in singles])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_shape_is_that_of_scipy_and_free_of_the_unit(rows, scale):
    values = scale * rows["y"]
    found = shape_of(contributions_of(MEAN, Moments.of({"y": values}), {"y": values}))
    squares = (values - values.mean()) ** 2
    assert found.skewness == pytest.approx(stats.skew(rows["y"]), rel=1e-9)
    assert found.largest_share == pytest.approx(squares.max() / squares.sum(), rel=1e-9)


def test_a_constant_has_no_shape():
    values = np.full(9, 4.0)
    assert shape_of(contributions_of(MEAN, Moments.of({"y": values}), {"y": values})) == FLAT


@pytest.mark.parametrize("denominator", [None, "d"])
def test_paired_arms_give_back_their_own_rows(rows, denominator):
    rng = np.random.default_rng(1)
    other = {"y": rows["y"] + rng.normal(size=80), "d": rows["d"] + rng.poisson(1, 80)}
    below = (None, None) if denominator is None else (rows["d"], other["d"])
    kind = "mean" if denominator is None else "ratio"
    arms = arms_of(
        UnitValues(kind, rows["y"], below[0]), UnitValues(kind, other["y"], below[1]), metric="m", design="paired"
    )
    assert arms.design == "paired"
    names = ("numerator",) if denominator is None else ("numerator", "denominator")
    expected = Moments.of(dict(zip(names, (other["y"], other["d"]), strict=False)))
    assert arms.treatment.columns == names
    assert arms.treatment.mean == pytest.approx(expected.mean)
    assert arms.treatment.comoments == pytest.approx(expected.comoments)
    ours = contributions_of(arms.measure, arms.control, dict(zip(names, (rows["y"], rows["d"]), strict=False)))
    theirs = contributions_of(arms.measure, arms.treatment, dict(zip(names, (other["y"], other["d"]), strict=False)))
    weights = arms.joint_weights()
    assert weights @ arms.joint.covariance @ weights == pytest.approx((theirs - ours).var(ddof=1))


def test_paired_arms_take_no_columns_but_their_own(rows):
    joint = Moments.of({DIFFERENCE + "y": rows["x"], "y": rows["y"], "other": rows["d"]})
    holes = joint.comoments.copy()
    holes[2, :2] = holes[:2, 2] = np.nan
    arms = TwoArms.paired(MEAN, Moments(joint.columns, joint.n, joint.mean, holes))
    assert np.isfinite(arms.joint.comoments).all()
    assert np.isfinite(arms.treatment.comoments).all()
