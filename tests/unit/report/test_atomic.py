"""A file is there whole or not at all, whoever else writes it at the same time."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from framework.errors import RunError
from framework.report import atomic
from framework.report.atomic import write_whole


def test_writers_of_one_process_number_do_not_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both writers stand in the middle of their file: two threads, or two machines whose process numbers are equal.
    both = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(atomic.os, "fsync", lambda _: both.wait())
    texts = ("a" * 100_000, "b" * 50_000)
    with ThreadPoolExecutor(2) as writers:
        asked = [writers.submit(write_whole, tmp_path / "result.json", text) for text in texts]
    assert [future.result() for future in asked] == [tmp_path / "result.json"] * 2
    assert (tmp_path / "result.json").read_text() in texts
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_one_writer_that_fails_leaves_the_others_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, order = threading.Event(), iter(range(2))

    def fsync(_: int) -> None:
        if next(order) == 0:  # the first to come waits in the middle of its file until the other has failed
            second.start()
            assert failed.wait(20)
        else:
            raise OSError(28, "No space left on device")

    def fail() -> None:
        with pytest.raises(RunError, match="No space left"):
            write_whole(tmp_path / "result.json", "second")
        failed.set()

    second = threading.Thread(target=fail)
    monkeypatch.setattr(atomic.os, "fsync", fsync)
    write_whole(tmp_path / "result.json", "first")
    second.join()
    assert (tmp_path / "result.json").read_text() == "first"
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_a_file_has_the_permissions_of_any_other(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "own", "text")
        (tmp_path / "plain").write_text("text")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "plain")]
    assert modes == [0o666 & ~umask] * 2


def test_ctrl_c_in_the_middle_leaves_the_older_file_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "result.json", "old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "result.json", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]
    assert (tmp_path / "result.json").read_text() == "old"
