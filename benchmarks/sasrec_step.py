"""A training step of `sasrec` by the engine (Lightning, checks, seeds, checkpoints) beside a bare PyTorch loop.

Both take the same module, batches and optimizer. Two laps: a step, from where the first batch of an epoch is there to
the end of the last; and a step with its share of all else, from the log to trained weights.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.pairs import data_folder, dataset
from benchmarks.race import THREADS, Laps, Race

if TYPE_CHECKING:
    from framework.data.tables import Dataset

EPOCHS = int(os.environ.get("PRELAUNCH_BENCH_EPOCHS", "2"))
SEQUENCES = os.environ.get("PRELAUNCH_BENCH_SEQUENCES", "amazon_beauty")
STEP, WHOLE = "a step", "a step and its share of the rest"


def prepare(folder: Path) -> None:
    """Write the sequences of a set as arrays of pairs. Raises DataError where the file is missing."""
    from shop_sources.item_lists import flat, item_lists

    users, items, _ = flat(item_lists(data_folder() / SEQUENCES / "sequences.txt"))
    np.save(folder / "pairs.npy", np.array([users, items]).astype(np.int64))


def ours(folder: Path) -> Laps:
    """Train by the engine, where a callback looks at the clock."""
    from pytorch_lightning import Callback

    from framework.config import TrainerConfig
    from framework.testing.tiny import tiny_context
    from framework.training.fit import fit

    clock = _Clock()

    class Watch(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
            if batch_idx == 0:
                clock.start()

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            clock.stop(trainer.num_training_batches)

    data = _data(folder)
    laps = Laps()
    with laps.lap(WHOLE):
        settings = TrainerConfig(accelerator="cpu", epochs=EPOCHS)
        record = fit(_model(), data, tiny_context(folder), settings, callbacks=[Watch()])
    return clock.per_step(laps, record.curve[-1].loss or float("nan"))


def bare(folder: Path) -> Laps:
    """Train in the fewest lines."""
    import pytorch_lightning  # noqa: F401 (imports are no part of the laps)
    import torch

    from framework.testing.tiny import tiny_context

    data, clock, laps = _data(folder), _Clock(), Laps()
    losses: list[torch.Tensor] = []
    with laps.lap(WHOLE):
        torch.manual_seed(0)
        training = _model().training(data, tiny_context(folder))
        module = training.module
        optimizer = module.configure_optimizers()
        for epoch in range(EPOCHS):
            training.set_epoch(epoch)
            losses = []
            for index, batch in enumerate(training.loader):
                if index == 0:
                    clock.start()
                loss = module.training_step(batch, index)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
            clock.stop(len(losses))
    return clock.per_step(laps, float(torch.stack(losses).mean()))


@dataclass
class _Clock:
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    steps: int = 0

    def start(self) -> None:
        self._since = time.perf_counter(), time.process_time()

    def stop(self, steps: int) -> None:
        self.seconds += time.perf_counter() - self._since[0]
        self.cpu_seconds += time.process_time() - self._since[1]
        self.steps += steps

    def per_step(self, laps: Laps, loss: float) -> Laps:
        """Return the laps a step, the short one first."""
        found = Laps(figures={"loss": loss})
        found.note(STEP, self.seconds / self.steps, self.cpu_seconds / self.steps)
        found.note(WHOLE, laps.seconds[WHOLE] / self.steps, laps.cpu_seconds[WHOLE] / self.steps)
        return found


def _model() -> Any:
    from shop_recommenders.sequences.sasrec import SasRec

    return SasRec(SasRec.Config())


def _data(folder: Path) -> Dataset:
    """Return the sequences as a data set, whose log is in the order of the file."""
    import shop_recommenders.sequences.sasrec_module  # noqa: F401 (imports are no part of the laps)

    users, items = np.load(folder / "pairs.npy")
    (different_users, user), (different_items, item) = (np.unique(part, return_inverse=True) for part in (users, items))
    return dataset(user, item, (len(different_users), len(different_items)))


DUEL = Race(
    f"sasrec's step on {SEQUENCES}, {THREADS} thread(s)",
    prepare,
    ours,
    {"PyTorch": bare},
    # Other numbers are drawn for dropout.
    within={"loss": 0.05},
)
