"""Two shares by every method: outside software, published tables, and tables at the edge."""

from __future__ import annotations

import csv
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.estimates import SMALLEST_P
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.proportion_intervals import one_share
from framework.stats.kinds.proportion_tests import TESTS, p_value
from framework.stats.kinds.proportions import METHODS, two_proportions
from framework.stats.kinds.share_ratios import share_ratio
from framework.stats.samples import UnitValues

ROOT = Path(__file__).resolve().parents[4]
COOKIES = Path(os.environ.get("PRELAUNCH_DATA", ROOT.parent / "shared" / "data")) / "cookie_cats" / "cookie_cats.csv"
FAGERLAND = Counted(1, 34, 7, 34)
"""7 of 34 against 1 of 34: the table that Fagerland, Lydersen and Laake (2015) run every method on."""


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


def ends(estimate):
    return [estimate.ci_low, estimate.ci_high]


@pytest.fixture(scope="module")
def converted(reference):
    users = reference("users.csv")
    hits, arm = users["converted"].astype(int), users["variant"]
    return Counted(hits[arm == "0"].sum(), (arm == "0").sum(), hits[arm == "1"].sum(), (arm == "1").sum())


@pytest.mark.reference
def test_prop_ztest_pooled(converted, reference):
    expected = reference("statsmodels_scipy.json")["prop_ztest_pooled"]
    assert [converted.hits_treatment, converted.hits_control] == expected["count"]
    assert [converted.n_treatment, converted.n_control] == expected["nobs"]
    assert converted.difference / converted.pooled_error == near(expected["z"])
    assert two_proportions(converted).p_value == near(expected["p"])


@pytest.mark.reference
@pytest.mark.parametrize(
    ("key", "method"),
    [
        ("prop_ci_diff_wald", "wald"),
        ("prop_ci_diff_agresti-caffo", "agresti_caffo"),
        ("prop_ci_diff_newcomb", "newcombe"),
    ],
)
def test_intervals_for_the_difference(converted, reference, key, method):
    assert ends(two_proportions(converted, method=method)) == near(reference("statsmodels_scipy.json")[key])


@pytest.mark.reference
@pytest.mark.parametrize(
    ("key", "test"), [("chi2_corr", "pearson_corrected"), ("chi2_nocorr", "pearson"), ("fisher", "fisher")]
)
def test_p_values_of_scipy(converted, reference, key, test):
    assert p_value(converted, test) == near(reference("statsmodels_scipy.json")[key])


@pytest.mark.reference
@pytest.mark.parametrize(
    ("key", "test"),
    [
        ("converted_fisher", "fisher"),
        ("converted_barnard", "barnard"),
        pytest.param("converted_boschloo", "boschloo", marks=pytest.mark.slow),
        ("converted_log-likelihood_corr", "likelihood_ratio_corrected"),
        ("converted_log-likelihood_nocorr", "likelihood_ratio"),
        ("converted_pearson_corr", "pearson_corrected"),
        ("converted_pearson_nocorr", "pearson"),
        ("converted_norm_corr", "pearson_corrected"),
        ("converted_norm_nocorr", "pooled_z"),
    ],
)
def test_tea_tasting(converted, reference, key, test):
    expected = reference("tea_tasting.json")["overall"][key]
    assert converted.difference == near(expected["effect_size"])
    assert converted.share_control == near(expected["control"])
    assert converted.share_treatment == near(expected["treatment"])
    assert p_value(converted, test) == near(expected["pvalue"])


@pytest.mark.reference
@pytest.mark.parametrize(
    ("key", "method", "ratio"),
    [
        ("converted_norm_corr", "pooled_corrected", "log_pooled_corrected"),
        ("converted_norm_nocorr", "pooled", "log_pooled"),
    ],
)
def test_tea_tasting_intervals(converted, reference, key, method, ratio):
    expected = reference("tea_tasting.json")["overall"][key]
    found = two_proportions(converted, method=method)
    assert ends(found) == near([expected["effect_size_ci_lower"], expected["effect_size_ci_upper"]])
    relative = share_ratio(converted, method=ratio)
    assert [relative.estimate - 1, *(end - 1 for end in ends(relative))] == near(
        [expected["rel_effect_size"], expected["rel_effect_size_ci_lower"], expected["rel_effect_size_ci_upper"]]
    )


