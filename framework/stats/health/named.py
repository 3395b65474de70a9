"""What an influence analysis says, with units by their own names, as plain mappings that a result can keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from numpy.typing import NDArray

from framework.stats.health.influence import Influence, reading


def named(said: Influence, names: Mapping[str, NDArray[Any]]) -> Influence:
    """Return the same with units named: `names` holds the ids by row of the arms ("control", "treatment" or "pair")."""
    units = tuple(replace(unit, unit=str(names[unit.arm][int(unit.unit)])) for unit in said.units)
    level, text = reading(said.estimate, said.without, said.winsorised, units)
    return replace(said, units=units, level=level, text=text)


def as_record(said: Influence, **where: str | None) -> dict[str, Any]:
    """Return a plain mapping: where, level and text, the flagged units, and the effect without the top units."""
    return {
        **where,
        "level": said.level,
        "text": said.text,
        "units": [asdict(unit) for unit in said.units],
        "without": [
            {
                "share": step.share,
                "left_out_control": step.left_out_control,
                "left_out_treatment": step.left_out_treatment,
                "estimate": step.estimate.difference,
                "ci_low": step.estimate.ci_low,
                "ci_high": step.estimate.ci_high,
                "p_value": step.estimate.p_value,
            }
            for step in said.without
        ],
    }
