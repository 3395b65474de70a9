"""Estimators of rows by hand, and what their weights, constants and refusals are."""

import math

import numpy as np
import pytest

from framework.errors import ConfigError, TrialError
from framework.records import WeightedRows
from shop_estimators.doubly_robust.dr import Dr, DrConfig
from shop_estimators.doubly_robust.dr_os import DrOs, DrOsConfig
from shop_estimators.doubly_robust.sg_dr import SgDr, SgDrConfig
from shop_estimators.doubly_robust.sndr import Sndr, SndrConfig
from shop_estimators.doubly_robust.switch_dr import SwitchDr, SwitchDrConfig
from shop_estimators.shrinking import clip, optimistic, sub_gaussian, switch
from shop_estimators.weighting.clipped_ips import ClippedIps, ClippedIpsConfig
from shop_estimators.weighting.ips import Ips, IpsConfig
from shop_estimators.weighting.mips import Mips, MipsConfig
from shop_estimators.weighting.replay import Replay, ReplayConfig
from shop_estimators.weighting.sg_ips import SgIps, SgIpsConfig
from shop_estimators.weighting.snips import Snips, SnipsConfig

ROWS = WeightedRows(
    reward=np.array([1.0, 0.0, 1.0, 0.0]),
    weight=np.array([0.5, 2.0, 4.0, 0.0]),
    fitted=np.array([0.5, 0.25, 0.5, 0.25]),
    expected=np.array([0.4, 0.4, 0.2, 0.2]),
)


def test_shrunk_weights_by_hand():
    weight = np.array([0.0, 0.5, 2.0, 8.0])
    np.testing.assert_allclose(clip(weight, 2.0), [0, 0.5, 2, 2])
    np.testing.assert_allclose(switch(weight, 2.0), [0, 0.5, 2, 0])
    np.testing.assert_allclose(optimistic(weight, 4.0), [0, 2 / 4.25, 1, 32 / 68])
    np.testing.assert_allclose(sub_gaussian(weight, 0.5), [0, 0.5 / 0.75, 2 / 1.5, 8 / 4.5])
    for shrink, plain in ((clip, math.inf), (switch, math.inf), (optimistic, math.inf), (sub_gaussian, 0.0)):
        np.testing.assert_array_equal(shrink(weight, plain), weight)
    np.testing.assert_array_equal(optimistic(weight, 0.0), 0 * weight)
    np.testing.assert_array_equal(sub_gaussian(weight, 1.0), [0, 1, 1, 1])
    assert optimistic(np.geomspace(0.01, 1e6, 999), 4.0).max() <= 1.0


def test_values_by_hand():
    assert Ips(IpsConfig()).estimate(ROWS).value == pytest.approx(4.5 / 4)
    assert Snips(SnipsConfig()).estimate(ROWS).value == pytest.approx(4.5 / 6.5)
    # Residuals weighted: .25, -.5, 2, 0.
    assert Dr(DrConfig()).estimate(ROWS).value == pytest.approx(0.3 + 1.75 / 4)
    assert Sndr(SndrConfig()).estimate(ROWS).value == pytest.approx(0.3 + 1.75 / 6.5)
    assert SwitchDr(SwitchDrConfig(2.0)).estimate(ROWS).value == pytest.approx(0.3 - 0.25 / 4)
    assert ClippedIps(ClippedIpsConfig(2.0)).estimate(ROWS).value == pytest.approx(2.5 / 4)


def test_influence_of_a_ratio_is_its_derivative():
    """A row's term is how far the value moves with that row's share, found by numerical differentiation."""
    for estimator in (Snips(SnipsConfig()), Sndr(SndrConfig())):
        found = estimator.estimate(ROWS)
        for i in range(4):
            step = 1e-6
            share = np.full(4, (1 - step) / 4)
            share[i] += step
            expected = share @ ROWS.expected if isinstance(estimator, Sndr) else 0.0
            rest = ROWS.reward - (ROWS.fitted if isinstance(estimator, Sndr) else 0.0)
            moved = expected + (share * ROWS.weight) @ rest / ((share * ROWS.weight).sum())
            assert (moved - found.value) / step == pytest.approx(found.terms[i] - found.value, abs=1e-5)


def test_replay_keeps_what_a_deterministic_policy_does_too():
    """Li et al.: a uniform logger over 4 actions; the kept rows are those on which both agree."""
    rng = np.random.default_rng(0)
    agrees = rng.integers(0, 4, 2000) == 0
    reward = rng.binomial(1, 0.3, 2000).astype(np.float64)
    found = Replay(ReplayConfig()).estimate(WeightedRows(reward, np.where(agrees, 4.0, 0.0)))
    assert found.value == pytest.approx(reward[agrees].mean())
    assert found.details == {"kept": float(agrees.sum())}


