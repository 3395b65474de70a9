"""A small artefact with known contents, for tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from framework.artefacts import Items, Record, Users, write
from framework.data.tables import ItemTable

RECORD = Record(
    component="echo",
    distribution="acme-recs",
    version="1.2",
    parameters={"weight": 0.5, "kinds": ["purchase"], "limit": None},
    strategy="personal",
    study="shop",
    seed=3,
    as_of="2024-01-01T00:00:00+00:00",
    data_digest="d1",
    created="2024-02-01T00:00:00+00:00",
    versions={"python": "3.11"},
    segment_names=("even", "odd", "new users"),
)
USERS = Users(
    ids=np.array(["ann", "bo", "cy"]),
    segment=np.array(["even", "odd", ""]),
    bought=np.array([0, 2, 3], dtype=np.int32),
    starts=np.array([0, 2, 2, 3], dtype=np.int64),
)
ITEMS = Items(
    np.array(["0071", "71", "b,c", "d"]),
    ItemTable(
        np.array([1, 0, -1, 1], np.int32), ("bags", "toys"), np.array([250, 0, 5, 99]), ("red bag", "", "x", "y")
    ),
)
STATE = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(4), "none": np.zeros((0, 2), np.int8)}


def artefact(folder: Path, state: Any = None, **changes: Any) -> Path:
    return write(folder, dataclasses.replace(RECORD, **changes), STATE if state is None else state, USERS, ITEMS)
