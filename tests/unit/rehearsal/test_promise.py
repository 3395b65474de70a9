"""The level and the difference that a rule promises, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats

from framework.rehearsal.promise import first_level, smallest_found
from framework.stats.decision import DecisionRule
from framework.stats.multiplicity import Corrections


def rule(**changes: Any) -> DecisionRule:
    given: dict[str, Any] = {
        "alpha": 0.05,
        "power": 0.8,
        "difference": 0.0,
        "evidence": ("holdout",),
        "primary": ("revenue", "orders"),
        "guardrails": {"returns": 0.1},
        "higher_is_better": {"revenue": True, "orders": True, "returns": False},
    }
    return DecisionRule(**(given | changes))


@pytest.mark.parametrize(
    ("metric", "measured", "treatments", "level"),
    [
        ("revenue", ("revenue", "orders", "returns"), 3, 0.05 / 6),
        ("revenue", ("revenue", "returns"), 3, 0.05 / 3),
        ("orders", ("revenue", "orders"), 1, 0.025),
        ("returns", ("revenue", "returns"), 3, 0.05),
        ("novelty", ("revenue", "novelty"), 3, 0.05),
    ],
)
def test_the_family_is_the_evidences_own(metric: str, measured: tuple[str, ...], treatments: int, level: float) -> None:
    assert first_level(rule(), metric, measured, treatments) == pytest.approx(level)


def test_a_metric_has_its_own_share_of_alpha() -> None:
    chosen = rule(corrections=Corrections(shares={"revenue": 0.8, "orders": 0.2}))
    assert first_level(chosen, "orders", ("revenue", "orders"), 2) == pytest.approx(0.05 * 0.2 / 2)
    # Where only one of them is measured, it has all of alpha, as in `correct`.
    assert first_level(chosen, "orders", ("orders",), 2) == pytest.approx(0.05 / 2)


@pytest.mark.parametrize("level", [0.05, 0.05 / 6])
def test_the_smallest_difference_is_found_with_the_rules_power(level: float) -> None:
    found = smallest_found(rule(), "revenue", 2.0, level)
    assert stats.norm.sf(stats.norm.isf(level / 2) - found / 2.0) == pytest.approx(0.8)


def test_a_difference_that_the_rule_asks_for_comes_on_top() -> None:
    asked = rule(primary=("revenue",), difference=0.5, scale={"revenue": 100.0})
    plain = rule(primary=("revenue",))
    more = smallest_found(asked, "revenue", 2.0, 0.05) - smallest_found(plain, "revenue", 2.0, 0.05)
    assert more == pytest.approx(50.0)
    assert smallest_found(asked, "returns", 2.0, 0.05) == smallest_found(plain, "returns", 2.0, 0.05)
