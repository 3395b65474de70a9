"""Modules that take their optimizers' steps themselves: what the engine refuses for them, and what it trains."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Training
from framework.training.fit import fit
from tests.unit.training.factors import Factors, FactorsConfig, context_in, weights


class ByHand(Factors):
    """The same factors, with the steps of its one optimizer taken in `training_step`."""

    def training(self, data: Dataset, context: Context) -> Training:
        training = super().training(data, context)
        module: Any = training.module
        module.automatic_optimization = False
        loss_of = module.training_step

        def step(batch: Any, batch_idx: int) -> dict[str, Any]:
            optimizer = module.optimizers()
            loss = loss_of(batch, batch_idx)
            optimizer.zero_grad()
            module.manual_backward(loss)
            optimizer.step()
            return {"loss": loss.detach()}

        def configure() -> Any:
            import torch

            return torch.optim.Adam(module.parameters(), self.config.learning_rate)

        module.training_step, module.configure_optimizers = step, configure
        return training


class Plain(Factors):
    """The same factors, with a constant learning rate."""

    def training(self, data: Dataset, context: Context) -> Training:
        import torch

        training = super().training(data, context)
        rate = self.config.learning_rate
        training.module.configure_optimizers = lambda: torch.optim.Adam(  # type: ignore[method-assign]
            training.module.parameters(), rate
        )
        return training


class Clipped(ByHand):
    """Names a largest norm that nothing would hold its gradients to."""

    def training(self, data: Dataset, context: Context) -> Training:
        return dataclasses.replace(super().training(data, context), gradient_clip=5.0)


def test_steps_by_hand_are_the_engines(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    by_hand, plain = ByHand(FactorsConfig(dropout=0.0)), Plain(FactorsConfig(dropout=0.0))
    record = fit(by_hand, data, context_in(tmp_path / "a"), settings)
    expected = fit(plain, data, context_in(tmp_path / "b"), settings)
    assert weights(by_hand) == weights(plain)
    losses = [[row.loss for row in each.curve] for each in (record, expected)]
    np.testing.assert_allclose(*losses, rtol=1e-6)


@pytest.mark.parametrize("asked", [{"gradient_clip_val": 1.0}, {"accumulate_grad_batches": 2}])
def test_what_lightning_would_not_do_is_refused(
    data: Dataset, settings: TrainerConfig, tmp_path: Path, asked: dict[str, Any]
) -> None:
    (name,) = asked
    with pytest.raises(ConfigError, match=rf"trainer\.{name} is .* steps by turns"):
        fit(ByHand(), data, context_in(tmp_path), dataclasses.replace(settings, **asked))


def test_a_clip_of_its_own_is_refused_too(data: Dataset, settings: TrainerConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gradient_clip_val is 5\.0"):
        fit(Clipped(), data, context_in(tmp_path), settings)
