"""Parameters checked against a component's own Config dataclass, by its annotations."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from framework.errors import ConfigError, PluginError, PrelaunchError, did_you_mean

NAMES = {int: "an integer", float: "a number", str: "a text", bool: "true or false", type(None): "null"}


class _MismatchError(Exception):
    """A value that its annotation does not allow; `where` is the path to it below the parameter."""

    def __init__(self, value: object, expected: str, where: str = "") -> None:
        super().__init__(where)
        self.value, self.expected, self.where = value, expected, where


def config_from(config_class: type, params: Mapping[str, Any], where: str) -> Any:
    """Return `config_class(**params)`, each value checked and converted (integer to float, list to tuple).

    Args:
        config_class: a dataclass; its annotations are the schema, its fields without default are required.
        params: what the user wrote.
        where: where that stands ("strategies.treatment.recommender.params"), for messages.

    Raises:
        ConfigError: an unknown, missing or ill-typed parameter, or one that the dataclass itself refuses.
        PluginError: an annotation names what its module does not define.
    """
    fields = {f.name: f for f in dataclasses.fields(config_class) if f.init}
    hints = annotations_of(config_class)
    for key in params:
        if key not in fields:
            valid = ", ".join(sorted(fields)) or "no parameter at all"
            raise ConfigError(f"{where} has no '{key}'", allowed=valid, hint=did_you_mean(str(key), fields))
    missing = [n for n, f in fields.items() if n not in params and not has_default(f)]
    if missing:
        raise ConfigError(f"{where} lacks '{missing[0]}', which has no default", hint=f"Set {where}.{missing[0]}=...")
    values = {}
    for key, value in params.items():
        try:
            values[key] = _fit(value, hints[key])
        except _MismatchError as error:
            place = f"{where}.{key}{error.where}"
            raise ConfigError(
                f"{place} is {error.value!r} ({type(error.value).__name__})", allowed=error.expected
            ) from None
    try:
        return config_class(**values)
    except PrelaunchError:
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where} is refused: {error}") from error


def annotations_of(config_class: type) -> dict[str, Any]:
    """Return a dataclass's annotations by field.

    Raises:
        PluginError: an annotation names what its module does not define, so nothing can be held to it.
    """
    try:
        return typing.get_type_hints(config_class)
    except (NameError, AttributeError) as error:
        owner = f"{config_class.__module__}.{config_class.__qualname__}"
        raise PluginError(
            f"The annotations of {owner} cannot be read: {error}",
            hint="Import that name when the program runs, not under TYPE_CHECKING alone.",
        ) from error


def has_default(field: dataclasses.Field[Any]) -> bool:
    """Return whether a dataclass field may be left out."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def describe_type(hint: Any) -> str:  # noqa: PLR0911 - one return a form of annotation
    """Return an annotation in words: "an integer or null", "one of 'a', 'b'", "a list of numbers"."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in NAMES:
        return NAMES[hint]
    if hint is Any:
        return "anything"
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in inner)
    if origin in {Union, types.UnionType}:
        return " or ".join(describe_type(option) for option in inner)
    if _is_sequence(origin):
        return f"a list, each {describe_type(inner[0])}" if inner else "a list"
    if origin is not None and issubclass(origin, Mapping):
        return f"a mapping to {describe_type(inner[1])}" if len(inner) == 2 else "a mapping"
    return getattr(hint, "__name__", str(hint))


def _is_sequence(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, (Sequence, Collection)) and not issubclass(origin, Mapping)


def _fit(value: Any, hint: Any) -> Any:  # noqa: PLR0911 - one return a form of annotation
    """Return `value` as its annotation wants it; an annotation of an unknown sort lets everything pass."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value not in inner:
            raise _MismatchError(value, describe_type(hint))
        return value
    if origin in {Union, types.UnionType}:
        return _fit_union(value, hint, inner)
    if hint in NAMES:
        return _fit_scalar(value, hint)
    if hint is Path:
        return Path(_fit_scalar(value, str))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _fit_dataclass(value, hint)
    container = origin or hint
    if isinstance(container, type) and issubclass(container, Mapping):
        return _fit_mapping(value, hint, inner)
    if _is_sequence(container) and container not in {str, bytes}:
        return _fit_sequence(value, hint, container, inner)
    return value


def _fit_scalar(value: Any, hint: type) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise _MismatchError(value, NAMES[hint])
    return value


def _fit_union(value: Any, hint: Any, options: tuple[Any, ...]) -> Any:
    exact = [option for option in options if type(value) is option]
    for option in exact or options:
        try:
            return _fit(value, option)
        except _MismatchError:
            continue
    raise _MismatchError(value, describe_type(hint))


def _fit_dataclass(value: Any, hint: type) -> Any:
    if isinstance(value, hint):
        return value
    if not isinstance(value, Mapping):
        raise _MismatchError(value, f"a mapping with {', '.join(f.name for f in dataclasses.fields(hint))}")
    return config_from(hint, value, hint.__name__)


def _fit_mapping(value: Any, hint: Any, inner: tuple[Any, ...]) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _MismatchError(value, describe_type(hint))
    key_hint, value_hint = inner if len(inner) == 2 else (Any, Any)
    result = {}
    for key, item in value.items():
        result[_inside(key, key_hint, f".{key}")] = _inside(item, value_hint, f".{key}")
    return result


def _fit_sequence(value: Any, hint: Any, container: type, inner: tuple[Any, ...]) -> Any:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        raise _MismatchError(value, describe_type(hint))
    if container is tuple and inner and inner[-1] is not Ellipsis:
        if len(value) != len(inner):
            raise _MismatchError(value, f"a list of {len(inner)}")
        kinds = list(inner)
    else:
        kinds = [inner[0] if inner else Any] * len(value)
    items = [_inside(item, kind, f"[{i}]") for i, (item, kind) in enumerate(zip(value, kinds, strict=True))]
    return container(items) if container in {tuple, set, frozenset} else items


def _inside(value: Any, hint: Any, where: str) -> Any:
    try:
        return _fit(value, hint)
    except _MismatchError as error:
        raise _MismatchError(error.value, error.expected, where + error.where) from None
