"""A published set of users and the items they took, in two parts, as arrays: the input of the recommenders' races."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from framework.data.tables import Dataset, Interactions
    from framework.records import Queries

SET = os.environ.get("PRELAUNCH_BENCH_SET", "gowalla")
"""A folder with train.txt and test.txt, a line a user: user item item ..."""
K = 20


def data_folder() -> Path:
    """Return where public data lies: PRELAUNCH_DATA, or ../shared/data beside the checkout."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("PRELAUNCH_DATA", default))


def prepare(folder: Path) -> None:
    """Write both parts of the set as arrays of pairs. Raises DataError where a file is missing."""
    from shop_sources.item_lists import flat, item_lists

    for part in ("train", "test"):
        users, items, _ = flat(item_lists(data_folder() / SET / f"{part}.txt"))
        np.save(folder / f"{part}.npy", np.array([users, items]).astype(np.int64))


class Pairs(NamedTuple):
    """Who took what: `train` and `test` are matrices (U, I) of 0 and 1."""

    train: csr_matrix
    test: csr_matrix


def matrices(folder: Path) -> Pairs:
    """Return both parts as matrices of one shape."""
    from scipy.sparse import csr_matrix

    parts = [np.load(folder / f"{part}.npy") for part in ("train", "test")]
    shape = tuple(np.concatenate(parts, axis=1).max(axis=1) + 1)
    return Pairs(*(csr_matrix((np.ones(part.shape[1], dtype=np.float32), tuple(part)), shape=shape) for part in parts))


def dataset(users: NDArray[np.integer], items: NDArray[np.integer], shape: tuple[int, int]) -> Dataset:
    """Return these purchases, in this order, of (users, items) so many, as the engine hands them to a recommender."""
    from framework.data.tables import Dataset, FeatureTable, ItemTable

    count, catalogue = shape
    none = np.zeros(catalogue, dtype=np.int32)
    return Dataset(
        users=np.array([f"{user:07d}" for user in range(count)]),
        items=np.array([f"{item:07d}" for item in range(catalogue)]),
        events=purchases(users, items),
        features=FeatureTable((), np.zeros((count, 0))),
        item_table=ItemTable(none, ("all",), none.astype(np.int64), ("",) * catalogue),
        as_of=len(users),
    )


def purchases(users: NDArray[np.integer], items: NDArray[np.integer]) -> Interactions:
    """Return a purchase for each of these pairs (n,), one after the other."""
    from framework.data.tables import Interactions

    count = len(users)
    return Interactions(
        user=users.astype(np.int32),
        item=items.astype(np.int32),
        kind=np.zeros(count, dtype=np.int8),
        time=np.arange(count),
        quantity=np.ones(count),
        amount=np.ones(count, dtype=np.int64),
        order=np.arange(count),
        kinds=("purchase",),
    )


def everybody(data: Dataset, train: csr_matrix) -> Queries:
    """Return a query for every user, without what the user took in the train part."""
    from framework.records import Queries

    users = np.arange(len(data.users), dtype=np.int32)
    return Queries(users, data.users, np.zeros(len(users), dtype=np.int32), ("all",), K, exclude=train)


def accuracy(items: NDArray[np.integer], test: csr_matrix) -> dict[str, float]:
    """Return recall and NDCG (binary gain) of rankings (U, k), means over the users with a test part."""
    users, k = items.shape
    wanted = np.diff(test.indptr)
    keys = np.repeat(np.arange(users), wanted) * test.shape[1] + test.indices
    hits = np.isin(np.arange(users)[:, None] * test.shape[1] + items, keys) & (items >= 0)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    asked = wanted > 0
    ideal = np.cumsum(discount)[np.minimum(wanted[asked], k) - 1]
    return {
        f"recall@{k}": float((hits.sum(axis=1)[asked] / wanted[asked]).mean()),
        f"ndcg@{k}": float(((hits @ discount)[asked] / ideal).mean()),
    }
