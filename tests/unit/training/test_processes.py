from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.errors import ConfigError, RunError
from framework.records import Training
from framework.testing import tiny_queries
from framework.training.fit import fit
from framework.training.gathered import gathered
from tests.unit.training.factors import Factors, FactorsConfig, context_in, score_of, weights

TWO = TrainerConfig(accelerator="cpu", devices=2)


class Plain(Factors):
    """Draws nothing while it steps, by plain SGD, on eight full batches, so that its steps can be foretold."""

    def training(self, data: Dataset, context: Any) -> Any:
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        training = super().training(data, context)
        module = training.module

        def step(batch: Any, batch_idx: int) -> Any:
            (pairs,) = batch
            return (1 - (module.users(pairs[:, 0]) * module.items(pairs[:, 1])).sum(1)).square().mean()

        module.training_step = step
        module.configure_optimizers = lambda: torch.optim.SGD(module.parameters(), 0.1)
        pairs = training.loader.dataset[:128]
        loader = DataLoader(TensorDataset(*pairs), 16, shuffle=True, generator=training.loader.generator)
        return Training(module, loader, 3)


def test_two_processes_step_on_the_mean_of_two_batches(data: Dataset, tmp_path: Path) -> None:
    """Two processes take the steps that one takes that adds up the gradients of two batches in a row."""
    two, one = Plain(), Plain()
    fit(two, data, context_in(tmp_path / "two"), TWO)
    fit(one, data, context_in(tmp_path / "one"), TrainerConfig(accelerator="cpu", accumulate_grad_batches=2))
    np.testing.assert_allclose(two.users, one.users, atol=1e-6)
    np.testing.assert_allclose(two.items, one.items, atol=1e-6)


def test_two_processes_leave_all_in_the_one_that_asked(data: Dataset, tmp_path: Path) -> None:
    """Weights, curve and files are here, the score is the one that these weights get, and twice the same comes out."""
    found = []
    before = dict(os.environ)
    for name in ("a", "b"):
        component = Factors()
        record = fit(
            component, data, context_in(tmp_path / name), TWO, validation=lambda c=component: score_of(c, data)
        )
        assert record.epochs == 4
        assert record.validation == pytest.approx(score_of(component, data), rel=1e-6)
        assert (tmp_path / name / "log" / "metrics.csv").is_file()
        assert not (tmp_path / name / "checkpoints").exists()
        found.append((weights(component), record.curve))
    assert found[0] == found[1]
    assert dict(os.environ) == before


def test_best_epoch_and_pruning_come_back_from_the_processes(data: Dataset, tmp_path: Path) -> None:
    component = Factors()
    scores = iter([2.0, 1.0, 5.0])
    told = tmp_path / "told"

    def report(epoch: int, score: float) -> bool:
        with told.open("a") as file:
            file.write(f"{epoch} {score}\n")
        return epoch == 2

    record = fit(component, data, context_in(tmp_path), TWO, validation=lambda: next(scores), report=report)
    assert (record.pruned, record.best_epoch, record.epochs) == (True, 1, 2)
    assert told.read_text() == "1 2.0\n2 1.0\n"


def test_users_shared_out_are_judged_as_by_one(data: Dataset, tmp_path: Path) -> None:
    """A fixed model, evaluated per user in two processes and gathered, gets what one process measures."""
    component = Factors(FactorsConfig(epochs=1, learning_rate=1e-12))
    queries = tiny_queries(data)
    bought = data.matrix(binary=True).toarray()[queries.user] * (queries.user >= 0)[:, None]
    asked = tmp_path / "asked"

    def hits(rows: Any) -> Any:
        with asked.open("a") as file:
            file.write(f"{len(rows)}\n")
        slates = component.recommend(queries.take(rows), 5)
        return np.take_along_axis(bought[rows], slates.items, axis=1).sum(axis=1).astype(np.float64)

    def validation() -> float:
        values = gathered(hits, len(queries))
        np.save(tmp_path / f"values-{os.getpid()}.npy", values)
        return float(values.mean())

    record = fit(component, data, context_in(tmp_path / "fit"), TWO, validation=validation)
    assert sorted(asked.read_text().split()) == ["31", "31"]
    whole = hits(np.arange(len(queries)))
    for path in tmp_path.glob("values-*.npy"):
        np.testing.assert_allclose(np.load(path), whole, atol=1e-6)
    assert len(list(tmp_path.glob("values-*.npy"))) == 2
    assert record.validation == pytest.approx(whole.mean(), abs=1e-6)


def test_gathered_outside_a_training() -> None:
    np.testing.assert_array_equal(gathered(lambda rows: rows * 2.0, 5), [0, 2, 4, 6, 8])


def test_failure_of_a_process_is_told(data: Dataset, tmp_path: Path) -> None:
    def validation() -> float:
        raise RunError("the validation part is empty")

    with pytest.raises(RunError, match=r"A process of the training failed.*the validation part is empty"):
        fit(Factors(), data, context_in(tmp_path), TWO, validation=validation)


def test_interrupt_ends_the_processes(data: Dataset, tmp_path: Path) -> None:
    def validation() -> float:
        if os.environ["LOCAL_RANK"] == "0":
            os.kill(os.getppid(), signal.SIGINT)
        time.sleep(600)
        return 0.0

    others = set(multiprocessing.active_children())  # workers that another test's pool keeps for a while
    with pytest.raises(KeyboardInterrupt):
        fit(Factors(), data, context_in(tmp_path), TWO, validation=validation)
    ours = set(multiprocessing.active_children()) - others
    for process in ours:
        process.join(20)
    assert not {process for process in ours if process.is_alive()}


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_strategies_that_run_the_command_again_are_refused(data: Dataset, tmp_path: Path, strategy: str) -> None:
    settings = TrainerConfig(accelerator="cpu", devices=2, strategy=strategy)
    with pytest.raises(ConfigError, match=rf"trainer.strategy is '{strategy}'.*ddp_fork"):
        fit(Factors(), data, context_in(tmp_path), settings)


def test_worker_of_a_parallel_launcher_cannot_fork(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(ConfigError, match=r"devices asks for 2 processes.*parallel launcher"):
        fit(Factors(), data, context_in(tmp_path), TWO)
