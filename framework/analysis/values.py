"""What stands after an equals sign, read as the type that its key wants.

Nothing is guessed from how a value looks: an arm called 1.0, True or null stays the text that was written.
"""

from __future__ import annotations

import math
import types
import typing
from typing import Any, Union

from framework.errors import ConfigError
from framework.params import describe_type

QUOTES = "'\""
CLOSING = {"[": "]", "{": "}"}
TRUTH = {"true": True, "false": False}


def read_value(text: str, hint: Any, key: str) -> Any:  # noqa: PLR0911 - one return a form of annotation
    """Return a value as its annotation wants it: text, number, true or false, a [list] or a {mapping}.

    `null` without quotes is None where that is allowed; quotes keep a text as it is. Raises ConfigError naming the key.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        if text == "null":
            return None
        return read_value(text, next(option for option in inner if option is not type(None)), key)
    if origin is tuple:
        return tuple(read_value(part, inner[0], key) for part in _list(text, hint, key))
    if origin is dict:
        return {name: read_value(own, inner[1], f"{key}.{name}") for name, own in read_mapping(text, key).items()}
    if hint is str:
        return unquoted(text)
    if hint is bool and text.lower() in TRUTH:
        return TRUTH[text.lower()]
    try:
        if hint is int:
            return int(text)
        if hint is float and not math.isnan(float(text)):
            return float(text)
    except ValueError:
        pass
    raise ConfigError(f"{key} is '{text}'", allowed=describe_type(hint))


def read_mapping(text: str, key: str) -> dict[str, str]:
    """Return {a:1,'b, c':2} as texts by name; raises ConfigError where it is no mapping."""
    inside = _inside(text, "{")
    if inside is None:
        raise ConfigError(f"{key} is '{text}'", allowed=f"{{name:value,...}}, or {key}.NAME=value")
    found = {}
    for entry in _parts(inside, ",", text, key):
        # Names may hold a colon themselves: the last one parts name and value.
        *name, value = _parts(entry, ":", text, key)
        if not name:
            raise ConfigError(f"{key}={text} cannot be read: '{entry}' has no value", allowed="{name:value,...}")
        found[unquoted(":".join(name))] = value.strip()
    return found


def unquoted(text: str) -> str:
    """Return a text without the quotes around it, if it has any."""
    if len(text) > 1 and text[0] in QUOTES and text[-1] == text[0]:
        return text[1:-1].replace("\\" + text[0], text[0])
    return text


def _list(text: str, hint: Any, key: str) -> list[str]:
    inside = _inside(text, "[")
    if inside is None:
        raise ConfigError(f"{key} is '{text}'", allowed=describe_type(hint), hint=f"Write {key}=[{text}].")
    return _parts(inside, ",", text, key)


def _inside(text: str, opening: str) -> str | None:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == opening and text[-1] == CLOSING[opening] else None


def _parts(text: str, sign: str, whole: str, key: str) -> list[str]:
    """Return what stands between the signs outside of quotes and brackets; quotes open at the start of a part."""
    parts, closing, quote = [""], "", ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[place - 1] != "\\" else quote
        elif letter in QUOTES and not parts[-1].strip():
            quote = letter
        elif letter in CLOSING:
            closing = CLOSING[letter] + closing
        elif closing and letter == closing[0]:
            closing = closing[1:]
        elif letter == sign and not closing:
            parts.append("")
            continue
        parts[-1] += letter
    if quote or closing:
        raise ConfigError(f"{key}={whole} cannot be read: {quote or closing[0]} is missing")
    return [part.strip() for part in parts] if text.strip() else []
