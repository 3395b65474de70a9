"""Plans: what published tables say of their power, and what they cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.sequential.design import (
    RULES,
    drift_needed,
    expected_information,
    group_sequential,
    inflation_factor,
    power_of_design,
)

PARAMETERS = {"wang_tsiatis": 0.25}
INFLATION = {
    ("pocock", 2, 0.8): 1.110,
    ("pocock", 3, 0.8): 1.166,
    ("pocock", 5, 0.8): 1.229,
    ("pocock", 10, 0.8): 1.301,
    ("pocock", 2, 0.9): 1.100,
    ("pocock", 5, 0.9): 1.207,
    ("pocock", 10, 0.9): 1.271,
    ("obrien_fleming", 2, 0.8): 1.008,
    ("obrien_fleming", 5, 0.8): 1.028,
    ("obrien_fleming", 10, 0.8): 1.040,
    ("obrien_fleming", 5, 0.9): 1.026,
    ("obrien_fleming", 10, 0.9): 1.037,
}
"""Jennison and Turnbull 2000, tables 2.2 and 2.4, alpha 0.05 two-sided."""


@pytest.mark.reference
@pytest.mark.parametrize(("rule", "looks", "power"), INFLATION)
def test_inflation_tables(rule, looks, power):
    design = group_sequential(looks, rule=rule)
    assert inflation_factor(design, power) == pytest.approx(INFLATION[rule, looks, power], abs=6e-4)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sides", [1, 2])
def test_every_rule_spends_alpha_and_no_more(rule, sides):
    design = group_sequential((0.25, 0.4, 0.8, 1.0), rule=rule, sides=sides, parameter=PARAMETERS.get(rule))
    assert design.spent[-1] == pytest.approx(0.05, abs=1e-11)
    assert sides * power_of_design(design, 0.0) == pytest.approx(0.05, abs=1e-11)
    assert list(design.spent) == sorted(design.spent)


def test_one_look_is_the_plain_z_test():
    design = group_sequential(1)
    assert design.boundaries[0] == pytest.approx(stats.norm.isf(0.025), abs=1e-12)
    assert drift_needed(design, 0.8) == pytest.approx(stats.norm.isf(0.025) + stats.norm.ppf(0.8), abs=1e-9)
    assert inflation_factor(design) == pytest.approx(1.0, abs=1e-12)
    assert expected_information(design, 1.0) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_looking_costs_units_at_most_but_saves_them_on_average(rule):
    design = group_sequential(5, rule=rule, parameter=PARAMETERS.get(rule))
    factor = inflation_factor(design, 0.9)
    assert 1 < factor < 1.21
    assert factor * expected_information(design, drift_needed(design, 0.9)) < 0.9
    assert power_of_design(design, -drift_needed(design, 0.9)) == pytest.approx(0.9, abs=1e-9)


def test_expected_information_is_the_mean_of_simulated_stops():
    """100,000 paths: the mean share of information at the stop, within 4 standard errors (sd below 0.4)."""
    design, drift = group_sequential((0.3, 0.6, 1.0), rule="pocock"), 2.5
    times, paths = np.array(design.information), 100_000
    steps = np.diff(times, prepend=0.0)
    scores = np.cumsum(np.random.default_rng(1).normal(drift * steps, np.sqrt(steps), (paths, 3)), axis=1)
    out = np.abs(scores / np.sqrt(times)) >= np.array(design.boundaries)
    stopped = np.where(out.any(axis=1), times[out.argmax(axis=1)], 1.0)
    assert stopped.mean() == pytest.approx(expected_information(design, drift), abs=4 * 0.4 / math.sqrt(paths))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: group_sequential(5, rule="pocok"), "Did you mean 'pocock'"),
        (lambda: group_sequential(0), "0 looks"),
        (lambda: group_sequential([]), "rising"),
        (lambda: group_sequential([0.5, 0.9]), "last look is planned at information 0.9"),
        (lambda: group_sequential(3, rule="pocock", parameter=1.0), "has no parameter"),
        (lambda: group_sequential(3, rule="wang_tsiatis"), "its exponent"),
        (lambda: group_sequential(3, alpha=0.0), "alpha is 0"),
        (lambda: group_sequential(3, rule="pocock", alpha=0.0), "alpha is 0"),
        (lambda: drift_needed(group_sequential(3), 0.04), "power is 0.04"),
    ],
)
def test_refuses_in_words(call, says):
    with pytest.raises(TrialError, match=says):
        call()
