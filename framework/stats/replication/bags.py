"""A trial's units in bags: what is drawn, swapped between arms and put together again in every replication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.rows import columns_of, measure_of
from framework.stats.samples import UnitValues, checked

BAGS = 500
"""Bags that units are put into by chance; with fewer units each is a bag of its own."""


@dataclass(frozen=True)
class Bags:
    """One metric of a trial: moments of every bag, overall (None) and by segment.

    Paired: a batch (G,) whose columns are every arm's, `column_of(arm, name)`. Independent: for each arm a batch
    (G_a,) of the metric's own columns, one after the other along the first axis, in the order of `arms`.
    """

    measure: Measure
    design: str
    arms: tuple[str, ...]
    sizes: tuple[int, ...]
    groups: dict[str | None, Moments]


def column_of(arm: str, name: str) -> str:
    """Return the name of an arm's column in a paired bag."""
    return f"{arm} / {name}"


def bag_numbers(units: int, rng: np.random.Generator, bags: int = BAGS) -> NDArray[np.intp]:
    """Return each unit's bag (units,): bags of equal size, give or take one, by chance."""
    return np.asarray(rng.permutation(units) % min(units, bags), dtype=np.intp)


def bagged(
    values: Mapping[str, UnitValues],
    segment: Mapping[str, NDArray[np.str_]],
    bag: Mapping[str, NDArray[np.intp]],
    *,
    metric: str,
    design: str,
    segments: tuple[str, ...],
) -> Bags:
    """Return one metric's bags from every arm's unit values, the units' segments and their bags.

    In a paired design units are the same, in the same order, in all arms.

    Raises:
        TrialError: as `samples.checked`, or a segment without any unit in an arm.
    """
    arms = tuple(values)
    checked_values = {arm: checked(own, metric=metric, arm=arm) for arm, own in values.items()}
    measure = measure_of(checked_values[arms[0]], metric)
    columns = {arm: columns_of(own) for arm, own in checked_values.items()}
    sizes = tuple(int(bag[arm].max()) + 1 for arm in arms)
    groups: dict[str | None, Moments] = {}
    for name in (None, *segments):
        inside = {arm: np.ones(len(bag[arm]), dtype=bool) if name is None else segment[arm] == name for arm in arms}
        if not all(mask.any() for mask in inside.values()):
            raise TrialError(f"segment '{name}' has no unit in an arm")
        if design == "paired":
            joint = {column_of(arm, key): own for arm in arms for key, own in columns[arm].items()}
            groups[name] = _by_bag(joint, bag[arms[0]], inside[arms[0]], sizes[0])
        else:
            parts = [_by_bag(columns[arm], bag[arm], inside[arm], size) for arm, size in zip(arms, sizes, strict=True)]
            groups[name] = _joined(parts)
    return Bags(measure, design, arms, sizes, groups)


def _by_bag(
    columns: Mapping[str, NDArray[np.float64]], bag: NDArray[np.intp], inside: NDArray[np.bool_], bags: int
) -> Moments:
    rows = np.stack([column[inside] for column in columns.values()], axis=-1)
    where = bag[inside]
    n = np.bincount(where, minlength=bags).astype(np.float64)
    k = rows.shape[1]
    mean: Numbers = np.zeros((bags, k))
    np.add.at(mean, where, rows)
    mean /= np.maximum(n, 1)[:, None]
    centred = rows - mean[where]
    comoments: Numbers = np.zeros((bags, k, k))
    for i in range(k):
        for j in range(i, k):
            product = np.bincount(where, weights=centred[:, i] * centred[:, j], minlength=bags)
            comoments[:, i, j] = comoments[:, j, i] = product
    return Moments(tuple(columns), n, mean, comoments)


def _joined(parts: list[Moments]) -> Moments:
    return Moments(
        parts[0].columns,
        np.concatenate([part.n for part in parts]),
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.comoments for part in parts]),
    )
