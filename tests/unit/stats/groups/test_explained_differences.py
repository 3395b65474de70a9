"""Two segmentations of the same users on one outcome: against a bootstrap, and how often nothing is called a find."""

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.groups.explained_differences import explained_differences, influence_on_share


def eta(outcome, labels):
    groups = [outcome[labels == group] for group in np.unique(labels)]
    between = sum(len(own) * (own.mean() - outcome.mean()) ** 2 for own in groups)
    return between / ((outcome - outcome.mean()) ** 2).sum()


@pytest.fixture
def planted():
    rng = np.random.default_rng(3)
    first, second = rng.integers(3, size=900), rng.integers(4, size=900)
    return 2.0 * first + 1.0 * second + rng.exponential(2.0, 900), first, second


def test_error_is_the_bootstraps(planted):
    outcome, first, second = planted
    found = explained_differences(outcome, {"first": first, "second": second})[0]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(800):
        rows = rng.integers(len(outcome), size=len(outcome))
        draws.append(eta(outcome[rows], second[rows]) - eta(outcome[rows], first[rows]))
    assert (found.high - found.low) / (2 * 1.959964) == pytest.approx(np.std(draws), rel=0.1)
    assert found.estimate == pytest.approx(eta(outcome, second) - eta(outcome, first), abs=2e-3)


def test_influences_add_up_to_nothing(planted):
    outcome, first, _ = planted
    assert influence_on_share(outcome, first)[1].sum() == pytest.approx(0.0, abs=1e-8)


def test_equal_segmentations_do_not_differ(planted):
    outcome, first, _ = planted
    found = explained_differences(outcome, {"first": first, "renamed": (first + 1) % 3})[0]
    assert found.estimate == pytest.approx(0.0, abs=1e-12)
    assert found.p_adjusted == 1.0


def test_equally_telling_segmentations_are_told_apart_by_chance_only():
    """300 replications of two segmentations that explain as much: 5 % expected, 3 standard errors allowed."""
    wrong = 0
    for seed in range(300):
        rng = np.random.default_rng([8, seed])
        first, second = rng.integers(3, size=400), rng.integers(3, size=400)
        outcome = first + second + rng.exponential(1.5, 400)
        wrong += explained_differences(outcome, {"a": first, "b": second})[0].p_value <= 0.05
    assert wrong / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_holm_counts_every_pair(planted):
    outcome, first, second = planted
    three = explained_differences(outcome, {"a": first, "b": second, "c": (first + second) % 2})
    assert [(own.first, own.second) for own in three] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(own.p_adjusted >= own.p_value for own in three)


def test_an_outcome_without_spread_is_refused(planted):
    _, first, second = planted
    with pytest.raises(TrialError, match="same for all users"):
        explained_differences(np.ones(900), {"a": first, "b": second})
