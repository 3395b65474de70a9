"""The area under the ROC curve: the probability that a positive scores above a negative, ties counted half.

Its influences are DeLong's components: of a positive, the share of negatives below it, less the area, by the number of
positives; of a negative the like. References: DeLong, DeLong, Clarke-Pearson, Biometrics 1988; Sun, Xu, "Fast
implementation of DeLong's algorithm", IEEE Signal Processing Letters 2014 (midranks); Obuchowski, Biometrics 1997
(clusters); LeDell, Petersen, van der Laan, "Computationally efficient confidence intervals for cross-validated area
under the ROC curve estimates", Electronic Journal of Statistics 2015 (folds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from framework.errors import DataError
from framework.stats.classification.measure import Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray


def auc(label: NDArray[np.bool_], score: NDArray[np.float64], group: NDArray[np.integer] | None = None) -> Measured:
    """Return the area over rows (n,), scores of one classifier.

    With every row alone, its variance is DeLong's but for the factor: n / (n - 1) over all rows where DeLong has
    m / (m - 1) over each class. `group` (n,) makes rows of one user stand together. Raises DataError for one class.
    """
    _check(label, score)
    from scipy.stats import rankdata

    positives, negatives = int(label.sum()), int((~label).sum())
    every = rankdata(score)
    above = np.empty(len(score))
    # The midrank among all less that among one's own class counts the others below, ties half.
    above[label] = (every[label] - rankdata(score[label])) / negatives
    above[~label] = 1.0 - (every[~label] - rankdata(score[~label])) / positives
    area = float(above[label].mean())
    return Measured(area, (above - area) / np.where(label, positives, negatives), group)


def auc_by_fold(
    label: NDArray[np.bool_],
    score: NDArray[np.float64],
    fold: NDArray[np.integer],
    group: NDArray[np.integer] | None = None,
) -> Measured:
    """Return the mean of the folds' areas, each weighted by its rows; scores of different folds are never compared.

    Each fold's scores come of a model of its own, whose scale need not be the others'. `fold` (n,) numbers the folds.
    Raises DataError where a fold has one class only.
    """
    total, influence = 0.0, np.zeros(len(score))
    for one in np.unique(fold):
        rows = fold == one
        own = auc(label[rows], score[rows])
        share = float(rows.mean())
        total += share * own.estimate
        influence[rows] = share * own.influence
    return Measured(total, influence, group)


def _check(label: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
    if label.shape != score.shape or not np.all(np.isfinite(score)):
        raise DataError("an AUC needs one finite score a row")
    if label.all() or not label.any():
        raise DataError("an AUC needs rows of both classes", hint="Take fewer folds, or folds that keep the shares.")
