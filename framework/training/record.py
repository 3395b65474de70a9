"""What a fit leaves to be read: how long it ran, how it went from epoch to epoch, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class EpochScore(NamedTuple):
    """One epoch: its number from 1, the mean loss of its batches, and the validation score after it.

    `loss` is None where the module's steps return none, `validation` where nobody looked after this epoch.
    """

    epoch: int
    loss: float | None
    validation: float | None


@dataclass(frozen=True)
class FitRecord:
    """How a component was fitted; of one that has no epochs (it is no neural one) only `seconds` says something.

    `epochs` were run, and the weights are those after epoch `best_epoch` (None: nobody looked, they are the last ones).
    `stopped` says why it ended: "epochs" (all were run), "patience", "pruned" or "fitted" (no neural component).
    `seconds` adds up over interruptions; `parameters` counts the numbers that were learned.
    """

    epochs: int = 0
    best_epoch: int | None = None
    curve: tuple[EpochScore, ...] = ()
    seconds: float = 0.0
    stopped: str = "fitted"
    parameters: int = 0

    @property
    def pruned(self) -> bool:
        """Whether the search gave it up."""
        return self.stopped == "pruned"

    @property
    def validation(self) -> float | None:
        """The score after the best epoch, None where nobody looked."""
        scores = {row.epoch: row.validation for row in self.curve}
        return None if self.best_epoch is None else scores[self.best_epoch]
