"""Averaged over the prior, a posterior is right as often as it says: coverage, and chances that mean what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.stats.bayes.beta_binomial import beta_binomial
from framework.stats.bayes.normal import normal_posterior
from framework.stats.bayes.priors import BetaPrior, NormalPrior

SIZES = [pytest.param(60, id="short"), pytest.param(2_000, id="full", marks=pytest.mark.slow)]


def calibrated(covered, chances, wins, losses, reps):
    """Hold coverage to 0.95 and mean chances and losses to what came true, each within 4 standard errors."""
    coverage = float(np.mean(covered))
    gap = np.array(wins, dtype=float) - chances
    regret = np.array(losses)
    print(f"coverage {coverage:.4f}, mean chance minus wins {-gap.mean():+.4f}, loss gap {regret.mean():+.2g}, {reps}")
    assert abs(coverage - 0.95) <= 4 * math.sqrt(0.95 * 0.05 / reps)
    assert abs(gap.mean()) <= 4 * gap.std() / math.sqrt(reps)
    assert abs(regret.mean()) <= 4 * regret.std() / math.sqrt(reps)


@pytest.mark.parametrize("reps", SIZES)
@pytest.mark.parametrize(
    ("prior", "n_control", "n_treatment"),
    [(BetaPrior(1, 1), 30, 45), (BetaPrior(0.5, 0.5), 12, 200), (BetaPrior(2, 40), 300, 300)],
    ids=["uniform", "jeffreys", "informative"],
)
def test_beta_binomial(prior, n_control, n_treatment, reps):
    rng = np.random.default_rng(8)
    covered, chances, wins, losses = [], [], [], []
    for _ in range(reps):
        control, treatment = rng.beta(prior.a, prior.b, 2)
        found = beta_binomial(
            rng.binomial(n_control, control), n_control, rng.binomial(n_treatment, treatment), n_treatment, prior=prior
        )
        covered.append(found.ci_low <= treatment - control <= found.ci_high)
        chances.append(found.probability_better)
        wins.append(treatment > control)
        losses.append(max(0.0, control - treatment) - found.expected_loss)
    calibrated(covered, np.array(chances), wins, losses, reps)


@pytest.mark.parametrize("reps", [pytest.param(4_000, id="short"), pytest.param(60_000, marks=pytest.mark.slow)])
def test_normal(reps):
    """Also among the cases that look best: chances above 0.9 win as often as they say."""
    rng = np.random.default_rng(9)
    prior = NormalPrior(0.02, 0.1, scale="relative")
    effects = 10 * rng.normal(0.02, 0.1, reps)
    estimates = effects + rng.normal(0, 0.8, reps)
    found = [normal_posterior(value, 0.8, prior=prior, control_value=10.0) for value in estimates]
    chances = np.array([posterior.probability_better for posterior in found])
    calibrated(
        [p.ci_low <= effect <= p.ci_high for p, effect in zip(found, effects, strict=True)],
        chances,
        effects > 0,
        [max(0.0, -effect) - p.expected_loss for p, effect in zip(found, effects, strict=True)],
        reps,
    )
    sure = chances > 0.9
    gap = (effects[sure] > 0) - chances[sure]
    assert abs(gap.mean()) <= 4 * gap.std() / math.sqrt(sure.sum())
    # A flat prior promises too much there: the winner's curse.
    flat = stats.norm.cdf(estimates / 0.8)
    assert (effects[flat > 0.9] > 0).mean() < flat[flat > 0.9].mean()
