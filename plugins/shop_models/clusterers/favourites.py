"""What each user does most often: the category, the weekday and the quarter of the day of most purchases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from framework.data.tables import MICROSECONDS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset, Interactions

FAVOURITES = ("category", "weekday", "daytime")
"""Traits that a user can have a favourite of."""
NONE = "none"
"""The favourite of users without a purchase that shows one; code 0 of every trait."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYTIMES = ("night", "morning", "afternoon", "evening")


def favourites(data: Dataset, traits: Sequence[str]) -> tuple[NDArray[np.int64], tuple[tuple[str, ...], ...]]:
    """Return each user's favourite (U, C) of each trait as a code, and the words that each trait's codes stand for.

    The most frequent among a user's purchased lines wins, the lower code where two are equally frequent; times are UTC.
    """
    bought = data.events.of_kind("purchase")
    bought = bought.where(bought.user >= 0)
    codes, words = [], []
    for trait in traits:
        code, known = _coded(trait, bought, data)
        table = np.zeros((len(data.users), len(known)), dtype=np.int64)
        np.add.at(table, (bought.user[code >= 0], code[code >= 0]), 1)
        best = table.argmax(axis=1) + 1 if len(known) else np.zeros(len(data.users), dtype=np.int64)
        codes.append(np.where(table.sum(axis=1) > 0, best, 0))
        words.append((NONE, *known))
    return np.stack(codes, axis=1).astype(np.int64), tuple(words)


def _coded(trait: str, bought: Interactions, data: Dataset) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if trait == "category":
        known = data.item_table.category
        found = known[np.maximum(bought.item, 0)] if len(known) else np.full(len(bought), -1)
        return np.where(bought.item >= 0, found, -1).astype(np.int64), data.item_table.categories
    day, moment = np.divmod(bought.time, MICROSECONDS_PER_DAY)
    if trait == "weekday":
        # 1970-01-01 was a Thursday.
        return (day + 3) % 7, _WEEKDAYS
    return moment // (MICROSECONDS_PER_DAY // 4), _DAYTIMES
