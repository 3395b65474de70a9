"""Values of a metric, one a unit, as the estimators take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean

KINDS = ("mean", "proportion", "ratio")
"""How an arm's value comes of its units' values."""


@dataclass(frozen=True)
class UnitValues:
    """A metric's reading of n units: `numerator` (n,), and for a ratio of sums its `denominator` (n,).

    The arm's value is mean(numerator), or sum(numerator) / sum(denominator). `kind` is "mean", "proportion" (all
    numerators 0 or 1) or "ratio".
    """

    kind: str
    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64] | None = None


def checked(values: UnitValues, *, metric: str, arm: str) -> UnitValues:
    """Return `values` as float64 arrays, fit for every estimator.

    Raises:
        TrialError: naming arm and metric, where the kind is unknown, shapes differ, fewer than 2 units are there,
            values are not finite (with their number), a proportion is not 0 or 1, or a ratio's denominators do not
            add up to more than 0.
    """
    where = f"metric '{metric}', arm '{arm}'"
    if values.kind not in KINDS:
        raise TrialError(
            f"{where}: kind '{values.kind}' is unknown", allowed=KINDS, hint=did_you_mean(values.kind, KINDS)
        )
    numerator = np.asarray(values.numerator, dtype=np.float64)
    if numerator.ndim != 1:
        raise TrialError(f"{where}: values have shape {numerator.shape}", allowed="one value a unit, shape (n,)")
    if numerator.size < 2:
        raise TrialError(
            f"{where}: {numerator.size} unit(s) cannot show a spread",
            allowed="2 units or more in every arm",
            hint="Leave this metric or segment out, or use more of the log.",
        )
    _refuse_not_finite(numerator, where)
    if values.kind == "proportion" and not bool(np.isin(numerator, (0.0, 1.0)).all()):
        other = float(numerator[~np.isin(numerator, (0.0, 1.0))][0])
        raise TrialError(f"{where}: a proportion has the value {other:g}", allowed="0 and 1", hint="Use kind 'mean'.")
    if values.kind != "ratio":
        return UnitValues(values.kind, numerator)
    if values.denominator is None:
        raise TrialError(f"{where}: a ratio has no denominator", allowed="numerator and denominator, one each a unit")
    denominator = np.asarray(values.denominator, dtype=np.float64)
    if denominator.shape != numerator.shape:
        raise TrialError(f"{where}: {numerator.size} numerators but {denominator.size} denominators")
    _refuse_not_finite(denominator, where)
    if float(denominator.sum()) <= 0:
        raise TrialError(
            f"{where}: the denominators add up to {float(denominator.sum()):g}, so the ratio has no value",
            allowed="a total above 0",
            hint="No unit of this arm has anything to divide by; leave this metric or segment out.",
        )
    return UnitValues("ratio", numerator, denominator)


def _refuse_not_finite(numbers: NDArray[np.float64], where: str) -> None:
    bad = int(numbers.size - np.isfinite(numbers).sum())
    if bad:
        raise TrialError(
            f"{where}: {bad} of {numbers.size} values are missing or infinite",
            allowed="finite numbers",
            hint="A unit without an outcome must count as 0 or be left out of every arm; say which in the metric.",
        )
