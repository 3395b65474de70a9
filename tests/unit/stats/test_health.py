from __future__ import annotations

import pytest

from framework.errors import TrialError
from framework.stats.health import sample_ratio


@pytest.mark.reference
def test_cookie_cats_is_a_notice_and_no_alert():
    found = sample_ratio({"gate_30": 44_700, "gate_40": 45_489})  # published counts of the game's A/B test
    assert found["p_value"] == pytest.approx(0.0086, abs=5e-5)
    assert found["level"] == "notice"


def test_shares_of_any_scale_and_levels():
    counts = {"a": 1000, "b": 2000}
    assert sample_ratio(counts, {"a": 1, "b": 2})["p_value"] == 1.0
    assert sample_ratio(counts, {"a": 10, "b": 20}) == sample_ratio(counts, {"b": 2.0, "a": 1.0})
    alert = sample_ratio(counts)
    assert alert["level"] == "alert"
    assert alert["expected"] == {"a": 1500.0, "b": 1500.0}
    assert sample_ratio({"a": 300, "b": 310, "c": 290})["level"] == "ok"


@pytest.mark.parametrize(
    ("counts", "shares", "message"),
    [
        ({"a": 5}, None, "two arms"),
        ({"a": 0, "b": 0}, None, "no arm has any unit"),
        ({"a": -1, "b": 2}, None, "'a' has -1"),
        ({"a": 1, "b": 2}, {"a": 1}, "'b' has no planned share"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 0}, "'b' has no planned share"),
        ({"control": 1, "new": 2}, {"contrl": 1, "new": 1}, "Did you mean 'control'"),
    ],
)
def test_unusable_counts_are_refused(counts, shares, message):
    with pytest.raises(TrialError, match=message):
        sample_ratio(counts, shares)
