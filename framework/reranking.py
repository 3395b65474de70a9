"""What a strategy's `reranker` says: nothing, one component, or a list of them applied in turn.

A reranker's parameters are searched under their paths below the strategy, as the command line writes them:
`reranker.params.NAME`, and in a list `reranker.PLACE.params.NAME` with places from 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from framework.config import ComponentConfig
from framework.errors import ConfigError, did_you_mean

_PATH = re.compile(r"reranker(?:\.(\d+))?\.params\.(\w+)")


@dataclass(frozen=True)
class RerankerParameter:
    """A parameter of a strategy's reranker: its place among them, and its name."""

    place: int
    name: str


def rerankers_of(given: Any, where: str) -> tuple[ComponentConfig, ...]:
    """Return the rerankers in the order they apply.

    Args:
        given: what the config holds: None, a component, or a list of components.
        where: the key that it stands under ("strategies.treatment.reranker"), for messages.

    Raises:
        ConfigError: it is of another shape.
    """
    if given is None:
        return ()
    if isinstance(given, list | tuple):
        return tuple(_component(entry, f"{where}[{place}]") for place, entry in enumerate(given))
    return (_component(given, where),)


def _component(given: Any, where: str) -> ComponentConfig:
    if isinstance(given, ComponentConfig):
        return given
    keys = tuple(field.name for field in fields(ComponentConfig))
    if not isinstance(given, Mapping):
        example = f"{{name: {given}}}" if isinstance(given, str) else "{name: NAME, params: {...}}"
        raise ConfigError(
            f"{where} is {given!r}, and it must be a component, or a list of them",
            hint=f"Write reranker: {example}.",
        )
    for key in given:
        if key not in keys:
            raise ConfigError(f"{where} has no '{key}'", allowed=keys, hint=did_you_mean(str(key), keys))
    name, params = given.get("name"), given.get("params") or {}
    if not isinstance(name, str):
        raise ConfigError(f"{where} names no reranker", hint=f"Write {where.rpartition('.')[2]}: {{name: NAME}}.")
    if not isinstance(params, Mapping):
        raise ConfigError(f"{where}.params is {params!r}", allowed="a mapping of names to values")
    return ComponentConfig(name, dict(params))


def reranker_parameter(path: str) -> RerankerParameter | None:
    """Return the parameter that a path below the strategy means, None where it means none of a reranker's."""
    found = _PATH.fullmatch(path)
    return None if found is None else RerankerParameter(int(found[1] or 0), found[2])


def with_params(given: Any, params: Mapping[str, Any], where: str) -> Any:
    """Return what the config holds with the values of `params`, by path below the strategy, put in."""
    if not params:
        return given
    chain = [asdict(choice) for choice in rerankers_of(given, where)]
    for path, value in params.items():
        parameter = reranker_parameter(path)
        if parameter is None or parameter.place >= len(chain):
            raise ConfigError(f"{where}: '{path}' is no parameter of its rerankers")
        chain[parameter.place]["params"][parameter.name] = value
    return chain if isinstance(given, list | tuple) else chain[0]
