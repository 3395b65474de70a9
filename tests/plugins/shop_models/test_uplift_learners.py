"""Uplift learners against their formulas written out, and with boosted trees through the shipped suite."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import ConfigError, PluginError
from framework.testing import UpliftLearnerTests
from shop_models.uplift.dr_learner import DRLearner, DRLearnerConfig
from shop_models.uplift.effect_tree import EffectTree, EffectTreeConfig
from shop_models.uplift.pseudo_outcomes import pseudo_outcomes
from shop_models.uplift.regressions import RegressionConfig, dealt_folds, regress
from shop_models.uplift.s_learner import SLearner, SLearnerConfig
from shop_models.uplift.t_learner import TLearner, TLearnerConfig
from shop_models.uplift.x_learner import XLearner, XLearnerConfig

LEARNERS = (SLearner, TLearner, XLearner, DRLearner, EffectTree)


class TestBoostedS(UpliftLearnerTests):
    component = SLearner
    params = {"outcomes": "boosting", "trees": 60}  # noqa: RUF012


class TestBoostedX(UpliftLearnerTests):
    component = XLearner
    params = {"outcomes": "boosting", "effects": "boosting", "trees": 40}  # noqa: RUF012


class TestBoostedDR(UpliftLearnerTests):
    component = DRLearner
    params = {"outcomes": "boosting", "effects": "boosting", "trees": 40, "folds": 2}  # noqa: RUF012


def exact(n: int = 600):
    """Return a test without noise: 1 + 2 a + b without treatment, and 3 - a more with it."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(n, 2))
    chance = np.where(features[:, 0] > 0, 0.7, 0.4)
    treated = rng.random(n) < chance
    outcome = 1 + 2 * features[:, 0] + features[:, 1] + treated * (3 - features[:, 0])
    return features, treated, outcome, chance


@pytest.mark.parametrize("learner", [SLearner, TLearner, XLearner, DRLearner])
def test_linear_learners_find_linear_effects_exactly(learner):
    features, treated, outcome, chance = exact()
    made = learner(learner.Config())
    made.fit(features, treated, outcome, chance, np.random.default_rng(0))
    new = np.array([[0.0, 0], [1, 5], [-2, 1]])
    np.testing.assert_allclose(made.effect(new), [3, 2, 5], atol=0.02)


def test_pseudo_outcomes_are_kennedys():
    # Without noise the regressions are right, the residuals 0 but for the penalty: the pseudo-outcome is the effect.
    features, treated, outcome, chance = exact()
    found = pseudo_outcomes(RegressionConfig(), 3, features, treated, outcome, chance, np.random.default_rng(0))
    np.testing.assert_allclose(found, 3 - features[:, 0], atol=0.03)


def test_pseudo_outcomes_have_the_effects_mean_whatever_the_regression():
    # A linear regression of a step is wrong, and the arms are dealt unequally along it.
    rng = np.random.default_rng(4)
    n = 40_000
    x = rng.normal(size=(n, 1))
    chance = np.where(x[:, 0] > 0.5, 0.8, 0.3)
    treated = rng.random(n) < chance
    outcome = 2.0 * (x[:, 0] > 0.5) + treated * (x[:, 0] > 1) + rng.normal(size=n)
    found = pseudo_outcomes(RegressionConfig(), 2, x, treated, outcome, chance, rng)
    for group, effect in ((x[:, 0] > 1, 1.0), (x[:, 0] <= 1, 0.0)):
        error = found[group].std() / np.sqrt(group.sum())
        assert abs(found[group].mean() - effect) < 4 * error


def test_x_learner_weighs_by_the_share_of_treated():
    # Outcomes are constants in each arm's halves, so both effect regressions are known: 2 by the treated, 2 by control.
    features = np.zeros((100, 1))
    treated = np.arange(100) < 80
    outcome = np.where(treated, 5.0, 3.0)
    made = XLearner(XLearnerConfig())
    made.fit(features, treated, outcome, np.full(100, 0.8), np.random.default_rng(0))
    assert made.share == pytest.approx(0.8)
    np.testing.assert_allclose(made.effect(features[:2]), 2.0)
    made.of_treated, made.of_control = (lambda rows: np.full(len(rows), 1.0)), (lambda rows: np.full(len(rows), 6.0))
    # Kunzel et al., eq. 9: g tau_0 + (1 - g) tau_1.
    np.testing.assert_allclose(made.effect(features[:1]), 0.8 * 6 + 0.2 * 1)


def test_tree_says_its_rules_and_is_honest():
    rng = np.random.default_rng(5)
    n = 4000
    features = np.column_stack([rng.integers(0, 2, n), rng.uniform(0, 100, n)]).astype(float)
    treated = rng.random(n) < 0.5
    outcome = treated * (4.0 * (features[:, 0] == 1) + 2.0 * (features[:, 1] > 50)) + rng.normal(size=n)
    made = EffectTree(EffectTreeConfig(depth=2))
    made.fit(features, treated, outcome, np.full(n, 0.5), rng)
    rules = made.rules(("channel=Web", "spend"))
    assert len(rules) == 4
    assert rules[0].startswith("channel is Web and spend above ")
    assert rules[-1].startswith("channel is not Web and spend up to ")
    assert abs(float(rules[0].rsplit(" ", 1)[1]) - 50) < 3
    groups = made.groups(features)
    np.testing.assert_allclose([made.effect(features[groups == g])[0] for g in range(4)], [6, 4, 2, 0], atol=0.3)


def test_tree_of_noise_has_no_effects_far_from_0():
    # Leaves are picked for their differences on one half; the other half does not know them. Means of the shaping half
    # spread by 0.56 over these 12 trees, those of the other by its error alone, which is 0.2 to 0.3 a leaf.
    spread = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(800, 6))
        treated = rng.random(800) < 0.5
        made = EffectTree(EffectTreeConfig(depth=3))
        made.fit(features, treated, rng.normal(size=800), np.full(800, 0.5), rng)
        leaves = np.unique(made.groups(features))
        effects = np.array([made.effect(features[made.groups(features) == leaf])[0] for leaf in leaves])
        spread.append(effects.std())
    assert np.mean(spread) < 0.35


def test_folds_are_dealt_within_arms():
    treated = np.arange(100) < 30
    fold = dealt_folds(treated, 5, np.random.default_rng(0))
    assert np.bincount(fold[treated]).tolist() == [6] * 5
    assert np.bincount(fold[~treated]).tolist() == [14] * 5


def test_regression_of_nothing_and_of_equal_outcomes():
    assert regress(RegressionConfig(), "linear", np.zeros((0, 2)), np.zeros(0), 0)(np.ones((3, 2))).tolist() == [0] * 3
    assert regress(RegressionConfig(), "boosting", np.ones((4, 2)), np.full(4, 7.0), 0)(np.ones((2, 2))).tolist() == [
        7,
        7,
    ]


def test_refusals():
    for learner in LEARNERS:
        with pytest.raises(PluginError, match="asked before it was fitted"):
            learner(learner.Config()).effect(np.zeros((1, 2)))
    for config, wrong in (
        (SLearnerConfig, {"trees": 0}),
        (TLearnerConfig, {"learning_rate": 0.0}),
        (DRLearnerConfig, {"folds": 1}),
        (EffectTreeConfig, {"smallest": 0.5}),
        (EffectTreeConfig, {"depth": 0}),
    ):
        with pytest.raises(ConfigError):
            config(**wrong)
