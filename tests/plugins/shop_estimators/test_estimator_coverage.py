"""How often nominal 95 % intervals hold a known truth, estimator by estimator, and whether health warns where not."""

import numpy as np
import pytest

from framework.records import WeightedTrajectories
from framework.stats.off_policy import refitted, value_interval
from shop_estimators.sequential.fitted_q import FittedQ, FittedQConfig
from shop_estimators.sequential.per_decision import PerDecision, PerDecisionConfig
from shop_estimators.slates.cascade_dr import CascadeDr, CascadeDrConfig
from shop_estimators.slates.iips import Iips, IipsConfig
from shop_estimators.slates.rips import Rips, RipsConfig
from shop_estimators.slates.sips import Sips, SipsConfig
from tests.plugins.shop_estimators import cascading_slates, small_process
from tests.plugins.shop_estimators.open_bandit_like import ITEMS, UNBIASED, Shop, coverage, item_rates

SLATES = [
    *(
        made(config(self_normalised=both))
        for made, config in ((Sips, SipsConfig), (Rips, RipsConfig))
        for both in (0, 1)
    ),
    CascadeDr(CascadeDrConfig()),
    Iips(IipsConfig()),
]


def held_by(truth, logs, estimators):
    """Return the share of logs whose interval holds the truth, by label and method."""
    counts = {each.label: np.zeros(2) for each in estimators}
    number = 0
    for logged in logs:
        number += 1
        for estimator in estimators:
            terms = estimator.estimate(logged).terms
            for place, method in enumerate(("t", "hall")):
                interval = value_interval(terms, method=method)
                counts[estimator.label][place] += interval.ci_low <= truth <= interval.ci_high
    return {label: both / number for label, both in counts.items()}


def test_intervals_hold_the_truth_in_a_busy_shop():
    """120 logs; 0.95 less 4 binomial standard errors is 0.870."""
    found = coverage(Shop.drawn(busy=15.0), 3000, 120, seed=1, estimators=UNBIASED)
    assert found.least_rewarded > 60
    for both in found.held.values():
        assert both["t"] >= 0.87
        assert both["hall"] >= 0.87
    assert found.refused < 0.05


def test_intervals_of_units_whose_rows_hang_together():
    """Users of whom some click at everything, most at nothing: intervals by row fall short, by unit they hold."""
    shop, rng = Shop.drawn(busy=200.0), np.random.default_rng(2)
    held = np.zeros(2)
    unit, place = np.repeat(np.arange(150), 12), np.tile(np.arange(3), 600)
    for _ in range(400):
        keen = rng.gamma(1.0, 1.0, 150)[unit]
        item = rng.integers(0, ITEMS, 1800)
        terms = ITEMS * shop.policy[item, place] * rng.poisson(keen * shop.rates[item])
        for way, own in enumerate((None, unit)):
            interval = value_interval(terms, own, method="hall")
            held[way] += interval.ci_low <= shop.truth <= interval.ci_high
    by_row, by_unit = held / 400
    assert by_row < 0.88
    assert by_unit > 0.906  # 0.95 less 4 binomial standard errors


@pytest.mark.slow
@pytest.mark.parametrize(("busy", "n"), [(1.0, 10_000), (3.0, 10_000), (8.0, 10_000)])
def test_coverage_of_every_estimator_of_rows(busy, n):
    found = coverage(Shop.drawn(busy=busy), n, 2000, seed=20_261)
    print(
        f"\nbusy {busy:g}, n {n}: effective rewarded rows {found.effective_rewarded:.0f} "
        f"(least {found.least_rewarded:.0f}), refused {found.refused:.3f}"
    )
    for label, both in found.held.items():
        print(f"{label:20} t {both['t']:.3f}  hall {both['hall']:.3f}  bias {found.bias[label]:+.3f}")
    if found.effective_rewarded >= 60:
        for each in UNBIASED:
            assert 0.93 <= found.held[each.label]["t"] <= 0.97
            assert 0.93 <= found.held[each.label]["hall"] <= 0.97
    else:
        assert found.refused > 0.99
        for each in UNBIASED:
            assert 0.93 <= found.held[each.label]["hall"] <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("pulled", [0, 250])
