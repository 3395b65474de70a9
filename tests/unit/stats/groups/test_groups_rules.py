"""Surrogate rules: short, true to the segments where those are simple, and the same users in SQL."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from framework.errors import DataError, TrialError
from framework.stats.groups.rules import Condition, SegmentRule, quoted
from framework.stats.groups.surrogate import surrogate_rules

FEATURES = ("recency_days", "monetary", 'share "A"')


def shop(seed=0, n=800):
    rng = np.random.default_rng(seed)
    recency = rng.exponential(60, n)
    money = np.round(rng.lognormal(8, 1.2, n))
    share = rng.random(n)
    recency[rng.random(n) < 0.1] = np.nan
    share[rng.random(n) < 0.2] = np.nan
    return np.stack([recency, money, share], axis=1)


def planted(values):
    labels = np.full(len(values), 2)
    labels[values[:, 0] <= 30] = 1
    labels[(values[:, 0] <= 30) & (values[:, 1] > 5000)] = 0
    return labels


def users_of(rule, values):
    columns = {"user": pa.array([f"u{n}" for n in range(len(values))])}
    columns |= {
        name: pa.array([None if np.isnan(v) else float(v) for v in column], pa.float64())
        for name, column in zip(FEATURES, values.T, strict=True)
    }
    with duckdb.connect() as connection:
        connection.register("users of shop", pa.table(columns))
        return {row[0] for row in connection.execute(rule.select("users of shop")).fetchall()}


def test_planted_rules_are_found():
    values = shop()
    found = surrogate_rules(FEATURES, values, planted(values), ("big", "near", "far"))
    assert found.fidelity == found.balanced == 1.0
    big = found.rules[0]
    assert {(c.feature, c.above) for c in big.conditions} == {("recency_days", False), ("monetary", True)}
    assert (big.precision, big.recall, big.users) == (1.0, 1.0, big.members)
    far = found.rules[2]
    assert len(far.conditions) == 1
    assert far.conditions[0].or_undefined
    assert "or undefined" in far.text()


@pytest.mark.parametrize("seed", range(8))
def test_sql_takes_exactly_the_rules_users(seed):
    values = shop(seed)
    rng = np.random.default_rng(seed)
    noisy = planted(values)
    noisy[rng.random(len(noisy)) < 0.3] = 2
    other = shop(seed + 100)
    for rule in surrogate_rules(FEATURES, values, noisy, ("big", "near", "far")).rules:
        assert 1 <= len(rule.conditions) <= 5
        for table in (values, other):
            taken = {f"u{n}" for n in np.flatnonzero(rule.holds(FEATURES, table))}
            assert users_of(rule, table) == taken
        assert rule.users == rule.holds(FEATURES, values).sum()


def test_fidelity_counts_users_that_one_rule_takes_rightly():
    values = shop(3)
    labels = np.random.default_rng(0).integers(0, 2, len(values))
    found = surrogate_rules(FEATURES, values, labels, ("a", "b"), conditions=2)
    first, second = (rule.holds(FEATURES, values) for rule in found.rules)
    right = (first & ~second & (labels == 0)) | (second & ~first & (labels == 1))
    assert found.fidelity == right.mean() < 0.7
    for place, rule in enumerate(found.rules):
        taken, member = rule.holds(FEATURES, values), labels == place
        assert rule.precision == (taken & member).sum() / taken.sum()
        assert rule.recall == (taken & member).sum() / member.sum()
        assert rule.f1 == pytest.approx(2 / (1 / rule.precision + 1 / rule.recall))


def test_bounds_on_one_feature_are_merged():
    rng = np.random.default_rng(1)
    values = rng.random((2000, 1)) * 100
    labels = ((values[:, 0] > 40) & (values[:, 0] <= 60)).astype(int)
    inside = surrogate_rules(("x",), values, labels, ("out", "in")).rules[1]
    assert inside.f1 == 1.0
    assert {c.above for c in inside.conditions} == {True, False}
    assert len(inside.conditions) == 2
    # The plainest numbers between the neighbours, not a midpoint of sixteen digits.
    assert all(len(repr(c.threshold)) <= 6 for c in inside.conditions)


def test_one_segment_is_everybody_and_empty_ones_have_no_rule():
    values = shop(2)
    found = surrogate_rules(FEATURES, values, np.ones(len(values), int), ("none", "all"))
    assert [rule.segment for rule in found.rules] == ["all"]
    assert found.rules[0].text() == "every user"
    assert users_of(found.rules[0], values) == {f"u{n}" for n in range(len(values))}
    assert found.fidelity == 1.0


def test_close_thresholds_mean_the_same_in_sql():
    # Doubles that no short decimal tells apart, around which the two must agree.
    edge = 0.1 + 0.2
    near = np.array([np.nextafter(edge, 0), edge, np.nextafter(edge, 1), 1e-300, 1e300, np.nan])
    values = np.column_stack([near, near, near])
    for threshold in (edge, 1e-300, 1e300, 0.3, 5.0):
        for above in (False, True):
            for undefined in (False, True):
                condition = Condition('share "A"', above, threshold, undefined)
                rule = SegmentRule("s", (condition,), 1, 1, 1, 1, 1)
                assert users_of(rule, values) == {f"u{n}" for n in np.flatnonzero(rule.holds(FEATURES, values))}


def test_what_is_refused():
    values = shop(2)
    with pytest.raises(TrialError, match="do not fit"):
        surrogate_rules(FEATURES, values, np.zeros(3, int), ("a",))
    with pytest.raises(TrialError, match="1 or more"):
        surrogate_rules(FEATURES, values, planted(values), ("a", "b", "c"), conditions=0)
    with pytest.raises(TrialError, match="NUL"):
        quoted("a\0b")
    rule = SegmentRule("s", (Condition("gone", True, 1.0),), 1, 1, 1, 1, 1)
    with pytest.raises(DataError, match="needs 'gone'"):
        rule.holds(FEATURES, values)
