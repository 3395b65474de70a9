"""A trial's units as replications draw them: every arm's outcomes on every metric, and the units' segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.moments.measure import Measure
from framework.stats.moments.rows import measure_of
from framework.stats.samples import UnitValues, checked

DESIGNS = ("paired", "independent")


@dataclass(frozen=True)
class Pool:
    """The units of one kind of evidence.

    `arms` has the control first. `values` are by metric and arm; in a "paired" design row i of every arm is the same
    unit. `segment` (n,) of each arm is a place in `segments`, or their number where a unit is in none of them.
    """

    design: str
    arms: tuple[str, ...]
    segments: tuple[str, ...]
    segment: Mapping[str, NDArray[np.intp]]
    values: Mapping[str, Mapping[str, UnitValues]]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The arms' numbers of units."""
        return tuple(len(self.segment[arm]) for arm in self.arms)

    def measure(self, metric: str) -> Measure:
        """Return what is measured of a unit."""
        return measure_of(self.values[metric][self.arms[0]], metric)


def pool_of(
    values: Mapping[str, Mapping[str, UnitValues]],
    names: Mapping[str, NDArray[np.str_]],
    *,
    design: str,
    segments: tuple[str, ...] = (),
) -> Pool:
    """Return the units out of their values by metric and arm, and the name (n,) of each unit's segment, by arm.

    `names` gives the arms and their order. `segments` are those that are compared; units of others count overall only.

    Raises:
        TrialError: as `samples.checked`, naming metric and arm; an unknown design; a metric whose values are not one
            for each unit of every arm, in a paired design arms of different units, or a segment without a unit.
    """
    if design not in DESIGNS:
        raise TrialError(f"design '{design}' is unknown", allowed=DESIGNS, hint=did_you_mean(design, DESIGNS))
    arms = tuple(names)
    sizes = {arm: len(own) for arm, own in names.items()}
    if design == "paired" and len(set(sizes.values())) > 1:
        raise TrialError(f"paired arms have {sizes} units", allowed="the same units, in the same order, in every arm")
    known: dict[str, dict[str, UnitValues]] = {}
    for metric, by_arm in values.items():
        known[metric] = {arm: checked(by_arm[arm], metric=metric, arm=arm) for arm in arms}
        for arm, own in known[metric].items():
            if own.numerator.size != sizes[arm]:
                raise TrialError(f"metric '{metric}', arm '{arm}': {own.numerator.size} values, {sizes[arm]} units")
    place = {name: number for number, name in enumerate(segments)}
    codes = {
        arm: np.array([place.get(str(name), len(segments)) for name in own], dtype=np.intp)
        for arm, own in names.items()
    }
    for name, number in place.items():
        empty = [arm for arm in arms if not (codes[arm] == number).any()]
        if empty:
            raise TrialError(f"segment '{name}' has no unit in arm '{empty[0]}'", hint="Compare segments of all arms.")
    return Pool(design, arms, segments, codes, known)
