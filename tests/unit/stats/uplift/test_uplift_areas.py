"""Curves and areas of rankings: written-out sums, the jackknife, and coverage of the intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.uplift.areas import auuc, auuc_above_random, qini_area, qini_coefficient
from framework.stats.uplift.curves import gain_curve
from framework.stats.uplift.ranked import Test

AREAS = {
    "auuc": auuc,
    "auuc_above_random": auuc_above_random,
    "qini_area": qini_area,
    "qini_coefficient": qini_coefficient,
}


def small() -> Test:
    """Return eight units, ranked as they stand: T C T C T C T C with outcomes 1 0 1 0 0 0 0 1."""
    outcome = np.array([1.0, 0, 1, 0, 0, 0, 0, 1])
    treated = np.array([True, False] * 4)
    return Test(outcome, treated, np.arange(8.0)[::-1])


def drawn(n: int, seed: Any, world: str = "effect") -> Test:
    """Return a test: outcomes 0 and 1 with an effect of 0.05 + 0.05 x, ranked by x with noise, or by noise alone."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-0.5 * x)) if world == "unequal" else np.full(n, 0.67)
    treated = rng.random(n) < chance
    score = rng.normal(size=n) if world == "random" else x + rng.normal(size=n)
    if world == "ties":
        score = np.round(score)
    outcome = (rng.random(n) < np.clip(0.15 + 0.05 * treated * (1 + x), 0, 1)).astype(float)
    weight = 1 / np.where(treated, chance, 1 - chance) if world == "unequal" else None
    return Test(outcome, treated, score, weight)


def test_small_case_by_hand():
    # Up to each place: n_t 1 1 2 2 3 3 4 4, n_c 0 1 1 2 2 3 3 4, r_t 1 1 2 2 2 2 2 2, r_c 0 ... 0 1; the first place
    # with both arms is the second. Uplift (r_t/n_t - r_c/n_c) n/8 and Qini (r_t - r_c n_t/n_c)/4 there:
    uplift = np.array([0, 2 / 8, 3 / 8, 4 / 8, (2 / 3) * 5 / 8, (2 / 3) * 6 / 8, 0.5 * 7 / 8, 0.25])
    qini = np.array([0, 1, 2, 2, 2, 2, 2, 2 - 1]) / 4
    at = np.array([0, 2, 3, 4, 5, 6, 7, 8]) / 8
    assert auuc(small()).value == pytest.approx(np.trapezoid(uplift, at))
    assert auuc_above_random(small()).value == pytest.approx(np.trapezoid(uplift, at) - 0.25 / 2)
    area = np.trapezoid(qini, at) - 0.25 / 2
    assert qini_area(small()).value == pytest.approx(area)
    # Half of the treated respond and a quarter of the control: (1/2 1/2 + 1/4 3/4) / 2, or 1/4 3/4 / 2.
    assert qini_coefficient(small()).value == pytest.approx(area / ((0.25 + 0.1875) / 2))
    assert qini_coefficient(small(), "no_downlift").value == pytest.approx(area / (0.1875 / 2))


def test_curve_passes_through_its_points():
    curve = gain_curve(small(), "qini", points=9)
    np.testing.assert_allclose(curve.gain, np.array([0, 0.5, 1, 2, 2, 2, 2, 2, 1]) / 4)
    assert curve.gain[-1] == pytest.approx(0.25)
    np.testing.assert_allclose(gain_curve(small(), "uplift", points=9).gain[[0, 4, 8]], [0, 0.5, 0.25])


