"""Do clustered and post-stratified intervals cover as often as they say? Seeded simulations with a known truth.

A share over r replications has a binomial standard error; every assertion allows four of them, and `slack` on top where
theory promises less than the nominal share.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from framework.stats.designs.clustered import CONTROL, SIZE, TOTAL, TREATMENT, cluster_arms, clustered
from framework.stats.designs.stratified import post_stratified
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

GAIN = 0.4


def off(reps):
    return 4 * math.sqrt(0.95 * 0.05 / reps)


def clusters(reps, g, treated, nested, seed):
    """Return coverage of clusters of 2 to 10 rows with a correlation of 0.2 inside.

    `treated` of the `g` clusters are, or where they are not `nested`, half of the rows of every cluster.
    """
    rng, covered = np.random.default_rng(seed), 0
    for _ in range(reps):
        size = rng.integers(2, 11, g)
        level = rng.normal(0, 0.5, g)
        many = np.where(np.arange(g) < treated, size, 0) if nested else rng.binomial(size, 0.5)
        few = size - many
        # Sums of independent rows, drawn as sums.
        columns = {
            CONTROL + SIZE: few.astype(float),
            TREATMENT + SIZE: many.astype(float),
            CONTROL + TOTAL: few * (3 + level) + rng.normal(size=g) * np.sqrt(few),
            TREATMENT + TOTAL: many * (3 + GAIN + level) + rng.normal(size=g) * np.sqrt(many),
        }
        found = clustered(cluster_arms(Moments.of(columns), "m"), int(size.sum()), 0.95)
        covered += bool(found.ci_low <= GAIN <= found.ci_high)
    return covered / reps


# G, treated clusters, nested, slack: the sandwich's sums of squares around an arm's own value are too small by 1 / G
# of that arm, and sizes that differ add to it.
CLUSTERS = [(20, 10, True, 0.012), (60, 30, True, 0.007), (20, 0, False, 0.012), (60, 0, False, 0.006)]


@pytest.mark.parametrize(("g", "treated", "nested", "slack"), CLUSTERS)
def test_clusters(g, treated, nested, slack):
    assert clusters(500, g, treated, nested, 1) == pytest.approx(0.95, abs=off(500) + slack)


@pytest.mark.slow
@pytest.mark.parametrize(("g", "treated", "nested", "slack"), CLUSTERS)
def test_clusters_at_length(g, treated, nested, slack):
    found = clusters(10_000, g, treated, nested, 2)
    print(f"clusters, G = {g}, {'nested' if nested else 'straddling'}: {found:.4f}")
    assert found == pytest.approx(0.95, abs=off(10_000) + slack)


@pytest.mark.parametrize("treated", [3, 6])
def test_few_clusters_in_one_arm_are_bettered_by_their_degrees_of_freedom_and_warned_of(treated):
    # With t of G - 1 = 59 these covered 0.76 and 0.87; the sandwich itself is too small by (treated - 1) / treated.
    covered = clusters(1000, 60, treated, True, 3)
    assert {3: 0.85, 6: 0.90}[treated] < covered < 0.95 + off(1000)


def strata(reps, sizes, kind, seed):
    """Return coverage where strata have other levels, spreads and effects, and units fall into them by chance."""
    rng, covered = np.random.default_rng(seed), 0
    shares, levels, spreads = np.array([0.6, 0.3, 0.1]), np.array([1.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0])
    gains = GAIN * np.array([1.0, 2.0, 0.0])
    measure = Measure("m", "mean", "y") if kind == "mean" else Measure("m", "ratio", "y", "d")
    # Denominators are 1 + Poisson(3), whatever the stratum: the ratio's truth is the mean's, over 4.
    truth = float(shares @ gains) / (1 if kind == "mean" else 4)
    for _ in range(reps):
        sides = []
        for arm, n in enumerate(sizes):
            stratum = rng.choice(3, n, p=shares)
            y = levels[stratum] + arm * gains[stratum] + spreads[stratum] * rng.normal(size=n)
            sides.append((stratum, {"y": y, "d": rng.poisson(3, n) + 1.0}))
        parts = {}
        for place in range(3):
            own = [
                Moments.of({name: column[stratum == place] for name, column in side.items()}) for stratum, side in sides
            ]
            if min(float(moments.n) for moments in own) >= 2:
                parts[str(place)] = TwoArms(measure, *own)
        found = post_stratified(parts, 0.95).differences
        covered += bool(found.ci_low <= truth <= found.ci_high)
    return covered / reps


# The smallest stratum has about 10 units in the smaller arm: its own variance is uncertain, Satterthwaite's df sees it.
STRATA = [((100, 150), "mean", 0.007), ((100, 150), "ratio", 0.008)]


@pytest.mark.parametrize(("sizes", "kind", "slack"), STRATA)
def test_strata(sizes, kind, slack):
    assert strata(400, sizes, kind, 1) == pytest.approx(0.95, abs=off(400) + slack)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "kind", "slack"), STRATA)
def test_strata_at_length(sizes, kind, slack):
    found = strata(10_000, sizes, kind, 2)
    print(f"post-stratified {kind}, n = {sizes}: {found:.4f}")
    assert found == pytest.approx(0.95, abs=off(10_000) + slack)
