"""What every user did, oldest first: ragged sequences of events, each a token, a kind, a price and a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.data.tables import MICROSECONDS_PER_DAY
from framework.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from framework.data.tables import Dataset

TOKENS = ("category", "item")
NUMBERS = ("log price", "log gap")
"""log(1 + price in minor units) of an event's item, and log(1 + days since the user's event before), 0 at first."""


@dataclass(frozen=True)
class EventSequences:
    """n sequences end to end: that of row r are the events `starts[r]` to `starts[r + 1]`, oldest first.

    `token` and `kind` (E,) are places in an `EventVocabulary`; `numbers` (E, 2) are those of NUMBERS, as they are.
    """

    token: NDArray[np.int64]
    kind: NDArray[np.int64]
    numbers: NDArray[np.float64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Events in each sequence (n,)."""
        return np.diff(self.starts)

    def cut(
        self, rows: NDArray[np.integer], first: NDArray[np.integer], lengths: NDArray[np.integer]
    ) -> EventSequences:
        """Return of each of `rows` (m,) the `lengths` events from its `first` on, as m sequences."""
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shift = np.repeat(self.starts[:-1][rows] + first - starts[:-1], lengths)
        places = shift + np.arange(starts[-1])
        return EventSequences(self.token[places], self.kind[places], self.numbers[places], starts)

    def take(self, rows: NDArray[np.integer]) -> EventSequences:
        """Return the sequences of `rows`, whole, in that order."""
        return self.cut(rows, np.zeros(len(rows), dtype=np.int64), self.lengths[rows])

    def last(self, longest: int) -> EventSequences:
        """Return the last `longest` events of each."""
        kept = np.minimum(self.lengths, longest)
        return self.cut(np.arange(len(self)), self.lengths - kept, kept)

    def rows(self) -> NDArray[np.intp]:
        """Return the row of every event (E,)."""
        return np.repeat(np.arange(len(self)), self.lengths)


@dataclass(frozen=True)
class EventVocabulary:
    """The `tokens` (V) and `kinds` (K) that events may have, by name; whatever else comes has place V or K."""

    by: str
    tokens: tuple[str, ...]
    kinds: tuple[str, ...]

    @staticmethod
    def of(data: Dataset, by: str, most: int) -> EventVocabulary:
        """Return the `most` categories or items (`by`) with the most events, and the log's kinds.

        Raises ConfigError for another `by`.
        """
        if by not in TOKENS:
            raise ConfigError(f"events are told by '{by}'", allowed=TOKENS)
        names, place = _named(data, by)
        count = np.bincount(place[place >= 0], minlength=len(names))
        order = np.lexsort((names, -count))[:most]
        return EventVocabulary(
            by, tuple(sorted(names[order[count[order] > 0]].tolist())), tuple(sorted(data.events.kinds))
        )

    def sequences(self, data: Dataset) -> EventSequences:
        """Return the sequences of all users of `data` (U), in the log's order, whatever the order of its rows."""
        events = data.events
        names, place = _named(data, self.by)
        token = _placed(self.tokens, names)
        kind = _placed(self.kinds, np.array(events.kinds, dtype=np.str_))
        order = np.lexsort((events.amount, events.order, events.item, events.kind, events.time, events.user))
        order = order[events.user[order] >= 0]
        user, time = events.user[order], events.time[order]
        gap = np.diff(time, prepend=time[:1]) / MICROSECONDS_PER_DAY
        gap[np.flatnonzero(np.diff(user, prepend=-1))] = 0.0
        price = np.zeros(len(order))
        has_item = events.item[order] >= 0
        price[has_item] = np.maximum(data.item_table.price[events.item[order][has_item]], 0)
        lengths = np.bincount(user, minlength=len(data.users))
        return EventSequences(
            token=token[place[order]],
            kind=kind[events.kind[order]],
            numbers=np.stack([np.log1p(price), np.log1p(gap)], axis=1),
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )

    def named(self, token: int) -> str:
        """Return a token's name."""
        return self.tokens[token] if token < len(self.tokens) else "other"


def _named(data: Dataset, by: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return the data set's own names, and every event's place among them; the last place, -1, is of no name."""
    item = data.events.item
    if by == "item":
        return data.items, item.astype(np.int64)
    table = data.item_table
    names = np.array(table.categories, dtype=np.str_)
    place = np.where(item >= 0, table.category[item], -1) if len(table.category) else np.full(len(item), -1)
    return names, place.astype(np.int64)


def _placed(known: Sequence[str], names: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the place of each name among those known, and behind them one place for no name at all."""
    place = {name: number for number, name in enumerate(known)}
    return np.array([*(place.get(name, len(known)) for name in names.tolist()), len(known)], dtype=np.int64)
