"""Moments held to exact rational arithmetic, to each other in any order of merging, and to brute force with weights."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import TrialError
from framework.stats.moments.record import Moments, both, merged, stacked


def exact(rows):
    """Return mean and centred second moments of (n, k) floats without any rounding on the way."""
    numbers = [[Fraction(float(value)) for value in row] for row in rows]
    n, k = len(numbers), len(numbers[0])
    mean = [sum(row[i] for row in numbers) / n for i in range(k)]
    comoments = [[sum((row[i] - mean[i]) * (row[j] - mean[j]) for row in numbers) for j in range(k)] for i in range(k)]
    return np.array(mean, dtype=float), np.array(comoments, dtype=float)


def of(rows):
    return Moments.of({f"c{place}": rows[:, place] for place in range(rows.shape[1])})


def same(found, expected, *, rel=1e-9, scale=1.0):
    assert found.columns == expected.columns
    assert found.n == pytest.approx(expected.n)
    assert found.mean == pytest.approx(expected.mean, rel=rel, abs=rel * scale)
    assert found.comoments == pytest.approx(expected.comoments, rel=rel, abs=rel * scale**2)


@pytest.mark.parametrize("level", [0.0, 1.0, 1e8, -1e8])
@pytest.mark.parametrize("parts", [1, 2, 7, 200])
def test_a_spread_of_one_around_any_level_is_exact(level, parts):
    rng = np.random.default_rng(3)
    rows = level + rng.normal(size=(400, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    mean, comoments = exact(rows)
    found = merged([of(rows[start::parts]) for start in range(parts)])
    # A mean near 1e8 is a double with a gap of 1.5e-8, and merged groups are told apart by their means.
    assert found.mean == pytest.approx(mean, rel=1e-15, abs=1e-13)
    assert found.comoments == pytest.approx(comoments, rel=1e-9)
    if parts == 1:
        assert found.comoments == pytest.approx(comoments, rel=1e-12)


def test_a_naive_sum_of_squares_would_fail_that_trap():
    rows = 1e8 + np.random.default_rng(3).normal(size=400)
    naive = (rows**2).sum() - rows.size * rows.mean() ** 2
    assert naive != pytest.approx(exact(rows[:, None])[1][0, 0], rel=0.01)


def test_numpy_says_the_same():
    rows = np.random.default_rng(0).exponential(size=(50, 3))
    found = of(rows)
    assert found.n == 50
    assert found.mean == pytest.approx(rows.mean(axis=0))
    assert found.covariance == pytest.approx(np.cov(rows.T))


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.bool_, np.float32])
def test_columns_of_other_types_are_read_as_doubles(kind):
    column = np.array([0, 1, 1, 0, 1]).astype(kind)
    assert Moments.of({"a": column}).covariance[0, 0] == pytest.approx(0.3)


numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: float(np.float32(value)))
groups = st.lists(st.lists(st.tuples(numbers, numbers), max_size=6), min_size=2, max_size=5).filter(
    lambda lists: sum(map(len, lists)) > 0
)


@given(groups)
def test_merging_is_the_moments_of_all_rows(lists):
    parts = [of(np.array(rows, dtype=float).reshape(-1, 2)) for rows in lists]
    rows = np.array([row for own in lists for row in own], dtype=float)
    whole, scale = of(rows), float(np.abs(rows).max()) * np.sqrt(len(rows)) + 1e-12
    same(merged(parts), whole, scale=scale)
    one_by_one = parts[0]
    for part in parts[1:]:
        one_by_one = both(one_by_one, part)
    same(one_by_one, whole, scale=scale)
    same(both(parts[-1], merged(parts[:-1])), whole, scale=scale)


@given(st.permutations(range(6)))
def test_the_order_of_merging_does_not_matter(order):
    rows = 1e8 + np.random.default_rng(1).normal(size=(60, 2))
    parts = [of(rows[10 * place : 10 * place + 10]) for place in range(6)]
    in_turn, shuffled = merged(parts), merged([parts[place] for place in order])
    same(shuffled, in_turn)


def test_columns_merge_by_name():
    first, second = Moments.of({"a": np.arange(4.0), "b": np.ones(4)}), Moments.of({"b": np.ones(2), "a": np.ones(2)})
    assert merged([first, second]).mean_of("a") == pytest.approx(8 / 6)
    assert both(first, second).mean_of("b") == 1.0


def test_an_empty_group_touches_nothing():
    rows = np.random.default_rng(0).normal(size=(5, 2))
    whole, nobody = of(rows), of(rows[:0])
    assert nobody.n == 0
    for found in (both(whole, nobody), both(nobody, whole), merged([nobody, whole, nobody])):
        same(found, whole)
    assert both(nobody, nobody).n == 0
    assert np.isnan(both(nobody, nobody).mean).all()
    assert merged([nobody, nobody]).n == 0
    zeros = Moments(whole.columns, np.zeros(()), np.zeros(2), np.zeros((2, 2)))
    same(both(zeros, whole), whole)
    same(merged([zeros, whole]), whole)


def test_single_units_merge_to_their_spread():
    rows = np.random.default_rng(0).normal(size=(30, 2))
    assert of(rows[:1]).comoments == pytest.approx(np.zeros((2, 2)))
    same(merged([of(row[None, :]) for row in rows]), of(rows))


def test_constant_columns_have_no_spread():
    for value in (0.1, 1 / 3, 1e8 + 0.3):
        for n in (7, 1000, 12_345):
            found = Moments.of({"a": np.full(n, value)})
            assert found.mean[0] == pytest.approx(value, rel=1e-15)
            assert found.covariance[0, 0] <= (32 * np.finfo(float).eps * value) ** 2


def brute_force(parts, weights):
    rows = np.concatenate([np.repeat(part, int(times), axis=0) for part, times in zip(parts, weights, strict=True)])
    return of(rows)


@given(st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4).filter(any), min_size=1, max_size=4))
def test_weights_are_repetitions(weights):
    rng = np.random.default_rng(2)
    parts = [1e6 + rng.normal(place, 1, size=(size, 2)) for place, size in enumerate((1, 3, 10, 4))]
    found = stacked([of(part) for part in parts]).pooled(np.array(weights, dtype=float))
    assert found.n.shape == (len(weights),)
    for place, own in enumerate(weights):
        same(found.at(place), brute_force(parts, own))


@pytest.mark.parametrize("far", [1e3, 1e10, 1e14])
def test_a_group_of_weight_zero_costs_no_digits(far):
    rng = np.random.default_rng(4)
    parts = [rng.normal(size=(100, 1)) for _ in range(20)]
    batch = stacked([*(of(part) for part in parts), of(far + rng.normal(size=(100, 1)))])
    left_out = batch.pooled(np.array([[1.0] * 20 + [0.0]])).at(0)
    same(left_out, of(np.concatenate(parts)))


def test_a_small_far_group_costs_a_large_one_no_digits():
    rng = np.random.default_rng(4)
    large = 1e8 + rng.normal(size=(5000, 1))
    batch = stacked([of(np.zeros((1, 1))), of(np.zeros((1, 1))), of(large)])
    same(batch.pooled(np.array([[0.0, 0.0, 1.0]])).at(0), of(large))


def test_weights_without_any_unit_give_nobody():
    batch = stacked([of(np.ones((2, 1))), Moments(("c0",), np.zeros(()), np.zeros(1), np.zeros((1, 1)))])
    found = batch.pooled(np.array([[0.0, 3.0], [1.0, 0.0]]))
    assert found.n.tolist() == [0.0, 2.0]
    assert np.isnan(found.mean[0, 0])
    assert found.mean[1, 0] == 1.0


def test_pairs_that_nobody_asked_for_stay_unknown_and_leak_nowhere():
    rng = np.random.default_rng(0)
    rows = {"a": rng.normal(size=20), "b": rng.normal(size=20), "c": rng.normal(size=20)}
    known = Moments.of(rows)
    holes = known.comoments.copy()
    holes[0, 2] = holes[2, 0] = np.nan
    halves = [Moments(known.columns, known.n, known.mean, holes)] * 2
    for whole in (merged(halves), both(*halves), stacked(halves).pooled(np.array([[2.0, 1.0]])).at(0)):
        assert np.isnan(whole.comoments[0, 2])
        assert np.isfinite(whole.pick(("a", "b")).comoments).all()
        assert np.isfinite(whole.pick(("c", "b")).comoments).all()
        assert int(np.isnan(whole.comoments).sum()) == 2


def test_linear_forms_shifts_and_factors_are_those_of_rows():
    rng = np.random.default_rng(0)
    rows = {"a": rng.normal(5, 1, 40), "b": rng.exponential(size=40)}
    own = Moments.of(rows)
    weights = np.array([[1.0, -2.0], [0.5, 3.0]])
    found = own.projected(("u", "v"), weights, np.array([1.0, -1.0]))
    same(
        found,
        Moments.of({"u": rows["a"] - 2 * rows["b"] + 1, "v": 0.5 * rows["a"] + 3 * rows["b"] - 1}),
    )
    same(own.scaled(1000.0, ("b",)), Moments.of({"a": rows["a"], "b": 1000 * rows["b"]}))
    same(own.shifted(7.0, "a"), Moments.of({"a": rows["a"] + 7, "b": rows["b"]}))


def test_batches_are_their_groups_one_by_one():
    rng = np.random.default_rng(0)
    singles = [of(rng.normal(size=(size, 2))) for size in (3, 10, 25)]
    batch, factors, shifts = stacked(singles), np.array([1.0, 2.0, -3.0]), np.array([0.0, 1.0, 5.0])
    other = stacked(singles[::-1])
    weights = rng.normal(size=(3, 1, 2))
    for place, single in enumerate(singles):
        same(batch.at(place), single)
        same(both(batch, other).at(place), both(single, singles[2 - place]))
        same(batch.scaled(factors, ("c1",)).at(place), single.scaled(factors[place], ("c1",)))
        same(batch.shifted(shifts, "c0").at(place), single.shifted(shifts[place], "c0"))
        same(batch.projected(("u",), weights).at(place), single.projected(("u",), weights[place]))
    assert batch.at(np.array([True, False, True])).n.tolist() == [3.0, 25.0]


def test_an_unknown_column_is_named():
    with pytest.raises(TrialError, match="no moments of column 'z'"):
        of(np.ones((2, 2))).pick(("c0", "z"))
