"""Strata known before the test: compared inside each, then weighted by their sizes (post-stratification)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError
from framework.stats.designs.differences import Differences, referred
from framework.stats.designs.independent import BOTH_FLAT, permutation_p
from framework.stats.effects import Interval
from framework.stats.moments.measure import contribution, form_variance, mean_variance, value_of
from framework.stats.moments.record import Moments, Numbers, merged
from framework.stats.moments.two_arms import TwoArms
from framework.stats.relative import NO_LOGARITHM, log_interval, refusal


@dataclass(frozen=True)
class PostStratified:
    """The difference of two arms' weighted `values` (control's, treatment's), and their relative difference.

    `reduction` is the share of the plain difference's variance that weighting removed.
    """

    differences: Differences
    values: tuple[float, float]
    relative: Interval
    reduction: float


def post_stratified(strata: Mapping[str, TwoArms], confidence: float) -> PostStratified:
    """Return the difference of the arms' values with each stratum weighted by its share of all units.

    `strata` hold independent arms of one measure, each with units of both arms. Chance imbalance between the arms no
    longer matters (Miratrix, Sekhon and Yu 2013, "Adjusting treatment effect estimates by post-stratification in
    randomized experiments"). A ratio is that of the weighted means. The variance is that within the strata, and what
    the strata's own shares vary from sample to sample where they respond differently, as GrowthBook has it. Reference
    t with Satterthwaite's df; relative: log ratio.

    Raises:
        TrialError: a stratum with fewer than 2 units in an arm, naming it, no stratum, or an arm of a ratio whose
            denominators add up to nothing.
    """
    if not strata:
        raise TrialError("no stratum has any unit")
    for name, arms in strata.items():
        fewest = int(min(arms.control.n, arms.treatment.n))
        if fewest < 2:
            raise TrialError(
                f"stratum '{name}' has {fewest} unit(s) in an arm",
                allowed="2 or more in every arm",
                hint="Join small strata before the test, or leave stratification out.",
            )
    parts = list(strata.values())
    weighted = _Weighted.of(parts)
    control, treatment = weighted.values
    variance, df = weighted.variance(1.0, 1.0)
    found = referred(
        np.asarray(treatment - control),
        np.asarray(np.sqrt(variance)),
        df,
        confidence,
        f"post-stratified ({len(strata)} strata), t",
        flat_p=permutation_p(*parts),
        flat_text=BOTH_FLAT,
    )
    plain = weighted.plain_variance()
    reduction = 1 - variance / plain if plain > 0 else 0.0
    return PostStratified(found, (control, treatment), weighted.relative(confidence), reduction)


@dataclass(frozen=True)
class _Weighted:
    """The strata's arms, (S,) shares of all units, and each arm's weighted means with the weights of a contribution."""

    parts: Sequence[TwoArms]
    shares: Numbers
    units: float
    gradients: tuple[Numbers, Numbers]
    values: tuple[float, float]

    @staticmethod
    def of(parts: Sequence[TwoArms]) -> _Weighted:
        measure = parts[0].measure
        sizes = np.array([float(arms.control.n + arms.treatment.n) for arms in parts])
        shares = sizes / sizes.sum()
        gradients, values = [], []
        for side in ("control", "treatment"):
            own = [getattr(arms, side).pick(measure.own_columns) for arms in parts]
            mean = np.sum([share * moments.mean for share, moments in zip(shares, own, strict=True)], axis=0)
            whole = Moments(measure.own_columns, np.asarray(sizes.sum()), mean, own[0].comoments)
            if measure.denominator is not None and not float(whole.mean_of(measure.denominator)) > 0:
                raise TrialError(f"metric '{measure.name}': the {side}'s denominators add up to nothing")
            gradients.append(contribution(measure, whole))
            values.append(float(value_of(measure, whole)))
        return _Weighted(parts, shares, float(sizes.sum()), (gradients[0], gradients[1]), (values[0], values[1]))

    def variance(self, scale_control: float, scale_treatment: float) -> tuple[float, float]:
        """Return the variance of scale_treatment x treatment - scale_control x control, and its degrees of freedom."""
        columns = self.parts[0].measure.own_columns
        within, strain, moved = 0.0, 0.0, np.zeros(len(self.parts))
        for side, gradient, scale in (
            ("control", self.gradients[0], -scale_control),
            ("treatment", self.gradients[1], scale_treatment),
        ):
            for place, arms in enumerate(self.parts):
                own = getattr(arms, side).pick(columns)
                n = float(own.n)
                spread = form_variance(gradient, own.covariance, np.abs(gradient) @ np.abs(own.mean))
                piece = float(self.shares[place] ** 2 * scale**2 * spread / n)
                within += piece
                strain += piece**2 / (n - 1)
                moved[place] += scale * float(gradient @ own.mean)
        between = float(self.shares @ (moved - self.shares @ moved) ** 2) / self.units
        strain += between**2 / max(self.units - 1, 1.0)
        variance = within + between
        return variance, variance**2 / strain if strain > 0 else np.inf

    def relative(self, confidence: float) -> Interval:
        control, treatment = self.values
        own, _ = self.variance(1.0, 0.0)
        reason = refusal(control, float(np.sqrt(own)), confidence)
        if reason is not None:
            return Interval(None, None, None, reason)
        if treatment <= 0:
            return Interval(treatment / control - 1, None, None, NO_LOGARITHM)
        variance, df = self.variance(1 / control, 1 / treatment)
        return log_interval(treatment / control, np.asarray(np.sqrt(variance)), np.asarray(df), confidence)

    def plain_variance(self) -> float:
        measure = self.parts[0].measure
        sides = ([getattr(arms, side) for arms in self.parts] for side in ("control", "treatment"))
        return sum(float(mean_variance(measure, merged(own))) for own in sides)
