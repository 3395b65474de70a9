"""The search itself: budgets, resuming after a kill, workers that share, pruning, objectives, endings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from framework.config import SearchConfig
from framework.errors import ConfigError, RunError
from framework.training.search import search
from framework.training.search_record import Searched
from framework.training.search_space import space_of
from framework.training.search_storage import open_study, store_of
from framework.training.search_trials import Attempt, Pruned
from tests.unit.training.drive_search import main

DRIVE = Path(__file__).with_name("drive_search.py")
LINE = {"x": {"low": 0.0, "high": 1.0}}


def started(folder: Path, *, trials: int = 20, jobs: int = 1, share: bool = False, seconds: float = 0.0) -> Any:
    words = [str(folder), str(trials), str(jobs), str(int(share)), str(seconds)]
    return subprocess.Popen(
        [sys.executable, str(DRIVE), *words],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: Any) -> list[Any]:
    out, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    found: list[Any] = json.loads(out)
    return found


def calls(folder: Path) -> list[Any]:
    path = folder / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def begun_in(process: Any, folder: Path, trial: int) -> None:
    while len(calls(folder)) <= trial:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def killed_in(process: Any, folder: Path, trial: int) -> None:
    begun_in(process, folder, trial)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def searched(tmp_path: Path, objective: Any, space: Any = None, **settings: Any) -> Searched:
    extra = {key: settings.pop(key) for key in ("directions", "start", "advance", "name") if key in settings}
    store = store_of(settings.get("storage"), tmp_path, share=settings.get("share", False))
    made = space_of(LINE if space is None else space, {}, "space")
    with store.held():
        return search(made, objective, SearchConfig(**settings), store, seed=1, **{"name": "one", **extra})


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return main(tmp_path_factory.mktemp("unbroken"))


def test_a_killed_search_ends_as_an_unbroken_one(tmp_path: Path, unbroken: list[Any]) -> None:
    killed_in(started(tmp_path, seconds=0.3), tmp_path, 7)
    resumed = main(tmp_path)
    assert resumed == unbroken
    assert len(resumed) == 20
    numbers, params = zip(*calls(tmp_path), strict=True)
    # The killed trial alone was begun twice, the second time under another number: no folder is used again.
    assert len(set(numbers)) == 21
    often = Counter(json.dumps(point, sort_keys=True) for point in params)
    assert [point for point, times in often.items() if times > 1] == [json.dumps(params[7], sort_keys=True)]
    assert often.most_common(1)[0][1] == 2


def test_a_finished_search_tries_nothing_again_and_a_larger_budget_goes_on(tmp_path: Path, unbroken: list[Any]) -> None:
    assert main(tmp_path, trials=12) == unbroken[:12]
    before = calls(tmp_path)
    assert main(tmp_path, trials=12) == unbroken[:12]
    assert calls(tmp_path) == before
    assert main(tmp_path) == unbroken


def test_two_processes_share_a_budget(tmp_path: Path) -> None:
    other = started(tmp_path, share=True, seconds=0.1)
    begun_in(other, tmp_path, 0)
    found = main(tmp_path, share=True, seconds=0.1)
    assert ended(other) == found
    assert [trial[0] for trial in found] == list(range(20))
    assert len({number for number, _ in calls(tmp_path)}) == len(calls(tmp_path)) == 20


def test_a_killed_partner_is_made_up_for(tmp_path: Path) -> None:
    other = started(tmp_path, trials=8, share=True, seconds=0.5)
    begun_in(other, tmp_path, 0)
    killer = threading.Thread(target=killed_in, args=(other, tmp_path, 4))
    killer.start()
    found = main(tmp_path, trials=8, share=True, seconds=0.5)
    killer.join()
    assert [trial[1] for trial in found] == ["finished"] * 8
    assert len(calls(tmp_path)) in {8, 9}  # 8 where the kill met no trial under way


def test_a_second_search_is_refused_while_one_is_under_way(tmp_path: Path) -> None:
    first = started(tmp_path, trials=3, seconds=1.0)
    begun_in(first, tmp_path, 0)
    with pytest.raises(RunError, match=r"Another search is under way.*search\.share=true"):
        main(tmp_path, trials=3)
    assert len(ended(first)) == 3


def test_workers_try_each_point_once(tmp_path: Path) -> None:
    assert len(main(tmp_path, trials=8, jobs=2)) == 8
    assert sorted(number for number, _ in calls(tmp_path)) == list(range(8))


def test_workers_end_with_their_search(tmp_path: Path) -> None:
    killed_in(started(tmp_path, trials=6, jobs=2, seconds=1.5), tmp_path, 2)
    assert len(main(tmp_path, trials=6)) == 6
    assert len(calls(tmp_path)) in {7, 8}  # one or two were under way


def test_time_is_a_budget_too(tmp_path: Path) -> None:
    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        time.sleep(0.06)
        return [params["x"]]

    found = searched(tmp_path, objective, seconds=0.3)
    assert 1 <= len(found.trials) <= 5
    assert found.seconds >= 0.3
    assert len(searched(tmp_path, objective, seconds=0.3).trials) == len(found.trials)


def test_a_grid_is_tried_whole_and_no_point_twice(tmp_path: Path) -> None:
    tried = []

    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        tried.append(params)
        return [params["a"]]

    space = {
        "a": {"low": 1, "high": 3},
        "b": {"choices": ["x", "y"]},
        "c": {"low": 0.0, "high": 1.0, "step": 0.5, "when": {"b": "y"}},
    }
    found = searched(tmp_path, objective, space, trials=100, sampler="grid")
    assert len(tried) == 3 * (1 + 3) == len(found.trials)
    assert len({json.dumps(params, sort_keys=True) for params in tried}) == 12
    with pytest.raises(ConfigError, match="no end of values"):
        searched(tmp_path, objective, trials=5, sampler="grid", name="endless")


def test_a_trial_far_behind_is_pruned(tmp_path: Path) -> None:
    steps: dict[int, int] = {}

    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        for step in range(1, 6):
            steps[attempt.number] = step
            if attempt.report(step, params["x"] * step):
                raise Pruned
        return [params["x"] * 5]

    found = searched(tmp_path, objective, trials=20, sampler="random")
    assert found.count("pruned") > 0
    assert found.count("pruned") + found.count("finished") == 20
    assert all(steps[trial.number] < 5 for trial in found.trials if trial.state == "pruned")
    assert found.best is not None
    assert found.best.values[0] == max(trial.values[0] for trial in found.trials if trial.state == "finished")
    assert searched(tmp_path, objective, trials=20, sampler="random", pruner="none", name="all").count("pruned") == 0


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_several_objectives_leave_what_none_beats(tmp_path: Path, sampler: str) -> None:
    # Schaffer's first problem: x in [0, 2] are the points that none beats.
    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        assert attempt.report(1, 0.0) is False
        return [-(params["x"] ** 2), (params["x"] - 2) ** 2]

    found = searched(
        tmp_path,
        objective,
        {"x": {"low": -10.0, "high": 10.0}},
        trials=30,
        sampler=sampler,
        directions=("maximize", "minimize"),
    )
    front = [found.trials[number] for number in found.front]
    for one in found.trials:
        beaten = any(
            other.values[0] >= one.values[0] and other.values[1] <= one.values[1] and other.values != one.values
            for other in found.trials
        )
        assert (one in front) is not beaten
    assert found.best == max(front, key=lambda trial: trial.values[0])


def test_tpe_learns_where_to_look(tmp_path: Path) -> None:
    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        return [-abs(params["x"] - 0.7) - abs(params["y"] - 0.2)]

    space = {"x": {"low": 0.0, "high": 1.0}, "y": {"low": 0.0, "high": 1.0}}
    values = [trial.values[0] for trial in searched(tmp_path, objective, space, trials=30).trials]
    # By chance both halves have the same mean, about -0.63, each with a standard error of about 0.07.
    assert sum(values[10:]) / 20 > sum(values[:10]) / 10 + 0.2


def test_importances_name_the_parameter_that_matters(tmp_path: Path) -> None:
    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        return [params["matters"]]

    space = {"matters": {"low": 0.0, "high": 1.0}, "idle": {"low": 0.0, "high": 1.0}}
    found = searched(tmp_path, objective, space, trials=30, sampler="random")
    assert found.importances["matters"] > 0.8
    assert searched(tmp_path, objective, space, trials=5, sampler="random", name="few").importances == {}


def test_a_failed_trial_counts_and_stops_nothing(tmp_path: Path) -> None:
    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        if attempt.number % 3 == 1:
            raise ValueError("unlucky")
        return [float("nan") if attempt.number == 2 else params["x"]]

    found = searched(tmp_path, objective, trials=9)
    assert [trial.state for trial in found.trials] == [
        "finished",
        "failed",
        "failed",
        *["finished", "failed", "finished"] * 2,
    ]
    assert found.trials[1].error == "ValueError: unlucky"
    assert "nan" in found.trials[2].error


def test_what_fails_always_is_told_at_once(tmp_path: Path) -> None:
    tried = []

    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        tried.append(params)
        raise ZeroDivisionError("always")

    with pytest.raises(ZeroDivisionError, match="always"):
        searched(tmp_path, objective, trials=50)
    assert len(tried) == 3
    with pytest.raises(RunError, match=r"No trial .* finished; the last failed: ZeroDivisionError: always"):
        searched(tmp_path, objective, trials=2, name="short")


def test_an_interruption_keeps_what_is_finished(tmp_path: Path) -> None:
    tried = []

    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        tried.append(params["x"])
        if len(tried) == 4:
            raise KeyboardInterrupt
        return [params["x"]]

    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, objective, trials=6)
    found = searched(tmp_path, objective, trials=6)
    assert [trial.params["x"] for trial in found.trials] == [*tried[:4], *tried[5:]]
    assert tried[3] == tried[4]


def test_equal_points_are_not_tried_twice(tmp_path: Path) -> None:
    tried, counted = [], []

    def objective(params: dict[str, Any], attempt: Attempt) -> list[float]:
        tried.append(params["a"])
        return [params["a"]]

    space = {"a": {"low": 1, "high": 2}}
    found = searched(tmp_path, objective, space, trials=10, sampler="random", advance=lambda: counted.append(1))
    assert len(found.trials) == 10 == len(counted)
    assert sorted(tried) == [1, 2]


def test_the_start_comes_first_and_is_known_again(tmp_path: Path) -> None:
    found = searched(tmp_path, lambda params, attempt: [params["x"]], trials=3, start={"x": 0.25})
    assert found.trials[0].params == {"x": 0.25}
    assert found.own == 0


def test_searches_of_other_names_do_not_mix(tmp_path: Path) -> None:
    first = searched(tmp_path, lambda params, attempt: [params["x"]], trials=3, name="first")
    other = searched(tmp_path, lambda params, attempt: [-params["x"]], trials=4, name="other")
    assert (len(first.trials), len(other.trials)) == (3, 4)
    assert max(trial.values[0] for trial in other.trials) <= 0


def test_a_database_serves_too(tmp_path: Path) -> None:
    words: dict[str, Any] = {"storage": f"sqlite:///{tmp_path}/search.db", "name": "kept"}
    assert len(searched(tmp_path, lambda params, attempt: [params["x"]], trials=2, **words).trials) == 2
    found = searched(tmp_path, lambda params, attempt: [params["x"]], trials=4, **words)
    assert len(found.trials) == 4
    with pytest.raises(ConfigError, match=r"search\.storage=nodb://x cannot be opened"):
        searched(tmp_path, lambda params, attempt: [0.0], trials=1, storage="nodb://x")


def test_half_a_line_of_a_killed_write_is_removed(tmp_path: Path) -> None:
    searched(tmp_path, lambda params, attempt: [params["x"]], trials=2)
    store = store_of(None, tmp_path, share=False)
    with Path(store.place).open("a", encoding="utf-8") as file:
        file.write('{"op_code":')
    Path(f"{store.place}.lock").symlink_to(store.place)
    assert len(searched(tmp_path, lambda params, attempt: [params["x"]], trials=3).trials) == 3


def test_other_tools_can_read_the_storage(tmp_path: Path) -> None:
    searched(tmp_path, lambda params, attempt: [params["x"]], trials=2)
    study, fresh = open_study(store_of(None, tmp_path, share=False), "one", ("maximize",), {})
    assert not fresh
    assert len(study.trials) == 2
    with pytest.raises(RunError, match="other objectives"):
        open_study(store_of(None, tmp_path, share=False), "one", ("minimize",), {})


def test_a_cluster_that_is_not_installed_is_named(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    try:
        import ray  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="'ray', which is not installed"):
            searched(tmp_path, lambda params, attempt: [0.0], trials=2, jobs=2, backend="ray")
