"""Slate estimators and marginal weights, held to what obp 0.5.7 made of the same synthetic logs."""

import numpy as np
import pytest

from framework.records import WeightedRows, WeightedSlates
from framework.stats.off_policy import known_likelihood, marginal_weights, standard_error, value_interval
from shop_estimators.slates.cascade_dr import CascadeDr, CascadeDrConfig
from shop_estimators.slates.iips import Iips, IipsConfig
from shop_estimators.slates.rips import Rips, RipsConfig
from shop_estimators.slates.sips import Sips, SipsConfig
from shop_estimators.weighting.ips import Ips, IpsConfig
from shop_estimators.weighting.mips import Mips, MipsConfig
from tests.plugins.shop_estimators.open_bandit_logs import reference

pytestmark = pytest.mark.reference

SLATES = {
    "sips": Sips(SipsConfig()),
    "iips": Iips(IipsConfig()),
    "rips": Rips(RipsConfig()),
    "snsips": Sips(SipsConfig(self_normalised=True)),
    "sniips": Iips(IipsConfig(self_normalised=True)),
    "snrips": Rips(RipsConfig(self_normalised=True)),
    "cascade_dr": CascadeDr(CascadeDrConfig()),
}


def slates():
    known = {name: np.array(values) for name, values in reference("slate_synthetic")["inputs"].items()}
    return WeightedSlates(
        reward=known["reward"].astype(np.float64),
        slate=known["eval_pscore"] / known["pscore"],
        place=known["eval_pscore_item_position"] / known["pscore_item_position"],
        cascade=known["eval_pscore_cascade"] / known["pscore_cascade"],
        fitted=known["q_hat_factual"],
        expected=known["q_hat_expected_under_eval"],
    )


def test_every_key_is_held_to():
    assert set(SLATES) == set(reference("slate_synthetic")["values"])


@pytest.mark.parametrize("key", SLATES)
def test_slate_value(key):
    found = SLATES[key].estimate(slates())
    assert SLATES[key].label == key
    assert found.value == pytest.approx(reference("slate_synthetic")["values"][key], abs=1e-10)


@pytest.mark.parametrize("key", SLATES)
def test_slate_interval_holds_the_truth(key):
    found = value_interval(SLATES[key].estimate(slates()).terms)
    assert found.ci_low < reference("slate_synthetic")["true_value"] < found.ci_high


def marginal():
    known = {name: np.array(values) for name, values in reference("mips_synthetic")["inputs"].items()}
    likelihood = known_likelihood(known["action_embed"], known["p_e_a"])
    return known, marginal_weights(known["pi_e"], known["pi_b"], likelihood)


def test_marginal_weights():
    known, weight = marginal()
    # pi_e and pi_b are printed to 12 digits, the weights were made of all.
    np.testing.assert_allclose(weight, known["w_mips"], rtol=1e-8)


@pytest.mark.parametrize(("key", "made"), [("mips_true", Mips(MipsConfig())), ("ips", Ips(IpsConfig()))])
def test_marginalised_value(key, made):
    known, _ = marginal()
    rows = WeightedRows(known["reward"].astype(np.float64), known["w_ips"], marginal=known["w_mips"])
    assert made.estimate(rows).value == pytest.approx(reference("mips_synthetic")["values"][key], abs=1e-10)


def test_marginal_weights_vary_less():
    known, weight = marginal()
    reward = known["reward"].astype(np.float64)
    assert standard_error(weight * reward) < standard_error(known["w_ips"] * reward)
