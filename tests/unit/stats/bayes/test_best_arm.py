"""Which of K arms is best: symmetry, exact shares, draws within their error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.bayes.best import best_arm, best_of_draws, correlated_best
from framework.stats.bayes.beta_binomial import beta_binomial
from framework.stats.bayes.marginals import NormalMarginal, beta_arm
from framework.stats.bayes.normal import normal_posterior


@pytest.mark.parametrize("k", [2, 3, 12])
def test_equal_arms_share_alike(k):
    for arms in ([NormalMarginal(3, 0.2)] * k, [beta_arm(4, 50)] * k, [beta_arm(0, 10_000_000)] * k):
        found = best_arm(arms)
        assert found.probability_best == pytest.approx([1 / k] * k, rel=1e-10)
        assert len(set(np.round(np.array(found.expected_loss) / found.expected_loss[0], 9))) == 1


def test_three_equal_normal_arms_lose_what_order_statistics_say():
    """E[max of 2 others - it]+ = E[max of 3] - E[it] = 3 / (2 sqrt(pi)) standard deviations."""
    found = best_arm([NormalMarginal(10, 0.5)] * 3)
    assert found.expected_loss == pytest.approx([0.5 * 3 / (2 * math.sqrt(math.pi))] * 3, rel=1e-10)


def test_two_arms_are_the_two_arm_posteriors():
    normal = best_arm([NormalMarginal(0, 0.3), NormalMarginal(0.5, 0.4)])
    known = normal_posterior(0.5, 0.5)
    assert normal.probability_best[1] == pytest.approx(known.probability_better, rel=1e-11)
    assert normal.expected_loss == pytest.approx((known.expected_loss_control, known.expected_loss), rel=1e-10)
    beta = best_arm([beta_arm(5, 50), beta_arm(9, 40)])
    assert beta.probability_best[1] == beta_binomial(5, 50, 9, 40).probability_better


@pytest.mark.parametrize("higher", [True, False])
def test_arms_of_very_different_precision_against_draws(higher):
    arms = [beta_arm(3, 20), beta_arm(160, 1000), beta_arm(0, 8), beta_arm(170_000, 1_000_000)]
    found = best_arm(arms, higher_is_better=higher)
    assert sum(found.probability_best) == pytest.approx(1, abs=1e-12)
    rng = np.random.default_rng(1)
    drawn = best_of_draws(np.column_stack([rng.beta(arm.a, arm.b, 400_000) for arm in arms]), higher_is_better=higher)
    for ours, theirs, error in (
        (found.probability_best, drawn.probability_best, drawn.probability_error),
        (found.expected_loss, drawn.expected_loss, drawn.loss_error),
    ):
        assert bool((np.abs(np.subtract(ours, theirs)) <= 4 * np.array(error) + 1e-6).all())


def test_tiny_chances_keep_their_digits():
    found = best_arm([NormalMarginal(0, 1), NormalMarginal(12, 1)])
    assert found.probability_best[0] == pytest.approx(stats.norm.sf(12 / math.sqrt(2)), rel=1e-9)
    assert found.probability_best[1] < 1
    far = best_arm([NormalMarginal(0, 1e-6), NormalMarginal(1e6, 1e-6), NormalMarginal(0, 1e6)])
    assert all(0 < p < 1 for p in far.probability_best)
    assert all(loss > 0 for loss in far.expected_loss)


def test_the_sum_of_all_quadratures_is_one():
    """Each chance is integrated by itself: the largest is not what the others leave, but agrees with it."""
    arms = [NormalMarginal(m, s) for m, s in [(0, 1), (0.5, 0.01), (0.2, 3), (0.45, 0.2)]]
    mirrored = [NormalMarginal(-arm.mean, arm.sd) for arm in arms]
    found, other = best_arm(arms), best_arm(mirrored, higher_is_better=False)
    assert found.probability_best == pytest.approx(other.probability_best, rel=1e-10)
    rng = np.random.default_rng(3)
    draws = np.column_stack([rng.normal(arm.mean, arm.sd, 300_000) for arm in arms])
    assert found.probability_best == pytest.approx(best_of_draws(draws).probability_best, abs=4e-3)


def test_draws_by_hand():
    draws = np.array([[1.0, 2.0, 0.0], [3.0, 3.0, 1.0], [5.0, 1.0, 2.0], [0.0, 1.0, 4.0]])
    found = best_of_draws(draws)
    assert found.probability_best == pytest.approx([(w + 1 / 3) / 5 for w in (1.5, 1.5, 1)])
    assert found.expected_loss == pytest.approx([(1 + 0 + 0 + 4) / 4, (0 + 0 + 4 + 3) / 4, (2 + 2 + 3 + 0) / 4])
    assert found.draws == 4
    assert found.method == "4 joint draws of 3 arms"
    upside_down = best_of_draws(-draws, higher_is_better=False)
    assert upside_down == found


def test_correlated_arms_are_told_apart_by_their_difference():
    """Correlation 0.99 in a paired design: the difference has sd sqrt(0.02), and P(best) follows it."""
    covariance = np.array([[1.0, 0.99], [0.99, 1.0]])
    found = correlated_best([0.0, 0.2], covariance, rng=np.random.default_rng(0))
    known = normal_posterior(0.2, math.sqrt(0.02))
    assert abs(found.probability_best[1] - known.probability_better) <= 4 * found.probability_error[1]
    assert abs(found.expected_loss[1] - known.expected_loss) <= 4 * found.loss_error[1]
    assert found == correlated_best([0.0, 0.2], covariance, rng=np.random.default_rng(0))


def test_what_is_refused():
    with pytest.raises(TrialError, match=r"1 arm\(s\) of kind BetaMarginal"):
        best_arm([beta_arm(1, 2)])
    with pytest.raises(TrialError, match="BetaMarginal, NormalMarginal"):
        best_arm([beta_arm(1, 2), NormalMarginal(0, 1)])
    with pytest.raises(TrialError, match=r"Normal\(0, 0\)"):
        NormalMarginal(0, 0)
    with pytest.raises(TrialError, match=r"draws have shape \(3,\)"):
        best_of_draws([1, 2, 3])
    with pytest.raises(TrialError, match="no covariance"):
        correlated_best([0, 0], [[1, 2], [2, 1]], rng=np.random.default_rng(0))
    with pytest.raises(TrialError, match="2 means"):
        correlated_best([0, 0], [[1]], rng=np.random.default_rng(0))
