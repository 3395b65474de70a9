"""What the classifiers' answers come to: measures with intervals, and paired differences from the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.classification.cross_validation import Answers, Fold
from framework.classification.reading import Examples
from framework.classification.settings import ClassifySettings
from framework.stats.classification import Measured, accuracy, auc_by_fold, brier, difference, f1, precision, recall
from framework.stats.multiplicity import holm

MEASURES = ("auc", "f1", "accuracy", "precision", "recall", "brier")
COMPARED = ("auc", "f1", "accuracy")
"""Measures whose differences are tested."""


@dataclass(frozen=True)
class Value:
    """A measure of one classifier, with its interval."""

    measure: str
    estimate: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Compared:
    """A classifier less the first one, on the same rows. `p_adjusted` is Holm's over all of these."""

    measure: str
    estimate: float
    ci_low: float
    ci_high: float
    p_value: float
    p_adjusted: float


@dataclass(frozen=True)
class Found:
    """One classifier: its measures, its differences from the first (none for that itself), and its folds."""

    name: str
    values: tuple[Value, ...]
    compared: tuple[Compared, ...]
    folds: tuple[Fold, ...]

    def value(self, measure: str) -> Value:
        """Return one of the measures."""
        return next(own for own in self.values if own.measure == measure)


def measured(answers: Answers, examples: Examples) -> dict[str, Measured]:
    """Return the measures of a classifier on the rows that it answered; rows of one group stand together."""
    label = examples.label[answers.rows]
    group: NDArray[np.int64] | None = None
    if examples.grouped:
        group = np.unique(examples.group[answers.rows], return_inverse=True)[1].astype(np.int64)
    said = answers.said
    return {
        "auc": auc_by_fold(label, answers.probability, answers.fold, group),
        "f1": f1(label, said, group),
        "accuracy": accuracy(label, said, group),
        "precision": precision(label, said, group),
        "recall": recall(label, said, group),
        "brier": brier(label, answers.probability, group),
    }


def findings(all_answers: Sequence[Answers], examples: Examples, settings: ClassifySettings) -> tuple[Found, ...]:
    """Return every classifier's measures, in the order in which they were named."""
    every = [measured(answers, examples) for answers in all_answers]
    differences = [
        {name: difference(own[name], every[0][name], settings.confidence) for name in COMPARED} for own in every[1:]
    ]
    raw = [between.p_value for one in differences for between in one.values()]
    known = [p for p in raw if np.isfinite(p)]
    adjusted = iter(holm(known) if known else ())
    found = []
    for place, (answers, own) in enumerate(zip(all_answers, every, strict=True)):
        values = tuple(Value(name, one.estimate, *one.interval(settings.confidence)) for name, one in own.items())
        compared = tuple(
            Compared(
                name,
                between.estimate,
                between.low,
                between.high,
                between.p_value,
                next(adjusted) if np.isfinite(between.p_value) else float("nan"),
            )
            for name, between in (differences[place - 1].items() if place else ())
        )
        found.append(Found(answers.name, values, compared, answers.folds))
    return tuple(found)
