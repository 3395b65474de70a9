from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from framework.records import Training
from framework.training.batches import Batches, Epochs, Share, share_of
from framework.training.surroundings import surroundings_kept


class Streamed(IterableDataset[Any]):
    """Draws numbers from a generator that `set_epoch` seeds, as many as it likes: it has no length."""

    def set_epoch(self, epoch: int) -> None:
        self.rng = np.random.default_rng(epoch)

    def __iter__(self) -> Any:
        yield from self.rng.permutation(10)


def loader_of(kind: str) -> tuple[Any, Any]:
    """A loader and its `set_epoch`."""
    if kind == "stream":
        stream = Streamed()
        return DataLoader(stream, None), stream.set_epoch
    how: dict[str, Any] = {
        "generator": {"generator": torch.Generator().manual_seed(0)},
        "global": {},
        "workers": {"num_workers": 1},
        "persistent workers": {"num_workers": 1, "persistent_workers": True},
    }[kind]
    return DataLoader(TensorDataset(torch.arange(10)), 3, shuffle=True, **how), None


@pytest.mark.parametrize("kind", ["generator", "global", "stream", "workers", "persistent workers"])
def test_epoch_is_the_same_whatever_came_before(kind: str) -> None:
    def seen(*epochs: int) -> list[Any]:
        loader, set_epoch = loader_of(kind)
        batches: Any = Batches(Training(torch.nn.Linear(1, 1), loader, 3, set_epoch), seed=5)  # type: ignore[arg-type]
        whole = Epochs(batches, 0, 1)
        found = []
        for batches.epoch in epochs:
            found.append([torch.as_tensor(batch[0] if kind != "stream" else batch).tolist() for batch in whole])
        return found

    with surroundings_kept():
        unbroken, late = seen(0, 1, 2), seen(2)
    assert late[0] == unbroken[2]
    assert len({str(epoch) for epoch in unbroken}) == 3


@pytest.mark.parametrize(("count", "world"), [(6, 2), (7, 2), (7, 3), (1, 3), (0, 2)])
def test_shares_are_equally_long_and_leave_nothing_out(count: int, world: int) -> None:
    shares = [list(Share(range(count), rank, world)) for rank in range(world)]
    assert {len(share) for share in shares} == {-(-count // world)} == {len(Share(range(count), 0, world))}
    assert {entry for share in shares for entry in share} == set(range(count))


@pytest.mark.parametrize("kind", ["batches", "single", "iterable"])
def test_loaders_are_shared_by_whole_batches(kind: str) -> None:
    """Process r of w gets batches r, r + w, ...; of indexed data no others are fetched."""
    fetched = []

    class Indexed(Dataset[Any]):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> int:
            fetched.append(index)
            return index

    class Sized(IterableDataset[Any]):
        def __iter__(self) -> Any:
            yield from range(8)

        def __len__(self) -> int:
            return 8

    size = None if kind == "single" else 2
    dataset: Any = Sized() if kind == "iterable" else Indexed()
    batches = [torch.as_tensor(batch).tolist() for batch in share_of(DataLoader(dataset, size), 1, 2)]
    assert batches == ([1, 3, 5, 7] if kind == "single" else [[2, 3], [6, 7]])
    if kind != "iterable":
        assert sorted(fetched) == sorted(np.ravel(batches).tolist())
