"""Where a training stands, on disk: its last epoch and its best weights, for this very fit and no other."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.plugins.io import TorchCheckpointIO

LAST, OUTCOME = "last.ckpt", "outcome.pt"


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one fit, in `root`/`digest`. Files appear whole or not at all, and hold no code."""

    root: Path
    digest: str

    @property
    def folder(self) -> Path:
        """Where the files of this very fit lie."""
        return self.root / self.digest

    def open(self, log: logging.Logger) -> None:
        """Make the folder, and remove what another fit left beside it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in self.root.iterdir():
            if stale.name != self.digest:
                log.info("%s is of another training and is removed", stale)
                shutil.rmtree(stale) if stale.is_dir() else stale.unlink()

    def last(self, log: logging.Logger) -> Path | None:
        """Return the checkpoint to go on from, None where there is none; one that cannot be read is removed."""
        path = self.folder / LAST
        if not path.is_file():
            return None
        try:
            epoch = self.epoch(path)
        except Exception as error:  # noqa: BLE001 (damaged files fail in many ways, and the training can begin anew)
            log.warning("%s cannot be read (%s); the training begins anew", path, type(error).__name__)
            path.unlink()
            return None
        log.info("goes on after epoch %d, from %s", epoch, path)
        return path

    @staticmethod
    def epoch(path: Path) -> int:
        """Return how many epochs a checkpoint has behind it. Raises what reading it raises."""
        return int(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["epoch"])

    def save_last(self, trainer: Trainer, best: int | None) -> None:
        """Write where the trainer stands, then remove weights that were the best before. All processes call it."""
        trainer.save_checkpoint(self.folder / LAST, weights_only=False)
        if trainer.is_global_zero:
            for old in self.folder.glob("best-*.pt"):
                if best is None or old != self.best(best):
                    old.unlink()

    def best(self, epoch: int) -> Path:
        """Return the file of the weights after `epoch`."""
        return self.folder / f"best-{epoch}.pt"

    def save_best(self, module: LightningModule, epoch: int) -> None:
        """Write the module's weights after `epoch`."""
        write(module.state_dict(), self.best(epoch))

    def restore_best(self, module: LightningModule, epoch: int) -> None:
        """Give the module the weights that it had after `epoch`."""
        module.load_state_dict(torch.load(self.best(epoch), map_location="cpu", weights_only=True))

    def save_outcome(self, state: dict[str, Any]) -> None:
        """Write how a fit ended, for the process that started those that train."""
        write(state, self.folder / OUTCOME)

    def outcome(self) -> dict[str, Any]:
        """Return how the fit ended."""
        found: dict[str, Any] = torch.load(self.folder / OUTCOME, weights_only=True)
        return found

    def remove(self) -> None:
        """Remove everything: nobody goes on with what is done."""
        shutil.rmtree(self.root)


class WholeFiles(TorchCheckpointIO):
    """Writes checkpoints straight to their folder, where Lightning's own holds two more copies in memory."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write a checkpoint, whole or not at all."""
        write(checkpoint, Path(path))


def write(content: Any, path: Path) -> None:
    """Save tensors and plain values to `path`, which has its old content until it has all of the new."""
    fresh = path.with_name(f".{path.name}.tmp")
    try:
        torch.save(content, fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
