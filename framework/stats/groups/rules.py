"""A segment as a rule that people and SQL can read: up to a few conditions on user features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError, TrialError


@dataclass(frozen=True)
class Condition:
    """`feature` at most (`above`: more than) `threshold`; undefined values meet it only with `or_undefined`."""

    feature: str
    above: bool
    threshold: float
    or_undefined: bool = False

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for which values (n,) of the feature it holds; NaN is undefined."""
        undefined = np.isnan(values)
        met = values > self.threshold if self.above else values <= self.threshold
        return np.asarray(np.where(undefined, self.or_undefined, met), dtype=np.bool_)

    def text(self) -> str:
        """Return it in words: "recency_days at most 30"; an infinite threshold parts the defined from the rest."""
        if math.isinf(self.threshold):
            return f"{self.feature} {'undefined' if self.above else 'defined'}"
        words = f"{self.feature} {'above' if self.above else 'at most'} {self.threshold:,.15g}"
        return f"{words} or undefined" if self.or_undefined else words

    def sql(self) -> str:
        """Return it as an SQL expression over a column of the feature's name, where undefined is NULL."""
        column = quoted(self.feature)
        if math.isinf(self.threshold):
            return f"{column} IS {'NULL' if self.above else 'NOT NULL'}"
        compared = f"{column} {'>' if self.above else '<='} {_literal(self.threshold)}"
        return f"({compared} OR {column} IS NULL)" if self.or_undefined else compared


@dataclass(frozen=True)
class SegmentRule:
    """All of `conditions` (none: every user) describe the segment.

    Over the users it was found on: `precision` is the share of the rule's users that are in the segment, `recall` the
    share of the segment's users that the rule takes, `f1` their harmonic mean; `users` is how many the rule takes and
    `members` how many the segment has.
    """

    segment: str
    conditions: tuple[Condition, ...]
    precision: float
    recall: float
    f1: float
    users: int
    members: int

    def holds(self, features: Sequence[str], values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which users (n,) the rule takes, by their features (n, F); raises DataError where one is missing."""
        taken = np.ones(len(values), dtype=np.bool_)
        for condition in self.conditions:
            if condition.feature not in features:
                raise DataError(f"the rule of '{self.segment}' needs '{condition.feature}'", allowed=tuple(features))
            taken &= condition.holds(values[:, list(features).index(condition.feature)])
        return taken

    def text(self) -> str:
        """Return the rule in words."""
        return " and ".join(condition.text() for condition in self.conditions) or "every user"

    def where(self) -> str:
        """Return the rule as what follows WHERE in SQL."""
        return " AND ".join(condition.sql() for condition in self.conditions) or "TRUE"

    def select(self, table: str, user: str = "user") -> str:
        """Return an SQL query for the rule's users out of a table with a column a feature, undefined as NULL."""
        return f"SELECT {quoted(user)} FROM {quoted(table)} WHERE {self.where()}"  # noqa: S608 - names are quoted


def quoted(name: str) -> str:
    """Return a name as an SQL identifier; raises TrialError for one that no SQL can name."""
    if not name or "\0" in name:
        raise TrialError(f"{name!r} cannot be a column in SQL", allowed="a name without NUL characters")
    return '"' + name.replace('"', '""') + '"'


def _literal(number: float) -> str:
    """Return a number so that SQL reads the same double: a decimal of many digits would be another type."""
    shown = repr(float(number))
    return shown if len(shown) <= 15 and "e" not in shown else f"CAST('{shown}' AS DOUBLE)"
