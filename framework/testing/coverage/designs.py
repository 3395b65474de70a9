"""The designs and adjustments of the coverage table: plain, paired, covariates, clusters, strata."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from framework.stats.adjustment.effects import adjusted_differences
from framework.stats.adjustment.regression import ArmFit, adjusted
from framework.stats.adjustment.robust import Meat
from framework.stats.compare import ESTIMATORS
from framework.stats.designs.clustered import CONTROL, SIZE, TOTAL, TREATMENT, cluster_arms, cluster_shape, clustered
from framework.stats.designs.stratified import post_stratified
from framework.stats.health.cautions import cautions
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms
from framework.testing.coverage.trials import (
    CONFIDENCE,
    MEAN,
    Found,
    Said,
    Trials,
    arms_of,
    by_trial,
    cautious,
    shapes_of,
)
from framework.testing.coverage.worlds import Rows, batch, cluster_totals, contributions, shapes, strata_of


def independent(measure: Measure, trials: Trials, _rng: np.random.Generator) -> Found | None:
    """Two independent arms by the plain estimator of the measure's kind; a share has no unit to change."""
    if measure.kind == "proportion" and trials.scenario.scale != 1:
        return None
    arms = arms_of(measure, trials)
    return Found.of(ESTIMATORS["independent", measure.kind](arms, CONFIDENCE), cautious(arms, shapes_of(arms, trials)))


def paired(measure: Measure, trials: Trials, _rng: np.random.Generator) -> Found:
    """The control's units under both arms: a world's first number is how many pairs there are."""
    columns = measure.own_columns
    joint = batch(
        {**{DIFFERENCE + name: trials.paired[name] - trials.control[name] for name in columns}, **trials.control},
        [*(DIFFERENCE + name for name in columns), *columns],
    )
    arms = TwoArms.paired(measure, joint)
    parts = contributions(measure, arms.treatment, trials.paired) - contributions(measure, arms.control, trials.control)
    known = [(shape,) for shape in shapes(parts)]
    return Found.of(ESTIMATORS["paired", measure.kind](arms, CONFIDENCE), cautious(arms, known))


def covariate(method: str, measure: Measure, trials: Trials, _rng: np.random.Generator) -> Found:
    """One covariate from before the test: "lin" with HC2 errors from the rows, or "cuped".

    A trial in which an arm's covariate has no spread is refused, as `adjusted` does.
    """
    some = np.ones(trials.replications, dtype=np.bool_)
    for rows in (trials.control, trials.treatment):
        some &= np.ptp(rows[measure.covariates[0].numerator], axis=1) > 0
    control, treatment = (
        {name: rows[name][some] for name in measure.columns} for rows in (trials.control, trials.treatment)
    )
    arms = TwoArms(measure, batch(control, measure.columns), batch(treatment, measure.columns))
    fits = adjusted(arms, method)
    sides = [unit_terms(fit, rows) for fit, rows in ((fits.control, control), (fits.treatment, treatment))]
    # CUPED needs none of them, Lin's regression HC2 alone.
    meats = [
        Meat(np.nan, ((weight * residual) ** 2 / (1 - leverage)).sum(axis=1), np.nan)
        for weight, residual, leverage in sides
    ]
    said = adjusted_differences(fits, CONFIDENCE, meats=(meats[0], meats[1])).differences
    own = Found.of(said, cautious(arms, list(zip(*(shapes(residual) for _, residual, _ in sides), strict=True))))
    nothing = np.full((3, len(some)), np.nan)
    found = Found(nothing[0], nothing[1], nothing[2], np.ones(len(some), dtype=np.bool_))
    for key in ("low", "high", "p_value", "warned"):
        getattr(found, key)[some] = getattr(own, key)
    return found


def unit_terms(fit: ArmFit, rows: Rows) -> tuple[Numbers, Numbers, Numbers]:
    """Return weights, residuals and leverages (R, n) of units: `adjustment.robust.unit_terms` of one covariate."""
    outcome, x = (
        sum(
            (fit.maps[:, place, number, None] * rows[name] for number, name in enumerate(fit.columns)),
            (fit.shift - fit.moments.mean)[:, place, None],
        )
        for place in (0, 1)
    )
    precision = fit.precision[:, 0]
    weight = 1 / fit.moments.n[:, None] + x * (precision * fit.move)
    return weight, outcome - fit.slope * x, 1 / fit.moments.n[:, None] + x**2 * precision


def clusters(trials: Trials, rng: np.random.Generator) -> Found:
    """Clusters of 1 to 5 units, randomised whole."""
    sides = [cluster_totals(trials.scenario, rows["value"], rng) for rows in (trials.control, trials.treatment)]
    first, g = sides[0][0].shape[1], sum(total.shape[1] for total, _ in sides)
    columns = {}
    for prefix, start, (total, size) in zip((CONTROL, TREATMENT), (0, first), sides, strict=True):
        for word, numbers in ((TOTAL, total), (SIZE, size)):
            columns[prefix + word] = np.zeros((len(total), g))
            columns[prefix + word][:, start : start + total.shape[1]] = numbers
    moments = batch(columns, list(columns))
    rows = (columns[CONTROL + SIZE] + columns[TREATMENT + SIZE]).sum(axis=1)

    def one(place: int) -> Said:
        arms = cluster_arms(moments.at(place), "mean")
        arms = replace(arms, shapes=(cluster_shape(arms, {name: own[place] for name, own in columns.items()}),))
        said = clustered(arms, int(rows[place]), CONFIDENCE).single()
        return said.ci_low, said.ci_high, said.p_value, bool(said.warnings or cautions(arms))

    return by_trial(one, trials.replications)


def stratified(trials: Trials, _rng: np.random.Generator) -> Found:
    """Strata by what units did before: three of ordinary ones; of heavy ones, regular buyers and others."""
    sides = [(rows["value"], strata_of(trials.scenario, rows)) for rows in (trials.control, trials.treatment)]
    whole = arms_of(MEAN, trials)
    calm = cautious(whole, shapes_of(whole, trials))
    count = int(max(stratum.max() for _, stratum in sides)) + 1
    numbers = range(count)
    cells = [_within(value, stratum, count) for value, stratum in sides]

    def one(place: int) -> Said:
        strata = {
            str(number): TwoArms(MEAN, ours.at(place), theirs.at(place))
            for number, ours, theirs in zip(numbers, *cells, strict=True)
        }
        said = post_stratified(strata, CONFIDENCE).differences.single()
        return said.ci_low, said.ci_high, said.p_value, bool(said.warnings or calm[place])

    return by_trial(one, trials.replications)


def _within(value: Numbers, stratum: NDArray[np.int64], count: int) -> list[Moments]:
    """Return the moments (R,) of the units (R, n) of each of `count` strata."""
    cell = stratum + count * np.arange(len(value))[:, None]
    total = partial(np.bincount, cell.ravel(), minlength=count * len(value))
    n = total().astype(np.float64)
    mean = total(weights=value.ravel()) / np.maximum(n, 1)
    squares = total(weights=((value - mean[cell]) ** 2).ravel())
    parts = (part.reshape(len(value), count).T for part in (n, mean, squares))
    return [
        Moments(MEAN.columns, own, level[:, None], spread[:, None, None])
        for own, level, spread in zip(*parts, strict=True)
    ]
