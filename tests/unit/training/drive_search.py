"""Searches a known function, here or in a process of its own that a test may kill: FOLDER TRIALS JOBS SHARE SECONDS."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from framework.config import SearchConfig
from framework.training.search import search
from framework.training.search_space import space_of
from framework.training.search_storage import store_of
from framework.training.search_trials import Attempt

SPACE = {
    "x": {"low": -5.0, "high": 5.0},
    "n": {"low": 1, "high": 64, "log": True},
    "kind": {"choices": ["plain", "mixed", None]},
    "share": {"low": 0.0, "high": 1.0, "when": {"kind": ["mixed"]}},
}
START = {"x": 0.0, "n": 8, "kind": None}


class Objective:
    """Notes every call in the folder's file "calls", so that a test sees what was tried and by whom."""

    def __init__(self, folder: Path, seconds: float = 0.0) -> None:
        self.folder, self.seconds = folder, seconds

    def __call__(self, params: dict[str, Any], attempt: Attempt) -> list[float]:
        with (self.folder / "calls").open("a", encoding="utf-8") as file:
            file.write(json.dumps([attempt.number, params]) + "\n")
        time.sleep(self.seconds)
        return [-((params["x"] - 1) ** 2) - abs(params["n"] - 10) / 10 - params.get("share", 0.5)]


def main(folder: Path, trials: int = 20, jobs: int = 1, share: bool = False, seconds: float = 0.0) -> list[Any]:
    """Return number, state, parameters and values of all trials, as JSON has them."""
    settings = SearchConfig(trials=trials, jobs=jobs, share=share)
    store = store_of(None, folder, share=share)
    space = space_of(SPACE, {}, "space")
    with store.held():
        found = search(space, Objective(folder, seconds), settings, store, name="known", seed=3, start=START)
    rows = [[trial.number, trial.state, trial.params, trial.values] for trial in found.trials]
    plain: list[Any] = json.loads(json.dumps(rows))
    return plain


if __name__ == "__main__":
    place, trials, jobs, share, seconds = sys.argv[1:]
    print(json.dumps(main(Path(place), int(trials), int(jobs), bool(int(share)), float(seconds))))
