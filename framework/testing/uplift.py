"""Conformance suite of uplift learners: finds a large planted effect, the same one every time."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from framework.kinds import FormsGroups, UpliftLearner
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint

UNITS = 2000
TestArrays = tuple[Any, Any, Any, Any]


class UpliftLearnerTests(ComponentTests):
    """Subclass it for an uplift learner; see `ComponentTests` for the attributes."""

    kind: ClassVar[str] = "uplift"

    def units(self, *, binary: bool = False) -> TestArrays:
        """Return features, arm, outcome and propensity: +2 where the first feature is above 0, else none.

        Half the outcomes' spread comes from the second feature; binary: 0.2, and 0.7 where the effect is.
        """
        rng = np.random.default_rng(11)
        features = rng.normal(size=(UNITS, 3))
        propensity = np.full(UNITS, 0.6)
        treated = rng.random(UNITS) < propensity
        high = treated & (features[:, 0] > 0)
        outcome = 2.0 * high + features[:, 1] + rng.normal(size=UNITS)
        if binary:
            outcome = (rng.random(UNITS) < 0.2 + 0.5 * high).astype(np.float64)
        return features, treated, outcome, propensity

    def fitted(self, units: TestArrays) -> Any:
        """Return a fresh learner, fitted with an equally seeded generator each time."""
        learner = self.make()
        learner.fit(*units, np.random.default_rng(5))
        return learner

    def test_has_the_methods_of_an_uplift_learner(self) -> None:
        """A learner is one by its methods."""
        assert isinstance(self.make(), UpliftLearner)

    def test_effects_are_finite_and_one_a_unit(self) -> None:
        """(n,) float64, for units that were never seen too."""
        learner = self.fitted(self.units())
        for rows in (1, 7, UNITS):
            found = learner.effect(np.random.default_rng(1).normal(size=(rows, 3)))
            assert found.shape == (rows,)
            assert found.dtype == np.float64
            assert np.isfinite(found).all()

    def test_finds_a_planted_effect(self) -> None:
        """Units with the effect are predicted more, by at least half of what it is, outcomes binary or not."""
        for binary, planted in ((False, 2.0), (True, 0.5)):
            units = self.units(binary=binary)
            found, high = self.fitted(units).effect(units[0]), units[0][:, 0] > 0
            assert found[high].mean() - found[~high].mean() > planted / 2
            # The mean effect: 5 of its standard errors, which are about twice the outcome's SD over the root of n.
            spread = float(units[2].std())
            assert abs(found.mean() - planted / 2) < 5 * 2 * spread / np.sqrt(UNITS)

    def test_same_seed_same_effects(self) -> None:
        """Equal units and generator give equal effects, and asking twice changes nothing."""
        units = self.units()
        learner = self.fitted(units)
        first = fingerprint(learner.effect(units[0]))
        assert fingerprint(learner.effect(units[0])) == first
        assert fingerprint(self.fitted(units).effect(units[0])) == first

    def test_units_stay_as_they_are(self) -> None:
        """Neither fit nor effect changes the arrays."""
        units = self.units()
        before = fingerprint(units)
        self.fitted(units).effect(units[0])
        assert fingerprint(units) == before

    def test_outcomes_that_are_all_alike_have_no_effect(self) -> None:
        """Where nothing differs nothing is predicted, and nothing fails."""
        features, treated, outcome, propensity = self.units()
        found = self.fitted((features, treated, np.zeros_like(outcome), propensity)).effect(features)
        np.testing.assert_allclose(found, 0.0, atol=1e-9)

    def test_groups_are_ordered_and_have_rules(self) -> None:
        """A learner that forms groups numbers them from the largest effect down and has a rule in words for each."""
        units = self.units()
        learner = self.fitted(units)
        if not isinstance(learner, FormsGroups):
            return
        labels = learner.groups(units[0])
        effects = self.fitted(units).effect(units[0])
        assert labels.shape == (UNITS,)
        rules = learner.rules(("first", "second", "third"))
        assert labels.min() >= 0
        assert labels.max() < len(rules)
        assert len(set(rules)) == len(rules)
        means = [effects[labels == number].mean() for number in np.unique(labels)]
        assert means == sorted(means, reverse=True)