def test_replay_of_a_stochastic_policy_is_right_on_average():
    rng = np.random.default_rng(1)
    reward_rate, target, logging = np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.25, 0.25])
    values = []
    for seed in range(300):
        action = rng.choice(3, 500, p=logging)
        reward = (rng.random(500) < reward_rate[action]).astype(np.float64)
        rows = WeightedRows(reward, (target / logging)[action])
        values.append(Replay(ReplayConfig(seed)).estimate(rows).value)
    error = np.std(values) / math.sqrt(300)
    assert np.mean(values) == pytest.approx(target @ reward_rate, abs=4 * error)
    assert error < 0.003


def test_replay_keeps_other_rows_under_another_seed():
    rng = np.random.default_rng(2)
    rows = WeightedRows(rng.random(300), rng.random(300))
    first, other = (Replay(ReplayConfig(seed)).estimate(rows) for seed in (0, 1))
    assert first.value != other.value


def test_mips_weighs_by_marginals():
    rows = WeightedRows(ROWS.reward, ROWS.weight, marginal=np.array([1.0, 1.0, 2.0, 0.0]))
    assert Mips(MipsConfig()).estimate(rows).value == pytest.approx(0.75)
    assert Mips(MipsConfig(self_normalised=True)).estimate(rows).value == pytest.approx(0.75)
    assert Mips(MipsConfig(self_normalised=True)).label == "snmips"
    with pytest.raises(TrialError, match="no marginal weights"):
        Mips(MipsConfig()).estimate(ROWS)


@pytest.mark.parametrize(
    ("made", "config"),
    [
        (ClippedIps, ClippedIpsConfig),
        (SwitchDr, SwitchDrConfig),
        (DrOs, DrOsConfig),
        (SgIps, SgIpsConfig),
        (SgDr, SgDrConfig),
    ],
)
def test_constants(made, config):
    name = made.__module__.rpartition(".")[2]
    assert made(config(0.5)).label == f"{name}(0.5)"
    assert made(config()).label == f"{name}(mse)"
    given = made(config(constant=0.5)).estimate(ROWS)
    chosen = made(config(constant="mse", candidates=(0.5,))).estimate(ROWS)
    assert chosen.value == given.value
    assert chosen.details == {"constant": 0.5}
    for wrong in ({"constant": -1.0}, {"candidates": ()}, {"candidates": (1.0, math.nan)}, {"delta": 0.0}):
        with pytest.raises(ConfigError, match=name):
            config(**wrong)


def test_sub_gaussian_constants_are_shares():
    for config in (SgIpsConfig, SgDrConfig):
        with pytest.raises(ConfigError, match="from 0 to 1"):
            config(constant=1.5)


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_the_bound_trades_bias_for_spread(unit):
    """Weights as they are where a large one brings what it promises; cut off where it brings noise of mean 0."""
    rng = np.random.default_rng(3)
    weight = rng.gamma(0.2, 5.0, 4000)
    estimator = ClippedIps(ClippedIpsConfig(constant="mse", candidates=(0.05, math.inf)))
    earns = rng.binomial(1, 0.5, 4000).astype(np.float64)
    assert estimator.estimate(WeightedRows(unit * earns, weight)).details["constant"] == math.inf
    noise = np.where(np.arange(4000) % 2 == 0, 1.0, -1.0)
    paired = np.repeat(weight[:2000], 2)
    assert estimator.estimate(WeightedRows(unit * noise, paired)).details["constant"] == 0.05


def test_nothing_to_divide_by():
    rows = WeightedRows(ROWS.reward, np.zeros(4), ROWS.fitted, ROWS.expected)
    for estimator in (Snips(SnipsConfig()), Sndr(SndrConfig()), Replay(ReplayConfig())):
        with pytest.raises(TrialError, match="every weight is 0"):
            estimator.estimate(rows)
    assert Ips(IpsConfig()).estimate(rows).value == 0.0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (WeightedRows(np.ones(3), np.ones(4)), r"ips: weight has shape \(4,\)"),
        (WeightedRows(np.ones(3), np.array([1.0, -0.5, 1.0])), "a weight of -0.5"),
        (WeightedRows(np.ones(1), np.ones(1)), "2 rows or more"),
        (WeightedRows(np.ones((3, 2)), np.ones((3, 2))), r"rewards of shape \(3, 2\)"),
    ],
)
def test_what_is_no_log_is_refused(rows, words):
    with pytest.raises(TrialError, match=words):
        Ips(IpsConfig()).estimate(rows)
