"""The digest of training events: a published hash of a published layout, and moved by all that it should be."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from framework.artefacts.digests import events_digest
from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable
from framework.testing.tiny import tiny_dataset


def shop(users: list[str], items: list[str], kinds: tuple[str, ...], rows: list[tuple[int, int, int, int]]) -> Dataset:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    n = columns.shape[1]
    events = Interactions(
        columns[0].astype(np.int32), columns[1].astype(np.int32), columns[2].astype(np.int8), columns[3],
        np.ones(n), np.zeros(n, np.int64), np.arange(n), kinds,
    )  # fmt: skip
    table = ItemTable(np.full(len(items), -1, np.int32), (), np.zeros(len(items), np.int64), ("",) * len(items))
    return Dataset(np.array(users), np.array(items), events, FeatureTable((), np.zeros((len(users), 0))), table, 10)


def test_it_is_the_sha_256_of_names_and_columns() -> None:
    data = shop(["ann", "bö"], ["x"], ("purchase",), [(0, 0, 0, 7), (1, -1, 0, 1 << 40)])

    def names(*words: str) -> bytes:
        encoded = [word.encode() for word in words]
        return struct.pack("<Q", len(words)) + b"".join(struct.pack("<Q", len(word)) + word for word in encoded)

    layout = names("ann", "bö") + names("x") + names("purchase")
    layout += struct.pack("<Q2i", 2, 0, 1) + struct.pack("<Q2i", 2, 0, -1) + struct.pack("<Q2b", 2, 0, 0)
    layout += struct.pack("<Q2q", 2, 7, 1 << 40)
    assert events_digest(data) == hashlib.sha256(layout).hexdigest()


def test_names_that_run_together_alike_are_told_apart() -> None:
    assert events_digest(shop(["ab", "c"], ["x"], (), [])) != events_digest(shop(["a", "bc"], ["x"], (), []))


@pytest.mark.parametrize("column", ["user", "item", "kind", "time"])
def test_one_event_changes_it(column: str) -> None:
    data = tiny_dataset()
    values = getattr(data.events, column).copy()
    values[17] = values[17] - 1 if values[17] > 0 else values[17] + 1
    changed = replace(data, events=replace(data.events, **{column: values}))
    assert events_digest(changed) != events_digest(data)


def other_layout(data: Dataset) -> Any:
    wide = {name: getattr(data.events, name).astype(dtype) for name, dtype in (("user", ">i8"), ("time", ">i8"))}
    return replace(data, users=data.users.astype("<U99"), events=replace(data.events, **wide), segments=None)


def test_the_same_events_in_another_memory_layout_do_not() -> None:
    data = tiny_dataset()
    assert events_digest(other_layout(data)) == events_digest(data) == events_digest(tiny_dataset())
