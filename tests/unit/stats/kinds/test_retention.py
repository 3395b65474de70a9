"""Retention curves: each day by hand, the band by theory, and censoring."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.proportions import two_proportions
from framework.stats.kinds.retention import Followed, active_on_or_after, retention_curve

DAYS = [1, 3, 7, 14]


@pytest.fixture(scope="module")
def arms():
    rng = np.random.default_rng(1)

    def arm(n, life):
        observed = rng.integers(5, 21, n).astype(float)
        return np.minimum(np.floor(rng.exponential(life, n)), observed), observed

    return arm(500, 6.0), arm(520, 7.0)


@pytest.fixture(scope="module")
def curve(arms):
    followed = [active_on_or_after(*arm, DAYS) for arm in arms]
    return retention_curve(*followed, DAYS, rng=np.random.default_rng(2))


def test_each_day_is_a_comparison_of_its_observed_units(arms, curve):
    for day, found in zip(DAYS, curve.days, strict=True):
        told = [observed >= day for _, observed in arms]
        hits = [int((last[seen] >= day).sum()) for (last, _), seen in zip(arms, told, strict=True)]
        counts = Counted(hits[0], told[0].sum(), hits[1], told[1].sum())
        assert found.difference == two_proportions(counts)
        assert (found.n_control, found.n_treatment) == (counts.n_control, counts.n_treatment)
        assert found.censored_control == 500 - counts.n_control
        assert found.censored_treatment == 520 - counts.n_treatment
        assert found.control.estimate == counts.share_control


def test_the_band_is_wider_and_holds_the_pointwise_interval(curve):
    one, all_independent = stats.norm.ppf(0.975), stats.norm.ppf((1 + 0.95 ** (1 / len(DAYS))) / 2)
    assert one < curve.critical < all_independent + 0.02
    for day in curve.days:
        assert day.band_low < day.difference.ci_low < day.difference.ci_high < day.band_high
        assert day.control_band.ci_low < day.control.ci_low
        assert day.treatment_band.ci_high > day.treatment.ci_high
        assert day.difference.p_value <= day.p_adjusted <= min(1.0, len(DAYS) * day.difference.p_value)


def test_independent_days_have_sidaks_values():
    """Days independent of each other: the band's z and the adjusted p are Sidak's, within Monte-Carlo error.

    p itself: 4 binomial standard errors of 200,000 draws; z: the same over the density at the quantile.
    """
    rng = np.random.default_rng(3)
    followed = [Followed(rng.random((4000, 5)) < 0.3, np.full(4000, 9.0)) for _ in range(2)]
    found = retention_curve(*followed, [1, 2, 3, 4, 5], rng=rng, draws=200_000)
    assert found.critical == pytest.approx(stats.norm.ppf((1 + 0.95**0.2) / 2), abs=0.03)
    raw = [day.difference.p_value for day in found.days]
    sidak = [1 - (1 - p) ** 5 for p in raw]
    assert [day.p_adjusted for day in found.days] == pytest.approx(sidak, abs=0.015)


def test_one_repeated_day_needs_no_correction():
    rng = np.random.default_rng(4)
    followed = [Followed(np.repeat(rng.random((300, 1)) < p, 6, axis=1), np.full(300, 6.0)) for p in (0.4, 0.5)]
    found = retention_curve(*followed, range(1, 7), rng=rng, draws=100_000)
    assert found.critical == pytest.approx(1.959964, abs=0.02)
    assert found.p_value == pytest.approx(found.days[0].difference.p_value, abs=0.003)


def test_same_seed_same_curve(arms, curve):
    followed = [active_on_or_after(*arm, DAYS) for arm in arms]
    assert retention_curve(*followed, DAYS, rng=np.random.default_rng(2)) == curve


def test_warnings_say_how_many_are_censored(arms, curve):
    short = sum(int((observed < 14).sum()) for _, observed in arms)
    assert f"{short} of 1020 units were not observed until day 14" in curve.warnings[0]
    assert "different lengths" in curve.warnings[1]


def test_days_without_spread_have_an_answer():
    """Everyone is there on day 0 and nobody on day 9: p is 1, and the band is honest at 1 and 0."""
    rng = np.random.default_rng(5)
    followed = [
        Followed(np.column_stack([np.ones(50), rng.random(50) < 0.5, np.zeros(50)]), np.full(50, 9)) for _ in range(2)
    ]
    found = retention_curve(*followed, [0, 1, 9], rng=rng)
    for day in (found.days[0], found.days[2]):
        assert day.difference.p_value == day.p_adjusted == 1
        assert day.band_low < 0 < day.band_high
    nothing = [Followed(np.ones((50, 1)), np.full(50, 1)) for _ in range(2)]
    assert retention_curve(*nothing, [1], rng=rng).p_value == 1


def test_a_strong_effect_is_never_p_zero_and_not_stuck_at_the_draws():
    def arm(share):
        return Followed(np.repeat(np.arange(2000) < 2000 * share, 2).reshape(2000, 2), np.full(2000, 5))

    found = retention_curve(arm(0.2), arm(0.5), [1, 2], rng=np.random.default_rng(6), draws=1000)
    assert 0 < found.p_value < 1e-50


def test_mistakes(arms):
    followed = active_on_or_after(*arms[0], DAYS)
    rng = np.random.default_rng(7)
    with pytest.raises(TrialError, match="no unit was observed for 99 days"):
        retention_curve(*(active_on_or_after(*arm, [1, 99]) for arm in arms), [1, 99], rng=rng)
    with pytest.raises(TrialError, match="at least one day"):
        retention_curve(followed, followed, [], rng=rng)
    with pytest.raises(TrialError, match="shape"):
        retention_curve(followed, followed, [1, 2], rng=rng)
    with pytest.raises(TrialError, match="is not"):
        retention_curve(followed, Followed(followed.retained, followed.observed), DAYS, rng=rng)
    with pytest.raises(TrialError, match=r"1 unit\(s\) were active after"):
        active_on_or_after([5.0, 1.0], [4.0, 3.0], DAYS)
    with pytest.raises(TrialError, match="do not match"):
        active_on_or_after([5.0, 1.0], [4.0], DAYS)
