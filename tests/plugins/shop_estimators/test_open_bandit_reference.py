"""Every estimate that obp 0.5.7 made of the four small Open Bandit logs, recomputed."""

import numpy as np
import pytest

from framework.counterfactual.reward_model import fit_reward_model
from framework.stats.off_policy import effective_number, health, rows_for_difference, standard_error, value_interval
from shop_estimators.doubly_robust.dm import Dm, DmConfig
from shop_estimators.doubly_robust.dr import Dr, DrConfig
from shop_estimators.doubly_robust.dr_os import DrOs, DrOsConfig
from shop_estimators.doubly_robust.sg_dr import SgDr, SgDrConfig
from shop_estimators.doubly_robust.sndr import Sndr, SndrConfig
from shop_estimators.doubly_robust.switch_dr import SwitchDr, SwitchDrConfig
from shop_estimators.weighting.clipped_ips import ClippedIps, ClippedIpsConfig
from shop_estimators.weighting.ips import Ips, IpsConfig
from shop_estimators.weighting.sg_ips import SgIps, SgIpsConfig
from shop_estimators.weighting.snips import Snips, SnipsConfig
from tests.plugins.shop_estimators.open_bandit_logs import LOGS, decisions, published, weighted

pytestmark = pytest.mark.reference

ESTIMATORS = {
    "ipw": lambda: Ips(IpsConfig()),
    "snipw": lambda: Snips(SnipsConfig()),
    "dm": lambda: Dm(DmConfig()),
    "dr": lambda: Dr(DrConfig()),
    "sndr": lambda: Sndr(SndrConfig()),
    "switch-dr(l=1)": lambda: SwitchDr(SwitchDrConfig(1.0)),
    "switch-dr(l=5)": lambda: SwitchDr(SwitchDrConfig(5.0)),
    "dr-os(l=1)": lambda: DrOs(DrOsConfig(1.0)),
    "dr-os(l=10)": lambda: DrOs(DrOsConfig(10.0)),
    "ipw-clip(5)": lambda: ClippedIps(ClippedIpsConfig(5.0)),
    "sg-ipw(l=0.05)": lambda: SgIps(SgIpsConfig(0.05)),
    "sg-dr(l=0.05)": lambda: SgDr(SgDrConfig(0.05)),
}
TUNED = {
    f"{name}({rule})": (lambda made=made, config=config, rule=rule: made(config(constant=rule)))
    for name, made, config in (("switch-dr", SwitchDr, SwitchDrConfig), ("dr-os", DrOs, DrOsConfig))
    for rule in ("slope", "mse")
}
# A note says that a weight lies on the threshold, so that the last bit of a division decides on which side.


def obp_terms(name, rows, terms):
    """obp divides a ratio's weights by their mean once and takes that mean as known."""
    if name in {"snipw", "sndr"}:
        w = rows.weight / rows.weight.mean()
        return w * rows.reward if name == "snipw" else rows.expected + w * (rows.reward - rows.fitted)
    return terms


def test_every_key_is_held_to():
    for log in LOGS:
        known = published(log)
        assert set(ESTIMATORS) == set(known["estimates"])
        assert set(TUNED) == set(known["estimates_tuned_by_obp"]["values"])


@pytest.mark.parametrize("key", ESTIMATORS)
@pytest.mark.parametrize("log", LOGS)
def test_value(log, key):
    known, rows = published(log)["estimates"][key], weighted(log)
    if "note" in known:
        assert key == "switch-dr(l=1)"
        pytest.skip(known["note"])
    found = ESTIMATORS[key]().estimate(rows)
    assert found.value == pytest.approx(known["value"], abs=1e-10)
    on_policy = published(log)["on_policy_value_of_evaluation_policy"]
    assert abs(found.value / on_policy - 1) == pytest.approx(known["relative_ee"], abs=1e-10)
    assert found.value / rows.reward.mean() == pytest.approx(known["relative_to_behaviour"], abs=1e-10)


