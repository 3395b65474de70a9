"""Covariate adjustment from moments: slopes, adjusted values and the linear forms that their errors need.

Three methods of one family, each a difference of arms' values moved to the same covariates:

- "lin": a slope of each arm's own, Lin's interacted regression (Lin 2013, "Agnostic notes on regression adjustments
  to experimental data: reexamining Freedman's critique", Ann. Appl. Stat. 7);
- "ancova": one slope from both arms, each centred at its own mean (the regression on arm and covariates);
- "cuped": one slope from all units, arms ignored (Deng, Xu, Kohavi and Walker 2013, "Improving the sensitivity of
  online controlled experiments by utilizing pre-experiment data").

A ratio is adjusted through its linearised contributions, and so is a covariate that is a ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.moments.measure import ROUNDING, Measure, contribution, value_of, variance_of
from framework.stats.moments.record import Moments, Numbers, both
from framework.stats.moments.two_arms import TwoArms

METHODS = ("lin", "ancova", "cuped")
OUTCOME = "outcome"
COLLINEAR = 1e-10
"""Smallest eigenvalue of the covariates' correlations below which they repeat each other."""


@dataclass(frozen=True)
class ArmFit:
    """One arm's regression. All arrays may have leading batch axes `...`; p covariates, k columns.

    `moments` are those of the outcome and the p covariates; `maps` (..., 1 + p, k) and `shift` (..., 1 + p) make them
    of the arm's `columns`. `slope` (..., p) is the regression's, `move` (..., p) how far the covariates' means are
    moved, `precision` (..., p, p) the inverse of the comoments that the slope was fitted with. `value` (...,) is the
    arm's adjusted value, `residual_squares` (...,) the sum of squared residuals around the arm's own means, exactly 0
    where they are rounding only.
    """

    columns: tuple[str, ...]
    maps: Numbers
    shift: Numbers
    moments: Moments
    slope: Numbers
    move: Numbers
    precision: Numbers
    value: Numbers
    residual_squares: Numbers

    @property
    def spread(self) -> Numbers:
        """Sum (...,) of squared weights with which the arm's units enter the adjusted difference.

        1 / n + move' precision S precision move, S the comoments of the arm's own covariates.
        """
        pull = np.einsum("...pq,...q->...p", self.precision, self.move)
        own = np.einsum("...p,...pq,...q->...", pull, self.moments.comoments[..., 1:, 1:], pull)
        return np.asarray(1 / self.moments.n + own)


@dataclass(frozen=True)
class Adjustment:
    """Both arms' fits by one method, and what the plain difference's variance was, (...,)."""

    measure: Measure
    method: str
    control: ArmFit
    treatment: ArmFit
    plain_variance: Numbers


def adjusted(arms: TwoArms, method: str = "lin") -> Adjustment:
    """Return both arms' regressions on the measure's covariates, from moments alone.

    Raises:
        TrialError: an unknown method, no covariate, a paired design (whose pairs adjust for users already), an arm
            with fewer than 2 units more than covariates, covariates without spread, that repeat each other, or that
            give the outcome without any error.
    """
    if method not in METHODS:
        raise TrialError(f"method '{method}' is unknown", allowed=METHODS, hint=did_you_mean(method, METHODS))
    if not arms.measure.covariates or arms.joint is not None:
        why = "no covariate" if arms.joint is None else "a paired design, where each user is the own control"
        raise TrialError(f"metric '{arms.measure.name}': nothing to adjust for ({why})")
    p = len(arms.measure.covariates)
    fewest = int(min(np.min(arms.control.n), np.min(arms.treatment.n)))
    if fewest < p + 2:
        raise TrialError(
            f"metric '{arms.measure.name}': {fewest} unit(s) in an arm cannot bear {p} covariate(s)",
            allowed=f"{p + 2} or more in every arm",
            hint="Use fewer covariates, or none.",
        )
    columns = arms.measure.columns
    sides = [_mapped(arms.measure, side.pick(columns)) for side in (arms.control, arms.treatment)]
    total = _mapped(arms.measure, both(arms.control.pick(columns), arms.treatment.pick(columns))).moments
    inside = {
        "lin": [side.moments.comoments for side in sides],
        "ancova": [sides[0].moments.comoments + sides[1].moments.comoments] * 2,
        "cuped": [total.comoments] * 2,
    }[method]
    target = total.mean[..., 1:]
    fits = []
    for place, side in enumerate(sides):
        # One slope for both arms moves an arm's covariates to the other arm's, two slopes move both to all units'.
        towards = sides[1 - place].moments.mean[..., 1:] if method == "ancova" else target
        fits.append(_fitted(side, inside[place], target, towards, arms.measure.name))
    exact = (fits[0].residual_squares == 0) & (fits[1].residual_squares == 0)
    varied = (sides[0].outcome_squares > 0) | (sides[1].outcome_squares > 0)
    if bool((exact & varied).any()):
        raise TrialError(
            f"metric '{arms.measure.name}': the covariates give the outcome without any error",
            hint="Use covariates from before the test.",
        )
    plain = sum(variance_of(arms.measure, side) / side.n for side in (arms.control, arms.treatment))
    return Adjustment(arms.measure, method, fits[0], fits[1], np.asarray(plain))


