"""Batches for models that read sequences and foretell items of them: the one after each, or hidden ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shop_recommenders.sequences.histories import Histories, batches_of_like_length

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from shop_recommenders.sequences.negatives import Negatives


class SequenceBatches:
    """One epoch's batches of sequences of like length; what is asked of each is said by `batch`.

    A batch holds `items` (B, L), padded behind with `catalogue`, their `lengths` (B,), and of the N places that have
    something to foretell the `places` in the flat (B * L), the `target` (N,), and where they are drawn the `negatives`,
    (K,) or (N, K). There it also has a `vocabulary` (V,), the items it speaks of, and the others are places in that:
    gradients then fill a table of V rows, not of the catalogue. What batch b draws hangs on (seed, epoch, b), so that
    batches can be made in any order.
    """

    def __init__(
        self, histories: Histories, catalogue: int, *, batch_size: int, negatives: Negatives | None, seed: int
    ) -> None:
        self.histories, self.catalogue = histories, catalogue
        self.asked_share = 1.0
        self._batch_size, self._negatives, self._seed = batch_size, negatives, seed
        self.set_epoch(0)

    @property
    def places(self) -> float:
        """How many items of a batch are asked for, on average."""
        return self.asked_share * len(self.histories.items) / len(self)

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of the epoch with this number."""
        self._epoch = epoch
        rng = np.random.default_rng([self._seed, epoch])
        self._rows = batches_of_like_length(self.histories.lengths, self._batch_size, rng)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, batch: int) -> dict[str, NDArray[np.int64]]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        rng = np.random.default_rng([self._seed, self._epoch, batch])
        rows = self.histories.take(self._rows[batch])
        items, lengths, asked, target = self.batch(rows, rng)
        found = {"items": items, "target": target}
        if self._negatives is not None:
            found["negatives"] = self._negatives.draw(target, rng)
            found = within_vocabulary(found)
        return {**found, "lengths": lengths, "places": np.flatnonzero(asked)}

    def batch(
        self, rows: Histories, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return items (B, L), their lengths (B,), which places have a target (B, L), and the targets (N,)."""
        raise NotImplementedError

    def loader(self) -> DataLoader[Any]:
        """Return the epoch's batches as tensors, in order."""
        from torch.utils.data import DataLoader

        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]


class NextItemBatches(SequenceBatches):
    """The shifted sequence: a user's last items but the newest go in, and each foretells the one after it."""

    def __init__(
        self,
        histories: Histories,
        catalogue: int,
        *,
        max_length: int,
        batch_size: int,
        negatives: Negatives | None,
        seed: int,
    ) -> None:
        # One item more than the model reads: the last is a target only.
        kept = histories.last(max_length + 1)
        told = kept.take(np.flatnonzero(kept.lengths >= 2))
        super().__init__(told, catalogue, batch_size=batch_size, negatives=negatives, seed=seed)

    def batch(
        self,
        rows: Histories,
        rng: np.random.Generator,  # noqa: ARG002 - nothing but negatives is drawn
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return all items but the last, and the next one of each."""
        lengths = rows.lengths - 1
        width = int(lengths.max())
        whole = rows.padded(width + 1, self.catalogue)
        real = np.arange(width) < lengths[:, None]
        return np.where(real, whole[:, :-1], self.catalogue), lengths, real, whole[:, 1:][real]


class MaskedBatches(SequenceBatches):
    """The cloze: some of a user's last items are hidden behind the item `catalogue` + 1, and foretold from all others.

    Each item of a sequence is hidden with probability `share`, at least one of them; with probability `last` the newest
    alone is, which is what a recommendation asks.
    """

    def __init__(
        self,
        histories: Histories,
        catalogue: int,
        *,
        max_length: int,
        share: float,
        last: float,
        batch_size: int,
        negatives: Negatives | None,
        seed: int,
    ) -> None:
        self._share, self._last = share, last
        kept = histories.last(max_length)
        told = kept.take(np.flatnonzero(kept.lengths >= 2))
        super().__init__(told, catalogue, batch_size=batch_size, negatives=negatives, seed=seed)
        self.asked_share = share * (1.0 - last)

    def batch(
        self, rows: Histories, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return the sequences with some items hidden, and those."""
        lengths = rows.lengths
        width = int(lengths.max())
        whole = rows.padded(width, self.catalogue)
        real = np.arange(width) < lengths[:, None]
        draw = np.where(real, rng.random(real.shape), np.inf)
        # The smallest draw of a row is hidden whatever the share is: no sequence goes by without a question.
        hidden = (draw < self._share) | (draw == draw.min(axis=1, keepdims=True))
        newest = np.arange(width) == lengths[:, None] - 1
        hidden = np.where(rng.random(len(rows))[:, None] < self._last, newest, hidden)
        return np.where(hidden, self.catalogue + 1, whole), lengths, hidden, whole[hidden]


def within_vocabulary(parts: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return the parts of a batch as places in the `vocabulary` of all items in them, which is added, ascending."""
    vocabulary, place = np.unique(np.concatenate([part.ravel() for part in parts.values()]), return_inverse=True)
    cuts = np.cumsum([part.size for part in parts.values()])[:-1]
    placed = zip(parts.items(), np.split(place.ravel(), cuts), strict=True)
    return {"vocabulary": vocabulary, **{name: own.reshape(part.shape) for (name, part), own in placed}}
