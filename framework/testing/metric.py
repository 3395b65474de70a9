"""Conformance suite of metrics and summaries: labelled, defined for every unit, blind to the order of units."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from framework.kinds import Metric, Summary
from framework.records import Outcomes, UnitValues
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint
from framework.testing.tiny import tiny_outcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNITS = ("share", "count", "money", "score")
EVIDENCE = ("holdout", "logged", "simulated")


class MetricTests(ComponentTests):
    """Subclass it for a metric or a summary; see `ComponentTests` for the attributes."""

    kind: ClassVar[str] = "metric"

    def outcomes(self, seed: int = 0) -> Outcomes:
        """Return outcomes of the first kind of evidence that the metric reads."""
        return tiny_outcomes(self.make().evidence[0], seed=seed)

    def read(self, outcomes: Outcomes) -> UnitValues | float:
        """Return what a fresh metric reads from the outcomes."""
        metric = self.make()
        found: UnitValues | float = (
            metric.measure(outcomes) if isinstance(metric, Metric) else metric.summarise(outcomes)
        )
        return found

    def test_has_the_methods_and_labels_of_a_metric(self) -> None:
        """It measures units or summarises an arm, and says how to print what it finds."""
        metric = self.make()
        assert isinstance(metric, Metric | Summary)
        assert isinstance(metric.label, str)
        assert metric.label.strip()
        assert metric.unit in UNITS
        assert isinstance(metric.higher_is_better, bool)
        assert metric.evidence
        assert set(metric.evidence) <= set(EVIDENCE)

    def test_every_unit_has_a_value(self) -> None:
        """Values are finite float64, one a unit; proportions are 0 or 1; a ratio has its denominator."""
        outcomes = self.outcomes()
        found = self.read(outcomes)
        if not isinstance(found, UnitValues):
            assert np.isfinite(found)
            return
        assert found.kind in {"mean", "proportion", "ratio"}
        _assert_values(found.numerator, len(outcomes))
        if found.kind == "proportion":
            assert set(np.unique(found.numerator)) <= {0.0, 1.0}
        assert (found.denominator is not None) == (found.kind == "ratio")
        if found.denominator is not None:
            _assert_values(found.denominator, len(outcomes))
            assert found.denominator.min() >= 0

    def test_reads_every_evidence_that_it_names(self) -> None:
        """What `evidence` promises can be read."""
        for evidence in self.make().evidence:
            self.read(tiny_outcomes(evidence))

    def test_order_of_units_means_nothing(self) -> None:
        """Units in another order get the same values."""
        outcomes = self.outcomes()
        order = np.random.default_rng(0).permutation(len(outcomes))
        first, other = self.read(outcomes), self.read(take(outcomes, order))
        if isinstance(first, UnitValues) and isinstance(other, UnitValues):
            np.testing.assert_array_equal(other.numerator, first.numerator[order])
            if first.denominator is not None and other.denominator is not None:
                np.testing.assert_array_equal(other.denominator, first.denominator[order])
        else:
            assert other == pytest.approx(first)

    def test_no_units(self) -> None:
        """An empty segment is no error."""
        found = self.read(take(self.outcomes(), np.array([], dtype=np.intp)))
        assert len(found.numerator) == 0 if isinstance(found, UnitValues) else isinstance(found, float)

    def test_outcomes_stay_as_they_are(self) -> None:
        """Measuring changes nothing, and twice gives the same."""
        outcomes = self.outcomes()
        before = fingerprint(outcomes)
        assert fingerprint(self.read(outcomes)) == fingerprint(self.read(outcomes))
        assert fingerprint(outcomes) == before

    def test_empty_positions_bring_nothing(self) -> None:
        """What stands in an empty position (-1) is not read, whatever the other arrays say there."""
        outcomes = self.outcomes()
        empty = outcomes.items == -1
        noisy = dataclasses.replace(
            outcomes, bought=outcomes.bought | empty, amount=np.where(empty, 10**9, outcomes.amount)
        )
        assert empty.any()
        assert fingerprint(self.read(noisy)) == fingerprint(self.read(outcomes))


def take(outcomes: Outcomes, rows: NDArray[np.intp]) -> Outcomes:
    """Return the outcomes of the units at `rows`."""
    arrays: dict[str, Any] = {
        name: getattr(outcomes, name)[rows]
        for name in ("units", "segment", "items", "bought", "amount", "orders", "fallback")
    }
    relevant = None if outcomes.relevant is None else outcomes.relevant[rows]
    return dataclasses.replace(outcomes, relevant=relevant, **arrays)


def _assert_values(values: NDArray[np.float64], n: int) -> None:
    assert values.shape == (n,)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
