"""Conformance suite of classifiers: finds a planted label, the same one every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.kinds import Classifier
from framework.records import FeatureRows
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint
from framework.testing.tiny import tiny_context

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ROWS = 400
GOOD, BAD, PLAIN = ("lovely", "\u559c\u6b22"), ("awful", "\u9000\u8d27"), ("blue", "dress", "shop", "\u8863\u670d")


def tiny_rows(seed: int = 0, rows: int = ROWS) -> tuple[FeatureRows, NDArray[np.bool_]]:
    """Return rows of three numbers, two categories and a text, and a label that each of these tells in part.

    A tenth of the first number and of the second category is missing; the third number is constant.
    """
    rng = np.random.default_rng([seed, rows])
    label = rng.random(rows) < 0.4
    numbers = np.stack([rng.normal(size=rows) + 2.0 * label, np.exp(3 * rng.normal(size=rows)), np.ones(rows)], axis=1)
    numbers[rng.random(rows) < 0.1, 0] = np.nan
    codes = np.stack([np.where(rng.random(rows) < 0.7, label, ~label), rng.integers(0, 3, rows)], axis=1)
    codes[rng.random(rows) < 0.1, 1] = -1
    words = [
        " ".join([*rng.choice(PLAIN, 4), *rng.choice(GOOD if good else BAD, 2), *rng.choice(PLAIN, 2)])
        for good in np.where(rng.random(rows) < 0.95, label, ~label)
    ]
    levels = (("no", "yes"), ("a", "b", "c"))
    return FeatureRows(numbers, ("x", "y", "z"), codes.astype(np.int32), ("u", "v"), levels, tuple(words)), label


class ClassifierTests(ComponentTests):
    """Subclass it for a classifier; see `ComponentTests` for the attributes. `least` is the AUC that it must reach."""

    kind: ClassVar[str] = "classifier"
    least: ClassVar[float] = 0.8

    def fitted(self, folder: Path, label: NDArray[np.bool_] | None = None) -> Any:
        """Return a fresh classifier, fitted with an equally seeded generator each time."""
        rows, own = tiny_rows()
        classifier = self.make()
        classifier.fit(rows, own if label is None else label, np.ones(len(rows)), tiny_context(folder))
        return classifier

    def test_has_the_methods_of_a_classifier(self) -> None:
        """A classifier is one by its methods, and says what it reads."""
        made = self.make()
        assert isinstance(made, Classifier)
        assert made.reads in {"table", "text"}
        for choice in made.CHOICES:
            self.component_class().Config(**{**self.params, **choice})

    def test_tells_a_planted_label_on_new_rows(self, tmp_path: Path) -> None:
        """Probabilities are (m,) float64 from 0 to 1, and rank rows that were never seen."""
        from framework.stats.classification import auc

        rows, label = tiny_rows(seed=1)
        found = self.fitted(tmp_path).probability(rows)
        assert found.shape == (len(rows),)
        assert found.dtype == np.float64
        assert np.all((found >= 0) & (found <= 1))
        assert auc(label, found).estimate >= self.least

    def test_same_seed_same_answers(self, tmp_path: Path) -> None:
        """Equal rows and generator give equal answers, and asking twice changes nothing."""
        rows, _ = tiny_rows(seed=1, rows=50)
        made = self.fitted(tmp_path)
        first = made.probability(rows)
        np.testing.assert_array_equal(made.probability(rows), first)
        np.testing.assert_array_equal(self.fitted(tmp_path).probability(rows), first)

    def test_rows_do_not_touch_each_other(self, tmp_path: Path) -> None:
        """A row alone, and rows in another order, have the answers that they have among others."""
        rows, _ = tiny_rows(seed=1, rows=50)
        made = self.fitted(tmp_path)
        first = made.probability(rows)
        turned = made.probability(rows.take(np.arange(50)[::-1]))[::-1]
        np.testing.assert_allclose(turned, first, atol=1e-5)
        np.testing.assert_allclose(made.probability(rows.take(np.array([7]))), first[7:8], atol=1e-5)

    def test_rows_stay_as_they_are(self, tmp_path: Path) -> None:
        """Neither fit nor asking changes the arrays."""
        rows, label = tiny_rows()
        before = fingerprint((rows.numbers, rows.categories, label))
        made = self.make()
        made.fit(rows, label, np.ones(len(rows)), tiny_context(tmp_path))
        made.probability(rows)
        assert fingerprint((rows.numbers, rows.categories, label)) == before

    def test_curve_tells_the_epochs(self, tmp_path: Path) -> None:
        """Where there is a curve, it counts epochs from 1 and holds a finite loss and a share."""
        curve = getattr(self.fitted(tmp_path), "curve", ())
        assert [entry["epoch"] for entry in curve] == list(range(1, len(curve) + 1))
        assert all(np.isfinite(entry["train_loss"]) and 0 <= entry["dev_accuracy"] <= 1 for entry in curve)
