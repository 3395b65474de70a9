from __future__ import annotations

import csv
import dataclasses
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.training.fit import fit
from framework.training.identity import digest_of
from framework.training.record import FitRecord
from tests.unit.training.factors import Factors, FactorsConfig, context_in, score_of, weights

ROOT = Path(__file__).parents[3]
KILLS = [("1", "validation", "False"), ("3", "validation", "True"), ("3", "4", "False"), ("4", "0", "True")]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder for each kill, as the kill left it."""
    root = tmp_path_factory.mktemp("killed")
    jobs = [argument for kill in KILLS for argument in (str(root / "-".join(kill)), *kill)]
    driver = [sys.executable, str(Path(__file__).with_name("drive_killed.py")), *jobs]
    ended = subprocess.run(driver, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return root


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run(folder: Path, data: Dataset, config: FactorsConfig, **changed: Any) -> tuple[FitRecord, Factors]:
    component = Factors(config)
    settings = TrainerConfig(accelerator="cpu")
    record = fit(component, data, context_in(folder), settings, validation=lambda: score_of(component, data), **changed)
    return record, component


def curve(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "log" / "metrics.csv").read_text().splitlines()))


class Counts(__import__("pytorch_lightning").Callback):
    """Which epochs a fit trains, from 0."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self.epochs.append(trainer.current_epoch)


@pytest.mark.parametrize("kill", KILLS)
def test_killed_fit_goes_on_as_if_unbroken(
    data: Dataset, killed: Path, tmp_path: Path, kill: tuple[str, str, str]
) -> None:
    folder = shutil.copytree(killed / "-".join(kill), tmp_path / "killed")
    config = FactorsConfig(plateau=kill[2] == "True")
    counts = Counts()
    record, component = run(folder, data, config, callbacks=[counts])
    whole, unbroken = run(tmp_path / "whole", data, config)
    assert counts.epochs == list(range(int(kill[0]) - 1, 4))
    assert weights(component) == weights(unbroken)
    assert record.curve == whole.curve
    assert (record.best_epoch, record.epochs, record.stopped) == (whole.best_epoch, 4, "epochs")
    assert curve(folder) == curve(tmp_path / "whole")
    assert not (folder / "checkpoints").exists()


def test_what_comes_after_is_as_if_unbroken(data: Dataset, killed: Path, tmp_path: Path) -> None:
    """The component's own generator stands where it would: whoever draws from it next draws the same."""
    folder = shutil.copytree(killed / "3-4-False", tmp_path / "killed")
    drawn = []
    for place in (folder, tmp_path / "whole"):
        context, component = context_in(place), Factors()
        fit(component, data, context, TrainerConfig(accelerator="cpu"), validation=lambda: 0.0)
        drawn.append(context.rng.integers(2**31))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("other", ["config", "data", "seed", "settings", "identity"])
def test_checkpoint_of_another_fit_is_removed(data: Dataset, killed: Path, tmp_path: Path, other: str) -> None:
    folder = shutil.copytree(killed / "3-4-False", tmp_path / "killed")
    changed: dict[str, Any] = {"data": data, "config": FactorsConfig(), "settings": TrainerConfig(accelerator="cpu")}
    seed = 1 if other == "seed" else 0
    if other == "config":
        changed["config"] = FactorsConfig(learning_rate=0.01)
    if other == "data":
        changed["data"] = dataclasses.replace(data, as_of=data.as_of + 1)
    if other == "settings":
        changed["settings"] = TrainerConfig(accelerator="cpu", accumulate_grad_batches=2)
    found = []
    for place in (folder, tmp_path / "whole"):
        component, counts = Factors(changed["config"]), Counts()
        fit(
            component,
            changed["data"],
            context_in(place, seed),
            changed["settings"],
            validation=lambda component=component: score_of(component, data),
            identity="other" if other == "identity" else "",
            callbacks=[counts],
        )
        assert counts.epochs == [0, 1, 2, 3]
        found.append(weights(component))
    assert found[0] == found[1]


def test_damaged_checkpoint_is_not_gone_on_with(
    data: Dataset, killed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(killed / "3-4-False", tmp_path / "killed")
    (last,) = folder.glob("checkpoints/*/last.ckpt")
    last.write_bytes(last.read_bytes()[:1000])
    counts = Counts()
    with caplog.at_level(logging.WARNING):
        run(folder, data, FactorsConfig(), callbacks=[counts])
    assert counts.epochs == [0, 1, 2, 3]
    assert "begins anew" in caplog.text


def test_only_last_and_best_are_kept(data: Dataset, killed: Path) -> None:
    (folder,) = (killed / "4-0-True" / "checkpoints").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["best-3.pt", "last.ckpt"]


def test_checkpoints_hold_no_code(killed: Path) -> None:
    import torch

    for path in killed.glob("*/checkpoints/*/*"):
        torch.load(path, weights_only=True)


def test_module_that_keeps_what_it_was_made_with(data: Dataset, tmp_path: Path) -> None:
    """`save_hyperparameters` puts objects into checkpoints, which could then not be read without running code."""
    import torch

    class Keeps(Factors):
        def training(self, data: Dataset, context: Any) -> Any:
            training = super().training(data, context)
            training.module.save_hyperparameters({"config": self.config, "rng": np.random.default_rng(0)})
            return training

    def validation() -> float:
        if (tmp_path / "checkpoints").exists():
            read.extend(torch.load(path, weights_only=True) for path in tmp_path.glob("checkpoints/*/last.ckpt"))
        return 0.0

    read: list[Any] = []
    fit(Keeps(), data, context_in(tmp_path), TrainerConfig(accelerator="cpu"), validation=validation)
    assert len(read) == 3


def test_digest_hangs_on_what_the_weights_hang_on(data: Dataset, tmp_path: Path) -> None:
    def digest(**changed: Any) -> str:
        parts = {
            "component": Factors(),
            "data": data,
            "context": context_in(tmp_path),
            "settings": TrainerConfig(),
            "others": (),
        } | changed
        others = parts.pop("others")
        return digest_of(*parts.values(), *others)

    class Another(Factors): ...

    item = data.events.item.copy()
    item[0] += 1
    same = digest()
    assert digest() == same
    assert digest(settings=TrainerConfig(progress=True, tensorboard=True)) == same
    different = [
        digest(component=Factors(FactorsConfig(epochs=5))),
        digest(component=Another()),
        digest(data=dataclasses.replace(data, events=dataclasses.replace(data.events, item=item))),
        digest(data=dataclasses.replace(data, items=data.items[:-1])),
        digest(context=context_in(tmp_path, seed=1)),
        digest(context=context_in(tmp_path, device="cuda")),
        digest(settings=TrainerConfig(precision="bf16-true")),
        digest(others=("recall",)),
    ]
    assert len({same, *different}) == len(different) + 1


def test_digest_of_a_component_that_hides_its_config(data: Dataset, tmp_path: Path) -> None:
    class Hides(Factors):
        def __init__(self) -> None: ...

    found = {digest_of(Hides(), data, context_in(tmp_path), TrainerConfig()) for _ in range(2)}
    assert len(found) == 2
