"""User features as contextual policies read them: without a unit, all of one size, nothing missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import FeatureTable


def comparable(features: FeatureTable) -> NDArray[np.float64]:
    """Return the features (U, F) as z-scores over the users who have them, 0 (the mean) for those who have not.

    Shares are taken as they are; a feature that goes beyond 1, as counts, days and money do, is skewed, so
    sign(x) log(1 + |x|) stands for it. A feature that is the same for everybody is 0.
    """
    values = features.values
    known = np.isfinite(values)
    there = np.where(known, values, 0.0)
    beyond = (np.abs(there) > 1.0).any(axis=0)
    there = np.where(beyond, np.sign(there) * np.log1p(np.abs(there)), there)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, there - there.sum(axis=0) / count, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=0) / count)
    # A constant column's deviation is rounding noise, not exactly 0.
    varies = deviation > 1e-12 * np.maximum(1.0, np.abs(there).max(axis=0, initial=0.0))
    return np.asarray(np.divide(centred, deviation, out=np.zeros_like(centred), where=varies))
