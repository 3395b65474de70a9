"""The reward model: scikit-learn fitted place by place, folds kept apart, units and counts respected."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold

from framework.counterfactual.reward_model import fit_reward_model
from framework.errors import ConfigError, TrialError
from framework.records import LoggedDecisions

N, ACTIONS, PLACES = 1200, 4, 2


def log(seed=0, *, binary=True, features=True, unit=None):
    rng = np.random.default_rng(seed)
    context = rng.normal(size=(N, 2))
    action, position = rng.integers(0, ACTIONS, N), rng.integers(0, PLACES, N)
    score = context[:, 0] + 0.8 * action - 1.5 * position - 1.0
    reward = (rng.random(N) < 1 / (1 + np.exp(-score))).astype(np.float64) if binary else score + rng.normal(size=N)
    return LoggedDecisions(
        action.astype(np.int32),
        position.astype(np.int32),
        reward,
        None,
        tuple("abcd"),
        PLACES,
        unit=unit,
        context=context,
        action_features=np.column_stack([np.arange(4.0), [0.0, 1.0, 0.0, 1.0]]) if features else None,
    )


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("features", [True, False])
def test_answers_are_those_of_one_regression_a_fold_and_place(binary, features):
    own = log(binary=binary, features=features)
    of_action = own.action_features if features else np.eye(ACTIONS)
    model = fit_reward_model(own, folds=3, seed=5)
    answers = model.predicted()
    assert answers.shape == (N, ACTIONS)
    for learn, held_out in KFold(3, shuffle=True, random_state=5).split(np.arange(N)):
        for place in range(PLACES):
            train = learn[own.position[learn] == place]
            test = held_out[own.position[held_out] == place]
            regression = LogisticRegression(max_iter=1000) if binary else Ridge()
            regression.fit(np.hstack([own.context[train], of_action[own.action[train]]]), own.reward[train])
            for a in range(ACTIONS):
                design = np.hstack([own.context[test], np.tile(of_action[a], (len(test), 1))])
                wanted = regression.predict_proba(design)[:, 1] if binary else regression.predict(design)
                np.testing.assert_allclose(answers[test, a], wanted, rtol=1e-9, atol=1e-12)


def test_expected_by_place_and_by_row(monkeypatch):
    own = log()
    policy = np.random.default_rng(1).dirichlet(np.ones(ACTIONS), PLACES).T
    model = fit_reward_model(own)
    by_place = model.expected(policy)
    np.testing.assert_allclose(by_place, (model.predicted() * policy.T[own.position]).sum(axis=1), rtol=1e-12)
    monkeypatch.setattr("framework.counterfactual.reward_model.CELLS_AT_ONCE", 100)
    np.testing.assert_allclose(model.expected(3.0 * policy.T[own.position]), by_place, rtol=1e-12)
    np.testing.assert_allclose(model.fitted(), model.predicted()[np.arange(N), own.action], rtol=1e-12)


def test_a_units_rows_are_in_one_fold():
    unit = np.repeat(np.arange(N // 4), 4)
    model = fit_reward_model(log(unit=unit))
    assert (model.fold.reshape(-1, 4) == model.fold.reshape(-1, 4)[:, :1]).all()
    assert np.bincount(model.fold).min() > 300


def test_a_row_does_not_foretell_itself():
    own = log()
    turned = LoggedDecisions(**{**own.__dict__, "reward": own.reward.copy()})
    turned.reward[7] = 1 - turned.reward[7]
    before, after = fit_reward_model(own).fitted(), fit_reward_model(turned).fitted()
    assert after[7] == before[7]
    assert (after != before).any()


def test_counts_are_rows_that_many_times():
    own = log()
    counts = np.random.default_rng(2).integers(0, 3, N).astype(np.float64)
    model = fit_reward_model(own, counts=counts)
    rows = np.repeat(np.arange(N), counts.astype(int))
    train = rows[(model.fold[rows] != 0) & (own.position[rows] == 0)]
    design = np.hstack([own.context[train], own.action_features[own.action[train]]])
    regression = LogisticRegression(max_iter=1000).fit(design, own.reward[train])
    test = np.flatnonzero((model.fold == 0) & (own.position == 0))
    design = np.hstack([own.context[test], own.action_features[own.action[test]]])
    np.testing.assert_allclose(model.fitted()[test], regression.predict_proba(design)[:, 1], rtol=1e-3)


def test_a_place_without_a_click_is_foretold_none():
    own = log()
    quiet = LoggedDecisions(**{**own.__dict__, "reward": np.where(own.position == 1, 0.0, own.reward)})
    model = fit_reward_model(quiet)
    assert (model.predicted()[quiet.position == 1] == 0).all()
    assert (model.fitted()[quiet.position == 0] > 0).all()


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ConfigError, match="1 folds"):
        fit_reward_model(log(), folds=1)
    with pytest.raises(TrialError, match="counts of shape"):
        fit_reward_model(log(), counts=np.ones(3))
    model = fit_reward_model(log())
    with pytest.raises(TrialError, match="a policy of shape"):
        model.expected(np.ones((2, 2)))
    with pytest.raises(TrialError, match="no action at all"):
        model.expected(np.zeros((ACTIONS, PLACES)))