def test_perfect_ranking_has_coefficient_one():
    # Large arms: 30 % respond only when treated, 10 % only when not, known to the score; nobody else ever.
    n = 40_000
    kind = np.repeat([2, 1, 0], [int(0.3 * n), int(0.6 * n), int(0.1 * n)])
    treated = np.tile([True, False], n // 2)
    outcome = np.where(kind == 2, treated, np.where(kind == 0, ~treated, False)).astype(float)
    score = kind + np.linspace(0, 1e-6, n)
    assert qini_coefficient(Test(outcome, treated, score)).value == pytest.approx(1.0, abs=1e-3)
    assert qini_coefficient(Test(outcome, treated, -score)).value == pytest.approx(-1.0, abs=1e-3)


def test_all_units_alike_are_a_random_ranking():
    test = drawn(300, 1)
    flat = Test(test.outcome, test.treated, np.zeros(300))
    effect = test.outcome[test.treated].mean() - test.outcome[~test.treated].mean()
    assert qini_area(flat).value == pytest.approx(0, abs=1e-12)
    assert qini_area(flat).p_value == 1
    assert auuc(flat).value == pytest.approx(effect / 2)


@pytest.mark.parametrize("world", ["effect", "ties", "unequal"])
@pytest.mark.parametrize("name", AREAS)
def test_error_is_the_jackknifes(name, world):
    test, n = drawn(300, 3, world), 300
    left = []
    for out in range(n):
        kept = np.arange(n) != out
        weight = None if test.weight is None else test.weight[kept]
        left.append(AREAS[name](Test(test.outcome[kept], test.treated[kept], test.score[kept], weight)).value)
    jackknife = np.sqrt((n - 1) / n * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert AREAS[name](test).standard_error == pytest.approx(jackknife, rel=0.05)


def test_folds_are_averaged_by_their_units():
    one, other = drawn(200, 5), drawn(400, 6)
    fold = np.repeat([0, 1], [200, 400])
    both = Test(
        *(np.concatenate([getattr(one, field), getattr(other, field)]) for field in ("outcome", "treated", "score")),
        fold=fold,
    )
    for area in AREAS.values():
        parts, whole = (area(one), area(other)), area(both)
        assert whole.value == pytest.approx((parts[0].value + 2 * parts[1].value) / 3)
        error = np.sqrt(parts[0].standard_error ** 2 + 4 * parts[1].standard_error ** 2) / 3
        assert whole.standard_error == pytest.approx(error)


def test_weights_that_are_alike_change_nothing():
    test = drawn(300, 8)
    weighted = Test(test.outcome, test.treated, test.score, np.where(test.treated, 1 / 0.67, 1 / 0.33))
    for area in AREAS.values():
        assert area(weighted).value == pytest.approx(area(test).value)
        assert area(weighted).standard_error == pytest.approx(area(test).standard_error)


def test_refusals():
    test = small()
    with pytest.raises(TrialError, match="other than 0 and 1"):
        qini_coefficient(Test(test.outcome * 2, test.treated, test.score))
    with pytest.raises(TrialError, match="fewer than 2 units of an arm"):
        Test(test.outcome, np.zeros(8, dtype=bool), test.score)
    with pytest.raises(TrialError, match="not finite"):
        Test(np.full(8, np.nan), test.treated, test.score)
    with pytest.raises(TrialError, match="optimum 'best'"):
        qini_coefficient(test, "best")
    with pytest.raises(TrialError, match="no higher than the random one"):
        qini_coefficient(Test(test.outcome, ~test.treated, test.score), "no_downlift")


def covered(world: str, n: int, replications: int) -> dict[str, float]:
    large = drawn(1_000_000, 9, world)
    truth = {name: 0.0 if world == "random" and name != "auuc" else area(large).value for name, area in AREAS.items()}
    hits = dict.fromkeys(AREAS, 0)
    for number in range(replications):
        test = drawn(n, [n, number], world)
        for name, area in AREAS.items():
            found = area(test)
            hits[name] += found.ci_low <= truth[name] <= found.ci_high
    return {name: count / replications for name, count in hits.items()}


def test_random_ranking_holds_0():
    # 95 % of 400 within four binomial standard errors, 4.4 points.
    found = dict.fromkeys(("auuc_above_random", "qini_area", "qini_coefficient"), 0)
    for number in range(400):
        test = drawn(500, [500, number], "random")
        for name in found:
            own = AREAS[name](test)
            found[name] += own.ci_low <= 0 <= own.ci_high
    assert all(abs(count / 400 - 0.95) < 0.044 for count in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("world", ["random", "effect", "ties", "unequal"])
@pytest.mark.parametrize("n", [500, 3000])
def test_coverage(world, n):
    # Four binomial standard errors of 2,000 replications, 1.95 points, and 1 point for the normal reference.
    for name, share in covered(world, n, 2000).items():
        assert abs(share - 0.95) < 0.0295, (name, share)