@pytest.mark.parametrize("key", ESTIMATORS)
@pytest.mark.parametrize("log", LOGS)
def test_error_and_lower_bound(log, key):
    known, rows = published(log)["estimates"][key], weighted(log)
    if "note" in known:
        pytest.skip(known["note"])
    found = ESTIMATORS[key]().estimate(rows)
    terms = obp_terms(key, rows, found.terms)
    assert standard_error(terms) == pytest.approx(known["se_iid"], rel=1e-9)
    # A two-sided interval at 90 % ends where the one-sided bound at 95 % does.
    assert value_interval(terms, confidence=0.9).ci_low == pytest.approx(known["student_t_lower"], abs=1e-10)
    if "se_delta" in known:
        assert standard_error(found.terms, small_sample=False) == pytest.approx(known["se_delta"], rel=1e-9)


@pytest.mark.parametrize("key", TUNED)
@pytest.mark.parametrize("log", LOGS)
def test_constant_chosen_from_the_log(log, key):
    known = published(log)["estimates_tuned_by_obp"]
    estimator = TUNED[key]()
    assert list(estimator.config.candidates) == [float(one) for one in known["lambdas"]]
    found = estimator.estimate(weighted(log))
    assert found.value == pytest.approx(known["values"][key]["value"], abs=1e-10)
    assert found.details["constant"] == float(known["values"][key]["chosen_lambda"])


@pytest.mark.parametrize("log", LOGS)
def test_weights(log):
    known, rows = published(log)["weights"], weighted(log)
    found = health(rows.weight, rows.reward)
    assert found.effective_rows == pytest.approx(known["ess"], rel=1e-10)
    assert found.effective_rows == effective_number(rows.weight)
    assert found.mean_weight == pytest.approx(known["mean"], rel=1e-10)
    assert found.largest_weight == pytest.approx(known["max"], rel=1e-10)
    assert (rows.weight == 0).mean() == known["share_zero"]


@pytest.mark.parametrize(
    ("log", "difference", "rows_needed", "clicks"),
    [("all_random_to_bts", 0.0015, 166_575, 4.7), ("women_random_to_bts", 0.0016, 108_336, 13.0)],
)
def test_rows_that_show_a_difference(log, difference, rows_needed, clicks):
    rows = weighted(log)
    found = Snips(SnipsConfig()).estimate(rows)
    error = standard_error(found.terms, small_sample=False)
    assert round(rows_for_difference(len(rows), error, difference)) == rows_needed
    sound = health(rows.weight, rows.reward)
    assert round(sound.effective_rewarded, 1) == clicks
    assert {reason.check for reason in sound.reasons} == {"effective_rewarded"}


def test_one_weight_of_twenty_thousand_is_refused():
    rows = weighted("women_bts_to_random")
    found = health(rows.weight, rows.reward)
    assert round(found.effective_rows, 1) == 2.1
    assert round(found.largest_weight) == 21_739
    assert {reason.check for reason in found.reasons} == {"effective_rows", "effective_rewarded", "largest_share"}
    assert "only 2.1 effective rows carry the weights, of 10,000 rows" in found.reasons[0].text


@pytest.mark.parametrize("log", LOGS)
def test_reward_model_fitted_anew(log):
    known, own, rows = published(log)["estimates"], decisions(log), weighted(log)
    policy = np.array(published(log)["inputs"]["action_dist"])
    model = fit_reward_model(own, folds=3, seed=12345)
    fitted, expected = model.fitted(), model.expected(policy)
    refitted = type(rows)(rows.reward, rows.weight, fitted, expected)
    assert Dm(DmConfig()).estimate(refitted).value == pytest.approx(known["dm"]["value"], rel=2e-3)
    assert Dr(DrConfig()).estimate(refitted).value == pytest.approx(known["dr"]["value"], rel=2e-3)
    np.testing.assert_allclose(model.predicted()[np.arange(len(own)), own.action], fitted, rtol=1e-12)
    np.testing.assert_allclose((model.predicted() * policy.T[own.position]).sum(axis=1), expected, rtol=1e-9)
