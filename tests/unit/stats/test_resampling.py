"""The bootstrap: seeded, bounded in memory, in agreement with its p-value and with the formulas."""

from __future__ import annotations

import numpy as np
import pytest

from framework.stats import resampling
from framework.stats.compare import compare
from framework.stats.samples import UnitValues

NAMES = {"metric": "revenue", "control_name": "old", "treatment_name": "new"}


def arms(kind, seed, gain=0.0, n=400):
    rng = np.random.default_rng(seed)
    below = [rng.poisson(3, n) + 1.0 if kind == "ratio" else None for _ in range(2)]
    user = rng.normal(0, 1, n)
    above = [5 + user + rng.normal(0, 1, n), 5 + gain + user + rng.normal(0, 1, n)]
    return [UnitValues(kind, x * (1 if y is None else y), y) for x, y in zip(above, below, strict=True)]


def boot(values, design, seed=0, **options):
    return compare(*values, **NAMES, design=design, interval="bootstrap", rng=np.random.default_rng(seed), **options)


@pytest.mark.parametrize("design", ["paired", "independent"])
@pytest.mark.parametrize("kind", ["mean", "ratio"])
def test_bootstrap_agrees_with_the_formula(kind, design):
    values = arms(kind, 1, 0.2)
    found, formula = boot(values, design), compare(*values, **NAMES, design=design)
    assert found.estimate == formula.estimate
    # The error of a bootstrap standard error from 2,000 resamples is 1.6 %; tolerance six of them.
    assert found.standard_error == pytest.approx(formula.standard_error, rel=0.1)
    assert found.ci_low == pytest.approx(formula.ci_low, abs=0.25 * formula.standard_error)
    assert found.ci_high == pytest.approx(formula.ci_high, abs=0.25 * formula.standard_error)
    assert found.method == "percentile bootstrap, 2000 resamples"


@pytest.mark.parametrize("design", ["paired", "independent"])
def test_same_seed_same_numbers_whatever_the_batch(design, monkeypatch):
    values = arms("mean", 2)
    first = boot(values, design)
    assert boot(values, design) == first
    assert boot(values, design, seed=1) != first
    monkeypatch.setattr(resampling, "DRAWS_AT_ONCE", 1)
    in_small_pieces = boot(values, design, resamples=200)
    assert in_small_pieces.standard_error == pytest.approx(first.standard_error, rel=0.25)


@pytest.mark.parametrize("gain", [0.0, 0.1, 0.2, 0.3, 5.0])
def test_p_value_and_interval_agree_and_p_is_never_zero(gain):
    found = boot(arms("mean", 3, gain), "paired", resamples=999)
    excludes_zero = found.ci_low > 0 or found.ci_high < 0
    assert excludes_zero == (found.p_value <= 0.05) or found.p_value == pytest.approx(0.05, abs=0.004)
    assert 2 / 1000 <= found.p_value <= 1


def test_no_spread_and_no_denominator_fall_back_to_the_formula():
    flat = UnitValues("mean", np.ones(20))
    assert boot([flat, flat], "paired").p_value == 1
    orders = np.zeros(30)
    orders[0] = 1
    ratio = UnitValues("ratio", 10 * orders + np.arange(30) * orders, orders)
    other = UnitValues("ratio", 12 * orders + np.arange(30), orders)
    found = boot([ratio, other], "independent")
    assert any("nothing to divide by" in text for text in found.warnings)
    assert "delta" in found.method
