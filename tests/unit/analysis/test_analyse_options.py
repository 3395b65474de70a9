"""Every option of `analyse` does what it says, on small files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

ARMS = ("arm=arm", "control=a")
SPEND = "metrics.spend.kind=mean"
Rows = list[dict[str, Any]]
Analyse = Callable[..., Any]


def column(rows: Rows, arm: str, name: str = "spend", **where: Any) -> np.ndarray:
    kept = [r for r in rows if r["arm"] == arm and all(r[key] == value for key, value in where.items())]
    return np.array([float(row[name]) for row in kept])


def overall(result: Any, metric: str = "spend") -> dict[str, Any]:
    (found,) = [e for e in result["effects"] if e["metric"] == metric and e["segment"] is None]
    return dict(found)


def test_the_folder_holds_result_and_page(tmp_path: Path, analyse: Analyse, rows: Rows) -> None:
    result = analyse(rows, *ARMS, SPEND)
    out = tmp_path / "out"
    assert json.loads((out / "record.json").read_text())["status"] == "finished"
    assert "<html" in (out / "report.html").read_text()
    assert "'control=a'" in (out / "config.yaml").read_text()
    assert result["paths"]["page"] == str(out / "report.html")


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_confidence(analyse: Analyse, rows: Rows, confidence: float) -> None:
    found = overall(analyse(rows, *ARMS, SPEND, f"confidence={confidence}"))
    test = stats.ttest_ind(column(rows, "b"), column(rows, "a"), equal_var=False)
    interval = test.confidence_interval(confidence)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found["p_value"] == pytest.approx(test.pvalue, rel=1e-9)


def test_the_other_arm_as_control_turns_the_sign(analyse: Analyse, rows: Rows) -> None:
    there = overall(analyse(rows, *ARMS, SPEND))
    back = overall(analyse(rows, "arm=arm", "control=b", SPEND))
    assert (back["estimate"], back["ci_low"]) == pytest.approx((-there["estimate"], -there["ci_high"]), rel=1e-12)


def test_sides_of_a_metric_that_should_fall(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "spend": row["spend"] + 9 * (row["arm"] == "b")} for row in rows]
    options = (*ARMS, SPEND, "metrics.spend.role=primary")
    assert analyse(rows, *options)["verdict"]["decision"] == "ship"
    assert analyse(rows, *options, "metrics.spend.higher_is_better=false")["verdict"]["decision"] != "ship"


@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_covariates(analyse: Analyse, rows: Rows, method: str) -> None:
    import statsmodels.api as sm

    found = overall(analyse(rows, *ARMS, SPEND, "metrics.spend.covariates=[before]", f"metrics.spend.method={method}"))
    before = np.array([row["before"] for row in rows])
    before = before - before.mean()
    treated = np.array([float(row["arm"] == "b") for row in rows])
    columns = [np.ones(len(rows)), treated, before, *([treated * before] if method == "lin" else [])]
    fit = sm.OLS(np.array([row["spend"] for row in rows]), np.column_stack(columns)).fit(cov_type="HC2")
    assert found["estimate"] == pytest.approx(fit.params[1], rel=1e-9)
    if method == "ancova":  # Lin's error here also holds the scatter of the covariate's mean
        assert found["standard_error"] == pytest.approx(fit.bse[1], rel=1e-9)
    assert found["variance_reduction"] > 0


def test_ratio(analyse: Analyse, rows: Rows) -> None:
    found = overall(
        analyse(rows, *ARMS, "metrics.r.kind=ratio", "metrics.r.numerator=spend", "metrics.r.denominator=visits"), "r"
    )
    sides = [column(rows, arm).sum() / column(rows, arm, "visits").sum() for arm in "ab"]
    assert (found["control_value"], found["treatment_value"]) == pytest.approx(sides, rel=1e-9)


def test_column_names_another_metric(analyse: Analyse, rows: Rows) -> None:
    found = overall(analyse(rows, *ARMS, "metrics.money.kind=mean", "metrics.money.column=spend"), "money")
    assert found["estimate"] == pytest.approx(column(rows, "b").mean() - column(rows, "a").mean(), rel=1e-9)


def test_clusters_change_the_error_and_not_the_estimate(analyse: Analyse, rows: Rows) -> None:
    import statsmodels.api as sm

    found = analyse(rows, *ARMS, SPEND, "cluster=shop")
    treated = np.array([float(row["arm"] == "b") for row in rows])
    shops = np.unique([row["shop"] for row in rows], return_inverse=True)[1]
    fit = sm.OLS(np.array([row["spend"] for row in rows]), sm.add_constant(treated)).fit(
        cov_type="cluster", cov_kwds={"groups": shops}
    )
    assert overall(found)["estimate"] == pytest.approx(fit.params[1], rel=1e-9)
    assert overall(found)["standard_error"] == pytest.approx(fit.bse[1], rel=1e-6)
    assert found["health"]["sample_ratio"]["level"] == "untested"


def test_strata_are_weighted_by_their_size(analyse: Analyse, rows: Rows) -> None:
    found = overall(analyse(rows, *ARMS, SPEND, "stratum=group"))
    inside = [column(rows, "b", group=g).mean() - column(rows, "a", group=g).mean() for g in "xy"]
    assert found["design"] == "stratified"
    assert found["estimate"] == pytest.approx(np.mean(inside), rel=1e-9)
    assert found["standard_error"] < overall(analyse(rows, *ARMS, SPEND))["standard_error"]


def test_segments(analyse: Analyse, rows: Rows) -> None:
    effects = {e["segment"]: e for e in analyse(rows, *ARMS, SPEND, "segment=group")["effects"]}
    assert set(effects) == {None, "x", "y"}
    for group in "xy":
        expected = column(rows, "b", group=group).mean() - column(rows, "a", group=group).mean()
        assert effects[group]["estimate"] == pytest.approx(expected, rel=1e-9)


def test_quantile(analyse: Analyse, rows: Rows) -> None:
    found = overall(analyse(rows, *ARMS, "metrics.spend.kind=quantile", "metrics.spend.quantile=0.9"))
    for arm, value in (("a", found["control_value"]), ("b", found["treatment_value"])):
        ordered = np.sort(column(rows, arm))
        assert ordered[52] <= value <= ordered[55]


def test_retention_curve(analyse: Analyse, rows: Rows) -> None:
    result = analyse(
        rows, *ARMS, SPEND, "metrics.k.kind=retention", "metrics.k.columns=[day1,day7]", "metrics.k.days=[1,7]"
    )
    (curve,) = result["health"]["retention"]
    assert (curve["metric"], curve["treatment"]) == ("k", "b")
    assert "k" not in {e["metric"] for e in result["effects"]}


def test_switchback_counts_periods(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "arm": "ab"[row["period"] // 2 % 2]} for row in rows]
    found = overall(analyse(rows, *ARMS, SPEND, "design=switchback", "period=period"))
    assert found["design"] == "switchback"
    assert found["n_control"] + found["n_treatment"] == len(rows)
    assert found["estimate"] == pytest.approx(column(rows, "b").mean() - column(rows, "a").mean(), rel=1e-9)


@pytest.mark.parametrize(
    ("correction", "method"), [("holm", "holm"), ("bonferroni", "bonferroni"), ("benjamini_hochberg", "fdr_bh")]
)
def test_correction(analyse: Analyse, rows: Rows, correction: str, method: str) -> None:
    from statsmodels.stats.multitest import multipletests

    names = ("spend", "before", "visits")
    result = analyse(rows, *ARMS, *(f"metrics.{name}.kind=mean" for name in names), f"correction={correction}")
    expected = multipletests([overall(result, name)["p_value"] for name in names], method=method)[1]
    assert [overall(result, name)["p_adjusted"] for name in names] == pytest.approx(list(expected), rel=1e-9)


def test_beside_a_primary_metric_all_others_are_secondary(analyse: Analyse, rows: Rows) -> None:
    result = analyse(rows, *ARMS, SPEND, "metrics.before.kind=mean", "metrics.spend.role=primary")
    assert overall(result)["role"] == "primary"
    assert overall(result)["p_adjusted"] == overall(result)["p_value"]
    assert overall(result, "before")["role"] == "secondary"
    assert overall(result, "before")["p_adjusted"] is None


def test_without_a_primary_no_metric_has_a_role(analyse: Analyse, rows: Rows) -> None:
    result = analyse(rows, *ARMS, SPEND, "metrics.before.kind=mean")
    assert {e["role"] for e in result["effects"]} == {None}


@pytest.mark.parametrize(("missing", "value"), [("drop", None), ("zero", 0.0)])
def test_missing(analyse: Analyse, rows: Rows, missing: str, value: float | None) -> None:
    rows[7]["spend"] = ""
    found = overall(analyse(rows, *ARMS, SPEND, f"missing={missing}"))
    rest = [{**row, "spend": value if row["spend"] == "" else row["spend"]} for row in rows]
    kept = column([row for row in rest if row["spend"] is not None], "b")
    assert found["n_treatment"] == kept.size
    assert found["treatment_value"] == pytest.approx(kept.mean(), rel=1e-9)


def test_separator(analyse: Analyse, rows: Rows) -> None:
    found = overall(analyse(rows, *ARMS, SPEND, "separator=';'", separator=";"))
    assert found["n_control"] == 60


def test_all_pairs_of_three_arms(analyse: Analyse, rows: Rows) -> None:
    rows = [{**row, "arm": "abc"[place % 3]} for place, row in enumerate(rows)]
    pairs = {(e["control"], e["treatment"]) for e in analyse(rows, *ARMS, SPEND, "compare=all")["effects"]}
    assert pairs == {("a", "b"), ("a", "c"), ("b", "c")}


def test_retention_alone_has_a_curve_and_no_effect(analyse: Analyse, rows: Rows) -> None:
    result = analyse(rows, *ARMS, "metrics.k.kind=retention", "metrics.k.columns=[day1,day7]", "metrics.k.days=[1,7]")
    assert result["effects"] == []
    (curve,) = result["health"]["retention"]
    assert curve["metric"] == "k"


def test_strata_leave_an_adjusted_metric_as_it_is(analyse: Analyse, rows: Rows) -> None:
    options = (*ARMS, SPEND, "metrics.spend.covariates=[before]")
    assert overall(analyse(rows, *options, "stratum=group")) == overall(analyse(rows, *options))


def test_what_is_missing_is_counted_by_arm(analyse: Analyse, rows: Rows) -> None:
    rows[7]["spend"] = ""
    missing = analyse(rows, *ARMS, SPEND, "missing=drop")["health"]["missing"]
    assert missing["missing"] == {"a": 0, "b": 1}


def test_strata_say_which_metric_they_left(analyse: Analyse, rows: Rows) -> None:
    options = (*ARMS, SPEND, "metrics.spend.covariates=[before]")
    (said,) = [text for text in analyse(rows, *options, "stratum=group")["health"]["warnings"] if "stratif" in text]
    assert said.startswith("spend is not post-stratified")
