from __future__ import annotations

import csv
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.errors import ConfigError, RunError
from framework.kinds import NeuralRecommender, Recommender
from framework.records import Context, Training
from framework.training.fit import fit
from tests.unit.training.factors import Factors, FactorsConfig, context_in, score_of, weights

ROOT = Path(__file__).parents[3]


class Classical:
    Config = FactorsConfig

    def fit(self, data: Dataset, context: Context) -> None:
        self.seen = data, context

    def recommend(self, queries: Any, k: int) -> Any:
        raise NotImplementedError


def scripted(component: Factors, scores: list[float], seen: list[bytes]) -> Any:
    """A validation that says these scores one after the other and notes the weights that it is asked about."""
    left = iter(scores)

    def validation() -> float:
        seen.append(weights(component))
        return next(left)

    return validation


def test_classical_component_is_fitted_by_its_own_fit(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    component, context = Classical(), context_in(tmp_path)
    assert isinstance(component, Recommender)
    record = fit(component, data, context, settings)
    assert component.seen == (data, context)
    assert (record.epochs, record.curve, record.stopped, record.best_epoch) == (0, (), "fitted", None)


def test_record_and_csv_tell_the_same_curve(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    component = Factors()
    assert isinstance(component, NeuralRecommender)
    seen: list[bytes] = []
    record = fit(component, data, context_in(tmp_path), settings, validation=scripted(component, [1, 3, 2, 0], seen))
    assert [row.epoch for row in record.curve] == [1, 2, 3, 4]
    assert [row.validation for row in record.curve] == [1, 3, 2, 0]
    assert (record.epochs, record.best_epoch, record.validation, record.stopped) == (4, 2, 3, "epochs")
    assert record.parameters == 4 * (len(data.users) + len(data.items))
    rows = list(csv.DictReader((tmp_path / "log" / "metrics.csv").read_text().splitlines()))
    epochs = [row for row in rows if row["epoch_loss"]]
    assert [float(row["validation"]) for row in epochs] == [1, 3, 2, 0]
    np.testing.assert_allclose([float(row["epoch_loss"]) for row in epochs], [row.loss for row in record.curve])
    assert record.curve[3].loss < record.curve[0].loss


def test_best_weights_are_kept(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    component, seen = Factors(), list[bytes]()
    fit(component, data, context_in(tmp_path), settings, validation=scripted(component, [1, 3, 3, 0], seen))
    assert len(set(seen)) == 4
    assert weights(component) == seen[1]
    assert not (tmp_path / "checkpoints").exists()


def test_last_weights_are_kept_where_nobody_looks(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    looked, blind = Factors(), Factors()
    seen: list[bytes] = []
    fit(looked, data, context_in(tmp_path / "a"), settings, validation=scripted(looked, [1, 3, 2, 0], seen))
    record = fit(blind, data, context_in(tmp_path / "b"), settings)
    assert weights(blind) == seen[3]
    assert record.best_epoch is None
    assert record.validation is None


def test_patience_counts_looks_without_a_better_score(data: Dataset, tmp_path: Path) -> None:
    component = Factors(FactorsConfig(epochs=40))
    settings = TrainerConfig(accelerator="cpu", patience=2, validate_every=3)
    scores = [1, 2, 2, 1.5, 99]
    record = fit(component, data, context_in(tmp_path), settings, validation=scripted(component, scores, []))
    assert (record.epochs, record.best_epoch, record.stopped) == (12, 6, "patience")
    assert [row.validation for row in record.curve if row.epoch % 3] == [None] * 8


def test_last_epoch_is_looked_at(data: Dataset, tmp_path: Path) -> None:
    component = Factors()
    settings = TrainerConfig(accelerator="cpu", validate_every=3, epochs=5)
    record = fit(component, data, context_in(tmp_path), settings, validation=scripted(component, [1, 2], []))
    assert [row.epoch for row in record.curve if row.validation is not None] == [3, 5]


def test_search_can_prune(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    component, told = Factors(), list[tuple[int, float]]()

    def report(epoch: int, score: float) -> bool:
        told.append((epoch, score))
        return epoch == 2

    record = fit(
        component, data, context_in(tmp_path), settings, validation=scripted(component, [3, 1], []), report=report
    )
    assert told == [(1, 3), (2, 1)]
    assert record.pruned
    assert (record.epochs, record.best_epoch) == (2, 1)


def test_looks_are_in_evaluation_and_leave_frozen_parts_as_they_are(
    data: Dataset, settings: TrainerConfig, tmp_path: Path
) -> None:
    import torch

    class Frozen(Factors):
        def training(self, data: Dataset, context: Context) -> Training:
            training = super().training(data, context)
            self.module.frozen = torch.nn.Dropout().eval()
            return training

    component, modes = Frozen(), list[tuple[bool, bool]]()

    def validation() -> float:
        assert not torch.is_grad_enabled()
        assert not any(part.training for part in component.module.modules())
        return 0.0

    class Watch(__import__("pytorch_lightning").Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
            modes.append((module.dropout.training, module.frozen.training))

    fit(component, data, context_in(tmp_path), settings, validation=validation, callbacks=[Watch()])
    assert set(modes) == {(True, False)}


def test_same_seed_same_weights(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    first, again, other = Factors(), Factors(), Factors()
    for component, seed in ((first, 0), (again, 0), (other, 1)):
        np.random.default_rng().random()
        fit(component, data, context_in(tmp_path / str(id(component)), seed), settings)
    assert weights(first) == weights(again)
    assert weights(first) != weights(other)


def test_global_state_is_left_alone(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    import torch

    def state() -> Any:
        return (
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            random.getstate(),
            torch.are_deterministic_algorithms_enabled(),
            dict(os.environ),
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
        )

    before = state()
    fit(Factors(), data, context_in(tmp_path), settings)
    assert state() == before


def test_says_nothing_but_to_a_terminal(data: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fit(Factors(), data, context_in(tmp_path), TrainerConfig(accelerator="cpu", progress=True))
    assert capfd.readouterr() == ("", "")


def test_automatic_choice_trains(data: Dataset, tmp_path: Path) -> None:
    assert fit(Factors(), data, context_in(tmp_path, device="auto"), TrainerConfig()).epochs == 4


def test_interrupt_reaches_the_run(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    def validation() -> float:
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(Factors(), data, context_in(tmp_path), settings, validation=validation)
    assert signal.getsignal(signal.SIGINT) is handler


def test_module_lets_go_of_the_trainer(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    component = Factors()
    fit(component, data, context_in(tmp_path), settings)
    assert component.module._trainer is None


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_score_that_is_no_number(data: Dataset, settings: TrainerConfig, tmp_path: Path, score: float) -> None:
    with pytest.raises(RunError, match=r"The validation is (nan|inf) after epoch 1"):
        fit(Factors(), data, context_in(tmp_path), settings, validation=lambda: score)


def test_loss_that_runs_away(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"The loss is (nan|inf) after epoch \d.*learning rate"):
        fit(Factors(FactorsConfig(learning_rate=1e30)), data, context_in(tmp_path), settings)


def test_options_of_plugins_hold(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    record = fit(Factors(), data, context_in(tmp_path), settings, options={"max_epochs": 2})
    assert record.epochs == 2
    with pytest.raises(ConfigError, match="accelerator=abacus"):
        fit(Factors(), data, context_in(tmp_path), settings, options={"accelerator": "abacus"})


def test_component_names_the_clip_and_the_study_overrides_it(data: Dataset, tmp_path: Path) -> None:
    import pytorch_lightning

    class Clipped(Factors):
        def training(self, data: Dataset, context: Context) -> Training:
            training = super().training(data, context)
            return Training(training.module, training.loader, 1, gradient_clip=2.0)

    class Watch(pytorch_lightning.Callback):
        def on_train_start(self, trainer: Any, module: Any) -> None:
            seen.append(trainer.gradient_clip_val)

    seen: list[float] = []
    for clip in (None, 0.5):
        settings = TrainerConfig(accelerator="cpu", gradient_clip_val=clip)
        fit(Clipped(), data, context_in(tmp_path / str(clip)), settings, callbacks=[Watch()])
    assert seen == [2.0, 0.5]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 0}, r"trainer.epochs is 0.*from 1, or null"),
        ({"validate_every": 0}, r"trainer.validate_every is 0.*an integer from 1\."),
        ({"patience": 0}, r"trainer.patience is 0"),
        ({"accumulate_grad_batches": 0}, r"trainer.accumulate_grad_batches is 0"),
        ({"gradient_clip_val": -1.0}, r"trainer.gradient_clip_val is -1.0"),
        ({"accelerator": "abacus"}, r"abacus.*trainer.accelerator=auto"),
        ({"devices": 0}, r"devices=0"),
        ({"precision": "3-true"}, r"3-true"),
    ],
)
def test_settings_that_cannot_be(data: Dataset, tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    settings = TrainerConfig(**{"accelerator": "cpu", **changed})
    with pytest.raises(ConfigError, match=message):
        fit(Factors(), data, context_in(tmp_path), settings)


def test_tensorboard_that_is_not_installed(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framework.training.settings.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        fit(Factors(), data, context_in(tmp_path), TrainerConfig(accelerator="cpu", tensorboard=True))


def test_accelerator_of_a_stranger(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    """An accelerator that Lightning did not know before trains; nothing here asks what it is."""
    import torch
    from pytorch_lightning.accelerators import Accelerator, AcceleratorRegistry

    class Abacus(Accelerator):
        def setup_device(self, device: torch.device) -> None:
            used.append(device)

        def get_device_stats(self, device: Any) -> dict[str, Any]:
            return {}

        def teardown(self) -> None: ...

        @staticmethod
        def parse_devices(devices: Any) -> int:
            return int(devices)

        @staticmethod
        def get_parallel_devices(devices: int) -> list[torch.device]:
            return [torch.device("cpu")] * devices

        @staticmethod
        def auto_device_count() -> int:
            return 1

        @staticmethod
        def is_available() -> bool:
            return True

        @staticmethod
        def name() -> str:
            return "abacus"

    used: list[Any] = []
    AcceleratorRegistry.register("abacus", Abacus, description="beads")
    try:
        component, usual = Factors(), Factors()
        fit(component, data, context_in(tmp_path / "a"), TrainerConfig(accelerator="abacus"))
        fit(usual, data, context_in(tmp_path / "b"), settings)
    finally:
        AcceleratorRegistry.remove("abacus")
    assert used
    assert weights(component) == weights(usual)


def test_device_of_the_context_stands_in_for_auto(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="accelerator=cuda, devices=3,"):
        fit(Factors(), data, context_in(tmp_path, device="cuda:3"), TrainerConfig())


def test_nothing_moves_modules_by_hand() -> None:
    files = [*(ROOT / "framework").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    assert len(files) > 100
    assert [path for path in files if ".cuda(" in path.read_text()] == []


def test_only_fit_makes_a_trainer() -> None:
    files = [*(ROOT / "framework").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    makers = [path.name for path in files if "Trainer(" in path.read_text() or "partial(Trainer" in path.read_text()]
    assert makers == ["fit.py"]


def test_importing_fit_does_not_load_torch() -> None:
    import subprocess

    code = "import sys, framework.training.fit; sys.exit('torch' in sys.modules or 'pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_score_rises(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    component = Factors()
    record = fit(component, data, context_in(tmp_path), settings, validation=lambda: score_of(component, data))
    assert record.validation == score_of(component, data)
    assert record.curve[-1].validation > record.curve[0].validation
