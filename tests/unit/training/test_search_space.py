"""Search spaces as configs write them: what they hold, say and refuse."""

from __future__ import annotations

from typing import Any

import pytest

from framework.errors import ConfigError
from framework.training.search_space import space_of

WRITTEN = {
    "share": {"low": 0.0, "high": 1.0, "when": {"kind": "mixed"}},
    "kind": {"choices": ["plain", "mixed"]},
    "size": {"low": 8, "high": 64, "log": True},
    "rate": {"low": 1, "high": 2},
    "depth": {"low": 1, "high": 6, "step": 2},
}


def test_a_space_says_what_it_holds() -> None:
    space = space_of(WRITTEN, {"rate": "float"}, "space")
    assert space.texts == {
        "kind": "plain or mixed",
        "size": "8 to 64 on a log scale",
        "rate": "1 to 2",
        "depth": "1 to 5 by 2",
        "share": "0 to 1, where kind is mixed",
    }
    kinds = {parameter.name: parameter.type for parameter in space.parameters}
    assert kinds == {"kind": "choice", "size": "int", "rate": "float", "depth": "int", "share": "float"}


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"kind": "plain", "size": 8, "rate": 1.5, "depth": 3, "share": 0.5}, ("kind", "size", "rate", "depth")),
        ({"kind": "mixed", "size": 8, "rate": 1, "depth": 5, "share": 1}, ("kind", "size", "rate", "depth", "share")),
        ({"kind": "mixed", "size": 8, "rate": 1, "depth": 5}, None),
        ({"kind": "other", "size": 8, "rate": 1, "depth": 5}, None),
        ({"kind": "plain", "size": 8.5, "rate": 1, "depth": 5}, None),
        ({"kind": "plain", "size": 65, "rate": 1, "depth": 5}, None),
        ({"kind": "plain", "size": 8, "rate": 1, "depth": 4}, None),
        ({"kind": "plain", "size": True, "rate": 1, "depth": 5}, None),
    ],
)
def test_a_point_is_of_the_space_or_not(params: dict[str, Any], part: tuple[str, ...] | None) -> None:
    space = space_of(WRITTEN, {"rate": "float"}, "space")
    assert space.part_of(params) == (None if part is None else {name: params[name] for name in part})


def test_a_grid_has_each_point_once() -> None:
    space = space_of(
        {
            "a": {"low": 0.0, "high": 0.3, "step": 0.1},
            "b": {"choices": [1, 2]},
            "c": {"choices": [5, 6], "when": {"b": 2}},
        },
        {},
        "space",
    )
    points = space.points()
    assert len(points) == 4 * (1 + 2)
    assert {"b": 1, "a": pytest.approx(0.1)} in [dict(sorted(point.items(), reverse=True)) for point in points]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"a": 3}, r"space\.a is 3\. Allowed: \{low: "),
        ({"a": {"lo": 1, "high": 2}}, r"no key 'lo'.*Did you mean 'low'"),
        ({"a": {"low": 1}}, r"space\.a lacks high"),
        ({"a": {"low": 2, "high": 1}}, r"reaches from 2 to 1"),
        ({"a": {"low": 1, "high": "x"}}, r"space\.a\.high is 'x'"),
        ({"a": {"low": 0.0, "high": 1.0, "log": True}}, r"log scale.*low above 0"),
        ({"a": {"low": 0, "high": 1, "step": 0}}, r"step is 0"),
        ({"a": {"low": 0.5, "high": 1.5, "type": "int"}}, r"whole numbers"),
        ({"a": {"low": 0, "high": 1, "type": "text"}}, r"type is 'text'"),
        ({"a": {"choices": []}}, r"choices is \[\]"),
        ({"a": {"choices": [1], "low": 1}}, r"choices and a range"),
        ({"a": {"low": 0, "high": 1, "when": {"b": 1}}}, r"names 'b'"),
        ({"a": {"low": 0, "high": 1, "when": {"b": 3}}, "b": {"low": 0, "high": 2}}, r"wants b to be 3"),
        (
            {"a": {"low": 0, "high": 1, "when": {"b": 1}}, "b": {"low": 0, "high": 1, "when": {"a": 1}}},
            r"in a circle",
        ),
    ],
)
def test_what_says_nothing_is_refused(entries: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        space_of(entries, {}, "space")


def test_a_grid_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="no end of values"):
        space_of({"a": {"low": 0.0, "high": 1.0}}, {}, "space").points()
    with pytest.raises(ConfigError, match="1,000,000 points"):
        space_of({name: {"low": 1, "high": 100} for name in "abc"}, {}, "space").points()
