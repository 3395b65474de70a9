"""Conformance suite of off-policy estimators: a value is the mean of its terms, and the log's where it must be."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import pytest

from framework.errors import PrelaunchError
from framework.kinds import Estimator
from framework.records import PolicyValue, WeightedRows, WeightedSlates, WeightedTrajectories
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint

Logged = WeightedRows | WeightedSlates | WeightedTrajectories
N, PLACES, ACTIONS = 400, 3, 5
TAKES = ("rows", "slates", "trajectories")


class EstimatorTests(ComponentTests):
    """Subclass it for an estimator; see `ComponentTests` for the attributes.

    An estimator in whose answer a row's place in the log matters (because rows are drawn by it) says so by an attribute
    `order_matters = True`.
    """

    kind: ClassVar[str] = "estimator"

    def logged(self) -> Logged:
        """Return a log of what the estimator takes: 400 rows of 200 units, with a reward model's answers."""
        return tiny_logged(self.make().takes)

    def estimated(self, logged: Logged | None = None) -> PolicyValue:
        """Return what a fresh estimator says of a log."""
        found = self.make().estimate(self.logged() if logged is None else logged)
        assert isinstance(found, PolicyValue)
        return found

    def test_has_the_methods_and_labels_of_an_estimator(self) -> None:
        """It says what it takes and needs, and how to print its name."""
        estimator = self.make()
        assert isinstance(estimator, Estimator)
        assert estimator.label.strip()
        assert estimator.takes in TAKES
        assert isinstance(estimator.needs_reward_model, bool)
        assert isinstance(estimator.uses_weights, bool)

    def test_value_is_the_mean_of_its_terms(self) -> None:
        """One finite float64 a row, whose mean is the value; details are numbers by name."""
        found = self.estimated()
        assert isinstance(found.value, float)
        assert found.terms.shape == (N,)
        assert found.terms.dtype == np.float64
        assert np.isfinite(found.terms).all()
        assert found.terms.mean() == pytest.approx(found.value, rel=1e-10, abs=1e-12)
        assert all(isinstance(name, str) and isinstance(number, float) for name, number in found.details.items())

    def test_same_log_same_value(self) -> None:
        """Nothing is drawn, and an estimator asked twice says the same."""
        estimator = self.make()
        first, again = estimator.estimate(self.logged()), estimator.estimate(self.logged())
        assert fingerprint(first) == fingerprint(again) == fingerprint(self.estimated())

    def test_log_stays_as_it_is(self) -> None:
        """Neither the log changes, nor do the terms change with what becomes of the log's arrays later."""
        logged = self.logged()
        before = fingerprint(logged)
        found = self.estimated(logged)
        assert fingerprint(logged) == before
        kept = found.terms.copy()
        for name in ("reward", "expected"):
            if getattr(logged, name, None) is not None:
                getattr(logged, name)[:] = 7.0
        np.testing.assert_array_equal(found.terms, kept)

    def test_on_the_policys_own_log_it_is_the_logs_mean(self) -> None:
        """Weights of 1 and a reward model that is right on average: what the policy earned is what the log shows."""
        estimator, logged = self.make(), own_log(self.logged())
        if isinstance(logged, WeightedTrajectories) and not estimator.uses_weights:
            return
        discount = getattr(estimator.config, "discount", 1.0)
        reward = logged.reward
        if isinstance(logged, WeightedTrajectories):
            reward = np.where(logged.there, reward, 0.0) * discount ** np.arange(reward.shape[1])
        mean = reward.sum() / N
        assert self.estimated(logged).value == pytest.approx(mean, rel=1e-12)

    def test_what_is_earned_is_counted_in_the_rewards_unit(self) -> None:
        """Rewards, and the model's answers, in cents give a value and terms in cents."""
        logged, found = self.logged(), self.estimated()
        cents = _in_cents(logged)
        again = self.estimated(cents)
        assert again.value == pytest.approx(100 * found.value, rel=1e-9)
        np.testing.assert_allclose(again.terms, 100 * found.terms, rtol=1e-6, atol=1e-9)

    def test_order_of_rows_means_nothing(self) -> None:
        """Rows in another order give the same value, and each row keeps its term."""
        if getattr(self.make(), "order_matters", False):
            return
        order = np.random.default_rng(3).permutation(N)
        found, other = self.estimated(), self.estimated(_taken(self.logged(), order))
        assert other.value == pytest.approx(found.value, rel=1e-9)
        np.testing.assert_allclose(other.terms, found.terms[order], rtol=1e-6, atol=1e-9)

    def test_units_only_cluster(self) -> None:
        """Whose row it is changes no value and no term: units enter where the error is computed from the terms."""
        logged = self.logged()
        without = self.estimated(dataclasses.replace(logged, unit=None))
        assert fingerprint(without) == fingerprint(self.estimated(logged))

    def test_weights_enter_as_it_says(self) -> None:
        """Other weights give another value if, and only if, it uses weights."""
        logged = self.logged()
        names = [name for name in ("weight", "slate", "place", "cascade", "marginal") if hasattr(logged, name)]
        other = dataclasses.replace(logged, **{name: getattr(logged, name)[::-1].copy() for name in names})
        assert (self.estimated(other).value != self.estimated(logged).value) == self.make().uses_weights

    def test_without_a_reward_model(self) -> None:
        """One that needs a model refuses rows without; any other says the same of them."""
        logged = self.logged()
        if isinstance(logged, WeightedTrajectories):
            return
        bare = dataclasses.replace(logged, fitted=None, expected=None)
        if self.make().needs_reward_model:
            with pytest.raises(PrelaunchError, match="reward model"):
                self.estimated(bare)
        else:
            assert fingerprint(self.estimated(bare)) == fingerprint(self.estimated(logged))

    def test_numbers_that_are_none_are_refused(self) -> None:
        """A missing reward or an infinite weight is named, and no value is made of it."""
        logged = self.logged()
        reward = logged.reward.copy()
        reward[0] = np.nan
        with pytest.raises(PrelaunchError, match="reward"):
            self.estimated(dataclasses.replace(logged, reward=reward))

    def test_no_rows(self) -> None:
        """An empty log has no value: it is refused, not answered with nan."""
        with pytest.raises(PrelaunchError):
            self.estimated(_taken(self.logged(), np.array([], dtype=np.intp)))


