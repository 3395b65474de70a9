"""`pairs`: train.txt and test.txt of (user, item) pairs without times, as LightGCN and its successors publish them.

Such files have a split and no clock, so the source makes one: what is learned from lies on the first day, the
validation part on the second, the test on the third. A study cuts there (data.split.validation="2000-01-02",
test="2000-01-03").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import ConfigError, DataError
from shop_sources.item_lists import DAY, START, flat, item_lists, log_without_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.rawlog import RawLog
    from framework.records import Context


@dataclass(frozen=True)
class PairsConfig:
    """`folder` holds train.txt and test.txt, a line a user: user item item ...

    `validation` is the share of a user's train items, drawn at random, that a search may look at; a user keeps at least
    one item to learn from. `seed` null draws it from the run's generator.
    """

    folder: str
    validation: float = 0.1
    seed: int | None = 0

    def __post_init__(self) -> None:
        if not 0 < self.validation < 1:
            raise ConfigError(f"pairs' validation is {self.validation}", allowed="a share between 0 and 1, such as 0.1")


class Pairs:
    """Source that lays a fixed split of pairs on three days."""

    Config = PairsConfig

    def __init__(self, config: PairsConfig) -> None:
        self.config = config

    def read(self, context: Context) -> RawLog:
        """Return the description of the pairs, written below `context.folder` with made times.

        Raises:
            DataError: a file is missing or damaged, or a pair is in both.
        """
        drawn = int(context.rng.integers(2**32))
        rng = np.random.default_rng(drawn if self.config.seed is None else self.config.seed)
        folder = Path(self.config.folder).expanduser()
        train, test = item_lists(folder / "train.txt"), item_lists(folder / "test.txt")
        _refuse_overlap(train, test, folder)
        lengths = np.array([len(items) for items in train.values()], dtype=np.int64)
        users, items, _ = flat(train)
        day = held_out(lengths, self.config.validation, rng).astype(np.int64)
        test_users, test_items, _ = flat(test)
        days = np.concatenate([day, np.full(len(test_items), 2)])
        path = context.folder / "pairs.parquet"
        return log_without_clock(path, users + test_users, items + test_items, START + days * DAY)


def held_out(lengths: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which pairs (n,) are for validation: a rounded `share` of each of `lengths` (U,), at most all but one."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rng.random(len(owner)), owner))
    place = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    number = np.minimum(np.rint(lengths * share), np.maximum(lengths - 1, 0))
    chosen = np.zeros(len(owner), dtype=bool)
    chosen[order] = place < number[owner]
    return chosen


def _refuse_overlap(train: dict[str, list[str]], test: dict[str, list[str]], folder: Path) -> None:
    for user, items in test.items():
        both = set(items) & set(train.get(user, ()))
        if both:
            raise DataError(
                f"{folder}: user '{user}' has item '{min(both)}' in train.txt and in test.txt",
                hint="A test pair that was learned from says nothing: remove it from one of them.",
            )
