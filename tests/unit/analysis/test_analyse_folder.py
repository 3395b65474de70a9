"""The folder of an analysis: whole, new, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.cli import main
from framework.report import atomic
from framework.report.result_json import from_json, to_json

ARMS = ("arm=arm", "control=a")
SPEND = "metrics.spend.kind=mean"
Rows = list[dict[str, Any]]
Analyse = Callable[..., Any]


def status(folder: Path) -> str:
    return str(json.loads((folder / "record.json").read_text())["status"])


@pytest.mark.parametrize("mistake", ["nope=1", "control=z", "confidence=95"])
def test_no_mistake_leaves_the_result_of_before(tmp_path: Path, analyse: Analyse, rows: Rows, mistake: str) -> None:
    analyse(rows, *ARMS, SPEND)
    out = tmp_path / "out"
    assert main(["analyse", str(tmp_path / "outcomes.csv"), *ARMS, SPEND, mistake, f"out={out}"]) == 2
    assert {entry.name for entry in out.iterdir() if entry.is_file()} == {"config.yaml", "record.json"}
    assert status(out) == "failed"


def test_a_result_of_somebody_else_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").write_text("old")
    assert main(["analyse", str(tmp_path / "none.csv"), *ARMS, SPEND, f"out={tmp_path / 'out'}"]) == 2
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_config_of_something_else_is_not_written_over(
    tmp_path: Path, refused: Callable[..., str], rows: Rows
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.yaml").write_text("a study")
    assert "config.yaml of something else" in refused(rows, *ARMS, SPEND)
    assert (tmp_path / "out" / "config.yaml").read_text() == "a study"


def test_a_file_in_the_folders_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("in the way")
    assert main(["analyse", "users.csv", *ARMS, SPEND, f"out={tmp_path / 'out'}"]) == 2
    assert "which is no folder" in capsys.readouterr().err
    assert main(["analyse", "users.csv", *ARMS, SPEND, f"out={tmp_path / 'out' / 'below'}"]) == 2
    assert "(out=...)" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "in the way"


def test_a_full_disk_leaves_no_half_result(
    tmp_path: Path, analyse: Analyse, rows: Rows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    analyse(rows, *ARMS, SPEND)
    real = atomic.os.fsync
    written: list[int] = []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:  # record and config come first, the result is the third
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", full)
    assert main(["analyse", str(tmp_path / "outcomes.csv"), *ARMS, SPEND, f"out={tmp_path / 'out'}"]) == 2
    said = capsys.readouterr().err
    assert "result.json' cannot be written: No space left on device" in said
    assert "hydra" not in said
    left = {entry.name for entry in (tmp_path / "out").iterdir() if entry.is_file()}
    assert left == {"config.yaml", "record.json"}
    assert status(tmp_path / "out") == "failed"


def test_help_names_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "--help"]) == 0
    said = capsys.readouterr().out
    for key in ("unit", "shares", "missing", "sequential", "experiment", "covariates", "margin"):
        assert f"`{key}`" in said


def test_without_a_folder_nothing_is_left(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], analyse: Analyse
) -> None:
    analyse(rows, *ARMS, SPEND)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["analyse", str(tmp_path / "outcomes.csv"), *ARMS, SPEND]) == 0
    assert "b against a" in capsys.readouterr().out
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_two_runs_differ_in_times_and_paths_only(tmp_path: Path, analyse: Analyse, rows: Rows) -> None:
    first = analyse(rows, *ARMS, SPEND)
    assert main(["analyse", str(tmp_path / "outcomes.csv"), *ARMS, SPEND, f"out={tmp_path / 'other'}"]) == 0
    second = json.loads((tmp_path / "other" / "result.json").read_text())
    assert {key for key in first if first[key] != second[key]} <= {"times", "paths"}
    assert first["times"]["command"].startswith("python -m framework analyse ")


@pytest.mark.parametrize("reading", ["sequential.method=mixture", "prior=jeffreys"])
@pytest.mark.parametrize("kind", ["mean", "proportion"])
def test_readings_without_spread_come_back_from_json(analyse: Analyse, rows: Rows, reading: str, kind: str) -> None:
    flat = [{**row, "bought": 1} for row in rows]
    result = analyse(flat, *ARMS, f"metrics.bought.kind={kind}", reading)
    again = from_json(json.dumps(result))
    assert json.loads(to_json(again)) == result
    if reading.startswith("sequential"):
        assert result["effects"][0]["look"]["ci_low"] is None
