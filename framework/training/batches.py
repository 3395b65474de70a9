"""A component's loader as the Trainer iterates it: the same batches for the same epoch, shared out among processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, IterableDataset

from framework.records import Training
from framework.training.seeds import seed_for_epoch


class Batches(LightningDataModule):
    """Gives the Trainer the component's loader, in the process that trains, where the number of processes is known.

    `seed` is the fit's; `epoch` (from 0) is the one that the next pass over the loader belongs to.
    """

    def __init__(self, training: Training, seed: int, epoch: int = 0) -> None:
        super().__init__()
        self.training, self.seed, self.epoch = training, seed, epoch

    def train_dataloader(self) -> Iterable[Any]:
        """Return the batches of `epoch`, whichever it is when they are asked for."""
        assert self.trainer is not None  # noqa: S101 (the Trainer itself asks)
        return Epochs(self, self.trainer.global_rank, self.trainer.world_size)


class Epochs:
    """Iterable over one epoch after the other.

    Lightning opens the iterator before the epoch's hooks where it starts or resumes, and after them otherwise: here
    nothing is drawn before the first batch is asked for.
    """

    def __init__(self, batches: Batches, rank: int, world: int) -> None:
        self.batches = batches
        self.share = share_of(batches.training.loader, rank, world)

    def __iter__(self) -> Iterator[Any]:
        training, seed, epoch = self.batches.training, self.batches.seed, self.batches.epoch
        # Alike in every process: a sampler without a generator of its own draws from the global one.
        drawn = seed_for_epoch(seed, epoch)
        if training.set_epoch is not None:
            training.set_epoch(epoch)
        else:
            _seed_loader(training.loader, drawn)
        yield from self.share

    def __len__(self) -> int:
        return len(self.share)


class Share:
    """Of each `world` entries in a row the one at place `rank`: batches, or what a loader makes them of.

    All shares are equally long: where the last row is not full, those without an entry take one of that row again.
    """

    def __init__(self, whole: Any, rank: int, world: int) -> None:
        self.whole, self.rank, self.world = whole, rank, world

    def __iter__(self) -> Iterator[Any]:
        rest = iter(self.whole)
        while row := list(islice(rest, self.world)):
            yield row[self.rank % len(row)]

    def __len__(self) -> int:
        return (len(self.whole) + self.world - 1) // self.world


def share_of(loader: Any, rank: int, world: int) -> Any:
    """Return what process `rank` of `world` iterates: of each `world` batches in a row the one at its place.

    A plain loader of a data set with indices is made anew over its share of them, so that no process fetches the
    batches of others; of any other loader the batches of others are passed over. Workers do not outlive an epoch: those
    of an epoch before would leave other numbers to be drawn than the fresh ones of a training that goes on.
    """
    indexed = type(loader) is DataLoader and not isinstance(loader.dataset, IterableDataset)
    if world == 1 and not (indexed and loader.persistent_workers):
        return loader
    if not indexed:
        return Share(loader, rank, world)
    by_batch = loader.batch_sampler is not None
    indices = Share(loader.batch_sampler if by_batch else loader.sampler, rank, world)
    how: dict[str, Any] = {"batch_sampler": indices} if by_batch else {"sampler": indices, "batch_size": None}
    for name in (
        "num_workers",
        "collate_fn",
        "pin_memory",
        "timeout",
        "worker_init_fn",
        "multiprocessing_context",
        "generator",
        "prefetch_factor",
        "pin_memory_device",
    ):
        how[name] = getattr(loader, name)
    return DataLoader(loader.dataset, **how)


def _seed_loader(loader: Any, seed: int) -> None:
    """Seed the generators that a loader draws with: its own and its sampler's."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    for owner in (loader, getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None)):
        generator = getattr(owner, "generator", None)
        if isinstance(generator, torch.Generator):
            generator.manual_seed(seed)
