"""Data sets written out by hand, and queries on them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from framework.data.tables import MICROSECONDS_PER_DAY, Dataset, FeatureTable, Interactions, ItemTable
from framework.records import Context, Queries
from framework.testing import tiny_context

AS_OF = 1000 * MICROSECONDS_PER_DAY


def _log_of(
    events: Sequence[tuple[int, int] | tuple[int, int, int] | tuple[int, int, int, str]],
    *,
    users: int,
    items: int,
    segments: Sequence[int] | None = None,
    names: tuple[str, ...] = (),
) -> Dataset:
    """Return the data set of events (user, item[, days before the end[, kind]]); the kind is "purchase" if left out."""
    full = [(*event, 1, "purchase")[:4] if len(event) == 2 else (*event, "purchase")[:4] for event in events]
    full.sort(key=lambda event: -event[2])
    count = len(full)
    kinds = ("view", "purchase")
    return Dataset(
        users=np.array([f"u{n:05d}" for n in range(users)]),
        items=np.array([f"i{n:05d}" for n in range(items)]),
        events=Interactions(
            user=np.array([event[0] for event in full], dtype=np.int32),
            item=np.array([event[1] for event in full], dtype=np.int32),
            kind=np.array([kinds.index(event[3]) for event in full], dtype=np.int8),
            time=np.array([AS_OF - event[2] * MICROSECONDS_PER_DAY for event in full], dtype=np.int64),
            quantity=np.ones(count),
            amount=np.full(count, 100),
            order=np.arange(count),
            kinds=kinds,
        ),
        features=FeatureTable((), np.zeros((users, 0))),
        item_table=ItemTable(np.zeros(items, dtype=np.int32), ("all",), np.full(items, 100), ("",) * items),
        as_of=AS_OF,
        segments=None if segments is None else np.array(segments, dtype=np.int32),
        segment_names=names,
    )


def _ask(users: Sequence[int], segments: Sequence[int] | None = None, names: tuple[str, ...] = ()) -> Queries:
    """Return one query for each user index (-1: a stranger)."""
    segment = np.full(len(users), -1) if segments is None else np.array(segments)
    ids = np.array([f"u{n:05d}" if n >= 0 else "stranger" for n in users])
    return Queries(np.array(users, dtype=np.int32), ids, segment.astype(np.int32), names, 3)


@pytest.fixture(name="log_of")
def fixture_log_of() -> Callable[..., Dataset]:
    return _log_of


@pytest.fixture(name="ask")
def fixture_ask() -> Callable[..., Queries]:
    return _ask


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return tiny_context(tmp_path)
