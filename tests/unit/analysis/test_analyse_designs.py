"""Designs and methods on small files: what is estimated, what is left out, and that both are said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from framework.analysis.settings import METHODS
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.counts import count_rates
from framework.stats.kinds.proportions import two_proportions

ARMS = ("arm=arm", "control=a")
SPEND = "metrics.spend.kind=mean"
Rows = list[dict[str, Any]]
Analyse = Callable[..., Any]
COLUMNS = {
    "mean": ("column=spend",),
    "sum": ("column=spend",),
    "proportion": ("column=bought",),
    "ratio": ("numerator=spend", "denominator=visits"),
    "quantile": ("column=spend",),
    "rate": ("column=day1", "denominator=visits"),
}
WAYS = [(kind, method) for kind, methods in METHODS.items() if kind in COLUMNS for method in methods]


def column(rows: Rows, arm: str, name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows if row["arm"] == arm])


def test_every_method_of_every_kind(analyse: Analyse, rows: Rows) -> None:
    asked = []
    for kind, method in WAYS:
        covariates = ("covariates=[before]",) if method in {"lin", "ancova", "cuped", "cupac"} else ()
        own = (f"kind={kind}", f"method={method}", *COLUMNS[kind], *covariates)
        asked += [f"metrics.{kind}_{method}.{setting}" for setting in own]
    result = analyse(rows, *ARMS, *asked)
    found = {effect["metric"]: effect for effect in result["effects"]}
    assert list(found) == [f"{kind}_{method}" for kind, method in WAYS]
    for effect in found.values():
        assert effect["ci_low"] < effect["estimate"] < effect["ci_high"]
        assert 0 < effect["p_value"] <= effect["p_adjusted"] <= 1
    ours, theirs = (column(rows, arm, "bought") for arm in "ab")
    counts = Counted(int(ours.sum()), ours.size, int(theirs.sum()), theirs.size)
    for method in METHODS["proportion"]:
        expected = two_proportions(counts, method=method)
        assert found[f"proportion_{method}"]["p_value"] == pytest.approx(expected.p_value, rel=1e-9)
        assert found[f"proportion_{method}"]["ci_low"] == pytest.approx(expected.ci_low, rel=1e-9)
    ranks = stats.mannwhitneyu(column(rows, "b", "spend"), column(rows, "a", "spend"))
    assert found["mean_mann_whitney"]["p_value"] == pytest.approx(ranks.pvalue, rel=1e-9)
    assert {own["metric"] for own in result["arms"]} == set(found)


def test_a_rates_relative_change_is_zero_where_rates_are_equal(analyse: Analyse, rows: Rows) -> None:
    asked = ("metrics.day1.kind=rate", "metrics.day1.denominator=visits")
    found = analyse(rows, *ARMS, *asked)["effects"][0]
    rates = [column(rows, arm, "day1").sum() / column(rows, arm, "visits").sum() for arm in "ab"]
    assert found["relative"]["estimate"] == pytest.approx(rates[1] / rates[0] - 1, rel=1e-12)
    assert found["relative"]["ci_low"] < found["relative"]["estimate"] < found["relative"]["ci_high"]


def test_a_rate_in_bursts_has_the_wider_relative_interval_too(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "bursts": 12 * (place % 11 == 0)} for place, row in enumerate(rows)]
    asked = ("metrics.bursts.kind=rate", "metrics.bursts.denominator=visits")
    found = analyse(rows, *ARMS, *asked)["effects"][0]
    pairs = [(column(rows, arm, "bursts"), column(rows, arm, "visits")) for arm in "ab"]
    expected = count_rates(*pairs[0], *pairs[1])
    assert found["method"] == expected.clustered.method
    assert found["standard_error"] == pytest.approx(expected.clustered.standard_error, rel=1e-9)
    poisson = analyse(rows, *ARMS, *asked, "metrics.bursts.method=score")["effects"][0]
    widths = [own["relative"]["ci_high"] - own["relative"]["ci_low"] for own in (found, poisson)]
    assert widths[0] > 1.5 * widths[1]


@pytest.mark.parametrize(("name", "value"), [("day1", 0.5), ("day1", -1), ("visits", -1)])
def test_rates_are_of_counts(refused: Callable[..., str], rows: Rows, name: str, value: float) -> None:
    rows[7][name] = value
    asked = ("metrics.day1.kind=rate", "metrics.day1.denominator=visits", "metrics.day1.method=score")
    assert "arm 'b': events that are no counts, or an exposure below 0" in refused(rows, *ARMS, *asked)


@pytest.mark.parametrize(
    ("before", "words"),
    [("1", "the same value for every unit"), ("spend", "give the outcome without any error")],
)
def test_covariates_that_cannot_adjust(refused: Callable[..., str], rows: Rows, before: str, words: str) -> None:
    rows = [{**row, "before": row.get(before, before)} for row in rows]
    assert words in refused(rows, *ARMS, SPEND, "metrics.spend.covariates=[before]")


@pytest.mark.parametrize("design", [(), ("cluster=shop",), ("design=paired", "unit=id")])
def test_a_segment_that_cannot_bear_an_estimate_is_left_out_and_named(
    analyse: Analyse, rows: Rows, design: tuple[str, ...]
) -> None:
    if "design=paired" in design:
        rows = [{**row, "id": f"u{place // 2}", "group": "xy"[place // 4 % 2]} for place, row in enumerate(rows)]
    rows[0]["group"] = rows[1]["group"] = "lone"
    result = analyse(rows, *ARMS, SPEND, "metrics.bought.kind=proportion", "segment=group", *design)
    assert {effect["segment"] for effect in result["effects"]} == {None, "x", "y"}
    (said,) = [warning for warning in result["warnings"] if warning.startswith("No effect of b")]
    assert said.startswith("No effect of b on spend and bought in segment lone: ")


def test_many_segments_without_an_effect_are_one_warning(analyse: Analyse, rows: Rows) -> None:
    result = analyse(rows, *ARMS, SPEND, "segment=id")
    (said,) = [warning for warning in result["warnings"] if warning.startswith("No effect of b")]
    assert "in segment u0, u1, u10 and 117 more" in said


def test_units_without_a_pair_are_counted_and_left_out(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "id": f"u{place // 2}"} for place, row in enumerate(rows)][1:]
    result = analyse(rows, *ARMS, SPEND, "design=paired", "unit=id")
    assert (result["effects"][0]["n_control"], result["evidence"][0]["units"]) == (59, 59)
    assert "1 unit(s) have a row under only one of a and b: they are left out." in result["warnings"]
    assert result["health"]["sample_ratio"]["level"] == "untested"


@pytest.mark.parametrize("design", [("cluster=shop",), ("design=switchback", "period=period")])
def test_dependent_rows_have_no_plain_interval_of_an_arm(analyse: Analyse, rows: Rows, design: tuple[str, ...]) -> None:
    rows = [{**row, "arm": "ab"[place // 10 % 2]} for place, row in enumerate(rows)]
    result = analyse(rows, *ARMS, SPEND, *design)
    assert {own["ci_low"] for own in result["arms"]} == {None}
    assert result["health"]["sample_ratio"]["level"] == "untested"


def test_the_rule_names_the_correction_that_was_made(analyse: Analyse, rows: Rows) -> None:
    asked = (*ARMS, SPEND, "metrics.spend.role=primary")
    plain, other = analyse(rows, *asked), analyse(rows, *asked, "correction=bonferroni")
    assert "Holm's correction" in plain["rule"]
    assert "Bonferroni correction" in other["rule"]
    assert plain["rule_digest"] != other["rule_digest"]


def test_a_guardrail_beside_a_primary_metric_is_held_to_its_margin(analyse: Analyse, rows: Rows) -> None:
    guard = ("metrics.visits.kind=mean", "metrics.visits.role=guardrail", "metrics.visits.margin=0.5")
    result = analyse(rows, *ARMS, SPEND, "metrics.spend.role=primary", *guard)
    (margin,) = result["health"]["margins"]
    assert (margin["metric"], margin["low"]) == ("visits", -0.5)
    alone = analyse(rows, *ARMS, *guard)
    assert any("no rule holds visits to a margin" in warning for warning in alone["warnings"])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("relative=fieller", "metrics.spend.covariates=[before]"), "of spend is not Fieller's"),
        (("stratum=group", "metrics.spend.method=mann_whitney"), "spend is not post-stratified"),
        (("sequential.method=mixture",), "This is a look of a running test"),
    ],
)
def test_what_an_effect_is_not_is_said(analyse: Analyse, rows: Rows, asked: tuple[str, ...], words: str) -> None:
    result = analyse(rows, *ARMS, SPEND, *asked)
    assert [warning for warning in result["warnings"] if words in warning]


def test_fiellers_interval_where_it_is_offered(analyse: Analyse, rows: Rows) -> None:
    log, fieller = (analyse(rows, *ARMS, SPEND, f"relative={word}")["effects"][0] for word in ("log", "fieller"))
    assert log["relative"]["estimate"] == pytest.approx(fieller["relative"]["estimate"], rel=1e-12)
    assert log["relative"]["ci_low"] != fieller["relative"]["ci_low"]


def test_dropping_every_unit_of_an_arm_is_refused(refused: Callable[..., str], rows: Rows) -> None:
    rows = [{**row, "spend": "" if row["arm"] == "b" else row["spend"]} for row in rows]
    assert "arm 'b' has 0 unit(s) without a missing value" in refused(rows, *ARMS, SPEND, "missing=drop")


def test_an_influential_unit_without_an_id_is_named_by_its_row(analyse: Analyse, rows: Rows) -> None:
    rows[40]["spend"] = 5000.0
    (said,) = analyse(rows, *ARMS, SPEND)["health"]["influence"]
    assert said["units"][0]["unit"] == "in row 41"
    (named,) = analyse(rows, *ARMS, SPEND, "unit=id")["health"]["influence"]
    assert named["units"][0]["unit"] == "u40"
    assert "The control unit u40 (value 5000)" in named["text"]
