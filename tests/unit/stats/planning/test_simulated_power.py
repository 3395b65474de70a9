"""Power by simulation: held to the formula where there is one, and the same whoever runs the replications."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.planning.means import minimum_detectable_mean, power_mean, units_for_mean
from framework.stats.planning.proportions import power_proportion
from framework.stats.planning.resampled import Resampled, ResampledPairs, planted
from framework.stats.planning.simulated import simulated_minimum, simulated_power, simulated_units
from framework.stats.planning.variance import unit_sd
from framework.stats.samples import UnitValues


def z_test(rng, n, effect):
    """One z test of known spread: its power has a closed form."""
    return float(2 * stats.norm.sf(abs(rng.normal(effect * math.sqrt(n / 2), 1))))


def z_power(n, effect):
    return stats.norm.sf(1.959964 - effect * math.sqrt(n / 2))


def test_the_interval_covers_the_formula():
    # 2,000 replications: standard error 0.9 points; a 99.9 % interval is 3.3 of them to each side.
    found = simulated_power(z_test, 100, 0.4, replications=2000, seed=5, confidence=0.999)
    assert found.ci_low < z_power(100, 0.4) < found.ci_high
    assert found.power == found.rejections / 2000
    exact = stats.beta.ppf(
        [0.0005, 0.9995], [found.rejections, found.rejections + 1], [2001 - found.rejections, 2000 - found.rejections]
    )
    assert [found.ci_low, found.ci_high] == pytest.approx(exact, rel=1e-9)


def test_no_effect_is_found_at_alpha():
    # 2,000 replications at 5 %: standard error 0.5 points, tolerance four.
    assert simulated_power(z_test, 100, 0.0, replications=2000).power == pytest.approx(0.05, abs=0.02)


def test_replications_have_seeds_of_their_own():
    seen = []

    def record(rng, n, effect):
        seen.append(rng.random())
        return 0.5

    simulated_power(record, 5, 0.0, replications=3, seed=7)
    assert seen == [np.random.default_rng([7, i]).random() for i in range(3)]


def test_processes_change_nothing():
    alone = simulated_power(z_test, 50, 0.5, replications=60, seed=3)
    with ProcessPoolExecutor(2) as pool:
        spread = simulated_power(
            z_test, 50, 0.5, replications=60, seed=3, mapper=lambda f, numbers: pool.map(f, numbers, chunksize=30)
        )
    assert spread == alone
    assert simulated_power(z_test, 50, 0.5, replications=60, seed=4) != alone


def test_units_by_simulation():
    # Power known to 1.3 points at 1,000 replications: n to about 3 %, and the search stops within 2 %.
    exact = 2 * ((1.959964 + 0.841621) / 0.4) ** 2
    found = simulated_units(z_test, 0.4, start=80, replications=1000, seed=1)
    assert found.power >= 0.8
    assert found.n == pytest.approx(exact, rel=0.1)
    effect = simulated_minimum(z_test, found.n, start=-0.3, replications=500, seed=1)
    assert effect.effect == pytest.approx(-0.4, rel=0.1)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: simulated_power(lambda rng, n, effect: math.nan, 5, 0.0), "replication 0 has the p-value nan"),
        (lambda: simulated_power(lambda rng, n, effect: 1.2, 5, 0.0), "p-value 1.2"),
        (lambda: simulated_power(z_test, 0, 0.1), "n is 0"),
        (lambda: simulated_power(z_test, 5, 0.1, replications=0), "replications is 0"),
        (lambda: simulated_power(z_test, 5, 0.1, alpha=0.0), "alpha is 0"),
        (lambda: simulated_units(z_test, 0.1, start=1), "start is 1"),
        (lambda: simulated_units(z_test, 0.0, start=10, replications=20, most=100), "no sample below"),
        (lambda: simulated_units(z_test, 0.1, start=10, power=0.01), "power is 0.01"),
        (lambda: simulated_minimum(z_test, 10, start=0.0), "start is 0"),
        (lambda: simulated_minimum(lambda rng, n, effect: 1.0, 10, start=0.1, replications=5), "no effect up to"),
    ],
)
def test_impossible_simulations_are_refused(call, named):
    with pytest.raises(TrialError, match=named):
        call()


@pytest.fixture(scope="module")
def log():
    """Return one log's units of each kind, 4,000 of them; spend has 80 % zeros and a lognormal tail."""
    rng = np.random.default_rng(8)
    sessions = 1.0 + rng.poisson(2, 4000)
    orders = rng.binomial(sessions.astype(int), 0.25).astype(float)
    return {
        "mean": UnitValues("mean", np.where(rng.random(4000) < 0.2, rng.lognormal(3, 1, 4000), 0.0)),
        "proportion": UnitValues("proportion", (rng.random(4000) < 0.3).astype(float)),
        "ratio": UnitValues("ratio", orders, sessions),
    }


