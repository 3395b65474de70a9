"""Do intervals cover, and do tests reject, as often as they say? Seeded simulations against known truths.

A share over r replications has a binomial standard error; every assertion allows four of them, and `slack` on top
where theory promises less than the nominal share at that sample size.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from framework.stats.compare import compare
from framework.stats.samples import UnitValues


def normal(rng, n, gain):
    return UnitValues("mean", 5 + gain + rng.normal(0, 2, n))


def proportion(rng, n, gain):
    return UnitValues("proportion", (rng.random(n) < 0.3 + gain).astype(float))


def ratio(rng, n, gain):
    """Orders per session, where a user's own rate makes the sessions of a user alike."""
    sessions = rng.poisson(3, n) + 1.0
    return UnitValues("ratio", (rng.beta(2, 6, n) + gain) * sessions, sessions)


def spend(rng, n, gain):
    """Lognormal baskets, and 95 % of users without one."""
    return UnitValues("mean", (rng.random(n) < 0.05) * rng.lognormal(2, 1, n) + gain)


def arms(draw, design, n_control, n_treatment, gain, scale, rng):
    """Return two arms with a known difference; in a paired design a user's own level is in both."""
    both = [draw(rng, n_control, 0.0), draw(rng, n_control if design == "paired" else n_treatment, gain)]
    user = rng.normal(0, 0.3, n_control) if design == "paired" and both[0].kind != "proportion" else 0.0
    return [UnitValues(arm.kind, scale * (arm.numerator + user), arm.denominator) for arm in both]


def simulate(draw, design, n_control, n_treatment, gain, reps, *, scale=1.0, **options):
    """Return shares of replications: the interval covers the truth, p <= 0.05, there is a warning."""
    rng = np.random.default_rng([n_control, n_treatment])
    covered = rejected = warned = 0
    for _ in range(reps):
        effect = compare(
            *arms(draw, design, n_control, n_treatment, gain, scale, rng),
            metric="m",
            control_name="a",
            treatment_name="b",
            design=design,
            **options,
        )
        covered += effect.ci_low <= gain * scale <= effect.ci_high
        rejected += effect.p_value <= 0.05
        warned += bool(effect.warnings)
    return covered / reps, rejected / reps, warned / reps


def off(reps, share=0.95):
    return 4 * math.sqrt(share * (1 - share) / reps)


@pytest.mark.parametrize("design", ["paired", "independent"])
@pytest.mark.parametrize("draw", [normal, proportion, ratio])
def test_size_and_coverage(draw, design):
    reps = 300
    covered, rejected, _ = simulate(draw, design, 150, 220, 0.0, reps)
    slack = 0.005
    assert covered == pytest.approx(0.95, abs=off(reps) + slack)
    assert rejected == pytest.approx(0.05, abs=off(reps) + slack)


@pytest.mark.parametrize("draw", [normal, ratio])
def test_bootstrap_coverage(draw):
    reps = 100
    covered, _, _ = simulate(
        draw, "independent", 80, 80, 0.0, reps, interval="bootstrap", resamples=400, rng=np.random.default_rng(1)
    )
    assert covered == pytest.approx(0.945, abs=off(reps))


REPS = 4000
SLOW = [
    # draw, design, n control, n treatment, gain, scale, slack and why
    (normal, "independent", 500, 500, 0.0, 1.0, 0.0),  # exact up to Welch's approximation
    (normal, "independent", 200, 5000, 0.0, 1.0, 0.002),
    (normal, "independent", 200, 5000, 0.0, 1000.0, 0.002),  # the unit changes nothing
    (normal, "independent", 20, 20, 2.0, 1.0, 0.002),  # an effect of 1 SD
    (normal, "paired", 20, 20, 0.0, 1.0, 0.0),  # exact
    (normal, "paired", 500, 500, 2.0, 1000.0, 0.0),
    (proportion, "independent", 500, 500, 0.05, 1.0, 0.005),  # discreteness
    (proportion, "independent", 200, 5000, 0.0, 1.0, 0.005),
    (proportion, "independent", 20, 20, 0.0, 1.0, 0.015),  # discreteness: 21 x 21 outcomes
    (proportion, "paired", 500, 500, 0.0, 1.0, 0.005),
    (ratio, "independent", 500, 500, 0.05, 1.0, 0.003),
    (ratio, "independent", 200, 5000, 0.0, 1000.0, 0.006),  # normal reference: 200 units cost 0.3 points
    (ratio, "independent", 20, 20, 0.0, 1.0, 0.025),  # normal reference at n = 20: 1.5 points; warned always
    (ratio, "paired", 500, 500, 0.05, 1.0, 0.003),
    (ratio, "paired", 20, 20, 0.0, 1.0, 0.012),  # linearisation at n = 20; warned always
    (spend, "independent", 5000, 5000, 0.0, 1.0, 0.005),  # skewness cancels between equal arms
    (spend, "independent", 5000, 5000, 0.0, 1000.0, 0.005),
]


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "design", "n_control", "n_treatment", "gain", "scale", "slack"), SLOW)
def test_size_and_coverage_at_length(draw, design, n_control, n_treatment, gain, scale, slack):
    covered, rejected, warned = simulate(draw, design, n_control, n_treatment, gain, REPS, scale=scale)
    assert covered == pytest.approx(0.95, abs=off(REPS) + slack)
    if gain == 0:
        assert rejected == pytest.approx(0.05, abs=off(REPS) + slack)
    if n_control < 30:
        assert warned == 1.0


@pytest.mark.slow
def test_a_tail_that_breaks_the_interval_is_warned_of():
    # 200 against 5,000 spenders: the small arm's skewness is not cancelled, and the t interval falls short.
    covered, _, warned = simulate(spend, "independent", 200, 5000, 0.0, 2000)
    assert covered < 0.93
    assert warned > 0.95
    calm_covered, _, calm_warned = simulate(normal, "independent", 200, 5000, 0.0, 1000)
    assert calm_covered == pytest.approx(0.95, abs=off(1000) + 0.002)
    assert calm_warned < 0.05