@pytest.mark.reference
def test_growthbook_shares_estimate_and_error(converted, reference):
    """GrowthBook refers the unpooled z to t with Welch's df; we take the pooled z. Estimate and error are shared."""
    expected = reference("gbstats.json")["converted"]
    found = two_proportions(converted, method="wald")
    assert found.difference == near(expected["t_absolute"]["uplift"]["mean"])
    assert found.standard_error == near(expected["t_absolute"]["uplift"]["stddev"])
    t = stats.t.ppf(0.975, expected["dof"])
    assert found.difference + t * found.standard_error == near(expected["t_absolute"]["ci"][1])
    assert ends(found) == near(expected["bayes_flat_absolute"]["ci"])


@pytest.mark.reference
def test_spotify_z(converted, reference):
    """Spotify's z test is the unpooled one: our "wald"."""
    expected = reference("spotify_confidence.json")["converted_z"][0]
    found = two_proportions(converted, method="wald")
    assert found.difference == near(expected["difference"])
    assert found.standard_error == near(expected["std_err"])
    assert ends(found) == near([expected["ci_lower"], expected["ci_upper"]])
    assert found.p_value == near(expected["p-value"])


@pytest.mark.reference
def test_spotify_chi_squared(converted, reference):
    """Spotify pairs the uncorrected chi-square with Wald's interval."""
    expected = reference("spotify_confidence.json")["converted_chi2"][0]
    assert two_proportions(converted, method="pearson").p_value == near(expected["p-value"])
    wald = two_proportions(converted, method="wald")
    assert ends(wald) == near([expected["ci_lower"], expected["ci_upper"]])


@pytest.mark.parametrize(
    ("method", "low", "high", "within"),
    [
        ("wald", 0.02916942, 0.32377176, 1e-8),  # R PropCIs 0.3: wald2ci
        ("agresti_caffo", 0.01161167, 0.32172166, 1e-8),  # R PropCIs: wald2ci, adjust "AC"
        ("score", 0.0270416, 0.3452912, 1e-7),  # R PropCIs: diffscoreci
        ("newcombe", 0.019, 0.34, 0.005),  # Fagerland et al. 2015, printed to two digits
        ("barnard", 0.024, 0.35, 0.005),  # the same, Agresti-Min exact unconditional
    ],
)
def test_published_intervals(method, low, high, within):
    assert ends(two_proportions(FAGERLAND, method=method)) == pytest.approx([low, high], abs=within)


def test_default_is_the_house_estimator():
    def arm(hits, n):
        return UnitValues("proportion", np.repeat([1.0, 0.0], [hits, n - hits]))

    house = compare(arm(40, 300), arm(61, 310), metric="m", control_name="a", treatment_name="b")
    found = two_proportions(Counted(40, 300, 61, 310))
    assert [found.difference, found.standard_error, *ends(found), found.p_value] == near(
        [house.estimate, house.standard_error, house.ci_low, house.ci_high, house.p_value]
    )
    assert found.method == house.method


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "table", [(0, 20, 0, 20), (20, 20, 20, 20), (0, 20, 20, 20), (20, 20, 0, 20), (0, 20, 3, 25), (1, 1, 0, 1)]
)
def test_tables_at_the_edge_have_an_answer(method, table):
    found = two_proportions(Counted(*table), method=method)
    assert -1 <= found.ci_low <= found.difference <= found.ci_high <= 1
    assert 0 < found.p_value <= 1
    assert found.warnings or method in {"fisher", "barnard", "boschloo"}
    if Counted(*table).all_agree:
        assert found.p_value == 1


