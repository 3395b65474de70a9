"""A search inside a study, as a user runs it: the same budget, the seal, the best study, and a kill in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from framework.data.sealed import Sealed
from framework.errors import ConfigError
from framework.plugins import load_plugins
from framework.rehearsal.search import search
from framework.run import run
from tests.studies.composing import composed

TIMES = {"seconds", "finished", "command", "best"}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def searched(folder: Path, study: Path, *words: str) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    search(composed("tiny", f"source.params.folder={study}", *words), folder, load_plugins())
    return read(folder / "search.json")


def test_a_run_searches_then_fits_the_best_on_all_of_train(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study / "run"
    folder.mkdir()
    result = run(composed("tiny", f"source.params.folder={study}"), folder, load_plugins())
    records = {record["strategy"]: record for record in read(folder / "result.json")["health"]["search"]}
    assert {name: record["trials"]["tried"] for name, record in records.items()} == {
        "popular": 0,
        "knn": 6,
        "candidate": 6,
    }
    summary = {strategy.name: strategy.params["recommender"] for strategy in result.strategies}
    assert records["candidate"]["best"]["params"].items() <= summary["candidate"].items()
    assert records["knn"]["best"]["params"].items() <= summary["knn"].items()
    assert "search" in result.times["seconds"]
    page, out = (folder / "report.html").read_text(), capsys.readouterr().out
    for text in ("Every strategy had the same budget, 6 trials", "2 to 16 on a log scale", "nothing to search"):
        assert text in page
        assert text in " ".join(out.split())
    assert "trial by trial" in page
    assert str(folder / "best" / "config.yaml") in page
    # The best study, run on its own, comes to the same figures without a search.
    again = study / "again"
    again.mkdir()
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(folder))
    best = run(composed("best"), again, load_plugins())
    assert best.metrics == result.metrics
    assert best.arms == result.arms
    assert "search" not in best.health


def test_the_command_leaves_the_seal_and_writes_the_best_study(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise AssertionError("the seal was broken")

    monkeypatch.setattr(Sealed, "open", broken)
    found = searched(study / "alone", study, "search.metric=[ndcg@10,fit_seconds]", "search.trials=4")
    folder = study / "alone"
    assert [record["trials"]["tried"] for record in found["search"]] == [0, 4, 4]
    assert all(record["front"] for record in found["search"][1:])
    assert not (folder / "result.json").exists()
    assert "<svg" in (folder / "search.html").read_text()
    assert "search.trials" not in (folder / "best" / "config.yaml").read_text()
    out = capsys.readouterr().out
    assert out.rstrip("\n").split("\n")[-1] == str(folder / "search.html")
    assert "8 trials for 2 strategies; the test part is still sealed." in out


def test_a_search_killed_in_the_middle_ends_as_an_unbroken_one(study: Path) -> None:
    whole = searched(study / "whole", study)
    folder = study / "killed"
    words = ["search", "+experiment=tiny", f"source.params.folder={study}", f"hydra.run.dir={folder}"]
    with subprocess.Popen([sys.executable, "-m", "framework", *words], cwd=study, stderr=subprocess.PIPE) as process:
        while len(list(folder.glob("work/search/candidate-*/trial-*"))) < 3:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert read(folder / "record.json")["status"] == "running"
    resumed = searched(folder, study)
    assert {key: value for key, value in resumed.items() if key not in TIMES} == {
        key: value for key, value in whole.items() if key not in TIMES
    }
    assert [record["trials"]["tried"] for record in resumed["search"]] == [0, 6, 6]


def test_a_search_needs_a_budget(study: Path) -> None:
    with pytest.raises(ConfigError, match=r"no budget for a search.*search\.trials=50"):
        searched(study / "none", study, "search.trials=0")
    assert read(study / "none" / "record.json")["status"] == "failed"
