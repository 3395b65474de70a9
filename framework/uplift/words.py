"""Groups of units in words: in which features they differ most from the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NOTABLE = 0.2
"""Difference from all units, in standard deviations, from which a feature is named (a small one, Cohen 1988)."""
NAMED = 3


def what_stands_out(
    features: NDArray[np.float64], names: tuple[str, ...], labels: NDArray[np.integer]
) -> tuple[str, ...]:
    """Return for each group, 0 to the highest label, the features whose means differ most from those of all units."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    found = []
    for number in range(int(labels.max()) + 1):
        inside = features[labels == number]
        own = inside.mean(axis=0) if len(inside) else mean
        off = np.where(spread > 0, (own - mean) / np.where(spread > 0, spread, 1.0), 0.0)
        order = [place for place in np.argsort(-np.abs(off), kind="stable") if abs(off[place]) >= NOTABLE]
        said = [_in_words(names[place], features[:, place], own[place], mean[place]) for place in order[:NAMED]]
        found.append("; ".join(said) or "like all units in every feature")
    return tuple(found)


def _in_words(name: str, column: NDArray[np.float64], own: float, mean: float) -> str:
    if bool(np.isin(column, (0, 1)).all()):
        said = name.replace("=", " is ") if "=" in name else name
        return f"{said}: {100 * own:.0f} % against {100 * mean:.0f} %"
    return f"{name} {'higher' if own > mean else 'lower'}, {own:.4g} against {mean:.4g} on average"
