"""The normal posterior: GrowthBook's numbers, quadrature, and the far tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from framework.errors import TrialError
from framework.stats.bayes.normal import normal_posterior
from framework.stats.bayes.priors import FLAT, NormalPrior

METRICS = (
    "revenue",
    "converted",
    "orders_per_session",
    "revenue_cuped",
    "orders_per_session_cuped",
    "minutes_cuped",
    "minutes_per_session",
    "minutes_per_session_cuped",
    "latency_p90",
)
SCALES = ("absolute", "relative")


def same(found, known):
    assert found.mean == pytest.approx(known["expected"], rel=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx(known["ci"], rel=1e-9)
    assert found.probability_better == pytest.approx(known["chanceToWin"], rel=1e-10)
    assert (found.expected_loss_control, found.expected_loss) == pytest.approx(known["risk"], rel=1e-8)


@pytest.mark.reference
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("metric", METRICS)
def test_bayes_flat(metric, scale, reference):
    known = reference("gbstats.json")[metric][f"bayes_flat_{scale}"]
    found = normal_posterior(known["uplift"]["mean"], known["uplift"]["stddev"])
    same(found, known)
    assert found.prior == "flat"


@pytest.mark.reference
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("metric", METRICS)
def test_bayes_prior_n(metric, scale, reference):
    """Normal(0, 0.1) on the relative effect; from the estimate and error that the flat prior shows."""
    known = reference("gbstats.json")[metric]
    flat, absolute = known[f"bayes_flat_{scale}"]["uplift"], known["bayes_flat_absolute"]
    control_value = absolute["expected"] / known["bayes_flat_relative"]["expected"]
    prior = NormalPrior(0, 0.1, scale="relative" if scale == "absolute" else "absolute")
    found = normal_posterior(flat["mean"], flat["stddev"], prior=prior, control_value=control_value)
    same(found, known[f"bayes_prior_n(0,.1^2)_{scale}"])
    assert known[f"bayes_prior_n(0,.1^2)_{scale}"]["uplift"]["stddev"] < flat["stddev"]


@pytest.mark.reference
@pytest.mark.parametrize("metric", ["revenue", "converted"])
def test_from_users_to_the_posterior(metric, reference):
    """The same from the users' rows; GrowthBook takes p (1 - p) / n for a share, the sample variance for a mean."""
    users = reference("users.csv")
    values, arm = users[metric].astype(float), users["variant"].astype(int)
    control, treatment = values[arm == 0], values[arm == 1]
    ddof = 0 if metric == "converted" else 1
    error = math.sqrt(control.var(ddof=ddof) / control.size + treatment.var(ddof=ddof) / treatment.size)
    difference = treatment.mean() - control.mean()
    prior = NormalPrior(0, 0.1, scale="relative")
    known = reference("gbstats.json")[metric]
    same(normal_posterior(difference, error), known["bayes_flat_absolute"])
    found = normal_posterior(difference, error, prior=prior, control_value=control.mean())
    same(found, known["bayes_prior_n(0,.1^2)_absolute"])
    assert found.prior == "Normal(0, 0.1) on the relative effect"


@pytest.mark.parametrize(("mean", "sd"), [(0.3, 0.5), (-0.3, 0.5), (2.0, 0.4), (0.0, 1.0)])
def test_losses_and_region_by_quadrature(mean, sd):
    found = normal_posterior(mean, sd, rope=(-0.1, 0.4), confidence=0.8)
    density = stats.norm(mean, sd).pdf
    assert found.expected_loss == pytest.approx(
        integrate.quad(lambda x: -x * density(x), -10, 0, epsabs=1e-15)[0], rel=1e-8
    )
    assert found.expected_loss_control == pytest.approx(
        integrate.quad(lambda x: x * density(x), 0, 10, epsabs=1e-15)[0], rel=1e-8
    )
    assert found.probability_equivalent == pytest.approx(integrate.quad(density, -0.1, 0.4)[0], rel=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx(stats.norm(mean, sd).interval(0.8))


@pytest.mark.parametrize("z", [6.0, 12.0, 30.0])
def test_far_tails_keep_their_digits(z):
    mp = pytest.importorskip("mpmath")
    with mp.workdps(60):
        known = mp.npdf(mp.mpf(z)) - mp.mpf(z) * mp.erfc(mp.mpf(z) / mp.sqrt(2)) / 2
    found = normal_posterior(z, 1.0)
    assert found.expected_loss == pytest.approx(float(known), rel=1e-10, abs=0)
    assert normal_posterior(-z, 1.0).probability_better == pytest.approx(stats.norm.sf(z), rel=1e-12)


@pytest.mark.parametrize("estimate", [1e9, -1e9])
def test_certainty_is_never_printed(estimate):
    found = normal_posterior(estimate, 1e-3, rope=(-1, 1))
    assert 0 < found.probability_better < 1
    assert 0 < found.probability_equivalent < 1
    assert found.expected_loss > 0
    assert normal_posterior(0.5, 1e-9, rope=(0, 1)).probability_equivalent < 1


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_unit_changes_nothing(scale):
    prior = NormalPrior(0.02, 0.1, scale="relative")
    plain = normal_posterior(0.3, 0.4, prior=prior, control_value=5.0)
    found = normal_posterior(0.3 * scale, 0.4 * scale, prior=prior, control_value=5.0 * scale)
    assert found.probability_better == pytest.approx(plain.probability_better, rel=1e-12)
    assert found.expected_loss == pytest.approx(scale * plain.expected_loss, rel=1e-12)


def test_lower_is_better_swaps_the_sides():
    up, down = normal_posterior(0.3, 0.4), normal_posterior(0.3, 0.4, higher_is_better=False)
    assert down.probability_better == pytest.approx(1 - up.probability_better)
    assert (down.expected_loss, down.expected_loss_control) == (up.expected_loss_control, up.expected_loss)


def test_a_sharp_prior_wins_and_a_wide_one_is_flat():
    assert normal_posterior(5, 1, prior=NormalPrior(0, 1e-9)).mean == pytest.approx(0, abs=1e-15)
    wide = normal_posterior(5, 1, prior=NormalPrior(0, 1e9))
    assert (wide.mean, wide.ci_low) == pytest.approx((5, normal_posterior(5, 1, prior=FLAT).ci_low))
    equal = normal_posterior(5, 1, prior=NormalPrior(3, 1))
    assert equal.mean == pytest.approx(4)
    assert equal.ci_high - equal.mean == pytest.approx(1.959964 / math.sqrt(2), rel=1e-6)


def test_what_is_refused():
    with pytest.raises(TrialError, match="standard error 0"):
        normal_posterior(1, 0)
    with pytest.raises(TrialError, match="the estimate is nan"):
        normal_posterior(math.nan, 1)
    with pytest.raises(TrialError, match="control's value is None"):
        normal_posterior(1, 1, prior=NormalPrior(0, 0.1, scale="relative"))
    with pytest.raises(TrialError, match="Did you mean 'relative'"):
        NormalPrior(0, 1, scale="relativ")
    with pytest.raises(TrialError, match="prior sd is 0"):
        NormalPrior(0, 0)
    with pytest.raises(TrialError, match="prior mean is inf"):
        NormalPrior(math.inf, 1)
    with pytest.raises(TrialError, match="rope is 1 to 0"):
        normal_posterior(1, 1, rope=(1, 0))


def test_the_chance_is_one_minus_the_one_sided_p_under_a_flat_prior():
    z = np.linspace(-3, 3, 7)
    assert [1 - normal_posterior(value, 1).probability_better for value in z] == pytest.approx(stats.norm.sf(z))
