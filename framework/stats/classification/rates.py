"""Shares of right answers: accuracy, precision, recall, F1 and the Brier score, each with its rows' influences.

All are ratios of sums over rows, so the delta method gives their errors, as for any ratio metric. For F1: 2 TP / (2 TP
+ FP + FN), summed over all folds' rows before it is divided, since an average of the folds' own is biased (Forman,
Scholz, "Apples-to-apples in cross-validation studies", SIGKDD Explorations 2010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from framework.stats.classification.measure import Measured, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Groups = NDArray[np.integer] | None


def accuracy(label: Bools, said: Bools, group: Groups = None) -> Measured:
    """Return the share of rows (n,) on which `said` is the `label`."""
    return ratio((label == said).astype(np.float64), np.ones(len(label)), group)


def precision(label: Bools, said: Bools, group: Groups = None) -> Measured:
    """Return the share of positives among the rows said to be; NaN where none is said to be."""
    return ratio((label & said).astype(np.float64), said.astype(np.float64), group)


def recall(label: Bools, said: Bools, group: Groups = None) -> Measured:
    """Return the share of the positives that are said to be; NaN where there is none."""
    return ratio((label & said).astype(np.float64), label.astype(np.float64), group)


def f1(label: Bools, said: Bools, group: Groups = None) -> Measured:
    """Return the harmonic mean of precision and recall; NaN where nothing is positive nor said to be."""
    both = 2.0 * (label & said).astype(np.float64)
    return ratio(both, label.astype(np.float64) + said, group)


def brier(label: Bools, probability: NDArray[np.float64], group: Groups = None) -> Measured:
    """Return the mean squared error of the probabilities (n,), lower is better (Brier, 1950)."""
    return ratio((probability - label) ** 2, np.ones(len(label)), group)
