"""Cut a log into fit, validation and a sealed test part, so that nothing learned can know what comes later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.account import SplitSummary
from framework.data.cuts import Cuts, cut, iso
from framework.data.known import CONTENT, before, clock_of, kinds_in
from framework.data.leave_one_out import held_out, leak_notes
from framework.data.sealed import Opening, Sealed
from framework.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from framework.data.events import CleanLog
    from framework.data.settings import SplitConfig

    Frame = nw.LazyFrame[Any]

KINDS = ("time", "leave_one_out")
PARTS = ("fit", "validation", "test")


@dataclass(frozen=True)
class Split:
    """A log in three parts.

    `before_test` holds the fit and validation parts, and no event from `test_start` on; `test` is the seal on the
    rest. Learn from `dataset(before_test, fit_end, ...)`, tune and check against
    `window(before_test, fit_end, test_start, ...)`; the last stage reads
    `window(test.open(reader), test_start, end, ...)`. The moments are microseconds since 1970 UTC; an event at a cut
    belongs to the later part. Under leave-one-out the moments lie after the whole log, one microsecond apart, and
    every held-out event is known from its part's moment on.
    """

    fit_end: int
    test_start: int
    end: int
    before_test: CleanLog
    test: Sealed
    summary: SplitSummary

    @property
    def opening(self) -> Opening | None:
        """Who opened the test part and when: for a result's times, as it differs from run to run."""
        return self.test.opening

    def account(self) -> SplitSummary:
        """Return the summary with the name of the test part's reader, where it was opened; the same on every run."""
        opening = self.test.opening
        return replace(self.summary, opened=None if opening is None else opening.reader)


def split(log: CleanLog, config: SplitConfig) -> Split:
    """Cut a log where the config says.

    The result does not depend on the order of rows in the files. Hand on the split, not the log: whoever holds the
    log could look past the seal.

    Args:
        log: the cleaned log.
        config: `kind` "time" (the default) or "leave_one_out"; `validation` and `test` as `framework.data.cuts` reads
            them. Leave-one-out ignores both.

    Raises:
        ConfigError: an unknown kind, a cut that is none, parts that overlap.
        DataError: fewer than two users, a cut outside the log, a part without events.
    """
    if config.kind not in KINDS:
        raise ConfigError(
            f"data.split.kind is '{config.kind}'", allowed=KINDS, hint=did_you_mean(str(config.kind), KINDS)
        )
    first, last = _span(log)
    notes: tuple[str, ...]
    if config.kind == "time":
        cuts = cut(first, last, config.validation, config.test, log.time_zone)
        cut_log = log
    else:
        cuts = Cuts(last + 1, last + 2, last + 3)
        frame, cancellations = held_out(log, last + 1)
        cut_log = replace(log, frame=frame, cancellations=cancellations)
    parts = _parts(cut_log, cuts, config.kind)
    ties = _ties(log)
    notes = leak_notes(cut_log, cut_log.frame, last + 1) if config.kind == "leave_one_out" else _at_cut(log, cuts)
    if ties and log.clock:
        content = ", ".join(CONTENT[1:])
        tied = f"{ties} events share their time stamp with another event of the same user"
        notes = (*notes, f"{tied}; they are ordered by content ({content}), never by their place in the file.")
    early = before(cut_log.frame, cuts.test_start)
    before_test = replace(
        cut_log,
        frame=early,
        cancellations=before(cut_log.cancellations, cuts.test_start),
        kinds=kinds_in(log, early),
    )
    summary = SplitSummary(config.kind, parts, ties, notes)
    return Split(cuts.fit_end, cuts.test_start, cuts.end, before_test, Sealed(cut_log), summary)


def _span(log: CleanLog) -> tuple[int, int]:
    row = log.engine.collect(
        log.frame.select(nw.col("time").min().alias("first"), nw.col("time").max().alias("last"))
    ).to_pylist()[0]
    users = log.engine.collect(log.frame.select("user").unique().head(2))
    if row["first"] is None:
        raise DataError(
            "The cleaned log holds no events", hint="See the cleaning table for the rule that removed them."
        )
    if len(users) < 2:
        raise DataError(
            "The cleaned log holds a single user, and there is nobody to compare",
            hint="Check the column mapped to user.",
        )
    return int(row["first"]), int(row["last"])


def _parts(log: CleanLog, cuts: Cuts, kind: str) -> tuple[dict[str, Any], ...]:
    """Return each part's name, first and last moment, and numbers of events, users and purchases."""
    clock = clock_of(log.frame)
    part = nw.when(clock < cuts.fit_end).then(nw.lit(0)).when(clock < cuts.test_start).then(nw.lit(1))
    counted = (
        log.frame.with_columns(
            part=part.otherwise(nw.lit(2)),
            bought=nw.when(nw.col("event") == "purchase").then(nw.lit(1)).otherwise(nw.lit(0)),
        )
        .group_by("part")
        .agg(
            nw.col("time").min().alias("first"),
            nw.col("time").max().alias("last"),
            nw.len().alias("events"),
            nw.col("user").n_unique().alias("users"),
            nw.col("bought").sum().alias("purchases"),
        )
    )
    rows = {int(row["part"]): row for row in log.engine.collect(counted).to_pylist()}
    for index, name in enumerate(PARTS):
        if index not in rows:
            raise DataError(f"The {name} part has no events", hint=_empty_hint(name, kind, cuts))
    return tuple(
        {
            "name": name,
            "first": iso(rows[index]["first"]),
            "last": iso(rows[index]["last"]),
            **{count: int(rows[index][count]) for count in ("events", "users", "purchases")},
        }
        for index, name in enumerate(PARTS)
    )


def _empty_hint(name: str, kind: str, cuts: Cuts) -> str:
    if kind == "leave_one_out":
        return "Leave-one-out needs users with three purchases or more; data.split.kind=time does not."
    moments = {"fit": cuts.fit_end, "validation": cuts.test_start, "test": cuts.end}
    return (
        f"It ends at {iso(moments[name])}; set data.split.validation and data.split.test so that each part has events."
    )


def _ties(log: CleanLog) -> int:
    """Count the events that share their moment with another event of the same user."""
    groups = log.frame.group_by("user", "time").agg(nw.len().alias("events")).filter(nw.col("events") > 1)
    total = log.engine.collect(groups.select(nw.col("events").sum())).column("events")[0].as_py()
    return int(total or 0)


def _at_cut(log: CleanLog, cuts: Cuts) -> tuple[str, ...]:
    if not log.clock:
        return ("The log has no times of its own: its parts are those that the files, or a draw, made of it.",)
    at_cut = log.frame.filter(nw.col("time").is_in([cuts.fit_end, cuts.test_start]))
    count = int(log.engine.collect(at_cut.select(nw.len().alias("events"))).column("events")[0].as_py())
    if not count:
        return ()
    return (f"{count} events happened exactly at a cut and belong to the later part.",)
