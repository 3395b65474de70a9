"""Values of the command line: read as their key wants, and never as what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from framework.analysis.arguments import folder_of, read_arguments
from framework.analysis.values import read_mapping, read_value, unquoted
from framework.errors import ConfigError

ARMS = ("users.csv", "arm=arm", "control=a")
MEAN = "metrics.x.kind=mean"


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("1.0", str, "1.0"),
        ("True", str, "True"),
        ("A, B (new)", str, "A, B (new)"),
        ("'null'", str | None, "null"),
        ("null", str | None, None),
        (r"'it\'s'", str, "it's"),
        ("0.95", float, 0.95),
        ("1e3", float, 1000.0),
        ("TRUE", bool, True),
        ("7", int | None, 7),
        ("[pre_a, 'b, c',d/e]", tuple[str, ...], ("pre_a", "b, c", "d/e")),
        ("[1,7.5]", tuple[float, ...], (1.0, 7.5)),
        ("[]", tuple[str, ...], ()),
        ("{Mens E-Mail:2,No E-Mail:1}", dict[str, float], {"Mens E-Mail": 2.0, "No E-Mail": 1.0}),
        ("{Men's:1,a:b:2,'c,d':3}", dict[str, float], {"Men's": 1.0, "a:b": 2.0, "c,d": 3.0}),
        ("{контроль:1,新的:1}", dict[str, float], {"контроль": 1.0, "新的": 1.0}),
    ],
)
def test_a_value_is_what_its_key_wants(text: str, hint: Any, value: Any) -> None:
    assert read_value(text, hint, "key") == value


@pytest.mark.parametrize(
    ("text", "hint", "words"),
    [
        ("high", float, "key is 'high'. Allowed: a number"),
        ("nan", float, "key is 'nan'. Allowed: a number"),
        ("1.5", int, "an integer"),
        ("yes", bool, "true or false"),
        ("pre", tuple[str, ...], "Write key=[pre]"),
        ("[a,'b]", tuple[str, ...], "' is missing"),
        ("[a,[b]", tuple[str, ...], "] is missing"),
        ("[1]", dict[str, float], "{name:value,...}, or key.NAME=value"),
        ("{a}", dict[str, float], "'a' has no value"),
        ("{a:x}", dict[str, float], "key.a is 'x'. Allowed: a number"),
    ],
)
def test_a_value_that_its_key_cannot_have(text: str, hint: Any, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_value(text, hint, "key")
    assert words in str(refused.value)


def test_nested_mappings_stay_texts() -> None:
    assert read_mapping("{x:{kind:mean,covariates:[a,b]}}", "metrics") == {"x": "{kind:mean,covariates:[a,b]}"}


@pytest.mark.parametrize("text", ["", "'", "a'", "'a", "a'b'"])
def test_a_text_without_quotes_around_it_is_left_alone(text: str) -> None:
    assert unquoted(text) == text


@pytest.mark.parametrize("label", ["1.0", "01", "False", "0,1", "A (new)", "新的", "1e3", "a b", "${x}", "[a]"])
def test_labels_are_compared_as_they_were_written(label: str) -> None:
    _, settings = read_arguments(["users.csv", "arm=arm", f"control={label}", MEAN, f"shares.{label}=2"])
    assert settings.control == label
    assert settings.shares == {label: 2.0}


@pytest.mark.parametrize(
    "argument",
    ["metrics={x:{kind:mean,covariates:[a,b]}}", "metrics.x={kind:mean,covariates:[a,b]}"],
)
def test_metrics_may_be_written_as_mappings(argument: str) -> None:
    _, settings = read_arguments([*ARMS, argument])
    assert settings.metrics["x"].covariates == ("a", "b")


def test_names_of_metrics_may_have_dots_and_columns_anything() -> None:
    _, settings = read_arguments([*ARMS, "metrics.net.rev (GBP).kind=mean", 'metrics.net.rev (GBP).column=a.b="c"'])
    assert settings.metrics["net.rev (GBP)"].column == 'a.b="c"'


def test_a_path_may_hold_an_equals_sign() -> None:
    path, _ = read_arguments(["logs/day=1/users.parquet", *ARMS[1:], MEAN])
    assert path == Path("logs/day=1/users.parquet")


def test_the_last_of_two_values_counts() -> None:
    assert read_arguments([*ARMS, MEAN, "confidence=0.9", "confidence=0.8"])[1].alpha == 0.2


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [((), None), (("out=a", "out='b c'"), Path("b c")), (("out=null",), None)],
)
def test_the_folder(arguments: tuple[str, ...], folder: Path | None) -> None:
    assert folder_of(arguments) == folder


@pytest.mark.parametrize("name", ["", "users.csv"])
def test_a_folder_that_cannot_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users.csv").write_text("a file")
    with pytest.raises(ConfigError, match="which is no folder"):
        folder_of([f"out={name}"])
