"""Trackers hear of a run, of its trainings and of its end, and cannot harm it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from framework.config import TrainerConfig
from framework.records import Run
from framework.testing import tiny_context, tiny_dataset
from framework.tracking import Telling
from framework.training.fit import fit


class Noted:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def start(self, run: Run) -> None:
        self.told.append(("start", run.study))

    def log(self, values: Mapping[str, float], step: int | None) -> None:
        self.told.append(("log", dict(values), step))

    def finish(self, words: Mapping[str, str], files: Sequence[Path]) -> None:
        self.told.append(("finish", dict(words), [file.name for file in files]))

    def fail(self, status: str, reason: str) -> None:
        self.told.append(("fail", status, reason))


class OutOfReach(Noted):
    def log(self, values: Mapping[str, float], step: int | None) -> None:
        raise ConnectionError("no route to host")


def run_in(folder: Path) -> Run:
    return Run("shop", folder, 0, {"a": {"b": 1}})


def result_of() -> Any:
    arm = {"metric": "recall@20", "evidence": "holdout", "segment": None}
    effect = SimpleNamespace(**arm, treatment="als", control="popular")
    effect.estimate, effect.ci_low, effect.ci_high = 0.1, float("-inf"), 0.2
    return SimpleNamespace(
        arms=(
            SimpleNamespace(**arm, strategy="als", value=0.3),
            SimpleNamespace(**arm, strategy="x", value=float("nan")),
        ),
        effects=(effect,),
        study="shop",
        verdict=SimpleNamespace(decision="ship", headline="Ship als."),
        data_digest="d",
        rule_digest=None,
    )


def test_run_is_told_from_start_to_end(tmp_path: Path) -> None:
    tracker = Noted()
    telling = Telling({"team": tracker})
    (tmp_path / "result.json").write_text("{}")
    telling.prelaunch_run_started(run_in(tmp_path))
    telling.prelaunch_stage_finished("data", 1.5)
    telling.prelaunch_run_finished(run_in(tmp_path), result_of())
    name = "holdout/recall@20/als"
    assert tracker.told == [
        ("start", "shop"),
        ("log", {"seconds/data": 1.5}, None),
        ("log", {name: 0.3, f"{name} - popular": 0.1, f"{name} - popular high": 0.2}, None),
        (
            "finish",
            {"study": "shop", "verdict": "ship", "headline": "Ship als.", "data_digest": "d", "rule_digest": ""},
            ["result.json"],
        ),
    ]


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), "interrupted"), (ValueError("no"), "failed")])
def test_run_without_a_result_is_told(error: BaseException, status: str) -> None:
    tracker = Noted()
    Telling({"team": tracker}).prelaunch_run_failed(error)
    assert tracker.told[0][:2] == ("fail", status)


def test_tracker_out_of_reach_is_warned_of_once_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lost, kept = OutOfReach(), Noted()
    telling = Telling({"lost": lost, "kept": kept})
    with caplog.at_level(logging.WARNING, logger="prelaunch.tracking"):
        telling.prelaunch_run_started(run_in(tmp_path))
        telling.log({"a": 1.0})
        telling.log({"a": 2.0})
    assert [record.getMessage() for record in caplog.records] == [
        "trackers.lost is left out: ConnectionError: no route to host"
    ]
    assert [told[0] for told in kept.told] == ["start", "log", "log"]
    assert lost.told == [("start", "shop")]


def test_numbers_that_are_none_are_not_told() -> None:
    tracker = Noted()
    Telling({"team": tracker}).log({"a": float("nan"), "b": float("inf")})
    assert tracker.told == []


def test_curve_of_a_training_is_told(tmp_path: Path) -> None:
    from shop_recommenders.factors.bpr import Bpr, BprConfig

    tracker = Noted()
    callbacks = Telling({"team": tracker}).prelaunch_trainer_callbacks()
    scores = iter([0.25, 0.5])
    fit(
        Bpr(BprConfig(embedding_size=2, epochs=2)),
        tiny_dataset(1),
        tiny_context(tmp_path),
        TrainerConfig(accelerator="cpu"),
        validation=lambda: next(scores),
        callbacks=callbacks,
    )
    rows = [(values, step) for _, values, step in tracker.told]
    told = [value for values, _ in rows for name, value in values.items() if name.endswith("/validation")]
    assert told == [0.25, 0.5]
    assert [step for _, step in rows] == sorted(step for _, step in rows)
    assert all(not name.endswith("/epoch") for values, _ in rows for name in values)
