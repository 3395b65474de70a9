from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.errors import RunError
from framework.records import Context, Training
from framework.training import memory
from framework.training.fit import fit
from tests.unit.training.factors import Factors, FactorsConfig, context_in

GIB = 2**30


def limited(monkeypatch: pytest.MonkeyPatch, free: int | None) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)


def test_weights_are_refused_before_they_are_made(
    data: Dataset, settings: TrainerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 users with vectors of 10^12 numbers are 223,517 GiB: an attempt would not end in this message."""
    limited(monkeypatch, 60 * 4 * 1000)
    with pytest.raises(RunError, match=r"needs 223517\.4 GiB.*weights.*About embedding_size=1000 would fit"):
        fit(Factors(FactorsConfig(embedding_size=10**12)), data, context_in(tmp_path), settings)


def test_first_step_is_refused(
    data: Dataset, settings: TrainerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """80 vectors of 1000 numbers: gradients 320 kB and Adam's two states 640 kB, where 480 kB are free: half fits."""
    limited(monkeypatch, 480_000)
    with pytest.raises(RunError, match=r"gradients 0\.3 MiB, optimizer 0\.6 MiB.*About embedding_size=500 would fit"):
        fit(Factors(FactorsConfig(embedding_size=1000)), data, context_in(tmp_path), settings)
    limited(monkeypatch, 960_000)
    assert fit(Factors(FactorsConfig(embedding_size=1000)), data, context_in(tmp_path), settings).epochs == 4


def test_activations_that_the_component_tells_of(
    data: Dataset, settings: TrainerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tells(Factors):
        def training(self, data: Dataset, context: Context) -> Training:
            training = super().training(data, context)
            return Training(training.module, training.loader, 1, activation_bytes=32 * 10_000)

    limited(monkeypatch, 3 * 4 * 320 + 8 * 10_000)
    with pytest.raises(RunError, match=r"activations 0\.3 MiB.*About batch_size=8 would fit"):
        fit(Tells(), data, context_in(tmp_path), settings)


def test_device_is_weighed_with_weights_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strategy:
        root_device = torch.device("meta")

    class Stand:
        strategy, world_size = Strategy(), 1

    scales: Any = memory.Scales(FactorsConfig(), 0)
    limited(monkeypatch, 799)
    with pytest.raises(RunError, match="on meta"):
        scales.setup(Stand(), torch.nn.Linear(99, 1), "fit")
    limited(monkeypatch, 800)
    scales.setup(Stand(), torch.nn.Linear(99, 1), "fit")


def test_nothing_is_refused_where_free_memory_is_not_known(
    data: Dataset, settings: TrainerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, None)
    assert fit(Factors(), data, context_in(tmp_path), settings).epochs == 4


@pytest.mark.parametrize(
    ("optimizer", "options", "states"),
    [
        (torch.optim.SGD, {"lr": 0.1}, 0),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}, 1),
        (torch.optim.Adagrad, {}, 1),
        (torch.optim.RMSprop, {"centered": True, "momentum": 0.9}, 3),
        (torch.optim.Adam, {}, 2),
        (torch.optim.AdamW, {"amsgrad": True}, 3),
        (torch.optim.SparseAdam, {}, 2),
    ],
)
def test_states_of_optimizers(optimizer: Any, options: dict[str, Any], states: int) -> None:
    made = optimizer([torch.nn.Parameter(torch.zeros(5))], **options)
    assert memory.states_per_weight(made) == states


def test_free_memory_of_this_machine() -> None:
    free = memory.free_bytes("cpu")
    assert free is not None
    assert 2**20 < free < 2**50
    assert memory.free_bytes("meta") is None


def test_tightest_control_group_counts(tmp_path: Path) -> None:
    """A group of 2 GiB, half a GiB used of which a quarter can be taken back, below one of 8 GiB that is fuller."""
    inner = tmp_path / "shop" / "job"
    inner.mkdir(parents=True)
    for folder, limit, used in ((inner, 2 * GIB, GIB // 2), (tmp_path / "shop", 8 * GIB, 7 * GIB)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {GIB // 4}\n")
    own = tmp_path / "own"
    own.write_text("0::/shop/job\n")
    assert memory._control_groups(tmp_path, own) == 5 * GIB // 4
    (tmp_path / "shop" / "memory.max").write_text("max\n")
    assert memory._control_groups(tmp_path, own) == 7 * GIB // 4
    assert memory._control_groups(tmp_path / "none", tmp_path / "none") is None
