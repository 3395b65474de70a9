"""The texts of rows, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.errors import DataError

if TYPE_CHECKING:
    from framework.records import FeatureRows


def texts_of(rows: FeatureRows, classifier: str) -> tuple[str, ...]:
    """Return the texts (n). Raises DataError where the rows have columns only."""
    if rows.texts is None:
        raise DataError(f"the classifier '{classifier}' reads texts, and these rows have none", hint="Set text=COLUMN.")
    return rows.texts
