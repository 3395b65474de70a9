"""Post-stratification against brute force over strata, and against what it must do in easy cases."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.compare import effect_of
from framework.stats.designs.stratified import post_stratified
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

MEAN = Measure("m", "mean", "y")
RATIO = Measure("r", "ratio", "y", "d")
STRATA = {"new": (30, 45), "old": (80, 60), "vip": (9, 14)}


@pytest.fixture
def rows():
    rng = np.random.default_rng(2)
    made = {}
    for place, (name, sizes) in enumerate(STRATA.items()):
        made[name] = []
        for arm, n in enumerate(sizes):
            d = rng.poisson(2 + place, n) + 1.0
            made[name].append({"y": 5 * (place + 1) + place * arm + d + rng.exponential(2, n), "d": d})
    return made


def strata_of(measure, rows, scale=1.0, level=0.0):
    def moments(side):
        return Moments.of({"y": scale * (side["y"] + level), "d": side["d"]}).pick(measure.own_columns)

    return {name: TwoArms(measure, *(moments(side) for side in sides)) for name, sides in rows.items()}


def brute_force(rows, below):
    """Return difference, error and df, written out unit by unit."""
    sizes = {name: sum(len(side["y"]) for side in sides) for name, sides in rows.items()}
    total = sum(sizes.values())
    share = {name: size / total for name, size in sizes.items()}
    weighted = [
        [sum(share[name] * sides[arm][column].mean() for name, sides in rows.items()) for column in ("y", "d")]
        for arm in (0, 1)
    ]
    value = [top / down if below else top for top, down in weighted]
    within = strain = 0.0
    moved = dict.fromkeys(rows, 0.0)
    for arm, sign in ((0, -1), (1, 1)):
        for name, sides in rows.items():
            y, d = sides[arm]["y"], sides[arm]["d"]
            unit = (y - value[arm] * d) / weighted[arm][1] if below else y
            piece = share[name] ** 2 * unit.var(ddof=1) / unit.size
            within, strain = within + piece, strain + piece**2 / (unit.size - 1)
            moved[name] += sign * unit.mean()
    middle = sum(share[name] * moved[name] for name in rows)
    between = sum(share[name] * (moved[name] - middle) ** 2 for name in rows) / total
    variance = within + between
    return value[1] - value[0], np.sqrt(variance), variance**2 / (strain + between**2 / (total - 1))


@pytest.mark.parametrize("measure", [MEAN, RATIO])
def test_brute_force(rows, measure):
    difference, error, df = brute_force(rows, measure.denominator is not None)
    found = post_stratified(strata_of(measure, rows), 0.9).differences.single()
    assert found.difference == pytest.approx(difference, rel=1e-9)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.df == pytest.approx(df, rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(difference) / error, df), rel=1e-9)
    assert found.ci_high - difference == pytest.approx(stats.t.ppf(0.95, df) * error, rel=1e-9)


@pytest.mark.parametrize("measure", [MEAN, RATIO])
def test_one_stratum_is_no_stratification(rows, measure):
    only = {"old": rows["old"]}
    found = post_stratified(strata_of(measure, only), 0.95)
    whole = effect_of(strata_of(measure, only)["old"], control_name="a", treatment_name="b")
    assert float(found.differences.difference) == pytest.approx(whole.estimate, rel=1e-9)
    assert float(found.differences.standard_error) == pytest.approx(whole.standard_error, rel=1e-9)
    assert found.reduction == pytest.approx(0.0, abs=1e-9)
    if measure is MEAN:
        assert float(found.differences.p_value) == pytest.approx(whole.p_value, rel=1e-9)
        assert found.relative.ci_low == pytest.approx(whole.relative.ci_low, rel=1e-9)


@pytest.mark.parametrize("measure", [MEAN, RATIO])
def test_the_order_of_strata_and_units_of_measurement_do_not_matter(rows, measure):
    plain = post_stratified(strata_of(measure, rows), 0.95)
    backwards = post_stratified(dict(reversed(strata_of(measure, rows).items())), 0.95)
    scaled = post_stratified(strata_of(measure, rows, 1000.0), 0.95)
    for other in (backwards, scaled):
        assert float(other.differences.p_value) == pytest.approx(float(plain.differences.p_value), rel=1e-9)
        assert other.relative.ci_high == pytest.approx(plain.relative.ci_high, rel=1e-9)
        assert other.reduction == pytest.approx(plain.reduction, rel=1e-9)


def test_values_around_1e8_keep_their_digits(rows):
    near, far = (post_stratified(strata_of(MEAN, rows, 1.0, level), 0.95) for level in (0.0, 1e8))
    assert float(far.differences.difference) == pytest.approx(float(near.differences.difference), abs=1e-7)
    assert float(far.differences.standard_error) == pytest.approx(float(near.differences.standard_error), rel=1e-7)
    assert far.relative.ci_low * 1e8 == pytest.approx(float(far.differences.ci_low), rel=1e-5)


def test_chance_imbalance_is_removed():
    # The arms hold the strata in other shares; inside each there is no difference at all.
    rng = np.random.default_rng(0)
    sizes = {"low": (500, 300), "high": (300, 500)}
    rows = {
        name: [{"y": level + rng.normal(size=n), "d": np.ones(n)} for n in sizes[name]]
        for name, level in (("low", 0.0), ("high", 10.0))
    }
    found = post_stratified(strata_of(MEAN, rows), 0.95)
    assert abs(float(found.differences.difference)) < 4 * float(found.differences.standard_error)
    assert found.reduction > 0.9
    pooled = [np.concatenate([rows[name][arm]["y"] for name in rows]).mean() for arm in (0, 1)]
    assert pooled[1] - pooled[0] > 2


def test_constant_strata_leave_the_permutation_test_within_them():
    for value in (1.0, 0.1):
        rows = {
            name: [{"y": np.full(n, value * arm), "d": np.ones(n)} for arm, n in enumerate(sizes)]
            for name, sizes in {"a": (3, 4), "b": (5, 2)}.items()
        }
        found = post_stratified(strata_of(MEAN, rows), 0.95).differences.single()
        assert found.standard_error == 0.0
        assert found.p_value == pytest.approx(2 / comb(7, 3) / comb(7, 2))
        assert "zero variance" in found.warnings[0]


def test_a_ratio_without_any_spread_has_none_from_rounding():
    rng = np.random.default_rng(1)
    rows = {}
    for name in "ab":
        rows[name] = [{"y": gain * below, "d": below} for gain in (0.3, 0.7) for below in [rng.exponential(size=20)]]
    found = post_stratified(strata_of(RATIO, rows), 0.95).differences.single()
    assert found.standard_error == pytest.approx(0.0, abs=1e-9)
    assert found.difference == pytest.approx(0.4)


def test_what_cannot_be_stratified_says_so(rows):
    with pytest.raises(TrialError, match="no stratum has any unit"):
        post_stratified({}, 0.95)
    rows["vip"][1] = {name: column[:1] for name, column in rows["vip"][1].items()}
    with pytest.raises(TrialError, match=r"stratum 'vip' has 1 unit\(s\) in an arm"):
        post_stratified(strata_of(MEAN, rows), 0.95)


def test_a_ratio_without_denominators_says_so(rows):
    for sides in rows.values():
        sides[1]["d"] = np.zeros(len(sides[1]["d"]))
    with pytest.raises(TrialError, match="metric 'r': the treatment's denominators add up to nothing"):
        post_stratified(strata_of(RATIO, rows), 0.95)


def test_a_control_near_zero_or_below_has_no_relative_change(rows):
    for level in (-40.0, -14.3):
        found = post_stratified(strata_of(MEAN, rows, 1.0, level), 0.95)
        assert found.relative.ci_low is None
        assert found.relative.reason is not None
