"""How much of a metric's spread between users was known before: what covariates would save a live test."""

from __future__ import annotations

import numpy as np

from framework.data.tables import Dataset
from framework.records import Outcomes, UnitValues
from framework.stats.adjustment.cupac import FOLDS, out_of_fold
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import columns_of, measure_of
from framework.stats.moments.shape import contributions_of

FEWEST = 200
"""Users with a past below which nothing is promised of covariates."""


def reduction_by_past(values: UnitValues, outcomes: Outcomes, data: Dataset, seed: int = 0) -> float | None:
    """Return the share (0 to 1) of the variance between users that their past foretells, out of fold.

    Each user's contribution to the metric is predicted from the features of the training data by gradient boosting
    that never saw the user (`adjustment.cupac`); new users have no past and are predicted by the mean. None where too
    few users have a past, or nothing is foretold.
    """
    place = data.user_index(outcomes.units)
    known = place >= 0
    if int(known.sum()) < max(FEWEST, 2 * FOLDS):
        return None
    columns = columns_of(values)
    contributions = contributions_of(measure_of(values, "metric"), Moments.of(columns), columns)
    features = data.features.values[place[known]]
    prediction = np.zeros(contributions.size)
    prediction[known] = out_of_fold(np.asarray(features, dtype=np.float64), contributions[known], seed=seed)
    spread = prediction.std() * contributions.std()
    if not spread > 0:
        return None
    correlation = float(np.mean((prediction - prediction.mean()) * (contributions - contributions.mean())) / spread)
    return correlation**2 if correlation > 0 else None
