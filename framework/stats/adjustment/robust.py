"""The heteroskedasticity-robust errors of an adjusted difference: sums over units that moments cannot give.

MacKinnon and White 1985, "Some heteroskedasticity-consistent covariance matrix estimators with improved finite sample
properties", J. Econometrics 29. An adjusted value is a weighted sum of outcomes; with weight w, residual e and leverage
h of a unit, HC0 sums w^2 e^2, HC2 divides each term by 1 - h, HC3 by (1 - h)^2. A unit that the regression fits alone
(h = 1) has no residual and adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.stats.adjustment.regression import ArmFit
from framework.stats.moments.record import Numbers

KINDS = ("hc0", "hc2", "hc3")
ALONE = 1e-9
"""Rest of a leverage to 1 below which the regression fits a unit alone."""


@dataclass(frozen=True)
class Meat:
    """The variance of one arm's adjusted value by each formula."""

    hc0: float
    hc2: float
    hc3: float


def unit_terms(fit: ArmFit, columns: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Return each unit's weight, residual and leverage in an arm of a single group.

    `columns` maps the fit's columns to what can be added and multiplied with numbers: arrays (n,), or expressions of
    a dataframe engine, in which case expressions come back.
    """
    z = [_form(fit.columns, row, columns, float(shift)) for row, shift in zip(fit.maps, fit.shift, strict=True)]
    mean, n = fit.moments.mean, float(fit.moments.n)
    x = [z[1 + place] - float(mean[1 + place]) for place in range(len(fit.slope))]
    pull = fit.precision @ fit.move
    weight: Any = 1 / n
    residual = z[0] - float(mean[0])
    leverage: Any = 1 / n
    for place, own in enumerate(x):
        weight = own * float(pull[place]) + weight
        residual = residual - own * float(fit.slope[place])
        for second in range(place, len(x)):
            twice = 1.0 if second == place else 2.0
            leverage = own * x[second] * (twice * float(fit.precision[place, second])) + leverage
    return weight, residual, leverage


def meat_of(fit: ArmFit, columns: Mapping[str, NDArray[np.float64]]) -> Meat:
    """Return an arm's robust variances from its rows."""
    weight, residual, leverage = unit_terms(fit, columns)
    kept = 1 - leverage
    alone = kept < ALONE
    squares, kept = np.where(alone, 0.0, (weight * residual) ** 2), np.where(alone, 1.0, kept)
    return Meat(float(squares.sum()), float((squares / kept).sum()), float((squares / kept**2).sum()))


def _form(names: tuple[str, ...], weights: Numbers, columns: Mapping[str, Any], shift: float) -> Any:
    form: Any = None
    for name, weight in zip(names, weights, strict=True):
        if weight != 0:
            term = columns[name] * float(weight)
            form = term if form is None else form + term
    return form + shift
