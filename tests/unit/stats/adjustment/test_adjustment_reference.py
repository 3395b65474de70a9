"""Covariate adjustment as statsmodels, tea-tasting, GrowthBook and Spotify's confidence print it for the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.stats.adjustment.regression import adjusted
from framework.stats.adjustment.robust import meat_of
from framework.stats.compare import adjusted_effect_of
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

pytestmark = pytest.mark.reference
MINUTES = Measure("minutes", "mean", "minutes", None, (Covariate("pre_minutes"),))
REVENUE = Measure("revenue", "mean", "revenue", None, (Covariate("pre_revenue"),))
MEASURES = {
    "minutes_1cov": MINUTES,
    "revenue_1cov": REVENUE,
    "revenue_3cov": Measure(
        "revenue", "mean", "revenue", None, tuple(Covariate(f"pre_{c}") for c in ("revenue", "sessions", "minutes"))
    ),
    "revenue_cuped": REVENUE,
    "orders_cuped": Measure("orders", "mean", "orders", None, (Covariate("pre_orders"),)),
    "minutes_cuped": MINUTES,
    "orders_per_session_cuped": Measure(
        "orders_per_session", "ratio", "orders", "sessions", (Covariate("pre_orders", "pre_sessions"),)
    ),
    "minutes_per_session_cuped": Measure(
        "minutes_per_session", "ratio", "minutes", "sessions", (Covariate("pre_minutes", "pre_sessions"),)
    ),
}
NAMES = {"control_name": "0", "treatment_name": "1"}
NUMBERS = ("sessions", "orders", "revenue", "minutes")


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


@pytest.fixture(scope="module")
def users(reference):
    return reference("users.csv")


@pytest.fixture(scope="module")
def arms_of(users):
    def make(measure, segment=None):
        rows = []
        for arm in "01":
            chosen = users["variant"] == arm
            chosen = chosen if segment is None else chosen & (users["segment"] == segment)
            rows.append({column: users[column][chosen].astype(float) for column in measure.columns})
        return TwoArms(measure, Moments.of(rows[0]), Moments.of(rows[1])), rows

    return make


@pytest.mark.parametrize("error", ["nonrobust", "HC2", "HC3"])
@pytest.mark.parametrize("key", ["minutes_1cov", "revenue_1cov", "revenue_3cov"])
@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_regression_as_statsmodels(reference, arms_of, method, key, error):
    expected = reference("statsmodels_scipy.json")[f"{method}_{key}_{error}"]
    arms, rows = arms_of(MEASURES[key])
    fit = adjusted(arms, method)
    meats = meat_of(fit.control, rows[0]), meat_of(fit.treatment, rows[1])
    effect = adjusted_effect_of(
        arms, **NAMES, method=method, error="classical" if error == "nonrobust" else error.lower(), meats=meats
    )
    assert effect.estimate == near(expected["est"])
    assert effect.standard_error == near(expected["se"])
    assert effect.p_value == near(expected["p"])
    assert [effect.ci_low, effect.ci_high] == near(expected["ci"])
    degrees = 1200 - 2 - len(arms.measure.covariates) * (2 if method == "lin" else 1)
    assert effect.df == (degrees if error == "nonrobust" else None)


CUPED = ("revenue_cuped", "orders_cuped", "minutes_cuped", "orders_per_session_cuped", "minutes_per_session_cuped")


def held_to_tea_tasting(effect, expected):
    assert effect.control_value == near(expected["control"])
    assert effect.treatment_value == near(expected["treatment"])
    assert effect.estimate == near(expected["effect_size"])
    assert [effect.ci_low, effect.ci_high] == near([expected["effect_size_ci_lower"], expected["effect_size_ci_upper"]])
    assert effect.relative.estimate == near(expected["rel_effect_size"])
    assert [effect.relative.ci_low, effect.relative.ci_high] == near(
        [expected["rel_effect_size_ci_lower"], expected["rel_effect_size_ci_upper"]]
    )
    assert effect.p_value == near(expected["pvalue"])
    assert effect.estimate / effect.standard_error == near(expected["statistic"])


@pytest.mark.parametrize("key", CUPED)
def test_cuped_as_tea_tasting(reference, arms_of, key):
    arms, _ = arms_of(MEASURES[key])
    held_to_tea_tasting(
        adjusted_effect_of(arms, **NAMES, method="cuped"), reference("tea_tasting.json")["overall"][key]
    )


@pytest.mark.parametrize("segment", ["new", "regular", "vip"])
def test_cuped_in_segments_as_tea_tasting(reference, arms_of, segment):
    arms, _ = arms_of(REVENUE, segment)
    effect = adjusted_effect_of(arms, **NAMES, method="cuped", segment=segment)
    held_to_tea_tasting(effect, reference("tea_tasting.json")["by_segment"][segment]["revenue_cuped"])


@pytest.mark.parametrize("key", ["revenue_cuped", "minutes_cuped"])
def test_cuped_means_as_growthbook(reference, arms_of, key):
    everything = reference("gbstats.json")[key]
    expected = everything["t_absolute"]
    arms, _ = arms_of(MEASURES[key])
    effect = adjusted_effect_of(arms, **NAMES, method="cuped")
    assert effect.estimate == near(expected["expected"])
    assert effect.standard_error == near(expected["uplift"]["stddev"])
    assert [effect.ci_low, effect.ci_high] == near(expected["ci"])
    assert effect.p_value == near(expected["pValue"])
    assert effect.p_value / 2 == near(everything["greater_absolute"]["pValue"])
    assert effect.df == near(everything["dof"])
    assert float(adjusted(arms, "cuped").control.slope[0]) == near(everything["theta"])


@pytest.mark.parametrize("key", ["orders_per_session_cuped", "minutes_per_session_cuped"])
def test_cuped_ratios_as_growthbook_up_to_its_slope(reference, arms_of, key):
    everything = reference("gbstats.json")[key]
    expected = everything["t_absolute"]
    arms, _ = arms_of(MEASURES[key])
    # Their slope adds the two arms' covariances, whatever the arms' sizes; ours is that of all units (tea-tasting's).
    sides = [side.moments for side in (adjusted(arms, "lin").control, adjusted(arms, "lin").treatment)]
    theta = sum(side.covariance[0, 1] for side in sides) / sum(side.covariance[1, 1] for side in sides)
    assert theta == near(everything["theta"])
    value = [float(side.mean[0] - theta * side.mean[1]) for side in sides]
    error = np.sqrt(sum(np.array([1, -theta]) @ side.covariance @ np.array([1, -theta]) / side.n for side in sides))
    assert value[1] - value[0] == near(expected["expected"])
    assert error == near(expected["uplift"]["stddev"])
    # How far that is from ours: below 0.5 % of an error here.
    effect = adjusted_effect_of(arms, **NAMES, method="cuped")
    assert effect.estimate == pytest.approx(expected["expected"], abs=0.005 * effect.standard_error)
    assert effect.estimate != near(expected["expected"])
    assert effect.standard_error == near(expected["uplift"]["stddev"], rel=1e-5)


@pytest.mark.parametrize("key", ["revenue_cuped", "minutes_cuped"])
def test_relative_cuped_as_growthbook_up_to_its_base_and_symmetry(reference, arms_of, key):
    expected = reference("gbstats.json")[key]["t_relative"]
    arms, _ = arms_of(MEASURES[key])
    effect = adjusted_effect_of(arms, **NAMES, method="cuped")
    raw = float(arms.values[0])
    assert effect.estimate / raw == near(expected["expected"])
    assert effect.relative.estimate == near(effect.estimate / effect.control_value)
    # Theirs is a delta interval, symmetric by construction; ours is a log ratio's, longer upwards.
    middle = (expected["ci"][0] + expected["ci"][1]) / 2
    assert middle == near(expected["expected"])
    assert effect.relative.ci_high - effect.relative.estimate > effect.relative.estimate - effect.relative.ci_low
    widths = effect.relative.ci_high - effect.relative.ci_low, expected["ci"][1] - expected["ci"][0]
    assert widths[0] == near(widths[1], rel=0.06)


def test_minutes_linreg_abs_as_spotify_up_to_its_mixed_divisors(reference, arms_of):
    expected = reference("spotify_confidence.json")["minutes_linreg_abs"][0]
    arms, _ = arms_of(MINUTES)
    fit = adjusted(arms, "cuped")
    effect = adjusted_effect_of(arms, **NAMES, method="cuped")
    slope = float(fit.control.slope[0])
    assert slope == near(expected["regression_parameters_1"])
    assert effect.control_value == near(expected["point_estimate_1"])
    assert effect.treatment_value == near(expected["point_estimate_2"])
    assert effect.estimate == near(expected["difference"])
    # They divide the outcome's variance by n - 1, but the covariate's and the covariance by n.
    theirs = []
    for side in (arms.control, arms.treatment):
        v, shrunk = side.covariance, 1 - 1 / float(side.n)
        theirs.append(v[0, 0] + slope**2 * v[1, 1] * shrunk - 2 * slope * v[0, 1] * shrunk)
    assert theirs == near([expected["variance_1"], expected["variance_2"]])
    error = np.sqrt(theirs[0] / 592 + theirs[1] / 608)
    assert error == near(expected["std_err"])
    assert 2 * stats.norm.sf(effect.estimate / error) == near(expected["p-value"])
    assert effect.standard_error == near(error, rel=0.006)


def keys():
    """Return (name, kind of figure, columns) of tea-tasting's sufficient statistics."""
    pre = ("pre_sessions", "pre_orders", "pre_revenue", "pre_minutes")
    pairs = [
        "orders__sessions",
        "revenue__pre_revenue",
        "orders__pre_orders",
        "pre_orders__pre_sessions",
        "orders__pre_sessions",
        "sessions__pre_orders",
        "sessions__pre_sessions",
        "revenue__orders",
        "minutes__pre_minutes",
        "minutes__sessions",
        "minutes__pre_sessions",
        "sessions__pre_minutes",
        "pre_minutes__pre_sessions",
    ]
    single = (*NUMBERS, "converted", *pre)
    return ["n", *(f"{kind}_{c}" for kind in ("sum", "var") for c in single), *(f"cov_{pair}" for pair in pairs)]


@pytest.mark.parametrize("arm", ["0", "1"])
@pytest.mark.parametrize("key", keys())
def test_sufficient_statistics_as_tea_tasting(reference, users, arm, key):
    expected = reference("tea_tasting.json")["sufficient_statistics"][arm]
    assert set(expected) == set(keys())
    columns = [name for name in users if name not in {"user", "variant", "segment", "cluster"}]
    own = Moments.of({name: users[name][users["variant"] == arm].astype(float) for name in columns})
    kind, _, rest = key.partition("_")
    if kind == "n":
        found = own.n
    elif kind == "sum":
        found = own.n * own.mean_of(rest)
    else:
        pair = rest.split("__") if kind == "cov" else [rest, rest]
        found = own.covariance[own.index(pair[0]), own.index(pair[1])]
    assert found == near(expected[key])
