"""How much error may be spent by when: outside figures, limits, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.sequential.spending import SPENDING, spending

FIFTHS = np.arange(1, 6) / 5
KEYS = {
    "lan_demets_obf": ("lan_demets_obrien_fleming", None),
    "lan_demets_pocock": ("lan_demets_pocock", None),
    "hsd_gamma_-4": ("hwang_shih_decani", -4.0),
    "power_rho3": ("power", 3.0),
}


@pytest.mark.reference
@pytest.mark.parametrize("key", KEYS)
def test_spends_as_the_reference(reference, key):
    expected = reference("statsmodels_scipy.json")["group_sequential_K5_onesided_.025"][key]["spend"]
    name, parameter = KEYS[key]
    assert spending(name, FIFTHS, 0.025, parameter) == pytest.approx(expected, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("name", SPENDING)
@pytest.mark.parametrize("sides", [1, 2])
def test_spends_nothing_before_and_everything_at_the_end(name, sides):
    spent = spending(name, [0.0, 0.5, 1.0, 1.3], 0.05, sides=sides)
    assert spent[0] == 0
    assert 0 < spent[1] < 0.05
    assert spent[2:] == pytest.approx([0.05, 0.05], rel=1e-14)


def test_two_sides_spend_half_each_by_the_same_function():
    both = spending("lan_demets_obrien_fleming", FIFTHS, 0.05, sides=2)
    assert both == pytest.approx(2 * spending("lan_demets_obrien_fleming", FIFTHS, 0.025), rel=1e-15)
    assert both[0] < 0.1 * spending("lan_demets_obrien_fleming", FIFTHS, 0.05)[0]


def test_gamma_near_zero_is_the_straight_line():
    assert spending("hwang_shih_decani", FIFTHS, 0.05, 0.0) == pytest.approx(0.05 * FIFTHS, rel=1e-15)
    assert spending("hwang_shih_decani", FIFTHS, 0.05, 1e-9) == pytest.approx(0.05 * FIFTHS, rel=1e-8)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lan_demets_obrien_flemming", FIFTHS, 0.05), "Did you mean 'lan_demets_obrien_fleming'"),
        (("power", FIFTHS, 0.05, 0.0), "rho above 0"),
        (("power", FIFTHS, 0.05, math.nan), "rho above 0"),
        (("hwang_shih_decani", FIFTHS, 0.05, math.inf), "gamma"),
        (("hwang_shih_decani", FIFTHS, 0.05, -800.0), "gamma"),
        (("lan_demets_pocock", FIFTHS, 0.05, 2.0), "has no parameter"),
        (("power", FIFTHS, 1.0), "alpha is 1"),
        (("power", [-0.1, 1.0], 0.05), "information"),
        (("power", [math.nan, 1.0], 0.05), "information"),
    ],
)
def test_refuses_in_words(arguments, says):
    with pytest.raises(TrialError, match=says):
        spending(*arguments)
