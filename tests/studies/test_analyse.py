"""`analyse` on tests that were run: numbers of outside software, and published data sets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from framework.cli import main

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = Path(os.environ.get("PRELAUNCH_DATA", SHARED / "data"))
REFERENCE = Path(os.environ.get("PRELAUNCH_REFERENCE", SHARED / "reference")) / "ab"
USERS = (
    "unit=user",
    "arm=variant",
    "control=0",
    "segment=segment",
    "metrics.revenue.kind=mean",
    "metrics.minutes.kind=mean",
    "metrics.minutes.covariates=[pre_minutes]",
    "metrics.converted.kind=proportion",
    "metrics.orders_per_session.kind=ratio",
    "metrics.orders_per_session.numerator=orders",
    "metrics.orders_per_session.denominator=sessions",
    "metrics.latency.kind=mean",
    "metrics.latency.method=mann_whitney",
)
RUNS = {
    "cookie_cats": (
        "cookie_cats/cookie_cats.csv",
        "unit=userid",
        "arm=version",
        "control=gate_30",
        "metrics.retention_7.kind=proportion",
        "metrics.sum_gamerounds.kind=mean",
    ),
    "hillstrom": (
        "hillstrom_mens/hillstrom_mens.parquet",
        "arm=segment",
        "control=No E-Mail",
        "shares={Mens E-Mail:2,No E-Mail:1}",
        "metrics.visit.kind=proportion",
        "metrics.conversion.kind=proportion",
        "metrics.spend.kind=mean",
    ),
    "upworthy": (
        "upworthy_tests/tests.parquet",
        "experiment=clickability_test_id",
        "count=impressions",
        "group=test_week",
        "metrics.clicks.kind=proportion",
    ),
}
FIRST, LAST = "201326", "201402"
Read = Callable[[str], Any]
pytestmark = pytest.mark.reference


def analysed(file: Path, folder: Path, *arguments: str) -> Any:
    assert main(["analyse", str(file), *arguments, f"out={folder}"]) == 0
    return json.loads((folder / "result.json").read_text())


def effect(result: Any, metric: str, segment: str | None = None) -> dict[str, Any]:
    (found,) = [e for e in result["effects"] if (e["metric"], e["segment"]) == (metric, segment)]
    return dict(found)


def leaf(tree: Any, path: str) -> Any:
    for part in path.split("/"):
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not REFERENCE.is_dir():
        pytest.skip(f"reference numbers are not at {REFERENCE}; name their folder in PRELAUNCH_REFERENCE")
    folder = tmp_path_factory.mktemp("users")
    pq.write_table(pc.read_csv(REFERENCE / "users.csv"), folder / "users.parquet")
    return {
        "csv": analysed(REFERENCE / "users.csv", folder / "csv", *USERS),
        "parquet": analysed(folder / "users.parquet", folder / "parquet", *USERS),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Read:
    done: dict[str, Any] = {}

    def read(name: str) -> Any:
        file, *arguments = RUNS[name]
        if not (DATA / file).exists():
            pytest.skip(f"the data set is not there: {DATA / file}")
        if name not in done:
            done[name] = analysed(DATA / file, tmp_path_factory.mktemp(name) / "out", *arguments)
        return done[name]

    return read


def test_csv_and_parquet_give_the_same_result(users: dict[str, Any]) -> None:
    own = {"study", "config", "data_digest", "times", "paths"}
    both = [{key: value for key, value in result.items() if key not in own} for result in users.values()]
    assert both[0] == both[1]
    assert len(both[0]["effects"]) == 5 * 4


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("file", "key", "metric", "value"),
    [
        ("tea_tasting", "overall/revenue/control", "revenue", "control_value"),
        ("tea_tasting", "overall/revenue/treatment", "revenue", "treatment_value"),
        ("tea_tasting", "overall/revenue/effect_size", "revenue", "estimate"),
        ("tea_tasting", "overall/revenue/effect_size_ci_lower", "revenue", "ci_low"),
        ("tea_tasting", "overall/revenue/effect_size_ci_upper", "revenue", "ci_high"),
        ("tea_tasting", "overall/revenue/rel_effect_size", "revenue", "relative/estimate"),
        ("tea_tasting", "overall/revenue/rel_effect_size_ci_lower", "revenue", "relative/ci_low"),
        ("tea_tasting", "overall/revenue/rel_effect_size_ci_upper", "revenue", "relative/ci_high"),
        ("tea_tasting", "overall/revenue/pvalue", "revenue", "p_value"),
        ("tea_tasting", "overall/orders_per_session/effect_size", "orders_per_session", "estimate"),
        ("statsmodels_scipy", "welch/revenue/diff", "revenue", "estimate"),
        ("statsmodels_scipy", "welch/revenue/p", "revenue", "p_value"),
        ("statsmodels_scipy", "welch/revenue/df", "revenue", "df"),
        ("statsmodels_scipy", "welch/revenue/ci/0", "revenue", "ci_low"),
        ("statsmodels_scipy", "welch/revenue/ci/1", "revenue", "ci_high"),
        ("statsmodels_scipy", "lin_minutes_1cov_HC2/est", "minutes", "estimate"),
        ("statsmodels_scipy", "lin_minutes_1cov_HC2/se", "minutes", "standard_error"),
        ("statsmodels_scipy", "prop_ztest_pooled/p", "converted", "p_value"),
        ("statsmodels_scipy", "prop_ci_diff_newcomb/0", "converted", "ci_low"),
        ("statsmodels_scipy", "prop_ci_diff_newcomb/1", "converted", "ci_high"),
        ("statsmodels_scipy", "ratio_delta_orders_per_session/control", "orders_per_session", "control_value"),
        ("statsmodels_scipy", "ratio_delta_orders_per_session/diff", "orders_per_session", "estimate"),
        ("statsmodels_scipy", "ratio_delta_orders_per_session/se", "orders_per_session", "standard_error"),
        ("statsmodels_scipy", "mwu_latency/p", "latency", "p_value"),
    ],
)
def test_users_give_the_numbers_of_other_software(
    users: dict[str, Any], kind: str, file: str, key: str, metric: str, value: str
) -> None:
    expected = leaf(json.loads((REFERENCE / f"{file}.json").read_text()), key)
    assert leaf(effect(users[kind], metric), value) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("segment", ["new", "regular", "vip"])
@pytest.mark.parametrize("metric", ["revenue", "orders_per_session"])
def test_segments_give_the_differences_of_other_software(users: dict[str, Any], segment: str, metric: str) -> None:
    expected = json.loads((REFERENCE / "tea_tasting.json").read_text())["by_segment"][segment][metric]
    assert effect(users["csv"], metric, segment)["estimate"] == pytest.approx(expected["effect_size"], rel=1e-9)


def test_users_give_the_sample_ratio_of_other_software(users: dict[str, Any]) -> None:
    expected = json.loads((REFERENCE / "statsmodels_scipy.json").read_text())["srm_chi2_5050"]
    assert users["csv"]["health"]["sample_ratio"]["p_value"] == pytest.approx(expected, rel=1e-9)


def test_cookie_cats_retention_falls(run: Read) -> None:
    from scipy import stats

    found = effect(run("cookie_cats"), "retention_7")
    assert found["p_value"] == pytest.approx(0.0015542, abs=5e-8)
    assert found["estimate"] < 0
    assert found["estimate"] / found["standard_error"] == pytest.approx(-3.16406, abs=5e-6)  # error of the interval
    assert stats.norm.ppf(found["p_value"] / 2) == pytest.approx(-3.16436, abs=5e-6)  # pooled, as the p-value is


def test_cookie_cats_arms_are_noticed(run: Read) -> None:
    ratio = run("cookie_cats")["health"]["sample_ratio"]
    assert (ratio["level"], ratio["p_value"]) == ("notice", pytest.approx(0.008608, abs=5e-7))
    assert any(warning.startswith("Sample ratio, notice") for warning in run("cookie_cats")["warnings"])


def test_cookie_cats_names_the_player_who_played_most(run: Read) -> None:
    (said,) = run("cookie_cats")["health"]["influence"]
    assert (said["metric"], said["level"]) == ("sum_gamerounds", "notice")
    assert [(unit["arm"], unit["unit"], unit["value"]) for unit in said["units"]] == [("control", "6390605", 49854)]
    assert "6390605" in said["text"]


@pytest.mark.parametrize(
    ("metric", "low", "high", "digits"),
    [("visit", 0.0667, 0.0824, 4), ("conversion", 0.00451, 0.00871, 5), ("spend", 0.542, 1.155, 3)],
)
def test_hillstrom_intervals(run: Read, metric: str, low: float, high: float, digits: int) -> None:
    found = effect(run("hillstrom"), metric)
    assert (round(found["ci_low"], digits), round(found["ci_high"], digits)) == (low, high)


def test_hillstrom_arms_have_their_planned_shares(run: Read) -> None:
    ratio = run("hillstrom")["health"]["sample_ratio"]
    assert (ratio["level"], ratio["p_value"]) == ("ok", pytest.approx(0.593, abs=5e-4))


def test_upworthy_experiments_that_stay_after_correction(run: Read) -> None:
    kept = run("upworthy")["health"]["kept"]
    assert (kept["p_holm"], kept["p_benjamini_hochberg"]) == (274, 882)


def test_upworthy_arms_were_uneven_from_summer_2013_to_january(run: Read) -> None:
    weeks = run("upworthy")["health"]["sample_ratio_by_group"]
    broken = [own for week, own in weeks.items() if FIRST <= week <= LAST]
    whole = [own for week, own in weeks.items() if not FIRST <= week <= LAST]
    counted = [(sum(o["experiments"] for o in part), sum(o["alerts"] for o in part)) for part in (broken, whole)]
    assert [experiments for experiments, _ in counted] == [596, 1980]
    assert round(100 * counted[0][1] / 596, 2) == 65.77
    assert round(100 * counted[1][1] / 1980, 3) == 0.404
