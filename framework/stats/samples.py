"""Values of a metric, one a unit, as the estimators take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class UnitValues:
    """A metric's reading of n units: `numerator` (n,), and for a ratio of sums its `denominator` (n,).

    The arm's value is mean(numerator), or sum(numerator) / sum(denominator). `kind` is "mean", "proportion" (all
    numerators 0 or 1) or "ratio".
    """

    kind: str
    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64] | None = None
