"""Warnings where arms touch each other."""

from __future__ import annotations

import pytest

from framework.errors import TrialError
from framework.stats.health import interference
from framework.stats.health.interference import FACTS


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_is_said_with_what_to_do(fact):
    (found,) = interference({fact: True})
    assert found.fact == fact
    assert "{" not in found.text
    assert any(word in found.advice.lower() for word in ("switchback", "cluster", "split", "train", "randomise"))
    assert interference({fact: False}) == ()


def test_shares_are_printed_and_small_ones_left_unsaid():
    found = interference({"shared_items": 0.37, "shared_users": 0.004, "trained_on_other_arm": 0.5})
    assert [warning.fact for warning in found] == ["shared_items", "trained_on_other_arm"]
    assert "37%" in found[0].text
    assert "50%" in found[1].text


def test_stock_and_feedback_name_the_designs_that_help():
    stock, feedback = interference({"shared_stock": True, "pooled_feedback": True})
    assert "too large" in stock.text
    assert "switchback" in stock.advice
    assert "too small" in feedback.text
    assert "switchback" in feedback.advice
    (people,) = interference({"users_interact": True})
    assert "cluster" in people.advice


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"shared_stok": True}, "Did you mean 'shared_stock'"),
        ({"shared_items": 1.5}, "a share from 0 to 1"),
        ({"shared_items": float("nan")}, "a share from 0 to 1"),
    ],
)
def test_unknown_facts_and_shares_are_refused(facts, message):
    with pytest.raises(TrialError, match=message):
        interference(facts)
