"""A policy to evaluate, as a JSON file says it: the probability of every action at every place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import LoggedDecisions, TargetPolicy

KEY = "action_dist"
TOLERANCE = 1e-6
WHERE = "evaluation.policy"


def read_policy(path: Path, decisions: LoggedDecisions, name: str) -> TargetPolicy:
    """Return the policy in a JSON file: `action_dist` (or `inputs.action_dist`), a row an action, a column a place.

    Rows follow the log's actions. Raises ConfigError, naming row and column, for a file that is no such table or whose
    columns do not add up to 1 within 1e-6.
    """
    table = _table(path)
    wanted = (len(decisions.actions), decisions.positions)
    if table.shape != wanted:
        raise ConfigError(
            f"{WHERE}: {path} has {KEY} of shape {table.shape}",
            allowed=f"{wanted}: a row for each of the log's actions, a column for each place",
        )
    wrong = np.argwhere(~((table >= 0) & (table <= 1)))
    if len(wrong):
        row, column = (int(place) for place in wrong[0])
        raise ConfigError(
            f"{WHERE}: {path}, {KEY}[{row}][{column}] is {table[row, column]:g}", allowed="probabilities from 0 to 1"
        )
    sums = table.sum(axis=0)
    off = np.flatnonzero(np.abs(sums - 1.0) > TOLERANCE)
    if len(off):
        raise ConfigError(
            f"{WHERE}: {path}, column {off[0]} of {KEY} adds up to {sums[off[0]]:.8g}",
            allowed="columns that add up to 1",
        )
    return TargetPolicy(name, table, f"probabilities of {path.name}")


def _table(path: Path) -> NDArray[np.float64]:
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{WHERE}: {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{WHERE}: {path} is no JSON: {error}") from error
    inner = raw.get("inputs", raw) if isinstance(raw, dict) else raw
    if not isinstance(inner, dict) or KEY not in inner:
        raise ConfigError(f"{WHERE}: {path} has no {KEY}", allowed=f'{{"{KEY}": [[...], ...]}}, also below "inputs"')
    try:
        table = np.asarray(inner[KEY], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{WHERE}: {path}, {KEY} is no table of numbers") from error
    return table if table.ndim == 2 else table.reshape(len(table), -1) if table.size else table
