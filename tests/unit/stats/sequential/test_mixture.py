"""The normal-mixture confidence sequence against GrowthBook's figures, and what it must keep to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from framework.errors import TrialError
from framework.stats.sequential.mixture import mixture_boundary, mixture_look, mixture_p_value, mixture_rho

METRICS = (
    "revenue", "converted", "orders_per_session", "revenue_cuped", "orders_per_session_cuped", "minutes_cuped",
    "minutes_per_session", "minutes_per_session_cuped", "latency_p90",
)  # fmt: skip
UNITS = 1200
"""The users of both arms in users.csv, on which every figure rests."""


@pytest.mark.reference
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("entry", ["seq5000_relative", "seq1000_relative", "seq5000_absolute", "seq1000_absolute"])
def test_interval_and_p_are_growthbooks(reference, metric, entry):
    """Their estimate and its standard error go in; interval and p-value come out as theirs."""
    expected = reference("gbstats.json")[metric][entry]
    tau = float(entry[3:7])
    look = mixture_look(expected["expected"], expected["uplift"]["stddev"], UNITS, tau=tau)
    assert [look.ci_low, look.ci_high] == pytest.approx(expected["ci"], rel=1e-12)
    assert look.p_value == pytest.approx(expected["pValue"], rel=1e-12)
    assert look.crossed == (expected["ci"][0] > 0 or expected["ci"][1] < 0)


@pytest.mark.reference
def test_every_sequential_entry_of_growthbook_is_held(reference):
    held = {(metric, entry) for metric in METRICS for entry in ("seq5000", "seq1000")}
    found = {
        (metric, entry.split("_")[0])
        for metric, entries in reference("gbstats.json").items()
        if isinstance(entries, dict)
        for entry in entries
        if entry.startswith("seq") and isinstance(entries[entry], dict)
    }
    assert found == held


@pytest.mark.reference
@pytest.mark.parametrize("tau", [5000, 1000])
def test_rho_is_growthbooks(reference, tau):
    assert mixture_rho(0.05, tau) == pytest.approx(reference("gbstats.json")["sequential_rho"][f"alpha.05_tau{tau}"])


@pytest.mark.reference
@pytest.mark.parametrize("n", [100, 1000, 5000, 10000, 100000])
@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("gbstats.json", "seq_halfwidth_s2=1_alpha.05_tau5000"),
        ("statsmodels_scipy.json", "asymptotic_cs_halfwidth_sd1_tau5000"),
    ],
)
def test_half_widths_are_the_references(reference, file, key, n):
    look = mixture_look(0.0, 1 / math.sqrt(n), n, tau=5000)
    assert look.ci_high == pytest.approx(reference(file)[key][str(n)], rel=1e-12)


@pytest.mark.parametrize(("z", "n"), [(0.3, 50), (2.4, 900), (4.0, 12_000), (-3.0, 5000)])
def test_p_is_one_over_the_likelihood_ratio_mixed_over_a_normal_prior(z, n):
    """The definition by quadrature: effects N(0, rho^2) per unit of spread against none, Robbins 1970."""
    rho = mixture_rho(0.05, 5000)

    def mixed(effect):
        return math.exp(effect * z * math.sqrt(n) - n * effect**2 / 2) * stats.norm.pdf(effect, scale=rho)

    evidence = integrate.quad(mixed, -12 * rho, 12 * rho, epsabs=0, epsrel=1e-11, limit=500)[0]
    assert mixture_p_value(z, n) == pytest.approx(min(1.0, 1 / evidence), rel=1e-9)


@pytest.mark.parametrize("n", [2, 100, 5000, 10**7])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.3])
def test_p_is_alpha_where_the_boundary_is_met(n, alpha):
    edge = mixture_boundary(n, alpha=alpha, tau=800)
    assert mixture_p_value(edge, n, alpha=alpha, tau=800) == pytest.approx(alpha, rel=1e-12)
    assert mixture_p_value(-edge, n, alpha=alpha, tau=800) == pytest.approx(alpha, rel=1e-12)


def test_it_is_about_as_narrow_as_can_be_at_tau():
    """No other tuning is narrower at n = 5,000 by more than 1 %, and it costs 1.55 times a single look's width."""
    chosen = mixture_boundary(5000, tau=5000)
    others = [mixture_boundary(5000, tau=tau) for tau in np.geomspace(50, 500_000, 200)]
    assert chosen <= 1.01 * min(others)
    assert 1.5 < chosen / stats.norm.isf(0.025) < 1.6


def test_the_unit_and_the_null_do_not_matter():
    one, thousand = mixture_look(0.3, 0.09, 700), mixture_look(300.0, 90.0, 700)
    moved = mixture_look(7.3, 0.09, 700, null=7.0)
    assert one.p_value == pytest.approx(thousand.p_value, rel=1e-12)
    assert one.p_value == pytest.approx(moved.p_value, rel=1e-12)
    assert 1000 * one.ci_low == pytest.approx(thousand.ci_low, rel=1e-12)


def test_extremes_are_no_error():
    assert mixture_look(1e9, 1.0, 500).p_value == pytest.approx(2.2e-308, rel=0.02)
    flat = mixture_look(3.0, 0.0, 500)
    assert (flat.crossed, flat.p_value, flat.ci_low, flat.ci_high) == (False, 1.0, -math.inf, math.inf)


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((1.0, 1.0, 0), {}, "n is 0"),
        ((1.0, 1.0, 10), {"tau": 0.0}, "tau is 0"),
        ((1.0, 1.0, 10), {"alpha": 1.0}, "alpha is 1"),
        ((math.inf, 1.0, 10), {}, "finite numbers"),
        ((1.0, -1.0, 10), {}, "finite numbers"),
    ],
)
def test_refuses_in_words(arguments, options, says):
    with pytest.raises(TrialError, match=says):
        mixture_look(*arguments, **options)
