"""The curve of a training, row by row, to whoever listens: as Lightning's loggers get it."""

# ruff: noqa: ARG002 (Lightning gives its hooks more than they need here)
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

Listener = Callable[[Mapping[str, float], int | None], None]


class ForwardCurve(Callback):
    """Hands every number that a training logs to `listener`, under the training's name, from its first process."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Add a logger to the training's own."""
        title = Path(trainer.default_root_dir).name
        trainer.loggers = [*trainer.loggers, _Forward(self.listener, title)]


class _Forward(Logger):
    def __init__(self, listener: Listener, title: str) -> None:
        super().__init__()
        self.listener, self.title = listener, title

    @property
    def name(self) -> str:
        return self.title

    @property
    def version(self) -> int:
        return 0

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Send nothing: the run's config has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one row."""
        self.listener({f"{self.title}/{name}": value for name, value in metrics.items() if name != "epoch"}, step)
