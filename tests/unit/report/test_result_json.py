from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.errors import RunError
from framework.records import Result
from framework.records.result import SCHEMA_VERSION
from framework.report import atomic
from framework.report.result_json import from_json, read, to_json, write


def test_a_result_comes_back_equal_and_typed(result: Result) -> None:
    text = to_json(result)
    again = from_json(text)
    assert again == result
    assert to_json(again) == text
    assert isinstance(again.cleaning.rows_in, int)
    assert isinstance(again.effects[0].relative.estimate, float)
    assert isinstance(again.verdict.reasons, tuple)


def test_keys_stand_in_declared_order_and_rows_in_is_an_integer(result: Result) -> None:
    raw = json.loads(to_json(result))
    names = [field.name for field in dataclasses.fields(Result) if field.name != "schema_version"]
    assert list(raw) == ["schema_version", *names]
    assert raw["cleaning"]["rows_in"] == 541_909
    assert raw["cleaning"]["rules"][5]["money_touched"] == -33_811_020


def test_two_runs_differ_only_under_times_and_paths(result: Result) -> None:
    later = dataclasses.replace(result, times={"started": "later"}, paths={"folder": "/elsewhere"})
    one, two = json.loads(to_json(result)), json.loads(to_json(later))
    assert {key for key in one if one[key] != two[key]} == {"times", "paths"}


@given(value=st.floats(allow_nan=False, allow_infinity=False), text=st.text(), money=st.integers(-(2**63), 2**63))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_floats_keep_their_bits_and_texts_their_signs(result: Result, value: float, text: str, money: int) -> None:
    effect = dataclasses.replace(result.effects[0], estimate=value)
    changed = dataclasses.replace(
        result, effects=(effect,), question=text, health={"value": value, "money": money, text: [text]}
    )
    again = from_json(to_json(changed))
    assert again.effects[0].estimate.hex() == value.hex()
    assert (again.question, again.health) == (text, changed.health)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_no_number_is_null_and_reads_as_nan(result: Result, bad: float) -> None:
    effect = dataclasses.replace(result.effects[0], p_value=bad, p_adjusted=bad)
    text = to_json(dataclasses.replace(result, effects=(effect,), health={"x": bad}))
    assert "NaN" not in text
    assert "Infinity" not in text
    again = from_json(text)
    assert math.isnan(again.effects[0].p_value)
    assert again.effects[0].p_adjusted is None
    assert again.health == {"x": None}
    assert to_json(again) == text


def test_numpy_values_and_paths_are_written_as_plain_ones(result: Result) -> None:
    health = {"n": np.int64(3), "x": np.float32(0.5), "yes": np.bool_(True), "row": np.arange(2), "at": Path("/a")}
    again = from_json(to_json(dataclasses.replace(result, health=health)))
    assert again.health == {"n": 3, "x": 0.5, "yes": True, "row": [0, 1], "at": "/a"}


def test_a_lone_surrogate_can_be_written_and_read(result: Result, tmp_path: Path) -> None:
    broken = dataclasses.replace(result, question="caf\udce9")
    assert read(write(broken, tmp_path)).question == "caf\udce9"


def test_a_value_that_json_cannot_hold_is_named(result: Result) -> None:
    with pytest.raises(RunError, match=r"result\.health\.odd is a set"):
        to_json(dataclasses.replace(result, health={"odd": {1}}))
    with pytest.raises(RunError, match="key 3"):
        to_json(dataclasses.replace(result, health={3: 1}))  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.update(seed="seven"), r"result\.seed is 'seven' where a int belongs"),
        (lambda raw: raw.update(seed=True), r"result\.seed is True"),
        (lambda raw: raw.pop("rule"), "has no 'rule'"),
        (lambda raw: raw.update(verdikt=1), "Did you mean 'verdict'"),
        (lambda raw: raw["effects"][0].update(estimate="a lot"), r"result\.effects\[0\]\.estimate is 'a lot'"),
        (lambda raw: raw.update(effects={}), r"result\.effects is \{\} where a tuple belongs"),
        (lambda raw: raw.update(verdict=None), r"result\.verdict is None where a Verdict belongs"),
        (lambda raw: raw.update(schema_version="1"), "schema_version is '1'"),
    ],
)
def test_damage_is_named_by_its_place(result: Result, change, message: str) -> None:
    raw = json.loads(to_json(result))
    change(raw)
    with pytest.raises(RunError, match=message):
        from_json(json.dumps(raw))


def test_a_newer_schema_asks_for_an_upgrade(result: Result) -> None:
    raw = json.loads(to_json(result))
    raw["schema_version"] = SCHEMA_VERSION + 1
    raw["something_new"] = 1
    with pytest.raises(RunError, match="upgrade"):
        from_json(json.dumps(raw))


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"schema_version": NaN}', "[" * 100_000])
def test_text_that_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(RunError, match="damaged"):
        from_json(text)


@given(cut=st.integers(0, 20_000))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_file_is_refused(result: Result, cut: int) -> None:
    with pytest.raises(RunError):
        from_json(to_json(result)[:cut])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"result\.json"):
        read(tmp_path)


def test_a_full_disk_leaves_the_old_file_and_no_half_one(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(result, tmp_path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        write(dataclasses.replace(result, seed=8), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_an_error(result: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write(result, tmp_path / "file" / "run")


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name != "posix", reason="needs a POSIX /proc")
def test_an_unwritable_folder_is_an_error(result: Result) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write(result, Path("/proc/prelaunch"))
