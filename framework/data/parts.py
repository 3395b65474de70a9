"""The parts of a cut log as data sets: what strategies learn from, what the simulator learns from, what judges them."""

from __future__ import annotations

from dataclasses import dataclass

from framework.data.account import SplitSummary
from framework.data.events import CleanLog
from framework.data.materialise import dataset, window
from framework.data.settings import DataConfig
from framework.data.splits import Split, split
from framework.data.tables import Dataset, Window


@dataclass(frozen=True)
class Parts:
    """`train` is everything before the test part.

    `early` is the fit part, and `validation` what came between the two, in the index space of `early`.
    """

    cut: Split
    early: Dataset
    validation: Window
    train: Dataset

    def open_test(self, reader: str) -> Window:
        """Break the seal and return the test part, in the index space of `train`. Works once."""
        return window(self.cut.test.open(reader), self.cut.test_start, self.cut.end, self.train)

    @property
    def summary(self) -> SplitSummary:
        """How the log was cut, and by whom the test part was read."""
        return self.cut.account()

    @property
    def opened(self) -> str | None:
        """When the test part was read (ISO, UTC)."""
        opening = self.cut.opening
        return None if opening is None else opening.time


def cut_into_parts(log: CleanLog, config: DataConfig) -> Parts:
    """Cut the log as the config says, and compute each part's features as of its own end."""
    parts = split(log, config.split)
    early = dataset(parts.before_test, parts.fit_end, config.features)
    return Parts(
        cut=parts,
        early=early,
        validation=window(parts.before_test, parts.fit_end, parts.test_start, early),
        train=dataset(parts.before_test, parts.test_start, config.features),
    )
