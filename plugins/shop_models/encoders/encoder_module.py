"""The Lightning module of an encoder and its objective, and the batches of users that it learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pytorch_lightning import LightningModule

from shop_models.encoders.contrastive_module import Contrastive
from shop_models.encoders.masked_event_module import MaskedEvent
from shop_models.encoders.network_module import EventNetwork, Events
from shop_models.encoders.next_event_module import NextEvent
from shop_recommenders.sequences.histories import batches_of_like_length

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import DataLoader

    from shop_models.encoders.event_sequences import EventSequences
    from shop_models.encoders.learning import EncoderSettings


class EncoderModule(LightningModule):
    """Trains `network` by the `objective` of the settings, with Adam. Weights hang on `seed` alone."""

    def __init__(
        self, sequences: EventSequences, tokens: int, kinds: int, settings: EncoderSettings, seed: int
    ) -> None:
        super().__init__()
        self.learning_rate = settings.learning_rate
        numbers = sequences.numbers
        center = numbers.mean(axis=0) if len(numbers) else np.zeros(numbers.shape[1])
        spread = numbers.std(axis=0) if len(numbers) else np.ones(numbers.shape[1])
        scale = np.where(spread > 1e-9, spread, 1.0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            events = Events(
                tokens, kinds, settings.size, torch.from_numpy(center).float(), torch.from_numpy(scale).float()
            )
            self.objective: Contrastive | NextEvent | MaskedEvent
            if settings.encoder == "next_event":
                self.objective = NextEvent(events, settings.size)
            elif settings.encoder == "masked_event":
                self.objective = MaskedEvent(events, settings.size, share=settings.share)
            else:
                self.objective = Contrastive(slices=settings.slices, shortest=settings.shortest, margin=settings.margin)
            self.network = EventNetwork(
                events, settings.network, size=settings.size, layers=settings.layers, causal=self.objective.causal
            )

    def training_step(self, drawn: Any, _index: int) -> Tensor:
        """Return the objective's loss."""
        found: Tensor = self.objective(self.network, drawn)
        return found

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


class UserBatches:
    """One epoch's batches of users of like length, as the objective draws them.

    What batch b draws hangs on (seed, epoch, b), so that batches can be made in any order.
    """

    def __init__(self, sequences: EventSequences, objective: Any, *, batch_size: int, seed: int) -> None:
        self._sequences, self._objective = sequences, objective
        self._batch_size, self._seed = batch_size, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of the epoch with this number."""
        self._epoch = epoch
        rng = np.random.default_rng([self._seed, epoch])
        self._rows = batches_of_like_length(self._sequences.lengths, self._batch_size, rng)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, batch: int) -> Any:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        rng = np.random.default_rng([self._seed, self._epoch, batch])
        return self._objective.draw(self._sequences, self._rows[batch], rng)

    def loader(self) -> DataLoader[Any]:
        """Return the epoch's batches in order."""
        from torch.utils.data import DataLoader

        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]
