"""A second pass over unit outcomes: the sums that moments cannot give, of each unit's contribution to an estimate.

From the first pass come means and slopes; with them a unit's contribution is a form of its columns, and the engine sums
its square, its cube and its robust terms. That is what robust errors, skewness and the largest unit's share need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from framework.data.engine import Engine
from framework.stats.adjustment.regression import ArmFit
from framework.stats.adjustment.robust import ALONE, Meat, unit_terms
from framework.stats.moments.measure import Measure, contribution, variance_of
from framework.stats.moments.record import Moments
from framework.stats.moments.shape import FLAT, Shape

if TYPE_CHECKING:
    import narwhals as nw

Terms = tuple[Any, Any, Any]
"""A unit's contribution, and for a regression its weight and leverage (else None), as expressions of its columns."""
Place = tuple[str, str | None]
"""An arm, overall or in one segment."""


@dataclass(frozen=True)
class Sums:
    """Sums over an arm's units: the shape of their contributions, and robust variances where there is a regression."""

    shape: Shape
    meat: Meat | None


def plain_terms(measure: Measure, moments: Moments) -> Callable[[Mapping[str, Any]], Terms]:
    """Return the terms of a unit's contribution to a mean, proportion or ratio."""
    own = moments.pick(measure.own_columns)
    flat = float(variance_of(measure, own)) == 0  # what rounding leaves has no shape
    weights = [0.0 if flat else float(weight) for weight in contribution(measure, own)]

    def terms(columns: Mapping[str, Any]) -> Terms:
        total: Any = None
        for name, weight, mean in zip(own.columns, weights, own.mean, strict=True):
            part = (columns[name] - float(mean)) * weight
            total = part if total is None else total + part
        return total, None, None

    return terms


def fitted_terms(fit: ArmFit) -> Callable[[Mapping[str, Any]], Terms]:
    """Return the terms of a unit in a covariate-adjusted value: residual, weight, leverage."""

    def terms(columns: Mapping[str, Any]) -> Terms:
        weight, residual, leverage = unit_terms(fit, columns)
        return residual, weight, leverage

    return terms


def sums_of_units(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    *,
    arm: str,
    segment: str | None,
    wanted: Mapping[str, Mapping[Place, Callable[[Mapping[str, Any]], Terms]]],
) -> dict[str, dict[Place, Sums]]:
    """Return, for each name and each place that it is wanted at, the sums over the units there.

    `arm` and `segment` are text columns. Places are either all overall (segment None) or all in segments.
    """
    import narwhals as nw

    found: dict[str, dict[Place, Sums]] = {name: {} for name in wanted}
    for level in (False, True):
        chosen = {
            name: {place: terms for place, terms in places.items() if (place[1] is not None) is level}
            for name, places in wanted.items()
        }
        chosen = {name: places for name, places in chosen.items() if places}
        if not chosen or (level and segment is None):
            continue
        keys = [arm] if not level or segment is None else [arm, segment]
        table = engine.collect(_grouped(nw, frame, arm, segment, keys, chosen))
        for row in table.to_pylist():
            place = (str(row[arm]), str(row[segment]) if level else None)
            for number, (name, places) in enumerate(chosen.items()):
                if place in places:
                    found[name][place] = _sums(row, number)
    return found


def _grouped(
    nw: Any,
    frame: nw.LazyFrame[Any],
    arm: str,
    segment: str | None,
    keys: list[str],
    chosen: Mapping[str, Mapping[Place, Callable[[Mapping[str, Any]], Terms]]],
) -> nw.LazyFrame[Any]:
    columns = _Columns(nw)
    forms: dict[str, Any] = {}
    aggregates = [nw.len().alias("units")]
    for number, places in enumerate(chosen.values()):
        parts: dict[str, list[tuple[Any, Any]]] = {"c": [], "w": [], "h": []}
        for (own_arm, own_segment), terms in places.items():
            here = nw.col(arm) == own_arm
            if own_segment is not None and segment is not None:
                here = here & (nw.col(segment) == own_segment)
            for letter, term in zip("cwh", terms(columns), strict=True):
                if term is not None:
                    parts[letter].append((here, term))
        for letter, cases in parts.items():
            if cases:
                forms[f"{letter}{number}"] = _cases(nw, cases)
        aggregates += _aggregates(nw, number, robust=bool(parts["w"]))
    made = frame.select(*keys, **forms)
    powers: dict[str, Any] = {}
    for number, _ in enumerate(chosen):
        c = nw.col(f"c{number}")
        powers |= {f"s{number}": c * c, f"t{number}": c * c * c}
        if f"w{number}" in forms:
            alone = 1 - nw.col(f"h{number}") < ALONE
            product = nw.when(alone).then(0.0).otherwise(nw.col(f"w{number}") * c)
            kept = nw.when(alone).then(1.0).otherwise(1 - nw.col(f"h{number}"))
            powers |= {f"a{number}": product * product, f"b{number}": product * product / kept}
            powers[f"d{number}"] = product * product / (kept * kept)
    return made.with_columns(**powers).group_by(*keys).agg(*aggregates)


def _cases(nw: Any, cases: list[tuple[Any, Any]]) -> Any:
    chain: Any = None
    for here, term in reversed(cases):
        chain = nw.when(here).then(term) if chain is None else nw.when(here).then(term).otherwise(chain)
    return chain


def _aggregates(nw: Any, number: int, *, robust: bool) -> list[Any]:
    letters = "stabd" if robust else "st"
    sums = [nw.col(f"{letter}{number}").sum().alias(f"sum_{letter}{number}") for letter in letters]
    return [*sums, nw.col(f"s{number}").max().alias(f"max_s{number}")]


def _sums(row: Mapping[str, Any], number: int) -> Sums:
    n, squares, cubes = row["units"], float(row[f"sum_s{number}"]), float(row[f"sum_t{number}"])
    shape = FLAT
    if squares > 0:
        shape = Shape(cubes / n / (squares / n) ** 1.5, float(row[f"max_s{number}"]) / squares)
    if f"sum_a{number}" not in row:
        return Sums(shape, None)
    return Sums(shape, Meat(*(float(row[f"sum_{letter}{number}"]) for letter in "abd")))


class _Columns(dict[str, Any]):
    """Columns by name, as expressions in double precision."""

    def __init__(self, nw: Any) -> None:
        super().__init__()
        self.nw = nw

    def __missing__(self, name: str) -> Any:
        return self.nw.col(name).cast(self.nw.Float64)
