"""Whether what cleaning leaves of a log serves: rows at all, purchases among them, kinds of events that are known."""

from __future__ import annotations

from framework.data.account import Cleaning
from framework.data.rawlog import EVENTS, RawLog
from framework.data.settings import CleaningConfig
from framework.errors import DataError


def check_left(account: Cleaning, kinds: tuple[str, ...], raw: RawLog, config: CleaningConfig) -> None:
    """Raise where no row, or no purchase, is left to rehearse a test with."""
    gone = {row.rule: row.rows_removed for row in account.rules if row.rows_removed}
    removed = ", ".join(f"{rule} {rows}" for rule, rows in gone.items())
    bounds = [
        f"data.cleaning.{key}={value}"
        for key, value in (("earliest", config.earliest), ("latest", config.latest))
        if value is not None
    ]
    hint = f"Times are bounded by {' and '.join(bounds)}." if "time outside the range" in gone else None
    if not account.rows_kept:
        raise DataError(f"cleaning leaves nothing of the log's {account.rows_in} rows: {removed}", hint=hint)
    if "purchase" in kinds:
        return
    theirs = {ours: name for name, ours in raw.events.items()}
    names = ", ".join(theirs.get(kind, kind) for kind in kinds[:10])
    what = f"cleaning leaves no purchase of the log's {account.rows_in} rows, only: {names}"
    what += f" (removed: {removed})" if removed else ""
    mapping = "map the file's own name of it with source.params.events={THEIRS: purchase}."
    if "event" not in raw.columns:
        mapping = "set source.params.default_event=purchase, or map the column of events (source.params.columns.event)."
    raise DataError(what, hint=" ".join(filter(None, [hint, f"Where one of these is a purchase, {mapping}"])))


def kind_warnings(raw: RawLog, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is odd about the kinds of events that are left, and about those that the source names."""
    strange = [kind for kind in kinds if kind not in EVENTS]
    found = []
    if strange:
        found.append(f"Kinds of events that the engine does not know: {', '.join(strange)}; see source.params.events.")
    never = sorted({ours for ours in raw.events.values() if ours not in kinds and ours != "cancellation"})
    if never:
        found.append(f"source.params.events names {', '.join(never)}, of which the log holds none.")
    return tuple(found)
