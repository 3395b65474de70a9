"""Whether chance dealt the arms: covariates from before the test must not foretell a unit's arm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.stats.estimates import floored
from framework.stats.uplift.ranked import Floats


def balance_p_value(features: Floats, treated: NDArray[np.bool_]) -> float:
    """Return the p-value of all covariates (n, d) at once: n R^2 of the arm regressed on them, chi-square.

    Degrees of freedom are the rank of the covariates. For an arm dealt with one chance for everybody (a Lagrange
    multiplier test: Engle 1984).
    """
    from scipy import stats

    centred = features - features.mean(axis=0)
    spread = centred.std(axis=0)
    kept = spread > 1e-12 * (1 + np.abs(features.mean(axis=0)))
    arm = treated - treated.mean()
    solved, _, rank, _ = np.linalg.lstsq(centred[:, kept] / spread[kept], arm, rcond=1e-10)
    if not rank:
        return 1.0
    explained = float(arm @ (centred[:, kept] / spread[kept] @ solved)) / float(arm @ arm)
    return floored(float(stats.chi2.sf(treated.size * explained, rank)))
