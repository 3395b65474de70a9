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
    (found,) = analyse(rows, *ARMS, SPEND, "sequential.method=mixture", "sequential.planned=120")["effects"]
    assert found["look"]["ci_low"] < found["ci_low"]
    assert found["look"]["ci_high"] > found["ci_high"]


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
