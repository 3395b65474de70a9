"""What a search may try: parameters with their ranges or choices, of which some count only beside others."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.errors import ConfigError, did_you_mean

KEYS = ("low", "high", "log", "step", "choices", "when", "type")
TYPES = ("int", "float")
MOST_POINTS = 100_000
"""Points of a grid beyond which it is no grid that anybody wants."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: `choices`, or numbers from `low` to `high`, by `step` or evenly in their logarithm.

    `when` names other parameters and the values, any one of them, beside which this one counts.
    """

    name: str
    type: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def counts(self, others: Mapping[str, Any]) -> bool:
        """Return whether the parameter counts beside `others`, which have their values already."""
        return all(name in others and others[name] in values for name, values in self.when.items())

    def holds(self, value: Any) -> bool:
        """Return whether the search could try this value."""
        if self.type == "choice":
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        if self.type == "int" and value != int(value):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return math.isclose(steps, round(steps), abs_tol=1e-9)

    def points(self) -> tuple[Any, ...]:
        """Return every value, for a grid. Raises ConfigError where there is no end of them."""
        if self.type == "choice":
            return self.choices
        step = self.step or (1 if self.type == "int" and not self.log else None)
        if step is None:
            raise ConfigError(
                f"the search space's {self.name} has no end of values, which a grid cannot hold",
                hint="Give it a step or choices, or take another search.sampler.",
            )
        values = [self.low + place * step for place in range(int((self.high - self.low) / step + 1e-9) + 1)]
        return tuple(round(value) for value in values) if self.type == "int" else tuple(values)

    @property
    def text(self) -> str:
        """Return it in words: "10 to 2,000 on a log scale"."""
        if self.type == "choice":
            words = [_word(choice) for choice in self.choices]
            text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
        else:
            text = f"{self.low:,.6g} to {self.high:,.6g}"
            text += " on a log scale" if self.log else ""
            text += "" if self.step is None else f" by {self.step:,.6g}"
        beside = [f"{name} is {' or '.join(map(_word, values))}" for name, values in self.when.items()]
        return f"{text}, where {' and '.join(beside)}" if beside else text


@dataclass(frozen=True)
class Space:
    """Parameters in such an order that each stands behind those that it counts beside."""

    parameters: tuple[Parameter, ...] = ()

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def texts(self) -> dict[str, str]:
        """Return each parameter's values in words."""
        return {parameter.name: parameter.text for parameter in self.parameters}

    def part_of(self, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what `params` say of the space's own parameters; None where the search could not try that."""
        chosen: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.counts(chosen):
                if parameter.name not in params or not parameter.holds(params[parameter.name]):
                    return None
                chosen[parameter.name] = params[parameter.name]
        return chosen

    def points(self) -> list[dict[str, Any]]:
        """Return every point of the grid, each once. Raises ConfigError where they are too many, or without end."""
        sizes = math.prod(len(parameter.points()) for parameter in self.parameters)
        if sizes > MOST_POINTS:
            raise ConfigError(
                f"the search space's grid has {sizes:,} points",
                allowed=f"at most {MOST_POINTS:,}",
                hint="Take larger steps or fewer choices, or another search.sampler.",
            )
        found: dict[str, dict[str, Any]] = {}
        for values in itertools.product(*(parameter.points() for parameter in self.parameters)):
            given = dict(zip((parameter.name for parameter in self.parameters), values, strict=True))
            point = self.part_of(given) or {}
            found.setdefault(json.dumps(point, sort_keys=True, default=str), point)
        return list(found.values())


def space_of(entries: Mapping[str, Any], types: Mapping[str, str], where: str) -> Space:
    """Return the space that a config (or a component's SEARCH) writes.

    Args:
        entries: by parameter {low, high, log, step} or {choices}, with {when} for one that counts beside others.
        types: by parameter "int" or "float", where that is known; else whole bounds make whole numbers.
        where: where the entries stand, for messages.

    Raises:
        ConfigError: an entry says nothing that can be searched.
    """
    made = {str(name): _parameter(str(name), entry, types, f"{where}.{name}") for name, entry in entries.items()}
    for name, parameter in made.items():
        for other, values in parameter.when.items():
            if other not in made or other == name:
                near = did_you_mean(other, [known for known in made if known != name])
                raise ConfigError(f"{where}.{name}.when names '{other}', which is no other parameter here", hint=near)
            wrong = [value for value in values if not made[other].holds(value)]
            if wrong:
                raise ConfigError(f"{where}.{name}.when wants {other} to be {wrong[0]!r}", allowed=made[other].text)
    return Space(tuple(_ordered(made, where)))


def _parameter(name: str, entry: Any, types: Mapping[str, str], where: str) -> Parameter:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} is {entry!r}", allowed="{low: .., high: ..} or {choices: [..]}")
    for key in entry:
        if key not in KEYS:
            raise ConfigError(f"{where} has no key '{key}'", allowed=KEYS, hint=did_you_mean(str(key), KEYS))
    when = {
        str(other): tuple(values) if isinstance(values, list | tuple) else (values,)
        for other, values in dict(entry.get("when") or {}).items()
    }
    if "choices" not in entry:
        return _range(name, entry, types.get(name), when, where)
    choices = entry["choices"]
    if not isinstance(choices, Sequence) or isinstance(choices, str) or not len(choices):
        raise ConfigError(f"{where}.choices is {choices!r}", allowed="a list of values")
    if "low" in entry or "high" in entry:
        raise ConfigError(f"{where} has choices and a range", hint="Keep one of them.")
    return Parameter(name, "choice", choices=tuple(choices), when=when)


def _range(name: str, entry: Mapping[str, Any], known: str | None, when: dict[str, Any], where: str) -> Parameter:
    low, high, step = (_number(entry, key, where) for key in ("low", "high", "step"))
    if low is None or high is None:
        raise ConfigError(f"{where} lacks {'low' if low is None else 'high'}", hint="Or give it choices: [..].")
    whole = all(isinstance(value, int) for value in (low, high, step) if value is not None)
    kind = str(entry.get("type") or known or ("int" if whole else "float"))
    log = bool(entry.get("log", False))
    for wrong, what, allowed in (
        (kind not in TYPES, f".type is '{kind}'", ", ".join(TYPES)),
        (not low < high, f" reaches from {low} to {high}", "low below high"),
        (kind == "int" and not whole, " is searched among whole numbers, with bounds that are none", "whole bounds"),
        (log and (low <= 0 or step is not None), " is on a log scale", "low above 0, and no step"),
        (step is not None and step <= 0, f".step is {step}", "a number above 0"),
    ):
        if wrong:
            raise ConfigError(where + what, allowed=allowed)
    if step is not None:
        high = low + int((high - low) / step + 1e-9) * step  # the last value that the steps reach
    if kind == "float":
        low, high, step = float(low), float(high), None if step is None else float(step)
    return Parameter(name, kind, low, high, log=log, step=step, when=when)


def _number(entry: Mapping[str, Any], key: str, where: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{where}.{key} is {value!r}", allowed="a number")
    return value


def _ordered(made: Mapping[str, Parameter], where: str) -> Iterator[Parameter]:
    left = dict(made)
    while left:
        ready = [name for name, parameter in left.items() if not set(parameter.when) & set(left)]
        if not ready:
            raise ConfigError(f"{where}: {', '.join(left)} count beside each other in a circle (when)")
        for name in ready:
            yield left.pop(name)


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    return "null" if value is None else str(value)
