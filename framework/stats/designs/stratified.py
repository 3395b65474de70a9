"""Strata known before the test: compared inside each, then weighted by their sizes (post-stratification)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError
from framework.stats.designs.differences import Differences, referred
from framework.stats.moments.measure import mean_variance, value_of
from framework.stats.moments.record import Numbers, merged
from framework.stats.moments.two_arms import TwoArms


@dataclass(frozen=True)
class PostStratified:
    """The difference of two arms' weighted values, those `values` (control's, treatment's) with their `variances`.

    `reduction` is the share of the plain difference's variance that weighting removed.
    """

    differences: Differences
    values: tuple[Numbers, Numbers]
    variances: tuple[Numbers, Numbers]
    df: Numbers
    reduction: float


def post_stratified(strata: Mapping[str, TwoArms], confidence: float) -> PostStratified:
    """Return the difference of the arms' values weighted by stratum.

    `strata` hold independent arms of one measure, each with units of both arms. Every stratum counts by its share of
    all units, so chance imbalance between the arms no longer matters (Miratrix, Sekhon and Yu 2013, "Adjusting
    treatment effect estimates by post-stratification in randomized experiments"; Imbens and Rubin 2015, ch. 9). For a
    ratio the estimate is the weighted mean of the strata's differences. Reference t with Satterthwaite's df.

    Raises:
        TrialError: a stratum with fewer than 2 units in an arm, naming it, or no stratum.
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
    sizes = np.array([float(arms.control.n + arms.treatment.n) for arms in parts])
    shares = sizes / sizes.sum()
    values, variances, strain = [], [], 0.0
    for side in ("control", "treatment"):
        own = [getattr(arms, side) for arms in parts]
        pieces = shares**2 * np.array([float(mean_variance(parts[0].measure, moments)) for moments in own])
        values.append(np.asarray(shares @ np.array([float(value_of(parts[0].measure, moments)) for moments in own])))
        variances.append(np.asarray(pieces.sum()))
        strain += float((pieces**2 / (np.array([float(moments.n) for moments in own]) - 1)).sum())
    variance = float(variances[0] + variances[1])
    df = np.asarray(variance**2 / strain if strain > 0 else np.inf)
    found = referred(
        values[1] - values[0],
        np.asarray(np.sqrt(variance)),
        df,
        confidence,
        f"post-stratified ({len(parts)} strata), t",
    )
    plain = _plain_variance(parts)
    reduction = 1 - variance / plain if plain > 0 else 0.0
    return PostStratified(found, (values[0], values[1]), (variances[0], variances[1]), df, reduction)


def _plain_variance(parts: Sequence[TwoArms]) -> float:
    measure = parts[0].measure
    sides = ([getattr(arms, side) for arms in parts] for side in ("control", "treatment"))
    return sum(float(mean_variance(measure, merged(own))) for own in sides)
