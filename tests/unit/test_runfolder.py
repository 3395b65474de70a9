"""The record of a run is true, whatever ends the run."""

import json
from pathlib import Path

import pytest

from framework.errors import RunError
from framework.runfolder import RunFolder


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run", "s", 3, "seed: 3\n") as folder:
        assert record(tmp_path / "run")["status"] == "running"
        folder.stage = "report"
    assert record(tmp_path / "run")["status"] == "finished"
    assert (tmp_path / "run" / "config.yaml").read_text() == "seed: 3\n"


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "interrupted"), (ValueError, "failed")])
def test_a_broken_run_says_how_and_where(tmp_path: Path, error: type[BaseException], status: str) -> None:
    def broken() -> None:
        with RunFolder(tmp_path, "s", 0, "") as folder:
            folder.stage = "model"
            raise error("why")

    with pytest.raises(error):
        broken()
    found = record(tmp_path)
    assert (found["status"], found["stage"]) == (status, "model")
    assert "why" in found["error"]


def test_a_result_of_an_earlier_run_never_survives_the_start_of_another(tmp_path: Path) -> None:
    for name in ("result.json", "report.html"):
        (tmp_path / name).write_text("old")
    with RunFolder(tmp_path, "s", 0, ""):
        assert not (tmp_path / "result.json").exists()
        assert not (tmp_path / "report.html").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"), RunFolder(tmp_path / "file" / "run", "s", 0, ""):
        pass
