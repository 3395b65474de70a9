"""A data set with other users: some of them, or some of them several times, each copy a user of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset, FeatureTable


def take_users(data: Dataset, rows: NDArray[np.intp]) -> Dataset:
    """Return the data set whose users are those at `rows` (n,), in that order, with their events and features.

    A user taken twice is there twice, with its own copy of the events, and all ids are new then, so that no two users
    are one; where `rows` rise, ids are kept. Events keep their order. Items stay as they are, and so do the features'
    values, which no other user entered.
    """
    first = np.searchsorted(np.sort(rows), np.arange(len(data.users) + 1))
    copies = np.diff(first)
    by_old = np.argsort(rows, kind="stable")
    known = data.events.user >= 0
    times = np.where(known, copies[np.where(known, data.events.user, 0)], 0)
    events = data.events.where(times > 0)
    times = times[times > 0]
    place = np.repeat(np.arange(len(events)), times)
    copy = np.arange(len(place)) - np.repeat(np.cumsum(times) - times, times)
    old = events.user[place]
    taken = {name: getattr(events, name)[place] for name in ("item", "kind", "time", "quantity", "amount")}
    # A copy's baskets are its own.
    order = events.order[place] * int(times.max(initial=1)) + copy
    rating = None if events.rating is None else events.rating[place]
    width = len(str(max(len(rows) - 1, 0)))
    kept = bool(np.all(np.diff(rows) > 0))
    return replace(
        data,
        users=data.users[rows] if kept else np.array([f"{row:0{width}d}" for row in range(len(rows))]),
        events=replace(events, user=by_old[first[old] + copy].astype(np.int32), order=order, rating=rating, **taken),
        features=FeatureTable(data.features.names, data.features.values[rows]),
        segments=None if data.segments is None else data.segments[rows],
    )
