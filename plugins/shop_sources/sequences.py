"""`sequences`: users' items in time order, a line a user, as sequential recommenders are compared on.

The lines say which of a user's items came first, and nothing of when: positions stand in for times.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import ConfigError, DataError
from shop_sources.item_lists import START, flat, item_lists, log_without_clock, numbered_lines

if TYPE_CHECKING:
    from framework.data.rawlog import RawLog
    from framework.records import Context

SECOND = 1_000_000


@dataclass(frozen=True)
class SequencesConfig:
    """`file` has a line a user: user item item ..., oldest first. Or `folder` holds a set that was cut before.

    The folder has train/input.txt, val/input.txt, val/output.txt and test/output.txt, lines of items without a user.
    Line n of train and of test are one user's. A validation line, less its last item, is some user's train line: that
    item and the validation output are put behind it.
    """

    file: str | None = None
    folder: str | None = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.folder is None):
            raise ConfigError("sequences needs source.params.file or source.params.folder, and not both")


class Sequences:
    """Source that takes positions for times: one second a place."""

    Config = SequencesConfig

    def __init__(self, config: SequencesConfig) -> None:
        self.config = config

    def read(self, context: Context) -> RawLog:
        """Return the description of the sequences, written below `context.folder`.

        Raises:
            DataError: a file is missing or damaged, or the parts of a cut set do not fit together.
        """
        config = self.config
        lists = (
            item_lists(Path(config.file).expanduser()) if config.file else joined(Path(str(config.folder)).expanduser())
        )
        users, items, place = flat(lists)
        path = context.folder / "sequences.parquet"
        return log_without_clock(path, users, items, START + place * SECOND)


def joined(folder: Path) -> dict[str, list[str]]:
    """Return the whole sequence of every user of a set in parts, users named by their line's number.

    Raises:
        DataError: parts of different lengths, or a validation line that continues no train line.
    """
    parts = {
        name: [words for _, words in numbered_lines(folder / f"{name}.txt")]
        for name in ("train/input", "val/input", "val/output", "test/output")
    }
    for one, other in (("train/input", "test/output"), ("val/input", "val/output")):
        if len(parts[one]) != len(parts[other]):
            raise DataError(
                f"{folder}: {one}.txt has {len(parts[one])} lines, {other}.txt has {len(parts[other])}",
                allowed="the same number",
            )
    lists = {str(number): list(items) for number, items in enumerate(parts["train/input"], 1)}
    owner = {tuple(items): user for user, items in lists.items()}
    for number, (seen, answer) in enumerate(zip(parts["val/input"], parts["val/output"], strict=True), 1):
        user = owner.get(tuple(seen[:-1]))
        if user is None:
            raise DataError(f"{folder}: val/input.txt, line {number}, continues no line of train/input.txt")
        lists[user] += [seen[-1], *answer]
    for user, answer in zip(lists, parts["test/output"], strict=True):
        lists[user] += answer
    return lists