def value(values):
    return values.numerator.sum() / (values.numerator.size if values.denominator is None else values.denominator.sum())


@pytest.mark.parametrize("kind", ["mean", "proportion", "ratio"])
@pytest.mark.parametrize("planting", ["additive", "multiplicative"])
@pytest.mark.parametrize("up", [1, -1])
def test_a_planted_effect_is_the_true_one(log, kind, planting, up):
    values, rng = log[kind], np.random.default_rng(1)
    effect = up * (0.1 if planting == "multiplicative" else 0.1 * value(values))
    many = UnitValues(
        kind, np.tile(values.numerator, 50), None if values.denominator is None else np.tile(values.denominator, 50)
    )
    moved = planted(many, effect, planting=planting, value=value(values), rng=rng)
    # Exact but for a proportion, where 200,000 units flip by chance: standard error 0.06 points.
    tolerance = {"abs": 0.0025} if kind == "proportion" else {"rel": 1e-9}
    assert value(moved) - value(values) == pytest.approx(up * 0.1 * value(values), **tolerance)
    assert moved.kind == kind


def test_resampled_power_is_the_formulas(log):
    # 400 replications: standard error 2 points, tolerance four.
    spend = log["mean"]
    sd, effect = unit_sd(spend), 0.35 * unit_sd(spend)
    found = simulated_power(Resampled(spend, ratio=0.5), 200, effect, replications=400, seed=2)
    assert found.power == pytest.approx(power_mean(effect, sd, 200, 100), abs=0.08)
    share = value(log["proportion"])
    found = simulated_power(Resampled(log["proportion"]), 300, 0.1, replications=400, seed=2)
    assert found.power == pytest.approx(power_proportion(share, share + 0.1, 300, 300), abs=0.08)


def test_resampled_ratios_and_null(log):
    source = Resampled(log["ratio"], planting="multiplicative")
    assert source.value == pytest.approx(value(log["ratio"]))
    assert simulated_power(source, 300, 0.0, replications=400, seed=1).power == pytest.approx(0.05, abs=0.045)
    assert simulated_power(source, 300, 0.5, replications=50, seed=1).power > 0.9


def test_resampled_pairs(log):
    rng = np.random.default_rng(4)
    control = log["mean"]
    treatment = UnitValues("mean", control.numerator + rng.normal(3.0, 10.0, 4000))
    pairs = ResampledPairs(control, treatment)
    sd = float(np.std(treatment.numerator - control.numerator, ddof=1))
    n = math.ceil(units_for_mean(2.0, sd, design="paired"))
    # The observed difference of 3 is taken out: only the planted 2 counts. 400 replications, four standard errors.
    assert simulated_power(pairs, n, 2.0, replications=400, seed=1).power == pytest.approx(0.8, abs=0.08)
    assert simulated_power(pairs, n, 0.0, replications=400, seed=1).power == pytest.approx(0.05, abs=0.045)


def test_a_heavy_tail_that_the_formula_cannot_see():
    # One unit in 500 spends very much: 60 units rarely hold one, so what the variance promises is not what happens.
    rng = np.random.default_rng(0)
    spend = UnitValues("mean", np.concatenate([rng.exponential(1.0, 4990), np.full(10, 1000.0)]))
    effect = minimum_detectable_mean(unit_sd(spend), 60, 60)
    found = simulated_power(Resampled(spend), 60, effect, replications=300, seed=1)
    assert abs(found.power - 0.8) > 0.05
    assert found.ci_low > 0.8 or found.ci_high < 0.8


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda log: Resampled(log["mean"], planting="sum"), "planting 'sum'"),
        (lambda log: Resampled(log["mean"], ratio=0.0), "ratio is 0"),
        (lambda log: Resampled(UnitValues("mean", np.array([1.0, np.nan]))), "missing or infinite"),
        (lambda log: ResampledPairs(log["ratio"], log["ratio"]), "pairs of ratios"),
        (lambda log: ResampledPairs(log["mean"], UnitValues("mean", np.arange(3.0))), "the same units in both"),
        (lambda log: Resampled(log["proportion"])(np.random.default_rng(0), 50, 0.9), "makes a share of"),
    ],
)
def test_populations_that_cannot_be_are_refused(log, call, named):
    with pytest.raises(TrialError, match=named):
        call(log)
