"""How well a classifier tells two classes apart, on rows that it did not see: estimates, intervals, differences."""

from framework.stats.classification.auc import auc, auc_by_fold
from framework.stats.classification.measure import Difference, Measured, difference
from framework.stats.classification.rates import accuracy, brier, f1, precision, recall

__all__ = [
    "Difference",
    "Measured",
    "accuracy",
    "auc",
    "auc_by_fold",
    "brier",
    "difference",
    "f1",
    "precision",
    "recall",
]
