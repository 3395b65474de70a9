"""Files that break while they are read, and too little memory: one error in analyse's own words, and nothing left."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.cli import main

ARGUMENTS = ("arm=arm", "control=a", "metrics.spend.kind=mean")
Rows = list[dict[str, Any]]


def rows(count: int) -> Rows:
    return [{"arm": "ab"[place % 2], "spend": place * 7919 % 9973 / 7} for place in range(count)]


def csv(path: Path, count: int) -> bytes:
    text = "arm,spend\n" + "".join(f"{row['arm']},{row['spend']}\n" for row in rows(count))
    path.write_text(text)
    return text.encode()


def refusal(path: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Return the one line of an analysis that fails; the folder keeps the record of it and nothing else."""
    assert main(["analyse", str(path), *ARGUMENTS, *more, f"out={out}"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert {entry.name for entry in out.iterdir()} == {"config.yaml", "record.json"}
    assert json.loads((out / "record.json").read_text())["status"] == "failed"
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert said.rstrip().endswith(line)
    for theirs in ("data.memory", "data.threads", "hydra", "the log"):
        assert theirs not in line
    return line


def test_a_cut_csv_gz(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = gzip.compress(csv(tmp_path / "whole.csv", 40_000))
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path, tmp_path / "out", capsys).startswith(f"error: {path} cannot be read: ")


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_a_parquet_file_with_damaged_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], compression: str
) -> None:
    path = tmp_path / "broken.parquet"
    pq.write_table(pa.Table.from_pylist(rows(3000)), path, compression=compression)
    raw = bytearray(path.read_bytes())
    raw[4:200] = bytes(196)
    path.write_bytes(raw)
    assert refusal(path, tmp_path / "out", capsys).startswith(f"error: {path} cannot be read: ")


def test_a_memory_limit_far_too_low(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv(tmp_path / "rows.csv", 60_000)
    said = refusal(tmp_path / "rows.csv", tmp_path / "out", capsys, "memory_limit=1MB")
    assert said.startswith("error: DuckDB ran out of memory")
    assert said.endswith(" Raise memory_limit.")
    assert "thread" not in said


def test_a_memory_limit_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv(tmp_path / "rows.csv", 20)
    said = refusal(tmp_path / "rows.csv", tmp_path / "out", capsys, "memory_limit=much")
    assert "DuckDB does not start with memory_limit=much, folder" in said


def test_a_folder_named_work_with_something_in_it_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv(tmp_path / "rows.csv", 20)
    (tmp_path / "out" / "work").mkdir(parents=True)
    (tmp_path / "out" / "work" / "mine.txt").write_text("mine")
    assert main(["analyse", str(tmp_path / "rows.csv"), *ARGUMENTS, f"out={tmp_path / 'out'}"]) == 0
    assert (tmp_path / "out" / "work" / "mine.txt").read_text() == "mine"
    capsys.readouterr()


def test_nothing_is_left_of_an_analysis_that_succeeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv(tmp_path / "rows.csv", 200)
    assert main(["analyse", str(tmp_path / "rows.csv"), *ARGUMENTS, f"out={tmp_path / 'out'}"]) == 0
    names = {entry.name for entry in (tmp_path / "out").iterdir()}
    assert names == {"config.yaml", "record.json", "result.json", "report.html"}
    capsys.readouterr()


def test_errors_keep_their_kind_and_get_the_keys_of_analyse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from framework.analysis import command
    from framework.errors import ConfigError, DataError, PrelaunchError, RunError

    csv(tmp_path / "rows.csv", 20)
    for kind in (ConfigError, DataError, RunError):

        def fail(*_: object, kind: type[PrelaunchError] = kind) -> None:
            raise kind(
                "data.memory_limit=1 and data.threads=1",
                allowed=("a", "b"),
                hint="Set hydra.run.dir or data.memory_limit.",
            )

        monkeypatch.setattr(command, "analyse_units", fail)
        for out in ([], [f"out={tmp_path / 'out'}"]):
            with pytest.raises(kind) as caught:
                command.analyse([str(tmp_path / "rows.csv"), *ARGUMENTS, *out])
            assert caught.value.what == "memory_limit=1 and data.threads=1"
            assert (caught.value.allowed, caught.value.hint) == ("a, b", "Set out or memory_limit.")
            assert type(caught.value.__cause__) is kind
        assert not (tmp_path / "out" / "work").exists()
