"""Named RFM segments as rules over scores: checked, then applied, first match wins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import ConfigError, did_you_mean
from shop_models.buyers import NO_PURCHASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DIMENSIONS = ("recency", "frequency", "monetary")
"""The three scores, in the order that rules and score matrices use."""


@dataclass(frozen=True)
class Rule:
    """A segment's name and, for each dimension, its lowest and highest score."""

    name: str
    bounds: tuple[tuple[int, int], ...]

    def holds(self, scores: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows of `scores` (n, 3) the rule takes."""
        low, high = np.array(self.bounds).T
        return np.asarray(np.all((scores >= low) & (scores <= high), axis=1), dtype=np.bool_)


def read_rules(rules: Sequence[Mapping[str, Any]], levels: Sequence[int]) -> tuple[Rule, ...]:
    """Return the rules of a config; a dimension that a rule leaves out may have any score.

    `levels` (3) is the number of scores of each dimension. Raises ConfigError for a rule without a name, an unknown
    key, and bounds that are no pair of scores from 1 to the number of levels.
    """
    return tuple(_read_rule(rule, place, levels) for place, rule in enumerate(rules))


def _read_rule(rule: Mapping[str, Any], place: int, levels: Sequence[int]) -> Rule:
    where = f"model 'rfm': segments[{place}]"
    name = rule.get("name")
    if not isinstance(name, str) or not name.strip() or name == NO_PURCHASE:
        raise ConfigError(f"{where} has the name {name!r}", allowed=f"any text but '{NO_PURCHASE}'")
    for key in rule:
        if key != "name" and key not in DIMENSIONS:
            raise ConfigError(
                f"{where} ('{name}') has an unknown key '{key}'",
                allowed=("name", *DIMENSIONS),
                hint=did_you_mean(str(key), DIMENSIONS),
            )
    return Rule(name, tuple(_bounds(rule, d, levels[i], f"{where} ('{name}')") for i, d in enumerate(DIMENSIONS)))


def _bounds(rule: Mapping[str, Any], dimension: str, top: int, where: str) -> tuple[int, int]:
    given = rule.get(dimension)
    if given is None:
        return 1, top
    pair = [] if isinstance(given, str | int | float) else list(given)
    if len(pair) != 2 or not all(isinstance(v, int) for v in pair) or not 1 <= pair[0] <= pair[1] <= top:
        raise ConfigError(
            f"{where}: {dimension} is {given!r}",
            allowed=f"[lowest, highest] score, from 1 to {top}, as many as its cut points make",
            hint="With other cut points than the default four, write segments for their scores.",
        )
    return pair[0], pair[1]


def segment_names(rules: Sequence[Rule], levels: Sequence[int], otherwise: str) -> tuple[str, ...]:
    """Return the segments' names in the order of their first rule.

    `otherwise` is last among buyers, present only where some combination of scores meets no rule, and users without
    purchases come at the very end. The names rest on the config alone, never on the data.
    """
    every = np.array(list(product(*(range(1, top + 1) for top in levels))))
    missed = ~np.any([rule.holds(every) for rule in rules], axis=0) if rules else np.ones(len(every), dtype=bool)
    names = dict.fromkeys([rule.name for rule in rules] + ([otherwise] if missed.any() else []))
    return (*names, NO_PURCHASE)


def apply_rules(
    rules: Sequence[Rule], names: Sequence[str], otherwise: str, scores: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return the place in `names` of the first rule that takes each row of `scores` (n, 3)."""
    fallback = names.index(otherwise) if otherwise in names else -1
    labels = np.full(len(scores), fallback, dtype=np.int32)
    for rule in reversed(rules):
        labels[rule.holds(scores)] = names.index(rule.name)
    return labels
