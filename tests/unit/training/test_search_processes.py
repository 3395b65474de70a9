"""Which process lives, and that one search alone has a storage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.errors import RunError
from framework.training.search_processes import SILENCE, alone, lives, this_process


def test_a_process_lives_until_it_is_gone() -> None:
    code = "from framework.training.search_processes import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        named = process.stdout.readline().strip()
        assert named.split()[1] == str(process.pid)
        assert lives(named, 0.0)
        process.kill()
        time.sleep(0.1)
        assert not lives(named, time.time())  # not even while nobody has taken note of its end
    assert not lives(named, time.time())


def test_a_number_that_another_process_has_now_is_no_sign_of_life() -> None:
    place, pid, born = this_process().split()
    assert lives(f"{place} {pid} {born}", 0.0)
    assert not lives(f"{place} {pid} {int(born) - 1}", time.time())


def test_of_other_machines_their_signs_tell() -> None:
    process = f"elsewhere/pid {os.getpid()} 1"
    assert lives(process, time.time())
    assert not lives(process, time.time() - SILENCE - 1)


def test_one_search_alone_has_a_storage(tmp_path: Path) -> None:
    path = tmp_path / "trials.searcher"
    with alone(path):
        with pytest.raises(RunError, match=f"Another search is under way .*process {os.getpid()}"), alone(path):
            pass
        assert path.exists()
    assert not path.exists()
    with alone(path):
        pass


@pytest.mark.parametrize("left", ['{"process": "PLACE 999999999 1"}', "", "half a li", "[]"])
def test_what_a_dead_search_left_is_in_nobodys_way(tmp_path: Path, left: str) -> None:
    path = tmp_path / "trials.searcher"
    path.write_text(left.replace("PLACE", this_process().split()[0]))
    with alone(path):
        assert json.loads(path.read_text())["process"] == this_process()
    assert list(tmp_path.iterdir()) == []
