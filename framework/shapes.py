"""Where the shape of what a user wrote differs from the schema: a text where a list, mapping or component must stand.

OmegaConf notices too, yet speaks of its own classes and, for a file, does not name the key.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from framework.config import ComponentConfig, MetricConfig, RuleConfig, RunConfig, StrategyConfig
from framework.errors import ConfigError

ENTRY_HINTS: dict[Any, str] = {
    ComponentConfig: "{name: NAME, params: {...}}",
    MetricConfig: "{name: NAME, role: primary}",
    StrategyConfig: "{recommender: {name: NAME}}",
    RuleConfig: "{recommender: {name: NAME}}",
}


def misshapen(given: Any, place: str = "", schema: Any = RunConfig, key: str = "") -> ConfigError | None:
    """Return the error for the first value of `given` whose shape the schema does not allow, or None.

    Args:
        given: plain dicts, lists and scalars, as the user wrote them; it may leave keys out.
        place: where it stands ("In 'experiment/x': "), for the message.
        schema: the dataclass or annotation that it is held to.
        key: the path to it.
    """
    schema = _without_null(schema)
    origin, inner = typing.get_origin(schema) or schema, typing.get_args(schema)
    if given is None or (isinstance(given, str) and ("${" in given or given == "???")):
        return None
    if origin is list:
        return None if isinstance(given, list) else _no_list(given, place, key)
    if dataclasses.is_dataclass(origin) and isinstance(origin, type):
        if not isinstance(given, Mapping):
            return _no_mapping(given, place, key, origin)
        hints = typing.get_type_hints(origin)
        below = [(name, value, hints[name]) for name, value in given.items() if name in hints]
    elif origin is dict:
        if not isinstance(given, Mapping):
            return _no_entries(given, place, key, inner[1])
        below = [(name, value, inner[1]) for name, value in given.items()]
    else:
        return None
    found = (misshapen(value, place, hint, f"{key}.{name}".lstrip(".")) for name, value, hint in below)
    return next((error for error in found if error is not None), None)


def _without_null(schema: Any) -> Any:
    if typing.get_origin(schema) in {typing.Union, types.UnionType}:
        options = [option for option in typing.get_args(schema) if option is not type(None)]
        return options[0] if len(options) == 1 else Any
    return schema


def _no_list(given: Any, place: str, key: str) -> ConfigError:
    example = f"such as [{given}]" if isinstance(given, (str, int, float)) else "in brackets"
    return ConfigError(f"{place}{key} is {given!r}", allowed=f"a list, {example}")


def _no_mapping(given: Any, place: str, key: str, schema: type) -> ConfigError:
    what = f"{place}{key} is {given!r}"
    if schema is ComponentConfig and isinstance(given, str):
        kind = key.rpartition(".")[2]
        return ConfigError(
            f"{what}, and it must be a component",
            hint=f"Write {key}.name={given}, or choose its whole config with {kind}@{key}={given}.",
        )
    if schema in ENTRY_HINTS:
        name = given if isinstance(given, str) else "NAME"
        example = f"{key.rpartition('.')[2]}: {ENTRY_HINTS[schema].replace('NAME', name)}"
        return ConfigError(what, allowed="a mapping of keys to values", hint=f"Write {example}.")
    keys = ", ".join(field.name for field in dataclasses.fields(schema))
    return ConfigError(what, allowed=f"a mapping with the keys {keys}")


def _no_entries(given: Any, place: str, key: str, entry: Any) -> ConfigError:
    named = given[0] if isinstance(given, list) and given and isinstance(given[0], str) else "NAME"
    example = ENTRY_HINTS.get(entry, "VALUE").replace("NAME", named)
    last = key.rpartition(".")[2]
    return ConfigError(
        f"{place}{key} is {given!r}",
        allowed="a mapping of names to settings" if entry in ENTRY_HINTS else "a mapping of names to values",
        hint=f"Write {last}: {{{named}: {example}}}.",
    )
