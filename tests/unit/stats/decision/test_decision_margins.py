"""Non-inferiority and equivalence: outside software, agreement with the interval, and the size at the margin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from framework.errors import TrialError
from framework.stats.decision.margins import equivalence, non_inferiority

NUMBERS = st.floats(-5, 5)


def welch(reference, metric):
    known = reference("statsmodels_scipy.json")["welch"][metric]
    return {"difference": known["diff"], "standard_error": known["diff"] / known["t"], "df": known["df"]}


@pytest.mark.reference
def test_tost_minutes_pm5(reference):
    found = equivalence(**welch(reference, "minutes"), low=-5, high=5)
    assert found.p_value == pytest.approx(reference("statsmodels_scipy.json")["tost_minutes_pm5"][0], rel=1e-9)
    assert found.verdict == "equivalent"
    assert found.text.startswith("equivalent: +1.669 against -5 to +5, two one-sided tests, p 0.021 at 0.05")


@pytest.mark.reference
def test_noninf_revenue_margin_1(reference):
    found = non_inferiority(**welch(reference, "revenue"), margin=1)
    assert found.p_value == pytest.approx(reference("statsmodels_scipy.json")["noninf_revenue_margin_-1"], rel=1e-9)
    assert found.verdict == "non-inferior"


@pytest.mark.reference
def test_revenue_noninferiority_10pct_rel(reference):
    """Spotify's confidence: z test against a margin of 10 % of the control's mean, taken as known."""
    known = reference("spotify_confidence.json")["revenue_noninferiority_10pct_rel"][0]
    found = non_inferiority(
        known["difference"], known["std_err"], margin=0.1, control_value=known["point_estimate_1"], alpha=known["alpha"]
    )
    assert found.low == pytest.approx(known["null_hypothesis"], rel=1e-12)
    assert found.p_value == pytest.approx(known["p-value"], rel=1e-9)
    assert found.ci_low == pytest.approx(known["ci_lower"], rel=1e-9)
    assert found.ci_high is None
    assert (found.verdict == "non-inferior") == known["is_significant"]
    assert "(0.1 of the control's 9.359, taken as known)" in found.text


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.reference
def test_as_statsmodels_on_raw_values(seed):
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    rng = np.random.default_rng(seed)
    treatment, control = rng.normal(0.3, 1, 40), rng.normal(0, 2, 50)
    both = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    test = stats.ttest_ind(treatment, control, equal_var=False)
    difference = treatment.mean() - control.mean()
    found = equivalence(difference, difference / test.statistic, low=-0.6, high=0.9, df=test.df)
    known = both.ttost_ind(-0.6, 0.9, usevar="unequal")
    assert found.p_value == pytest.approx(known[0], rel=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx(both.tconfint_diff(alpha=0.1, usevar="unequal"), rel=1e-9)


@given(NUMBERS, st.floats(0.01, 3), st.floats(0, 3), st.sampled_from([None, 4.0, 200.0]), st.booleans())
def test_the_words_say_what_the_intervals_say(difference, error, margin, df, higher):
    found = non_inferiority(difference, error, margin=margin, df=df, higher_is_better=higher)
    critical = stats.norm.isf(0.05) if df is None else stats.t.isf(0.05, df)
    good = difference if higher else -difference
    if min(abs(good - critical * error + margin), abs(good + critical * error + margin)) > 1e-9:
        word = "undecided"
        if good - critical * error > -margin:
            word = "non-inferior"
        elif good + critical * error < -margin:
            word = "inferior"
        assert found.verdict == word
    bound = found.ci_low if higher else found.ci_high
    assert bound == pytest.approx(difference - (1 if higher else -1) * critical * error, abs=1e-9)


@given(NUMBERS, st.floats(0.01, 3), st.floats(-4, 0), st.floats(0.1, 4), st.booleans())
def test_equivalent_is_the_interval_inside_the_margins(difference, error, low, high, higher):
    found = equivalence(difference, error, low=low, high=high, higher_is_better=higher)
    ends = [difference - stats.norm.isf(0.05) * error, difference + stats.norm.isf(0.05) * error]
    assert (found.ci_low, found.ci_high) == pytest.approx(ends, abs=1e-9)
    gap = min(abs(end - edge) for end in ends for edge in (low, high))
    if gap > 1e-9:
        inside = low < ends[0] and ends[1] < high
        assert (found.verdict == "equivalent") == inside
        bad_side = ends[1] < low if higher else ends[0] > high
        assert (found.verdict == "inferior") == bad_side
        if found.verdict == "non-inferior":
            assert ends[0] > low if higher else ends[1] < high


def test_directions_mirror_each_other():
    up = non_inferiority(0.4, 0.5, margin=0.7)
    down = non_inferiority(-0.4, 0.5, margin=0.7, higher_is_better=False)
    assert up.p_value == down.p_value
    assert (up.low, up.high, up.ci_low) == (-down.high, down.low, -down.ci_high)
    assert equivalence(-0.9, 0.1, low=-0.5, high=0.5).verdict == "inferior"
    assert equivalence(-0.9, 0.1, low=-0.5, high=0.5, higher_is_better=False).verdict == "non-inferior"
    assert equivalence(0.0, 9.0, low=-0.5, high=0.5).verdict == "undecided"


def test_the_unit_changes_nothing():
    plain = non_inferiority(0.3, 0.5, margin=0.1, control_value=8.0, df=30)
    large = non_inferiority(300, 500, margin=0.1, control_value=8000.0, df=30)
    assert large.p_value == pytest.approx(plain.p_value, rel=1e-12)
    assert large.low == pytest.approx(1000 * plain.low)
    assert non_inferiority(0.3, 0.5, margin=0.1, control_value=-8.0).low == pytest.approx(-0.8)


def test_no_spread_and_far_away():
    assert non_inferiority(0, 0, margin=1).verdict == "non-inferior"
    assert non_inferiority(0, 0, margin=1).p_value > 0
    assert non_inferiority(-1, 0, margin=1).verdict == "undecided"
    assert non_inferiority(-2, 0, margin=1).verdict == "inferior"
    assert 0 < non_inferiority(1e6, 1, margin=1).p_value < 1e-300
    assert equivalence(0, 0, low=-1, high=1).verdict == "equivalent"


def test_what_is_refused():
    with pytest.raises(TrialError, match="margin is -1"):
        non_inferiority(0, 1, margin=-1)
    with pytest.raises(TrialError, match=r"margins are 1 to 1.*low < high"):
        equivalence(0, 1, low=1, high=1)
    with pytest.raises(TrialError, match="control value of 0 has no size"):
        non_inferiority(0, 1, margin=0.1, control_value=0)
    with pytest.raises(TrialError, match="the difference is nan"):
        equivalence(math.nan, 1, low=-1, high=1)
    with pytest.raises(TrialError, match="alpha is 5"):
        non_inferiority(0, 1, margin=1, alpha=5)
    with pytest.raises(TrialError, match="df is 0"):
        non_inferiority(0, 1, margin=1, df=0)


SIZES = [pytest.param(3_000, id="short"), pytest.param(30_000, id="full", marks=pytest.mark.slow)]


@pytest.mark.parametrize("reps", SIZES)
def test_size_at_the_margin(reps):
    """A true difference at the margin: equivalence and non-inferiority each at 0.05, within 4 standard errors."""
    rng = np.random.default_rng(1)
    rows = rng.normal(-1, 2, (reps, 40))
    means, errors = rows.mean(axis=1), rows.std(axis=1, ddof=1) / math.sqrt(40)
    same = equal = 0
    for mean, error in zip(means, errors, strict=True):
        same += equivalence(mean, error, low=-1, high=3, df=39).verdict == "equivalent"
        equal += non_inferiority(mean, error, margin=1, df=39).verdict == "non-inferior"
    slack = 4 * math.sqrt(0.05 * 0.95 / reps)
    print(f"equivalence {same / reps:.4f}, non-inferiority {equal / reps:.4f} of {reps}, expected 0.05 +- {slack:.4f}")
    assert abs(same / reps - 0.05) <= slack
    assert abs(equal / reps - 0.05) <= slack


@pytest.mark.parametrize("reps", SIZES)
@pytest.mark.parametrize(("higher", "expected"), [(True, 0.042), (False, 0.059)])
def test_size_at_a_margin_relative_to_an_estimated_control(higher, expected, reps):
    """The docstring's figures: the margin is taken as known, so the size is not quite 0.05."""
    rng = np.random.default_rng(2)
    n, sd, control_mean = 400, 1.0, 5.0
    factor = 0.9 if higher else 1.1
    control = control_mean + rng.normal(0, sd / math.sqrt(n), reps)
    treatment = factor * control_mean + rng.normal(0, sd / math.sqrt(n), reps)
    error = sd * math.sqrt(2 / n)
    passed = sum(
        non_inferiority(t - c, error, margin=0.1, control_value=c, higher_is_better=higher).verdict == "non-inferior"
        for t, c in zip(treatment, control, strict=True)
    )
    slack = 4 * math.sqrt(expected * (1 - expected) / reps)
    print(f"relative margin, higher is better {higher}: {passed / reps:.4f}, expected {expected} +- {slack:.4f}")
    assert abs(passed / reps - expected) <= slack
