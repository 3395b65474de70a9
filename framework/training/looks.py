"""What the engine does between epochs: looks at the validation part, keeps the best weights, stops, saves."""

# ruff: noqa: ARG002 (Lightning gives its hooks more than they need here)
from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from framework.errors import RunError
from framework.records import Context
from framework.training.batches import Batches
from framework.training.checkpoints import Checkpoints
from framework.training.record import EpochScore
from framework.training.seeds import seed_for_epoch


class Looks(Callback):
    """Keeps the curve of a fit and what follows from it. Its state travels in the checkpoint.

    `look` returns the score to maximise. Every process looks (a look may share the users out), the first one's score
    holds. `report` is asked in the first process only.
    """

    def __init__(
        self,
        batches: Batches,
        checkpoints: Checkpoints,
        context: Context,
        *,
        look: Callable[[], float] | None,
        report: Callable[[int, float], bool] | None,
        every: int,
        patience: int | None,
        started: float,
    ) -> None:
        self.batches, self.checkpoints, self.context = batches, checkpoints, context
        self.look, self.report, self.every, self.patience = look, report, every, patience
        self.curve: list[EpochScore] = []
        self.best: int | None = None
        self.stopped = "epochs"
        self._started, self._before = started, 0.0
        self._resumed = False
        self._losses: list[torch.Tensor] = []

    @property
    def seconds(self) -> float:
        """How long the fit took so far, what came before an interruption included."""
        return self._before + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Return the curve so far, and the state of the component's own generator."""
        return {
            "curve": [list(row) for row in self.curve],
            "best": self.best,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "rng": json.dumps(self.context.rng.bit_generator.state),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from such a state."""
        self.take(state_dict)
        self._before = state_dict["seconds"]
        self._resumed = True

    def take(self, state: dict[str, Any]) -> None:
        """Take over how the fit went in the process that trained."""
        self.curve = [EpochScore(*row) for row in state["curve"]]
        self.best, self.stopped = state["best"], state["stopped"]
        self.context.rng.bit_generator.state = json.loads(state["rng"])

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Leave out what the module was made with: a component makes it anew, and a checkpoint holds no objects."""
        for name in ("CHECKPOINT_HYPER_PARAMS_NAME", "CHECKPOINT_HYPER_PARAMS_KEY", "CHECKPOINT_HYPER_PARAMS_TYPE"):
            checkpoint.pop(getattr(pl_module, name), None)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save where the training stands: the epoch before is over, with its look and its schedulers' steps."""
        epoch = self.batches.epoch = trainer.current_epoch
        self._losses = []
        if epoch > 0 and not self._resumed:
            # Lightning does so right after this hook; saved without it, the epoch would look as if it were done.
            trainer.fit_loop.epoch_loop.batch_progress.reset_on_run()
            self.checkpoints.save_last(trainer, self.best)
        self._resumed = False
        seed_for_epoch(self.batches.seed, epoch, 1, trainer.global_rank)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed what the epoch's steps draw, whatever fetching the first batch drew."""
        if batch_idx == 0:
            seed_for_epoch(self.batches.seed, trainer.current_epoch, 2, trainer.global_rank)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the loss."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, torch.Tensor):
            self._losses.append(loss.detach())

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look, where it is time to, and judge by what was seen. Raises RunError where loss or score is no number."""
        epoch = trainer.current_epoch + 1
        loss = self._mean_loss(trainer)
        score = None
        if self.look is not None and (epoch % self.every == 0 or epoch == trainer.max_epochs):
            with _evaluating(pl_module):
                score = float(trainer.strategy.broadcast(float(self.look())))
        for name, value in (("loss", loss), ("validation", score)):
            if value is not None and not math.isfinite(value):
                raise RunError(
                    f"The {name} is {value} after epoch {epoch}",
                    hint="A smaller learning rate, or trainer.gradient_clip_val, keeps most models from running away.",
                )
        self.curve.append(EpochScore(epoch, loss, score))
        self._tell(trainer, pl_module, loss, score)
        if score is not None:
            self._judge(trainer, pl_module, epoch, score)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hand over how it went, where other processes than the one that asked have trained."""
        if trainer.strategy.launcher is not None and trainer.is_global_zero:
            self.checkpoints.save_outcome(self.state_dict())

    def _mean_loss(self, trainer: Trainer) -> float | None:
        if not self._losses:
            return None
        mean = torch.stack(self._losses).float().mean()
        return float(trainer.strategy.reduce(mean, reduce_op="mean"))

    def _tell(self, trainer: Trainer, module: LightningModule, loss: float | None, score: float | None) -> None:
        news = {name: value for name, value in (("epoch_loss", loss), ("validation", score)) if value is not None}
        for name, value in news.items():
            module.log(name, torch.tensor(value, dtype=torch.float32), sync_dist=trainer.world_size > 1)
        if trainer.is_global_zero:
            text = ", ".join(f"{name.removeprefix('epoch_')} {value:.6g}" for name, value in news.items())
            self.context.log.info("epoch %d of %s: %s", trainer.current_epoch + 1, trainer.max_epochs, text)

    def _judge(self, trainer: Trainer, module: LightningModule, epoch: int, score: float) -> None:
        looks = [row for row in self.curve if row.validation is not None]
        best = max(looks, key=lambda row: (row.validation, -row.epoch))
        if best.epoch == epoch:
            self.best = epoch
            if trainer.is_global_zero:
                self.checkpoints.save_best(module, epoch)
        if self.report is not None and trainer.strategy.broadcast(trainer.is_global_zero and self.report(epoch, score)):
            self.stopped, trainer.should_stop = "pruned", True
        elif self.patience is not None and sum(row.epoch > best.epoch for row in looks) >= self.patience:
            self.stopped, trainer.should_stop = "patience", True


@contextmanager
def _evaluating(module: LightningModule) -> Iterator[None]:
    """Put the module, each of its parts, into evaluation and back; no gradients are kept in between."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
