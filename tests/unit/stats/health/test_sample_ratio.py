"""Sample ratios of one trial: outside software, published tests, exact answers, and the test's size."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.health import sample_ratio, sample_ratio_by_segment
from framework.stats.health.exact_counts import exact_p

DATA = Path(os.environ.get("PRELAUNCH_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
COOKIES = DATA / "cookie_cats" / "cookie_cats.csv"


def near(expected):
    return pytest.approx(expected, rel=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("file", "path", "method"),
    [
        ("statsmodels_scipy.json", ("srm_chi2_5050",), "chi-square"),
        ("statsmodels_scipy.json", ("srm_binom",), "exact"),
        ("tea_tasting.json", ("overall", "srm", "pvalue"), "corrected"),
        ("tea_tasting.json", ("overall", "srm_norm", "pvalue"), "corrected"),
        ("tea_tasting.json", ("overall", "srm_norm_nocorr", "pvalue"), "chi-square"),
        ("gbstats.json", ("srm", "50/50"), "auto"),
    ],
)
def test_as_outside_software(reference, file, path, method):
    expected = reference(file)
    for key in path:
        expected = expected[key]
    users = Counter(reference("users.csv")["variant"].tolist())
    assert sample_ratio(dict(users), method=method)["p_value"] == near(expected)


@pytest.mark.reference
@pytest.mark.skipif(not COOKIES.exists(), reason=f"the data set cookie_cats is not there: {COOKIES}")
def test_cookie_cats_rows_are_a_notice():
    with COOKIES.open() as rows:
        counts = Counter(row["version"] for row in csv.DictReader(rows))
    found = sample_ratio(dict(counts))
    assert found["p_value"] == pytest.approx(0.0086, abs=5e-5)
    assert found["level"] == "notice"
    assert found["method"] == "chi-square"


def test_tiny_counts_are_tested_exactly():
    found = sample_ratio({"a": 0, "b": 7})
    assert found["method"] == "exact"
    assert found["p_value"] == near(2 * 0.5**7)  # both extremes of a fair coin
    assert sample_ratio({"a": 0, "b": 7}, method="chi-square")["p_value"] == near(stats.chi2.sf(7, 1))
    assert sample_ratio({"a": 0, "b": 10})["method"] == "chi-square"


def test_exact_multinomial():
    third = np.full(3, 1 / 3)
    assert exact_p(np.array([3, 0, 0]), third) == near(3 / 27)  # the three outcomes with all in one arm
    assert exact_p(np.array([1, 1, 1]), third) == near(1.0)
    assert exact_p(np.array([2, 1, 0]), third) == near(1 - 6 / 27)  # all but one in each arm
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    outcomes = [(a, b, c, 6 - a - b - c) for a in range(7) for b in range(7 - a) for c in range(7 - a - b)]
    likely = {outcome: stats.multinomial.pmf(outcome, 6, shares) for outcome in outcomes}
    seen = (3, 1, 1, 1)
    expected = sum(p for p in likely.values() if p <= likely[seen] * (1 + 1e-7))
    assert exact_p(np.array(seen), shares) == near(expected)


def test_many_arms_with_few_units_fall_back_on_chi_square():
    counts = {str(arm): 4 for arm in range(12)}
    assert exact_p(np.full(12, 4), np.full(12, 1 / 12)) is None
    assert sample_ratio(counts)["method"] == "chi-square"
    with pytest.raises(TrialError, match="too many outcomes"):
        sample_ratio(counts, method="exact")


def test_a_difference_beyond_all_chance_has_a_p_above_0():
    assert 0 < sample_ratio({"a": 10**9, "b": 1})["p_value"] < 1e-300


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ({"a": 1, "b": 2}, {"method": "exat"}, "Did you mean 'exact'"),
        ({"a": 1, "b": 2, "c": 3}, {"method": "corrected"}, "continuity correction of 3 arms"),
        ({"a": 1, "b": 2}, {"shares": {"a": 1, "b": float("inf")}}, "'b' has no planned share"),
    ],
)
def test_unusable_options_are_refused(counts, options, message):
    with pytest.raises(TrialError, match=message):
        sample_ratio(counts, **options)


def test_segments_are_corrected_together():
    counts = {
        "new": {"a": 1000, "b": 1085},
        "old": {"a": 5000, "b": 5021},
        "rare": {"a": 1, "b": 0},
        "none": {"a": 0, "b": 0},
    }
    found = sample_ratio_by_segment(counts)
    raw = [found[segment]["p_value"] for segment in ("new", "old", "rare")]
    assert raw[0] == near(stats.chisquare([1000, 1085]).pvalue)
    assert [found[segment]["p_adjusted"] for segment in ("new", "old", "rare")] == [
        near(min(1.0, 3 * raw[0])),
        near(1.0),
        near(1.0),
    ]
    assert found["none"]["level"] == "untested"
    assert found["new"]["level"] == "ok"  # 0.063 by itself
    alone = sample_ratio_by_segment({"new": {"a": 1000, "b": 1120}, "old": {"a": 500, "b": 500}})["new"]
    assert alone["p_value"] < 0.01 < 2 * alone["p_value"]
    assert alone["level"] == "ok"  # a notice by itself, and not over two segments
    assert f"p {alone['p_value']:.2g}" in alone["text"]


def test_segments_by_benjamini_hochberg_and_their_errors():
    counts = {"x": {"a": 400, "b": 520}, "y": {"a": 410, "b": 530}, "z": {"a": 50, "b": 50}}
    found = sample_ratio_by_segment(counts, correction="benjamini-hochberg")
    raw = np.array([found[segment]["p_value"] for segment in counts])
    assert [found[segment]["p_adjusted"] for segment in counts] == near(
        stats.false_discovery_control(raw, method="bh").tolist()
    )
    with pytest.raises(TrialError, match="segment 'x': share of unknown arm 'c'"):
        sample_ratio_by_segment(counts, {"a": 1, "c": 1})
    with pytest.raises(TrialError, match="Did you mean 'holm'"):
        sample_ratio_by_segment(counts, correction="hom")
    with pytest.raises(TrialError, match="no segment"):
        sample_ratio_by_segment({})
