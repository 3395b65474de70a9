"""Warnings stand where an interval falls short, and not where it holds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.stats.compare import compare
from framework.stats.samples import UnitValues

NAMES = {"metric": "spend", "control_name": "old", "treatment_name": "new", "design": "independent"}


def mean(values: np.ndarray) -> UnitValues:
    return UnitValues("mean", values)


def warned(control: UnitValues, treatment: UnitValues) -> tuple[str, ...]:
    return compare(control, treatment, **NAMES).warnings


@pytest.mark.parametrize("swapped", [False, True])
def test_a_small_arm_without_the_large_units_of_its_kind_is_warned_of(swapped: bool) -> None:
    rng = np.random.default_rng(4)
    spend = rng.lognormal(0, 1.2, 5000)
    harmless = np.sort(rng.lognormal(0, 1.2, 400))[:200]
    assert abs(stats.skew(harmless)) < 1, "by itself the small arm looks near normal"
    arms = (mean(harmless), mean(spend))
    assert any("Skewed" in text for text in warned(*(arms[::-1] if swapped else arms)))


def test_equal_arms_of_the_same_shape_are_not_warned_of() -> None:
    rng = np.random.default_rng(1)
    assert warned(mean(rng.exponential(1, 2000)), mean(rng.exponential(1, 2000))) == ()


def test_the_shape_of_both_arms_leaves_units_out_of_it() -> None:
    rng = np.random.default_rng(4)
    arms = rng.lognormal(0, 1.2, 40), rng.lognormal(0, 1.2, 900)
    found = [warned(mean(arms[0] * unit), mean(arms[1] * unit)) for unit in (1e-120, 1.0, 1e120)]
    assert found[0] == found[1] == found[2] != ()


@pytest.mark.parametrize(("hits", "rough"), [(4, True), (5, False), (9, False)])
def test_shares_are_rough_below_five_events(hits: int, rough: bool) -> None:
    few, many = (UnitValues("proportion", (np.arange(400) < count).astype(float)) for count in (hits, 60))
    assert any("rough" in text for text in warned(few, many)) == rough


@pytest.mark.reference
@pytest.mark.parametrize("ratio", [1, 5, 25])
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_five_expected_events_are_enough_for_newcombe(ratio: int, share: float) -> None:
    """Exact coverage over all tables at 5 expected events in the smaller arm; 94.5 % is what counts as held."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    n = round(5 / share)
    m = ratio * n
    x, y = np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij")
    likely = stats.binom.pmf(x, n, share) * stats.binom.pmf(y, m, share)
    kept = likely > 1e-12
    low, high = confint_proportions_2indep(x[kept], n, y[kept], m, method="newcomb", compare="diff")
    held = likely[kept][(low <= 0) & (high >= 0)].sum()
    assert 0.945 <= held <= 0.975
