"""Worth of segmentations: exact small cases, no false winners where no action is better, true winners found."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.uplift.action_values import action_values, forward_predictions
from framework.stats.uplift.balance import balance_p_value
from framework.stats.uplift.policy_value import best_actions, given, policy_value
from framework.stats.uplift.targeting import targeting, whom_to_contact


def test_action_values_by_hand():
    # Own action: m + (y - m) / p; the other: m.
    values = action_values(
        np.array([3.0, 1.0]), np.array([1, 0]), np.array([0.5, 0.25]), np.array([[1.0, 2], [2.0, 4]])
    )
    np.testing.assert_allclose(values, [[1, 2 + 1 / 0.5], [2 - 1 / 0.25, 4]])


def test_action_values_have_no_bias_whatever_the_model():
    rng = np.random.default_rng(0)
    n = 200_000
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-x))
    action = (rng.random(n) < chance).astype(np.int64)
    outcome = x + 0.5 * action + rng.normal(size=n)
    wrong = np.column_stack([np.full(n, 3.0), -x])
    values = action_values(outcome, action, np.where(action == 1, chance, 1 - chance), wrong)
    means, errors = values.mean(axis=0), values.std(axis=0) / np.sqrt(n)
    assert abs(means[0]) < 4 * errors[0]
    assert abs(means[1] - 0.5) < 4 * errors[1]


def test_predictions_look_at_no_later_fold():
    rng = np.random.default_rng(1)
    features, outcome = rng.normal(size=(300, 2)), rng.normal(size=300)
    action, fold = rng.integers(0, 2, 300), np.repeat([0, 1, 2], 100)
    before = forward_predictions(features, outcome, action, fold)
    changed = outcome + 100 * (fold == 2)
    after = forward_predictions(features, changed, action, fold)
    np.testing.assert_array_equal(before, after)
    assert not np.array_equal(before[fold > 0], forward_predictions(features, -outcome, action, fold)[fold > 0])
    # The first fold's halves predict each other: a unit's own outcome is not in its prediction.
    one = outcome.copy()
    one[0] += 100
    np.testing.assert_array_equal(forward_predictions(features, one, action, fold)[0], before[0])


def test_policy_value_by_hand():
    # Two folds, two segments. The first fold says: action 1 in segment 0, action 0 in segment 1, overall action 1.
    values = np.array([[0.0, 4], [0, 4], [1, 0], [1, 0], [0, 6], [2, 0], [0, 2], [4, 0]])
    segment = np.array([0, 0, 1, 1, 0, 1, 0, 1])
    fold = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = policy_value(values, fold, given(segment), rng=np.random.default_rng(0))
    assert found.segments.value == pytest.approx((6 + 2 + 2 + 4) / 4)
    assert found.single.value == pytest.approx((6 + 0 + 2 + 0) / 4)
    assert [own.value for own in found.always] == pytest.approx([1.5, 2])
    assert found.over_single.value == pytest.approx(1.5)
    assert found.over_single.standard_error == pytest.approx(np.std([0, 2, 0, 4], ddof=1) / 2)
    assert found.over_always[0].value == pytest.approx(2.0)
    assert found.chosen == (0.5, 0.5)
    assert found.segments.n == 4


def test_fold_is_valued_by_what_came_before_it():
    # What is learned for a fold must not move with that fold's own values, nor with later ones.
    rng = np.random.default_rng(2)
    values, fold = rng.normal(size=(90, 2)), np.repeat([0, 1, 2], 30)
    asked = []

    def learn(teachers):
        asked.append(teachers.copy())
        return np.zeros(90, dtype=np.int64)

    policy_value(values, fold, learn, rng=rng)
    assert [set(fold[teachers]) for teachers in asked] == [{0}, {0, 1}]


def test_ties_go_to_the_lower_action_and_empty_segments_to_everybodys():
    values = np.array([[1.0, 1], [0, 3]])
    np.testing.assert_array_equal(best_actions(values, np.array([0, 2]), 3), [0, 1, 1])


def world(seed, effect, n=1500, segments=6):
    """Return action values, folds and segments: in odd segments the treatment adds `effect`, in even it takes it."""
    rng = np.random.default_rng(seed)
    action, segment, fold = rng.integers(0, 2, n), rng.integers(0, segments, n), rng.integers(0, 5, n)
    x = rng.normal(size=(n, 2))
    outcome = x[:, 0] + rng.normal(size=n) + effect * action * (2 * (segment % 2) - 1)
    predicted = forward_predictions(x, outcome, action, fold)
    return action_values(outcome, action, np.full(n, 0.5), predicted), fold, segment


@pytest.mark.parametrize("segments", [2, 6])
def test_no_false_winner_on_a_a_data(segments):
    # Wins over the best single action are promised at most 5 % (2.5 % by the two-sided interval): 200 replications.
    wins = 0
    for number in range(200):
        values, fold, segment = world([3, number], 0.0, segments=segments)
        wins += policy_value(values, fold, given(segment), rng=np.random.default_rng(number), deals=2).wins
    assert wins <= 10, wins


def test_true_winner_is_found_and_random_groups_are_not():
    values, fold, segment = world(4, 0.4)
    found = policy_value(values, fold, given(segment), rng=np.random.default_rng(0))
    assert found.wins
    assert found.over_random.ci_low > 0
    # Half the units gain 0.4 where they are treated: 0.2 a unit.
    assert found.over_single.ci_low < 0.2 < found.over_single.ci_high
    dealt = policy_value(
        values, fold, given(np.random.default_rng(1).permutation(segment)), rng=np.random.default_rng(0)
    )
    assert not dealt.wins


@pytest.mark.slow
def test_no_false_winner_however_segments_are_learned():
    # Segments chosen among 50 for the largest difference on the teaching units: 1,000 tests without any effect. 2.5 %
    # and four binomial standard errors are 4.5 %.
    wins = 0
    for number in range(1000):
        rng = np.random.default_rng([5, number])
        n = 600
        values, fold = rng.normal(size=(n, 2)), rng.integers(0, 5, n)
        many = rng.integers(0, 2, (n, 50))

        def learn(teachers, values=values, many=many):
            gain = (values[:, 1] - values[:, 0])[teachers]
            apart = [
                abs(gain[many[teachers, place] == 1].mean() - gain[many[teachers, place] == 0].mean())
                for place in range(50)
            ]
            return many[:, int(np.argmax(apart))]

        wins += policy_value(values, fold, learn, rng=rng, deals=2).wins
    assert wins / 1000 <= 0.045, wins


def test_whom_to_contact():
    predicted = np.array([0.5, 2.0, 1.0, 3.0, 1.0])
    np.testing.assert_array_equal(whom_to_contact(predicted, cost=0.7, contacts=3), [False, True, True, True, False])
    np.testing.assert_array_equal(whom_to_contact(predicted, cost=1.5, contacts=5), [False, True, False, True, False])
    assert not whom_to_contact(predicted, cost=0.0, contacts=0).any()


def test_targeting_by_hand():
    gain = np.array([4.0, 0, 2, -2])
    predicted = np.array([3.0, 2, 1, 0])
    half, everybody = targeting(gain, predicted, np.zeros(4, dtype=int), cost=0.5, shares=(0.5, 1.0))
    assert (half.contacted, half.spend, half.threshold) == (0.5, 0.25, 2.0)
    assert half.profit.value == pytest.approx((3.5 - 0.5) / 4)
    assert half.over_random.value == pytest.approx((3.5 - 0.5) / 4 - 0.5 * (1 - 0.5))
    # The last unit's predicted gain is below the cost of a contact.
    assert everybody.contacted == 0.75
    assert everybody.profit.value == pytest.approx((3.5 - 0.5 + 1.5) / 4)


def test_targeting_covers_the_profit_of_its_rule():
    # Gain 0.3 where x > 0, none elsewhere, cost 0.1, half are paid for, ranked by x: profit (0.3 - 0.1) / 2 = 0.1, over
    # random 0.1 - 0.5 (0.15 - 0.1) = 0.075. 400 replications, four binomial standard errors.
    hits = np.zeros(2)
    for number in range(400):
        rng = np.random.default_rng([6, number])
        x = rng.normal(size=1000)
        gain = 0.3 * (x > 0) + rng.normal(size=1000)
        (found,) = targeting(gain, x + 5, rng.integers(0, 4, 1000), cost=0.1, shares=(0.5,))
        hits += [
            found.profit.ci_low <= 0.1 <= found.profit.ci_high,
            found.over_random.ci_low <= 0.075 <= found.over_random.ci_high,
        ]
    assert np.all(np.abs(hits / 400 - 0.95) < 0.044), hits


def test_balance_is_uniform_where_chance_dealt_and_small_where_not():
    rng = np.random.default_rng(7)
    features = np.column_stack([rng.normal(size=800), rng.integers(0, 2, 800), np.ones(800)])
    p = [balance_p_value(features, rng.random(800) < 0.4) for _ in range(500)]
    # A uniform mean, four standard errors of 500.
    assert abs(np.mean(p) - 0.5) < 4 * np.sqrt(1 / 12 / 500)
    assert balance_p_value(features, rng.random(800) < 1 / (1 + np.exp(-features[:, 0]))) < 1e-6
    assert balance_p_value(np.ones((800, 1)), rng.random(800) < 0.4) == 1


def test_refusals():
    values = np.zeros((4, 2))
    with pytest.raises(TrialError, match="1 folds have units"):
        policy_value(values, np.zeros(4, dtype=int), given(np.zeros(4, dtype=int)), rng=np.random.default_rng(0))
    with pytest.raises(TrialError, match="probabilities of actions"):
        action_values(np.zeros(2), np.zeros(2, dtype=int), np.array([0.0, 1]), np.zeros((2, 1)))
    with pytest.raises(TrialError, match="actions from 0 to 1"):
        action_values(np.zeros(2), np.array([0, 1]), np.ones(2), np.zeros((2, 1)))
    with pytest.raises(TrialError, match="budgets"):
        targeting(np.zeros(2), np.zeros(2), np.zeros(2, dtype=int), cost=0, shares=(1.5,))
