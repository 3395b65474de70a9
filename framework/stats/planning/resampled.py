"""The log's own units as the population of made-up tests: arms drawn with replacement, an effect planted in one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.moments.measure import value_of
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import columns_of, measure_of
from framework.stats.planning.arguments import check_above, check_option
from framework.stats.samples import UnitValues, checked

PLANTINGS = ("additive", "multiplicative")


@dataclass(frozen=True)
class Resampled:
    """An `analyse(rng, n, effect)` for `simulated.simulated_power`: n control units, n times `ratio` treated ones.

    Units are drawn with replacement from `source`, so that skew, zeros and heavy tails are the log's own, to any n.
    "additive" moves the arm's value by `effect` (metric's unit), "multiplicative" by the share `effect` of itself:
    numbers are moved or stretched; of a proportion's units as many change at random as it takes; an additive effect
    on a ratio adds to the numerators in proportion to their denominators. The p-value is `compare`'s.

    Raises:
        TrialError: as `samples.checked`, an unknown planting, a ratio not above 0.
    """

    source: UnitValues
    planting: str = "additive"
    ratio: float = 1.0
    metric: str = "metric"

    def __post_init__(self) -> None:
        check_option("planting", self.planting, PLANTINGS)
        check_above("ratio", self.ratio)
        object.__setattr__(self, "source", checked(self.source, metric=self.metric, arm="log"))

    @cached_property
    def value(self) -> float:
        """Return the population's value: what an effect moves."""
        return float(value_of(measure_of(self.source, self.metric), Moments.of(columns_of(self.source))))

    def __call__(self, rng: np.random.Generator, n: int, effect: float) -> float:
        """Return the two-sided p-value of one made-up test."""
        treated = max(2, round(n * self.ratio))
        control = _taken(self.source, rng.integers(self.source.numerator.size, size=n))
        treatment = planted(
            _taken(self.source, rng.integers(self.source.numerator.size, size=treated)),
            effect,
            planting=self.planting,
            value=self.value,
            rng=rng,
        )
        return _p_value(control, treatment, self.metric, "independent")


@dataclass(frozen=True)
class ResampledPairs:
    """An `analyse(rng, n, effect)` of a paired design: n units drawn with both their values.

    `control` and `treatment` hold the same units under two strategies; their observed mean difference is taken out,
    so that `effect` (additive, metric's unit) is the true one.

    Raises:
        TrialError: arms of different length, ratios (their difference cannot be moved unit by unit), `samples.checked`.
    """

    control: UnitValues
    treatment: UnitValues
    metric: str = "metric"

    def __post_init__(self) -> None:
        for name in ("control", "treatment"):
            arm = checked(getattr(self, name), metric=self.metric, arm=name)
            if arm.kind == "ratio":
                raise TrialError("pairs of ratios cannot be moved by an effect", hint="Resample one arm: Resampled.")
            object.__setattr__(self, name, UnitValues("mean", arm.numerator))
        if self.control.numerator.size != self.treatment.numerator.size:
            raise TrialError(
                f"control has {self.control.numerator.size} units, treatment {self.treatment.numerator.size}",
                allowed="the same units in both",
            )

    def __call__(self, rng: np.random.Generator, n: int, effect: float) -> float:
        """Return the two-sided p-value of one made-up test."""
        shift = effect - float(np.mean(self.treatment.numerator - self.control.numerator))
        drawn = rng.integers(self.control.numerator.size, size=n)
        moved = UnitValues("mean", self.treatment.numerator[drawn] + shift)
        return _p_value(_taken(self.control, drawn), moved, self.metric, "paired")


def planted(values: UnitValues, effect: float, *, planting: str, value: float, rng: np.random.Generator) -> UnitValues:
    """Return `values` with a true effect on their population, whose value is `value` (`Resampled` says how).

    Raises:
        TrialError: an unknown planting, or a proportion that would leave 0 to 1.
    """
    check_option("planting", planting, PLANTINGS)
    if values.kind == "proportion":
        change = effect if planting == "additive" else effect * value
        after = value + change
        if not 0 <= after <= 1:
            raise TrialError(f"effect {effect:g} makes a share of {value:g} one of {after:g}", allowed="0 to 1")
        chance = 0.0 if change == 0 else change / (1 - value) if change > 0 else -change / value
        changing = (values.numerator == (0.0 if change > 0 else 1.0)) & (rng.random(values.numerator.size) < chance)
        return UnitValues("proportion", np.where(changing, 1.0 - values.numerator, values.numerator))
    if planting == "multiplicative":
        return UnitValues(values.kind, values.numerator * (1 + effect), values.denominator)
    weight = 1.0 if values.denominator is None else values.denominator
    return UnitValues(values.kind, values.numerator + effect * weight, values.denominator)


def _taken(values: UnitValues, rows: np.ndarray) -> UnitValues:
    return UnitValues(
        values.kind, values.numerator[rows], None if values.denominator is None else values.denominator[rows]
    )


def _p_value(control: UnitValues, treatment: UnitValues, metric: str, design: str) -> float:
    return compare(
        control, treatment, metric=metric, control_name="control", treatment_name="treatment", design=design
    ).p_value