def tiny_logged(takes: str, seed: int = 0) -> Logged:
    """Return a seeded log of one of `TAKES`: 400 rows of 200 units, weights of mean 1, rewards of 0 and 1."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(N // 2), 2)
    if takes == "rows":
        fitted = rng.uniform(0.1, 0.5, N)
        return WeightedRows(
            reward=rng.binomial(1, fitted).astype(np.float64),
            weight=rng.gamma(1.0, 1.0, N),
            fitted=fitted,
            expected=rng.uniform(0.1, 0.5, N),
            unit=unit,
            marginal=rng.gamma(4.0, 0.25, N),
        )
    place = rng.gamma(4.0, 0.25, (N, PLACES))
    cascade = np.asarray(np.cumprod(place, axis=1), dtype=np.float64)
    fitted = rng.uniform(0.1, 0.5, (N, PLACES))
    reward = rng.binomial(1, fitted).astype(np.float64)
    if takes == "slates":
        slate = np.repeat(cascade[:, -1:], PLACES, axis=1)
        return WeightedSlates(reward, slate, place, cascade, fitted, rng.uniform(0.1, 0.5, (N, PLACES)), unit)
    target = rng.dirichlet(np.ones(ACTIONS), (N, PLACES + 1))
    return WeightedTrajectories(
        reward=reward,
        weight=place,
        there=np.arange(PLACES) < rng.integers(1, PLACES + 1, (N, 1)),
        state=rng.normal(size=(N, PLACES + 1, 2)),
        action=rng.integers(0, ACTIONS, (N, PLACES)).astype(np.int32),
        target=target,
        cut_off=rng.random(N) < 0.2,
        unit=unit,
    )


def own_log(logged: Logged) -> Logged:
    """Return the log as the policy's own: weights of 1, and a reward model that always foretells the mean reward."""
    ones: dict[str, Any] = {
        name: np.ones_like(getattr(logged, name))
        for name in ("weight", "slate", "place", "cascade", "marginal")
        if hasattr(logged, name)
    }
    model: dict[str, Any] = {}
    if not isinstance(logged, WeightedTrajectories):
        mean = np.broadcast_to(logged.reward.mean(axis=0), logged.reward.shape).copy()
        model = {"fitted": mean, "expected": mean.copy()}
    return dataclasses.replace(logged, **ones, **model)


def _in_cents(logged: Logged) -> Logged:
    names = [name for name in ("reward", "fitted", "expected") if getattr(logged, name, None) is not None]
    cents: dict[str, Any] = {name: 100.0 * getattr(logged, name) for name in names}
    return dataclasses.replace(logged, **cents)


def _taken(logged: Logged, rows: np.ndarray[Any, np.dtype[np.intp]]) -> Logged:
    values = {field.name: getattr(logged, field.name) for field in dataclasses.fields(logged)}
    taken: dict[str, Any] = {name: None if array is None else array[rows] for name, array in values.items()}
    return dataclasses.replace(logged, **taken)
