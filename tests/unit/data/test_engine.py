"""What DuckDB's errors mean to the user, and what the engine leaves behind."""

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
