"""Designs as statsmodels, scipy, tea-tasting, GrowthBook and Spotify's confidence print them for the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.stats.compare import compare
from framework.stats.designs.clustered import CONTROL, SIZE, TOTAL, TREATMENT, cluster_arms, clustered
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import arms_of
from framework.stats.relative import log_ratio_error, relative_interval
from framework.stats.samples import UnitValues

pytestmark = pytest.mark.reference
NAMES = {"control_name": "0", "treatment_name": "1", "design": "independent"}


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


@pytest.fixture(scope="module")
def users(reference):
    return reference("users.csv")


@pytest.fixture(scope="module")
def sides_of(users):
    def make(column, kind="mean", denominator=None):
        sides = []
        for arm in "01":
            rows = users["variant"] == arm
            below = None if denominator is None else users[denominator][rows].astype(float)
            sides.append(UnitValues(kind, users[column][rows].astype(float), below))
        return sides

    return make


@pytest.fixture(scope="module")
def effect_of(sides_of):
    return lambda column, *kind: compare(*sides_of(column, *kind), metric=column, **NAMES)


@pytest.fixture(scope="module")
def arms(sides_of):
    return lambda column, *kind: arms_of(*sides_of(column, *kind), metric=column, design="independent")


def test_cluster_robust_revenue(reference, users):
    expected = reference("statsmodels_scipy.json")["cluster_robust_revenue"]
    revenue, is_control = users["revenue"].astype(float), users["variant"] == "0"
    _, place = np.unique(users["cluster"], return_inverse=True)
    columns = {
        prefix + word: np.bincount(place, weights=np.where(mask, values, 0.0))
        for prefix, mask in ((CONTROL, is_control), (TREATMENT, ~is_control))
        for word, values in ((TOTAL, revenue), (SIZE, np.ones(1200)))
    }
    found = clustered(cluster_arms(Moments.of(columns), "revenue"), 1200, 0.95).single()
    assert found.difference == near(expected["est"])
    assert found.standard_error == near(expected["se"])
    # Their reference is normal, ours t with 59 degrees of freedom.
    assert 2 * stats.norm.sf(found.difference / found.standard_error) == near(expected["p"])
    assert found.p_value == near(2 * stats.t.sf(found.difference / found.standard_error, 59))
    assert found.p_value == pytest.approx(expected["p"], abs=0.005)


def test_student_revenue_is_not_what_we_choose(reference, users, effect_of):
    expected = reference("statsmodels_scipy.json")["student_revenue"]
    sides = [users["revenue"][users["variant"] == arm].astype(float) for arm in "10"]
    student = stats.ttest_ind(*sides)
    assert (student.statistic, student.pvalue) == near((expected["t"], expected["p"]))
    # The arms' variances differ by a third: Welch keeps them apart.
    effect = effect_of("revenue")
    assert effect.method == "Welch t"
    assert effect.p_value == pytest.approx(expected["p"], abs=0.001)
    assert effect.p_value != near(expected["p"], rel=1e-4)


def test_revenue_student_and_revenue_z_of_tea_tasting(reference, users, effect_of):
    tea = reference("tea_tasting.json")["overall"]
    assert tea["revenue_student"]["pvalue"] == near(reference("statsmodels_scipy.json")["student_revenue"]["p"])
    effect = effect_of("revenue")
    assert effect.estimate / effect.standard_error == near(tea["revenue_z"]["statistic"])
    assert 2 * stats.norm.sf(effect.estimate / effect.standard_error) == near(tea["revenue_z"]["pvalue"])


@pytest.mark.parametrize("side", ["greater", "less"])
def test_one_sided_revenue_of_tea_tasting(reference, effect_of, side):
    expected = reference("tea_tasting.json")["overall"][f"revenue_{side}"]
    p = effect_of("revenue").p_value / 2
    assert (p if side == "greater" else 1 - p) == near(expected["pvalue"])


def test_revenue_t_abs_of_spotify(reference, effect_of):
    expected, effect = reference("spotify_confidence.json")["revenue_t_abs"][0], effect_of("revenue")
    assert effect.control_value == near(expected["point_estimate_1"])
    assert effect.treatment_value == near(expected["point_estimate_2"])
    assert effect.estimate == near(expected["difference"])
    assert effect.standard_error == near(expected["std_err"])
    assert effect.p_value == near(expected["p-value"])
    assert [effect.ci_low, effect.ci_high] == near([expected["ci_lower"], expected["ci_upper"]])


def test_revenue_z_abs_of_spotify_up_to_its_normal_reference(reference, effect_of):
    expected, effect = reference("spotify_confidence.json")["revenue_z_abs"][0], effect_of("revenue")
    assert effect.estimate == near(expected["difference"])
    assert effect.standard_error == near(expected["std_err"])
    assert 2 * stats.norm.sf(effect.estimate / effect.standard_error) == near(expected["p-value"])
    width = 1.959963984540054 * effect.standard_error
    assert [effect.estimate - width, effect.estimate + width] == near([expected["ci_lower"], expected["ci_upper"]])


@pytest.mark.parametrize(("key", "df"), [("revenue_t_rel", None), ("revenue_z_rel", np.inf)])
def test_relative_revenue_of_spotify_divides_by_a_fixed_control(reference, effect_of, key, df):
    expected, effect = reference("spotify_confidence.json")[key][0], effect_of("revenue")
    assert effect.relative.estimate == near(expected["difference"])
    width = stats.t.ppf(0.975, effect.df if df is None else df) * effect.standard_error
    theirs = [(effect.estimate - width) / effect.control_value, (effect.estimate + width) / effect.control_value]
    assert theirs == near([expected["ci_lower"], expected["ci_upper"]])
    # The control is uncertain itself: the log ratio's interval is wider.
    assert effect.relative.ci_high - effect.relative.ci_low > expected["ci_upper"] - expected["ci_lower"]


@pytest.mark.parametrize("key", ["revenue", "converted", "orders_per_session", "minutes_per_session"])
def test_relative_effects_of_growthbook_are_a_delta_interval(reference, arms, key):
    everything = reference("gbstats.json")[key]
    expected = everything["t_relative"]
    column, kind, below = {
        "orders_per_session": ("orders", "ratio", "sessions"),
        "minutes_per_session": ("minutes", "ratio", "sessions"),
        "converted": ("converted", "proportion", None),
    }.get(key, (key, "mean", None))
    own = arms(column, kind, below)
    found = relative_interval(own, 0.95)
    assert found.estimate == near(expected["expected"])
    # Their error is the delta method's for the ratio itself, of which the log's is a share; the interval is symmetric.
    error = (1 + found.estimate) * float(log_ratio_error(own)[0])
    assert error == near(expected["uplift"]["stddev"])
    width = stats.t.ppf(0.975, everything["dof"]) * error
    assert [found.estimate - width, found.estimate + width] == near(expected["ci"])
    assert found.ci_low > expected["ci"][0]
    assert found.ci_high > expected["ci"][1]
    greater = everything["greater_relative"]
    assert greater["pValue"] == near(stats.t.sf(found.estimate / error, everything["dof"]))
    assert greater["ci"][0] == near(found.estimate - stats.t.ppf(0.95, everything["dof"]) * error)


@pytest.mark.parametrize("column", ["revenue", "sessions", "orders", "minutes"])
def test_fieller_is_near_tea_tastings_log_ratio(reference, arms, column):
    expected = reference("tea_tasting.json")["overall"][column]
    found = relative_interval(arms(column), 0.95, "fieller")
    assert found.estimate == near(expected["rel_effect_size"])
    width = expected["rel_effect_size_ci_upper"] - expected["rel_effect_size_ci_lower"]
    assert found.ci_low == pytest.approx(expected["rel_effect_size_ci_lower"], abs=0.02 * width)
    assert found.ci_high == pytest.approx(expected["rel_effect_size_ci_upper"], abs=0.02 * width)
