"""The difference of two adjusted values, with its error, interval, p-value and what the covariates saved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.adjustment.regression import Adjustment
from framework.stats.adjustment.robust import KINDS, Meat
from framework.stats.designs.differences import Differences, referred
from framework.stats.designs.independent import BOTH_FLAT, permutation_p, satterthwaite
from framework.stats.moments.record import Numbers
from framework.stats.moments.two_arms import TwoArms

ERRORS = (*KINDS, "classical")
NAMES = {
    "lin": "Lin's interacted regression",
    "ancova": "regression on arm and covariates",
    "cuped": "CUPED",
}


@dataclass(frozen=True)
class AdjustedDifferences:
    """`differences` of adjusted values; `variances` (control's, treatment's) of those, and the share that was saved.

    `df` are those of the logarithm of the two values' ratio (inf: normal).
    """

    differences: Differences
    variances: tuple[Numbers, Numbers]
    df: Numbers
    reduction: Numbers


def adjusted_differences(
    adjustment: Adjustment, confidence: float, *, error: str = "hc2", meats: tuple[Meat, Meat] | None = None
) -> AdjustedDifferences:
    """Return treatment minus control, both at the same covariates.

    "cuped": Welch's t on outcome minus slope times covariate. "lin" and "ancova" with `error`:
    - "hc0", "hc2" or "hc3" with `meats` (control's, treatment's: `robust.meat_of`): normal reference, as statsmodels;
    - the same without meats: what HC2 is expected to be where an arm's residuals have one variance, from moments;
    - "classical": one residual variance for both arms, t reference.

    The error is that of the difference at the covariates that these units have, as in statsmodels: "lin" takes the
    covariates' overall means for known.
    """
    if error not in ERRORS:
        raise TrialError(f"error '{error}' is unknown", allowed=ERRORS, hint=did_you_mean(error, ERRORS))
    control, treatment = adjustment.control, adjustment.treatment
    difference = treatment.value - control.value
    p = control.slope.shape[-1]
    if adjustment.method == "cuped":
        variances = tuple(
            side.residual_squares / (side.moments.n - 1) / side.moments.n for side in (control, treatment)
        )
        df = satterthwaite(variances[1], treatment.moments.n, variances[0], control.moments.n)
        text = "CUPED, Welch t"
    elif error == "classical":
        squares = control.residual_squares + treatment.residual_squares
        slopes = 2 * p if adjustment.method == "lin" else p
        df = control.moments.n + treatment.moments.n - 2 - slopes
        variances = tuple(squares / df * side.spread for side in (control, treatment))
        text = f"{NAMES[adjustment.method]}, classical error, t"
    else:
        if meats is None:
            variances = tuple(
                side.residual_squares / (side.moments.n - 1 - p) * side.spread for side in (control, treatment)
            )
        else:
            # Where residuals are rounding only, so are their sums.
            variances = tuple(
                np.where(side.residual_squares == 0, 0.0, getattr(meat, error))
                for side, meat in zip((control, treatment), meats, strict=True)
            )
        df = np.full(np.shape(difference), np.inf)
        text = f"{NAMES[adjustment.method]}, {error.upper()}, normal"
    total = variances[0] + variances[1]
    found = referred(
        difference,
        np.sqrt(total),
        df,
        confidence,
        text,
        flat_p=permutation_p(TwoArms(adjustment.measure, control.moments, treatment.moments)),
        flat_text=BOTH_FLAT,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = np.where(adjustment.plain_variance > 0, 1 - total / adjustment.plain_variance, 0.0)
    if adjustment.method == "cuped":
        # Those of the logarithms' variances, both times the two values' squares, so that values of 0 do no harm.
        x, y = variances[1] * control.value**2, variances[0] * treatment.value**2
        df = satterthwaite(x, treatment.moments.n, y, control.moments.n)
    return AdjustedDifferences(found, (variances[0], variances[1]), np.asarray(df), np.asarray(reduction))