@pytest.mark.parametrize("test", [test for test in TESTS if test not in {"barnard", "boschloo"}])
def test_p_is_never_zero(test):
    assert p_value(Counted(0, 100_000, 100_000, 100_000), test) == SMALLEST_P


@pytest.mark.parametrize("method", METHODS)
def test_swapping_the_arms_swaps_the_interval(method):
    one, other = Counted(3, 25, 9, 31), Counted(9, 31, 3, 25)
    a, b = two_proportions(one, method=method), two_proportions(other, method=method)
    assert [a.difference, a.ci_low, a.ci_high] == pytest.approx([-b.difference, -b.ci_high, -b.ci_low], abs=1e-8)
    assert a.p_value == near(b.p_value, rel=1e-6)


@pytest.mark.parametrize("method", ["wald", "agresti_caffo", "score", "pooled", "pooled_corrected"])
def test_interval_and_p_agree(method):
    """`agresti_caffo` and `score` by inversion, the others by formula: 0 is left out where p < 0.05 and only there."""
    for control, treatment in itertools.product(range(2, 40, 3), repeat=2):
        found = two_proportions(Counted(control, 40, treatment, 40), method=method)
        if control != treatment or method != "pooled_corrected":
            assert (found.ci_low > 0 or found.ci_high < 0) == (found.p_value < 0.05)


def test_one_share():
    """Wilson by its formula; Clopper-Pearson's rule of three at no hits: 1 - (alpha / 2)^(1 / n)."""
    z = 1.959963984540054
    centre, half = (10 + z**2 / 2) / (50 + z**2), z / (50 + z**2) * np.sqrt(10 * 40 / 50 + z**2 / 4)
    assert ends(one_share(10, 50)) == near([centre - half, centre + half])
    exact = one_share(0, 50, method="clopper_pearson")
    assert [exact.estimate, *ends(exact)] == near([0.0, 0.0, 1 - 0.025 ** (1 / 50)])
    with pytest.raises(TrialError, match="wilson"):
        one_share(1, 2, method="wilsn")


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ((5, 4, 1, 10), "5 hits among 4"),
        ((0, 0, 1, 10), "no units"),
        ((-1, 10, 1, 10), "-1 hits"),
        ((1.5, 10, 1, 10), "1.5 hits"),
        ((1, 10, 1, float("nan")), "nan units"),
    ],
)
def test_impossible_counts_are_refused(table, text):
    with pytest.raises(TrialError, match=text):
        Counted(*table)


def test_mistakes_name_what_is_allowed():
    with pytest.raises(TrialError, match="Did you mean 'newcombe'"):
        two_proportions(FAGERLAND, method="newcomb")
    with pytest.raises(TrialError, match="between 0 and 1"):
        two_proportions(FAGERLAND, confidence=95)
    with pytest.raises(TrialError, match="Use 'score'"):
        two_proportions(Counted(3, 200, 5, 5000), method="boschloo")


@pytest.mark.skipif(not COOKIES.exists(), reason=f"the data set cookie_cats is not there: {COOKIES}")
@pytest.mark.parametrize(("column", "z", "p"), [("retention_7", -3.164, 0.00155), ("retention_1", None, 0.0744)])
def test_cookie_cats(column, z, p):
    """A real test, 90,189 players: moving the gate from level 30 to 40 lost day-7 retention."""
    with COOKIES.open() as lines:
        rows = [(row["version"], row[column].upper() == "TRUE") for row in csv.DictReader(lines)]
    hits = {arm: sum(stayed for version, stayed in rows if version == arm) for arm in ("gate_30", "gate_40")}
    n = {arm: sum(version == arm for version, _ in rows) for arm in hits}
    counts = Counted(hits["gate_30"], n["gate_30"], hits["gate_40"], n["gate_40"])
    found = two_proportions(counts)
    assert found.p_value == near(p, rel=5e-3)
    if z is not None:
        assert counts.difference / counts.pooled_error == near(z, rel=2e-4)
        assert found.ci_high < 0
