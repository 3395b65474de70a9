"""Conformance suite of simulators: responses to what is shown, alike for equal generators whatever else is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.kinds import Simulator
from framework.records import Actions, Queries, Responses, SimulatorCheck
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries, tiny_window

if TYPE_CHECKING:
    from pathlib import Path

    from framework.data.tables import Dataset


class SimulatorTests(ComponentTests):
    """Subclass it for a simulator; see `ComponentTests` for the attributes."""

    kind: ClassVar[str] = "simulator"

    def data(self) -> Dataset:
        """Return the early log: 120 users, so that a regression has something to learn from."""
        return tiny_dataset(users=120)

    def queries(self) -> Queries:
        """Return one query for each known user, and two for strangers."""
        return tiny_queries(self.data())

    def actions(self, seed: int = 0) -> Actions:
        """Return random pages of five items, shown with certainty; the first page's last position is empty."""
        rng, n, catalogue = np.random.default_rng([seed, 5]), len(self.queries()), len(self.data().items)
        items = np.stack([rng.permutation(catalogue)[:5] for _ in range(n)]).astype(np.int32)
        items[0, -1] = -1
        return Actions(items, np.ones(items.shape))

    def fitted(self, folder: Path) -> Any:
        """Return a fresh simulator, fitted with an equally seeded generator each time."""
        simulator, data = self.make(), self.data()
        simulator.fit(data, tiny_window(data), tiny_context(folder))
        return simulator

    def respond(self, simulator: Any, actions: Actions, seed: int = 0) -> Responses:
        """Return the responses drawn with an equally seeded generator."""
        responses = simulator.respond(self.queries(), actions, np.random.default_rng(seed))
        assert isinstance(responses, Responses)
        return responses

    def test_has_the_methods_of_a_simulator(self) -> None:
        """A simulator is one by its methods."""
        assert isinstance(self.make(), Simulator)

    def test_responses_have_the_shape_of_the_contract(self, tmp_path: Path) -> None:
        """Only shown items are clicked or bought, only bought ones bring money, orders need a purchase."""
        actions = self.actions()
        found = self.respond(self.fitted(tmp_path), actions)
        n = len(actions.items)
        assert found.clicked.shape == found.bought.shape == found.amount.shape == (n, 5)
        assert found.visits.shape == found.orders.shape == (n,)
        names = ("clicked", "bought", "amount", "visits", "orders")
        assert [getattr(found, name).dtype.name for name in names] == ["bool", "bool", "int64", "int32", "int32"]
        empty = actions.items == -1
        assert not found.clicked[empty].any()
        assert not found.bought[empty].any()
        assert np.all(found.amount[~found.bought] == 0)
        assert found.amount.min() >= 0
        assert found.visits.min() >= 0
        np.testing.assert_array_equal(found.orders > 0, found.bought.any(axis=1))

    def test_somebody_buys(self, tmp_path: Path) -> None:
        """A log full of purchases teaches that there are some, and that not everything is bought."""
        simulator = self.fitted(tmp_path)
        bought = np.mean([self.respond(simulator, self.actions(seed), seed).bought.mean() for seed in range(2)])
        assert 0 < bought < 1

    def test_same_seed_same_responses(self, tmp_path: Path) -> None:
        """Equal log, actions and generators give equal responses."""
        first = fingerprint(self.respond(self.fitted(tmp_path), self.actions()))
        assert fingerprint(self.respond(self.fitted(tmp_path), self.actions())) == first

    def test_common_random_numbers(self, tmp_path: Path) -> None:
        """A user answers an item at the same position alike, whatever stands in the other positions."""
        simulator, one, two = self.fitted(tmp_path), self.actions(), self.actions(seed=1)
        same = one.items[:, :1]
        others = np.where(two.items == same, -1, two.items)
        mixed = Actions(np.concatenate([same, others[:, 1:]], axis=1).astype(np.int32), two.propensities)
        first, other = self.respond(simulator, one), self.respond(simulator, mixed)
        np.testing.assert_array_equal(first.bought[:, 0], other.bought[:, 0])
        np.testing.assert_array_equal(first.amount[:, 0], other.amount[:, 0])

    def test_check_says_how_far_to_trust_it(self, tmp_path: Path) -> None:
        """The check has a sentence, a yes or no, and finite scores."""
        data = tiny_dataset(seed=1, users=120)
        check = self.fitted(tmp_path).check(data, tiny_window(data, seed=1), tiny_context(tmp_path))
        assert isinstance(check, SimulatorCheck)
        assert check.sentence.strip()
        assert isinstance(check.trusted, bool)
        assert np.isfinite(list(check.scores.values())).all()

    def test_inputs_stay_as_they_are(self, tmp_path: Path) -> None:
        """Neither fit nor respond changes what it is given."""
        data, queries, actions = self.data(), self.queries(), self.actions()
        window = tiny_window(data)
        before = fingerprint((data, window, queries, actions))
        simulator = self.make()
        simulator.fit(data, window, tiny_context(tmp_path))
        simulator.respond(queries, actions, np.random.default_rng(0))
        assert fingerprint((data, window, queries, actions)) == before
