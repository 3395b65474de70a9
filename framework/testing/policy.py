"""Conformance suite of policies: items out of the slate, with the probability they were really shown with."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.kinds import Learns, Policy
from framework.records import Actions, Feedback, Queries, Responses, Slates
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint
from framework.testing.tiny import tiny_dataset, tiny_queries, tiny_slates

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 600
"""How often the propensity test acts; its tolerance is 5 standard errors and `SLACK`."""
SLACK = 0.03
"""Error allowed to policies that estimate their propensities by simulation."""


class PolicyTests(ComponentTests):
    """Subclass it for a policy; see `ComponentTests` for the attributes."""

    kind: ClassVar[str] = "policy"

    def queries(self) -> Queries:
        """Return queries for pages of five items."""
        return tiny_queries(tiny_dataset(), positions=5)

    def slates(self) -> Slates:
        """Return eight candidates for each query."""
        return tiny_slates(tiny_dataset(), self.queries(), k=8)

    def act(self, policy: Any, seed: int = 0) -> Actions:
        """Return what the policy does with an equally seeded generator."""
        actions = policy.act(self.queries(), self.slates(), np.random.default_rng(seed))
        assert isinstance(actions, Actions)
        return actions

    def test_has_the_methods_of_a_policy(self) -> None:
        """A policy is one by its methods."""
        assert isinstance(self.make(), Policy)

    def test_actions_have_the_shape_of_the_contract(self) -> None:
        """(n, positions) int32 items and float64 propensities above 0 and at most 1."""
        actions = self.act(self.make())
        assert actions.items.shape == actions.propensities.shape == (len(self.queries()), 5)
        assert actions.items.dtype == np.int32
        assert actions.propensities.dtype == np.float64
        assert actions.propensities.min() > 0
        assert actions.propensities.max() <= 1

    def test_items_are_distinct_and_out_of_the_slate(self) -> None:
        """A page shows no item twice, and none that was no candidate."""
        for shown, candidates in zip(self.act(self.make()).items, self.slates().items, strict=True):
            assert len(set(shown.tolist())) == len(shown)
            assert set(shown.tolist()) <= set(candidates.tolist())

    def test_short_slates_leave_the_end_empty(self) -> None:
        """Where fewer candidates than positions are left, -1 fills the end and no item is made up."""
        slates = self.slates()
        items = slates.items.copy()
        items[:, 3:] = -1
        short = dataclasses.replace(slates, items=items)
        actions = self.make().act(self.queries(), short, np.random.default_rng(0))
        assert actions.items.shape == (len(items), 5)
        np.testing.assert_array_equal(np.sort(actions.items[:, :3], axis=1), np.sort(items[:, :3], axis=1))
        assert np.all(actions.items[:, 3:] == -1)
        assert actions.propensities.min() > 0
        assert actions.propensities.max() <= 1

    def test_same_seed_same_actions(self) -> None:
        """Equal queries, slates and generator give equal actions."""
        assert fingerprint(self.act(self.make())) == fingerprint(self.act(self.make()))

    def test_inputs_stay_as_they_are(self) -> None:
        """Acting changes neither queries nor slates."""
        queries, slates = self.queries(), self.slates()
        before = fingerprint((queries, slates))
        self.make().act(queries, slates, np.random.default_rng(0))
        assert fingerprint((queries, slates)) == before

    def test_no_queries(self) -> None:
        """An empty batch gives an empty answer."""
        none = np.array([], dtype=np.intp)
        slates = Slates(*(getattr(self.slates(), field.name)[none] for field in dataclasses.fields(Slates)))
        actions = self.make().act(self.queries().take(none), slates, np.random.default_rng(0))
        assert actions.items.shape == actions.propensities.shape == (0, 5)

    def test_propensities_are_the_shares_of_many_draws(self) -> None:
        """Over many generators, an item takes a position as often as its propensity there says."""
        policy, row = self.make(), np.array([3], dtype=np.intp)
        queries = self.queries().take(row)
        slates = Slates(*(getattr(self.slates(), field.name)[row] for field in dataclasses.fields(Slates)))
        shown: dict[tuple[int, int], list[float]] = {}
        for seed in range(DRAWS):
            actions = policy.act(queries, slates, np.random.default_rng([7, seed]))
            for position, item in enumerate(actions.items[0].tolist()):
                shown.setdefault((position, item), []).append(float(actions.propensities[0, position]))
        for (position, item), said in shown.items():
            share, claimed = len(said) / DRAWS, float(np.mean(said))
            margin = 5 * np.sqrt(max(claimed * (1 - claimed), 1 / DRAWS) / DRAWS) + SLACK
            assert abs(share - claimed) <= margin, f"item {item} at {position}: {share:.3f}, said {claimed:.3f}"

    def test_learning_is_deterministic(self) -> None:
        """Two policies that saw the same feedback act alike; a policy that does not learn has no such test."""
        if not isinstance(self.make(), Learns):
            return
        taught = []
        for policy in (self.make(), self.make()):
            actions = self.act(policy)
            feedback = Feedback(self.queries(), actions, _responses(actions.items))
            before = fingerprint(feedback)
            policy.learn(feedback)
            assert fingerprint(feedback) == before
            taught.append(fingerprint(self.act(policy, seed=1)))
        assert taught[0] == taught[1]


def _responses(items: NDArray[np.int32]) -> Responses:
    """Everybody buys what has an even index, for 5.00."""
    bought = (items >= 0) & (items % 2 == 0)
    return Responses(
        clicked=bought,
        bought=bought,
        amount=np.where(bought, 500, 0).astype(np.int64),
        visits=np.ones(len(items), dtype=np.int32),
        orders=bought.any(axis=1).astype(np.int32),
    )
