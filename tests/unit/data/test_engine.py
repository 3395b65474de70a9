"""What DuckDB's errors mean to the user, and what the engine leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from framework.data.engine import open_engine
from framework.data.settings import DataConfig
from framework.errors import RunError


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (RuntimeError("Query interrupted"), KeyboardInterrupt),
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), KeyboardInterrupt),
        (duckdb.IOException("IO Error: No space left on device"), RunError),
        (OSError(28, "No space left on device"), RunError),
        (ValueError("what it is"), ValueError),
    ],
)
def test_interrupts_and_full_disks_are_told_as_such(
    tmp_path: Path, error: Exception, meaning: type[BaseException]
) -> None:
    with pytest.raises(meaning), open_engine(DataConfig(), tmp_path):
        raise error
    assert not list(tmp_path.glob("log-*"))


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("")
    with pytest.raises(RunError, match="cannot work in"), open_engine(DataConfig(), tmp_path / "work"):
        pass


def test_a_database_that_cannot_be_made_is_no_fault_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise duckdb.IOException('IO Error: Cannot open file "log.duckdb": Permission denied')

    monkeypatch.setattr(duckdb, "connect", refuse)
    with pytest.raises(RunError, match=r"hydra\.run\.dir"):
        open_engine(DataConfig(), tmp_path)


def test_leftovers_go_when_their_process_is_gone(tmp_path: Path) -> None:
    with open_engine(DataConfig(), tmp_path):
        (mine,) = tmp_path.glob("log-*.duckdb")
        gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
        prefix, pid = mine.name.rsplit("-", 2)[0], gone.stdout.decode().strip()
        for name in (f"{prefix}-{pid}-aa.duckdb", f"{prefix}-{pid}-aa.duckdb.wal", f"log-elsewhere-{pid}-aa.duckdb"):
            (tmp_path / name).touch()
        (tmp_path / f"{prefix}-{pid}-aa.tmp").mkdir()
        assert str(os.getpid()) in mine.name
        with open_engine(DataConfig(), tmp_path):
            assert len(list(tmp_path.glob("log-*.duckdb"))) == 3
            assert mine.exists()
    assert [file.name for file in tmp_path.iterdir()] == [f"log-elsewhere-{pid}-aa.duckdb"]