@dataclass(frozen=True)
class _Mapped:
    columns: tuple[str, ...]
    maps: Numbers
    shift: Numbers
    moments: Moments
    noise: Numbers
    """Sums of squares (..., 1 + p) that rounding alone can make."""

    @property
    def outcome_squares(self) -> Numbers:
        squares = self.moments.comoments[..., 0, 0]
        return np.asarray(np.where(squares <= self.noise[..., 0], 0.0, squares))


def _mapped(measure: Measure, own: Moments) -> _Mapped:
    """Return outcome and covariates as linear forms of an arm's columns, with their moments."""
    parts = [measure] + [
        Measure(f"covariate {c.numerator}", "mean" if c.denominator is None else "ratio", c.numerator, c.denominator)
        for c in measure.covariates
    ]
    maps = np.stack([contribution(part, own) for part in parts], axis=-2)
    values = np.stack([value_of(part, own) for part in parts], axis=-1)
    shift = values - np.einsum("...mk,...k->...m", maps, own.mean)
    names = (OUTCOME, *(f"covariate {place}" for place in range(len(parts) - 1)))
    level = np.einsum("...mk,...k->...m", np.abs(maps), np.abs(own.mean))
    terms = np.einsum("...mk,...kl,...ml->...m", np.abs(maps), np.abs(own.comoments), np.abs(maps))
    noise = np.maximum(ROUNDING * terms, own.n[..., None] * (ROUNDING * level) ** 2)
    return _Mapped(own.columns, maps, shift, own.projected(names, maps, shift), noise)


def _fitted(side: _Mapped, inside: Numbers, target: Numbers, towards: Numbers, metric: str) -> ArmFit:
    squares, cross = inside[..., 1:, 1:], inside[..., 1:, 0]
    own = np.einsum("...pp->...p", squares)
    if bool((own <= side.noise[..., 1:]).any()):
        raise TrialError(f"metric '{metric}': a covariate has the same value for every unit", hint="Leave it out.")
    scale = np.sqrt(own)
    correlation = squares / scale[..., :, None] / scale[..., None, :]
    if bool((np.linalg.eigvalsh(correlation)[..., 0] < COLLINEAR).any()):
        raise TrialError(f"metric '{metric}': covariates repeat each other", hint="Leave one of them out.")
    precision = np.linalg.inv(correlation) / scale[..., :, None] / scale[..., None, :]
    slope = np.einsum("...pq,...q->...p", precision, cross)
    mean = side.moments.mean
    value = mean[..., 0] + np.einsum("...p,...p->...", slope, target - mean[..., 1:])
    move = towards - mean[..., 1:]
    z = side.moments.comoments
    crossed = np.einsum("...p,...p->...", slope, z[..., 0, 1:])
    explained = np.einsum("...p,...pq,...q->...", slope, z[..., 1:, 1:], slope)
    left = z[..., 0, 0] - 2 * crossed + explained
    rounding = ROUNDING * (z[..., 0, 0] + 2 * np.abs(crossed) + explained)
    left = np.where(left <= np.maximum(rounding, side.noise[..., 0]), 0.0, left)
    return ArmFit(side.columns, side.maps, side.shift, side.moments, slope, move, precision, value, left)
