"""What is sent to MLflow and to Weights & Biases, against stand-ins of their clients."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from framework.kinds import Tracker
from framework.records import Run
from shop_trackers.flat import flat
from shop_trackers.mlflow import MLflow, MLflowConfig
from shop_trackers.wandb import WeightsAndBiases, WeightsAndBiasesConfig

CONFIG = {"study": "shop", "trial": {"positions": 10, "salt": "x" * 900}, "metrics": {}, "list": [1, 2]}
VALID = re.compile(r"[\w\-./ ]+")


class Calls(list[tuple[Any, ...]]):
    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.append((name, args, kwargs))
            return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

        return call

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self if call[0] == name]


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls()
    module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    vars(module).update(MlflowClient=lambda tracking_uri: calls, entities=entities)
    vars(entities).update(Param=lambda *it: it, Metric=lambda *it: it)
    calls.get_experiment_by_name = lambda title: SimpleNamespace(experiment_id="7") if title == "known" else None
    calls.create_experiment = lambda title: f"new {title}"
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return calls


def test_flat_config() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": {}}, "e": [1]}) == {"a.b.c": 1, "a.d": {}, "e": [1]}


def test_mlflow_run(mlflow: Calls, tmp_path: Path) -> None:
    tracker = MLflow(MLflowConfig())
    assert isinstance(tracker, Tracker)
    tracker.start(Run("shop", tmp_path, 3, CONFIG))
    assert mlflow.named("create_run")[0][1] == ("new shop",)
    params = dict(mlflow.named("log_batch")[0][2]["params"])
    assert params["trial.positions"] == "10"
    assert len(params["trial.salt"]) == 500
    tracker.log({"holdout/ndcg@20/als - popular": 0.25}, 12)
    (name, value, _, step) = mlflow.named("log_batch")[1][2]["metrics"][0]
    assert (value, step) == (0.25, 12)
    assert VALID.fullmatch(name)
    tracker.finish({"verdict": "ship"}, [tmp_path / "result.json"])
    assert ("r1", "prelaunch.verdict", "ship") in [call[1] for call in mlflow.named("set_tag")]
    assert mlflow.named("log_artifact")[0][1] == ("r1", str(tmp_path / "result.json"))
    assert mlflow.named("set_terminated")[0][1] == ("r1", "FINISHED")


def test_mlflow_known_experiment_without_files(mlflow: Calls, tmp_path: Path) -> None:
    tracker = MLflow(MLflowConfig(experiment="known", files=False))
    tracker.start(Run("shop", tmp_path, 3, CONFIG))
    assert mlflow.named("create_run")[0][1] == ("7",)
    tracker.finish({}, [tmp_path / "result.json"])
    assert not mlflow.named("log_artifact")


def test_mlflow_many_at_once_are_split(mlflow: Calls, tmp_path: Path) -> None:
    tracker = MLflow(MLflowConfig())
    tracker.start(Run("shop", tmp_path, 3, {str(key): key for key in range(250)}))
    assert [len(call[2]["params"]) for call in mlflow.named("log_batch")] == [100, 100, 50]


@pytest.mark.parametrize(("status", "word"), [("failed", "FAILED"), ("interrupted", "KILLED")])
def test_mlflow_run_without_a_result(mlflow: Calls, tmp_path: Path, status: str, word: str) -> None:
    tracker = MLflow(MLflowConfig())
    tracker.start(Run("shop", tmp_path, 3, {}))
    tracker.fail(status, "ValueError: no")
    assert mlflow.named("set_terminated")[0][1] == ("r1", word)


def test_wandb_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = Calls()
    calls.summary = {}
    asked: dict[str, Any] = {}
    module = ModuleType("wandb")
    vars(module)["init"] = lambda **given: (asked.update(given), calls)[1]
    monkeypatch.setitem(sys.modules, "wandb", module)
    tracker = WeightsAndBiases(WeightsAndBiasesConfig(mode="offline"))
    assert isinstance(tracker, Tracker)
    tracker.start(Run("shop", tmp_path, 3, CONFIG))
    assert (asked["project"], asked["mode"], asked["config"]) == ("shop", "offline", CONFIG)
    tracker.log({"loss": 2.0}, 5)
    assert calls.named("log")[0][1] == ({"loss": 2.0, "training_step": 5},)
    tracker.log({"seconds/data": 1.0}, None)
    assert calls.summary == {"seconds/data": 1.0}
    tracker.finish({"verdict": "hold"}, [tmp_path / "report.html"])
    assert calls.summary["verdict"] == "hold"
    assert calls.named("save")[0][1] == (str(tmp_path / "report.html"),)
    assert calls.named("finish")[0][2] == {"exit_code": 0}
