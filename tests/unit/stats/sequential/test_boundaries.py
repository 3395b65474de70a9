"""Critical values against published tables, other software and integrals done another way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from framework.errors import TrialError
from framework.stats.sequential.boundaries import critical_values, exit_probabilities, shaped_values
from framework.stats.sequential.spending import spending

FIFTHS = np.arange(1, 6) / 5
KEYS = {
    "lan_demets_obf": ("lan_demets_obrien_fleming", None),
    "lan_demets_pocock": ("lan_demets_pocock", None),
    "hsd_gamma_-4": ("hwang_shih_decani", -4.0),
    "power_rho3": ("power", 3.0),
}
POCOCK = {2: 2.178, 3: 2.289, 4: 2.361, 5: 2.413, 6: 2.453, 7: 2.485, 8: 2.512, 9: 2.535, 10: 2.555, 20: 2.672}
"""Jennison and Turnbull 2000, table 2.1, alpha 0.05."""
OBRIEN_FLEMING = {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 6: 2.053, 7: 2.063, 8: 2.072, 9: 2.080, 10: 2.087, 20: 2.126}
"""Jennison and Turnbull 2000, table 2.3, alpha 0.05."""
PEEKING = {1: 0.050, 2: 0.083, 3: 0.107, 4: 0.126, 5: 0.142, 10: 0.193, 20: 0.248}
"""Armitage, McPherson and Rowe 1969, table 2: looks at 1.96 and how often one of them rejects a true null."""


@pytest.mark.reference
@pytest.mark.parametrize("key", KEYS)
def test_one_sided_values_are_the_reference(reference, key):
    expected = reference("statsmodels_scipy.json")["group_sequential_K5_onesided_.025"][key]["z"]
    name, parameter = KEYS[key]
    values = critical_values(FIFTHS, spending(name, FIFTHS, 0.025, parameter), sides=1)
    # The reference's own grid is off by up to 8e-9 of probability (test_no_grid_error), 1.1e-6 of z at Pocock's end.
    assert values == pytest.approx(expected, rel=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize("looks", [5, 10])
def test_two_sided_values_are_the_reference(reference, looks):
    expected = reference("spotify_confidence.json")[f"gs_bounds_K{looks}_alpha.05_2sided_power_rho2"]
    times = np.arange(1, looks + 1) / looks
    values = critical_values(times, spending("power", times, 0.05, 2.0, sides=2), sides=2)
    assert values[0] == pytest.approx(expected[0], abs=1e-12)
    # Spotify's integration grid leaves 6e-7 of probability in the second look, which adds up to 6e-5 of z.
    assert values == pytest.approx(expected, abs=1e-4)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("hwang_shih_decani", [3.2527, 2.9860, 2.6917, 2.3737, 2.0253]),
        ("lan_demets_obrien_fleming", [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]),
    ],
)
def test_published_one_sided_values(name, published):
    values = critical_values(FIFTHS, spending(name, FIFTHS, 0.025), sides=1)
    assert values == pytest.approx(published, abs=5e-5)


@pytest.mark.reference
def test_values_that_a_julia_package_prints():
    """SeqBounds.jl's README: one-sided 0.05, O'Brien-Fleming spending, quarters (integrated with steps of 0.05)."""
    quarters = [0.25, 0.5, 0.75, 1.0]
    values = critical_values(quarters, spending("lan_demets_obrien_fleming", quarters, 0.05), sides=1)
    assert values == pytest.approx([3.74955, 2.53993, 2.01604, 1.72014], abs=2e-4)


@pytest.mark.reference
@pytest.mark.parametrize("looks", POCOCK)
def test_pocock_and_obrien_fleming_tables(looks):
    times = np.arange(1, looks + 1) / looks
    assert shaped_values(times, 0.05) == pytest.approx([POCOCK[looks]] * looks, abs=6e-4)
    values = shaped_values(times, 0.05, exponent=0.0)
    assert values[-1] == pytest.approx(OBRIEN_FLEMING[looks], abs=6e-4)
    assert values * np.sqrt(times) == pytest.approx([values[-1]] * looks, rel=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize("looks", PEEKING)
def test_error_of_peeking(looks):
    times = np.arange(1, looks + 1)
    assert exit_probabilities(times, np.full(looks, 1.96)).total == pytest.approx(PEEKING[looks], abs=6e-4)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("times", [(0.2, 0.4), (0.05, 1.0), (0.7, 0.71), (0.999, 1.0)])
def test_no_grid_error(times, sides):
    """Two looks by adaptive quadrature on another scale: every share of the error is met to 1e-12."""
    spent = np.array([0.004, 0.02])
    first, second = critical_values(times, spent, sides=sides)
    ratio = math.sqrt(times[0] / times[1])

    def leaves(z):
        spread = math.sqrt(1 - ratio**2)
        upper = stats.norm.sf((second - ratio * z) / spread)
        return stats.norm.pdf(z) * (upper + (stats.norm.cdf((-second - ratio * z) / spread) if sides == 2 else 0.0))

    low = -first if sides == 2 else -10.0
    cuts = np.linspace(low, first, 12)
    found = sum(integrate.quad(leaves, a, b, epsabs=1e-15, limit=200)[0] for a, b in itertools.pairwise(cuts))
    assert sides * stats.norm.sf(first) == pytest.approx(0.004, abs=1e-15)
    assert found == pytest.approx(0.016, abs=1e-12)


def test_three_uneven_looks_against_a_plain_double_integral():
    times, spent = (0.17, 0.5, 1.0), (0.001, 0.015, 0.05)
    values = critical_values(times, spent)
    nodes, weights = np.polynomial.legendre.leggauss(160)
    scores = [value * math.sqrt(time) for value, time in zip(values, times, strict=True)]
    first, second = scores[0] * nodes[:, None], scores[1] * nodes[None, :]
    mass = (
        scores[0] * weights[:, None] * stats.norm.pdf(first, scale=math.sqrt(0.17))
        * scores[1] * weights[None, :] * stats.norm.pdf(second - first, scale=math.sqrt(0.33))
    )  # fmt: skip
    last = stats.norm.sf((scores[2] - second) / math.sqrt(0.5)) + stats.norm.cdf((-scores[2] - second) / math.sqrt(0.5))
    assert (mass * last).sum() == pytest.approx(0.035, abs=1e-12)
    assert mass.sum() == pytest.approx(1 - 0.015, abs=1e-12)


@pytest.mark.parametrize("sides", [1, 2])
def test_many_and_very_uneven_looks_spend_what_they_should(sides):
    times = np.concatenate([np.geomspace(0.002, 0.5, 20), [0.50001], np.linspace(0.6, 1.0, 15)])
    spent = spending("lan_demets_obrien_fleming", times, 0.05, sides=sides)
    values = critical_values(times, spent, sides=sides)
    exits = exit_probabilities(times, values, sides=sides)
    assert np.cumsum(exits.upper + exits.lower) == pytest.approx(spent, abs=1e-12)
    assert math.isinf(values[0])
    assert bool(np.isfinite(values[5:]).all())


def test_only_ratios_of_information_matter():
    assert critical_values([300, 777, 1000], [0.01, 0.02, 0.05]) == pytest.approx(
        critical_values([0.3, 0.777, 1.0], [0.01, 0.02, 0.05]), rel=1e-12
    )


def test_a_look_that_may_spend_nothing_cannot_stop():
    values = critical_values([0.2, 0.6, 1.0], [0.0, 0.0, 0.05])
    assert values.tolist()[:2] == [math.inf, math.inf]
    assert values[2] == pytest.approx(stats.norm.isf(0.025), abs=1e-12)


def test_exits_under_drift():
    """One look: the power of a z test. Three looks: 200,000 simulated paths, each rate within 4 standard errors."""
    one = exit_probabilities([1.0], [1.96], drift=2.8)
    assert one.upper[0] == pytest.approx(stats.norm.sf(1.96 - 2.8), rel=1e-13)
    assert one.lower[0] == pytest.approx(stats.norm.cdf(-1.96 - 2.8), rel=1e-13)
    times, edges, drift, paths = np.array([0.1, 0.45, 1.0]), np.array([2.5, 1.2, 2.0]), -1.3, 200_000
    steps = np.diff(times, prepend=0.0)
    scores = np.cumsum(np.random.default_rng(5).normal(drift * steps, np.sqrt(steps), (paths, 3)), axis=1)
    out = np.abs(scores / np.sqrt(times)) >= edges
    first = out & (np.cumsum(out, axis=1) == 1)
    exits = exit_probabilities(times, edges, drift=drift)
    for look in range(3):
        for found, expected in (
            ((first[:, look] & (scores[:, look] > 0)).mean(), exits.upper[look]),
            ((first[:, look] & (scores[:, look] < 0)).mean(), exits.lower[look]),
        ):
            assert found == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / paths) + 1e-9)


def test_drift_turned_round_swaps_the_sides():
    up = exit_probabilities(FIFTHS, np.full(5, 2.4), drift=2.0)
    down = exit_probabilities(FIFTHS, np.full(5, 2.4), drift=-2.0)
    assert up.upper == pytest.approx(down.lower, rel=1e-12)
    assert exit_probabilities(FIFTHS, np.full(5, 2.4), drift=60.0).total == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: critical_values([0.5, 0.5], [0.01, 0.05]), "rising"),
        (lambda: critical_values([0.0, 0.5], [0.01, 0.05]), "rising"),
        (lambda: critical_values([], []), "rising"),
        (lambda: critical_values([0.5, math.nan], [0.01, 0.05]), "rising"),
        (lambda: critical_values([0.5, 1.0], [0.05, 0.01]), "never falling"),
        (lambda: critical_values([0.5, 1.0], [0.05]), "one for each look"),
        (lambda: critical_values([0.5, 1.0], [0.05, 1.0]), "below 1"),
        (lambda: critical_values([1.0], [0.05], sides=3), "sides is 3"),
        (lambda: exit_probabilities([0.5, 1.0], [2.0]), "one number for each look"),
        (lambda: exit_probabilities([1.0], [math.nan]), "one number for each look"),
        (lambda: shaped_values([1.0], 1.5), "alpha is 1.5"),
    ],
)
def test_refuses_in_words(call, says):
    with pytest.raises(TrialError, match=says):
        call()