def test_coverage_of_the_direct_method_refitted(pulled):
    """The model, rates by item, is fitted anew in each of 100 resamples; the rows alone give next to a point."""
    shop, n, held = Shop.drawn(busy=8.0), 10_000, np.zeros(2)
    by_item = shop.policy.mean(axis=1)
    for replication in range(500):
        rng = np.random.default_rng([5, replication])
        item, rows = shop.log(n, rng)

        def refit(counts, item=item, reward=rows.reward):
            return float(item_rates(item, reward, counts, pulled) @ by_item)

        anew = refitted(refit, n, rng, resamples=100)
        alone = value_interval((item_rates(item, rows.reward, None, pulled) @ shop.policy)[np.arange(n) % 3])
        held += [anew.ci_low <= shop.truth <= anew.ci_high, alone.ci_low <= shop.truth <= alone.ci_high]
    print(f"\ndm, pulled by {pulled}: refitted {held[0] / 500:.3f}, from rows alone {held[1] / 500:.3f}")
    if pulled:
        # Twice an item's impressions at a rate of its own: a bias that no resample shows.
        assert held[0] / 500 < 0.05
    else:
        # 4 binomial standard errors.
        assert 0.91 <= held[0] / 500 <= 0.99
    assert held[1] / 500 < 0.6


@pytest.mark.slow
def test_coverage_of_slates():
    logs = (cascading_slates.log(2000, np.random.default_rng([6, replication])) for replication in range(2000))
    found = held_by(cascading_slates.TRUTH, logs, SLATES)
    for label, (t, hall) in found.items():
        print(f"\n{label:12} t {t:.3f}  hall {hall:.3f}", end="")
    for label in ("rips", "snrips", "cascade_dr"):
        assert 0.93 <= found[label].min() <= found[label].max() <= 0.97
    # Whole slates weigh up to hundreds, so theirs are skewed; places by themselves forget what stands above.
    assert found["sips"].min() > 0.9
    assert found["iips"].max() < 0.93


@pytest.mark.slow
def test_coverage_of_trajectories():
    exact = small_process.exact_value(small_process.MOVES, small_process.EARNS, small_process.FIRST, steps=3)
    both = [PerDecision(PerDecisionConfig(small_process.DISCOUNT, own)) for own in (False, True)]
    found = held_by(exact, (small_process.log(1000, 3, seed=[7, r]) for r in range(2000)), both)
    print("\n", {label: both.tolist() for label, both in found.items()})
    for t, hall in found.values():
        assert 0.93 <= t <= 0.97
        assert 0.93 <= hall <= 0.97


@pytest.mark.slow
def test_coverage_of_fitted_q_refitted():
    """Q fitted anew in 60 resamples of trajectories; first states alone say nothing of Q's error."""
    exact = small_process.exact_value(small_process.MOVES, small_process.EARNS, small_process.FIRST)
    estimator, held = FittedQ(FittedQConfig(small_process.DISCOUNT, tolerance=1e-6)), np.zeros(2)
    for replication in range(300):
        own = small_process.log(300, 25, seed=[8, replication])

        def refit(counts, own=own):
            rows = np.repeat(np.arange(len(own)), counts.astype(int))
            arrays = {name: value if value is None else value[rows] for name, value in own.__dict__.items()}
            return estimator.estimate(WeightedTrajectories(**arrays)).value

        anew = refitted(refit, 300, np.random.default_rng([9, replication]), resamples=60)
        alone = value_interval(estimator.estimate(own).terms)
        held += [anew.ci_low <= exact <= anew.ci_high, alone.ci_low <= exact <= alone.ci_high]
    print(f"\nfitted_q: refitted {held[0] / 300:.3f}, from first states alone {held[1] / 300:.3f}")
    # 4 binomial standard errors.
    assert held[0] / 300 > 0.899
    assert held[1] / 300 < 0.6
