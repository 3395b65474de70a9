"""Readings and designs that `analyse` gives on request: posteriors, looks, days, pairs, planned shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

ARMS = ("arm=arm", "control=a")
SPEND = "metrics.spend.kind=mean"
Rows = list[dict[str, Any]]
Analyse = Callable[..., Any]


def test_a_prior_gives_a_posterior_and_standings(analyse: Analyse, rows: Rows) -> None:
    result = analyse(rows, *ARMS, "metrics.bought.kind=proportion", "prior=jeffreys")
    assert result["effects"][0]["posterior"] is not None
    (standing,) = result["health"]["standings"]
    assert sum(standing["probability_best"].values()) == pytest.approx(1.0, abs=1e-6)


def test_a_look_is_wider_than_the_interval_of_a_single_test(analyse: Analyse, rows: Rows) -> None:
    (once,) = analyse(rows, *ARMS, SPEND)["effects"]
    (found,) = analyse(rows, *ARMS, SPEND, "sequential.method=mixture", "sequential.planned=120")["effects"]
    assert found["ci_low"] == found["look"]["ci_low"] < once["ci_low"]
    assert found["ci_high"] == found["look"]["ci_high"] > once["ci_high"]
    assert found["p_adjusted"] == found["p_value"] == found["look"]["p_value"] > once["p_value"]
    assert found["relative"]["ci_low"] < once["relative"]["ci_low"] < found["relative"]["estimate"]
    assert found["relative"]["ci_high"] > once["relative"]["ci_high"] > found["relative"]["estimate"]


CLEAR = [{"arm": arm, "spend": 10 + place % 5 + shift} for arm, shift in (("a", 0), ("b", 0.5)) for place in range(120)]


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        ((), "ship"),
        (("sequential.method=lan_demets_obrien_fleming", "sequential.information=[0.2]"), "undecided"),
        (("sequential.method=lan_demets_obrien_fleming", "sequential.information=[0.2,1.0]"), "ship"),
        (("sequential.method=mixture", "sequential.planned=24"), "undecided"),
    ],
)
def test_the_verdict_of_a_running_test_waits_for_its_bound(
    analyse: Analyse, asked: tuple[str, ...], decision: str
) -> None:
    result = analyse(CLEAR, *ARMS, SPEND, "metrics.spend.role=primary", *asked)
    assert result["verdict"]["decision"] == decision
    if asked and decision == "undecided":
        # z is 2.72: enough for a test of one look, not for O'Brien and Fleming's first (4.88) or any number of looks.
        assert not result["effects"][0]["look"]["crossed"]


def test_a_planned_test_goes_on_to_its_next_look_and_an_unplanned_one_says_how_far(analyse: Analyse) -> None:
    primary = (*ARMS, SPEND, "metrics.spend.role=primary")
    planned = ("sequential.method=hwang_shih_decani", "sequential.parameter=-4", "sequential.information=[0.2]")
    verdict = analyse(CLEAR, *primary, *planned)["verdict"]
    assert verdict["more_units"] is None
    assert any("go on to the next" in reason for reason in verdict["reasons"])
    verdict = analyse(CLEAR, *primary, "sequential.method=mixture", "sequential.planned=24")["verdict"]
    assert verdict["more_units"] > 240


def test_fiellers_interval_has_no_look(analyse: Analyse, rows: Rows) -> None:
    (found,) = analyse(rows, *ARMS, SPEND, "sequential.method=mixture", "relative=fieller")["effects"]
    assert found["relative"]["ci_low"] is None
    assert "every look" in found["relative"]["reason"]


def test_metrics_that_a_bernoulli_sequence_cannot_look_at(
    analyse: Analyse, refused: Callable[..., str], rows: Rows
) -> None:
    shares = ("metrics.bought.kind=proportion", "sequential.method=bernoulli")
    result = analyse(rows, *ARMS, SPEND, *shares)
    assert any("spend has no look" in warning for warning in result["warnings"])
    assert "bernoulli has no look at it" in refused(rows, *ARMS, SPEND, *shares, "metrics.spend.role=primary")


def test_time_gives_the_effect_by_day(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "came": f"2026-03-0{1 + place // 30}"} for place, row in enumerate(rows)]
    (found,) = analyse(rows, *ARMS, SPEND, "time=came")["health"]["novelty"]
    assert [day["day"] for day in found["days"]] == [0, 1, 2, 3]


def test_a_paired_design_is_the_paired_t_test(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "id": f"u{place // 2}"} for place, row in enumerate(rows)]
    (found,) = analyse(rows, *ARMS, SPEND, "design=paired", "unit=id")["effects"]
    sides = [np.array([row["spend"] for row in rows if row["arm"] == arm]) for arm in "ab"]
    assert found["p_value"] == pytest.approx(stats.ttest_rel(sides[1], sides[0]).pvalue, rel=1e-9)


def test_planned_shares_are_what_the_arms_are_held_to(analyse: Analyse, rows: Rows) -> None:
    ratio = analyse(rows, *ARMS, SPEND, "shares={a:3,b:1}")["health"]["sample_ratio"]
    assert ratio["p_value"] == pytest.approx(stats.chisquare([60, 60], [90, 30]).pvalue, rel=1e-9)
    assert ratio["level"] == "alert"


def test_there_is_no_one_sided_test(refused: Callable[..., str], rows: Rows) -> None:
    assert "analyse has no 'alternative'" in refused(rows, *ARMS, SPEND, "alternative=greater")
