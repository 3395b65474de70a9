"""The seal on the test part: later events can be had once, by a reader who gives a name, and the record says when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from framework.errors import TrialError

if TYPE_CHECKING:
    from framework.data.events import CleanLog


@dataclass(frozen=True)
class Opening:
    """Who opened a seal, and when (ISO 8601, UTC). The time belongs among a result's times: it differs every run."""

    reader: str
    time: str


def _now() -> datetime:
    return datetime.now(UTC)


class Sealed:
    """The only handle on the log's test part.

    `open(reader)` gives the whole cleaned log, with the events and cancellations after the cut, and works once. A
    sealed part can be neither copied nor pickled, as a copy could be opened again.

    Args:
        log: the log with the test part.
        clock: gives the time of opening; a test may pass its own.
    """

    __slots__ = ("_clock", "_log", "_opening")

    def __init__(self, log: CleanLog, clock: Callable[[], datetime] = _now) -> None:
        self._log: CleanLog | None = log
        self._clock = clock
        self._opening: Opening | None = None

    @property
    def opening(self) -> Opening | None:
        """Who opened the part and when; None while it is sealed."""
        return self._opening

    def open(self, reader: str) -> CleanLog:
        """Break the seal.

        Args:
            reader: who reads, as the record will say it ("trial.holdout").

        Returns:
            The whole cleaned log. Keep it: the seal no longer holds it.

        Raises:
            TrialError: the part was opened before, or the reader has no name.
        """
        if not reader.strip():
            raise TrialError("The sealed test part was asked for without a name", hint="Say who reads it.")
        if self._log is None or self._opening is not None:
            raise TrialError(
                f"'{reader}' asked for the sealed test part, which {self._told()}",
                hint="Open it once, in the last stage, and hand on what it gave.",
            )
        log, self._log = self._log, None
        self._opening = Opening(reader, self._clock().isoformat(timespec="seconds"))
        return log

    def _told(self) -> str:
        if self._opening is None:
            return "is still sealed"
        return f"'{self._opening.reader}' already opened at {self._opening.time}"

    def __repr__(self) -> str:
        return f"<Sealed: {self._told()}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TrialError("A sealed test part cannot be copied or pickled", hint="Hand on the part itself.")
