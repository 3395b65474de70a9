"""What a neural component hands to the engine, which owns the Lightning Trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytorch_lightning import LightningModule
    from torch.utils.data import DataLoader


@dataclass(frozen=True)
class Training:
    """A module to train on `loader` for `epochs`, unless the study's trainer says otherwise.

    `loader` must give the same batches for the same epoch in every process that trains: it draws from generators seeded
    by the component's own `context.rng`, and `set_epoch`, where given, is called with the epoch's number before each
    one, so that a run that goes on after epoch 7 draws what an unbroken run would have drawn. `gradient_clip` is the
    largest norm of the gradients that the paper of the model names, where it names one. `activation_bytes` is the
    memory that a step takes for its batch, where the component can tell: what cannot fit is then refused at once.
    """

    module: LightningModule
    loader: DataLoader[Any]
    epochs: int
    set_epoch: Callable[[int], None] | None = None
    gradient_clip: float | None = None
    activation_bytes: int = 0
