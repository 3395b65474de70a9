"""Conformance suite of sources: files that are there, columns and events that the engine knows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar

from framework.data.rawlog import COLUMNS, EVENTS, RawLog
from framework.kinds import Source
from framework.testing.component import ComponentTests
from framework.testing.tiny import tiny_context

if TYPE_CHECKING:
    from pathlib import Path


class SourceTests(ComponentTests):
    """Subclass it for a source, with `params` that name a file which is there, or that make a generated log small."""

    kind: ClassVar[str] = "source"

    def read(self, folder: Path) -> RawLog:
        """Return the log's description, read with an equally seeded context each time."""
        folder.mkdir(exist_ok=True)
        log = self.make().read(tiny_context(folder))
        assert isinstance(log, RawLog)
        return log

    def test_has_the_methods_of_a_source(self) -> None:
        """A source is one by its methods."""
        assert isinstance(self.make(), Source)

    def test_log_is_described(self, tmp_path: Path) -> None:
        """Paths exist, the format is known, user and time are mapped, events are ours."""
        log = self.read(tmp_path)
        assert log.paths
        assert all(path.exists() for path in log.paths)
        assert log.format in {"csv", "parquet"}
        assert {"user", "time"} <= set(log.columns) <= set(COLUMNS)
        assert set(log.events.values()) <= set(EVENTS)
        assert all(path is None or path.exists() for path in (log.items, log.users))

    def test_same_seed_same_files(self, tmp_path: Path) -> None:
        """Two reads with equal contexts describe files with equal bytes."""
        first, other = self.read(tmp_path / "one"), self.read(tmp_path / "two")
        assert _digests(first) == _digests(other)


def _digests(log: RawLog) -> list[str]:
    found = []
    for path in log.paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
    return found
