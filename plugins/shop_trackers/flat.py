"""A run's nested config as one level of names, which is what trackers can filter and sort by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return the leaves by their dotted names; lists, and empty nodes, are leaves."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{name}.")
        else:
            found[name] = value
    return found
