"""Every unit's value on every metric, as a file: what a team's own statistics start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import RunError
from framework.kinds import Metric, Summary
from framework.records import Trial
from framework.trial.effects import Measured, measure

if TYPE_CHECKING:
    import pyarrow as pa


def write_units(path: Path, trials: Sequence[Trial], metrics: Sequence[Metric | Summary]) -> Path:
    """Write one row a unit, evidence and strategy, and a column a metric's label, as Parquet; whole or not at all.

    A metric that cannot be read from a trial's evidence is null there, and figures of a whole arm have no place; of a
    ratio the file has numerator and denominator, with those words behind the label.

    Raises:
        RunError: the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    tables = [
        _table(trial, name, measured)
        for trial, measured in ((trial, measure(trial, metrics)) for trial in trials)
        for name in trial.outcomes
    ]
    half = path.with_suffix(".half")
    try:
        parquet.write_table(pa.concat_tables(tables, promote_options="default"), half)
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise RunError(
            f"{path} cannot be written: {error}", hint="Free some space, or set report.units=false."
        ) from error
    return path


def _table(trial: Trial, strategy: str, measured: Measured) -> pa.Table:
    import pyarrow as pa

    outcomes = trial.outcomes[strategy]
    names = np.array([*outcomes.segment_names, None], dtype=object)
    columns = {
        "evidence": pa.array([trial.evidence] * len(outcomes), pa.string()),
        "strategy": pa.array([strategy] * len(outcomes), pa.string()),
        "unit": pa.array(outcomes.units.tolist(), pa.string()),
        "segment": pa.array(names[outcomes.segment].tolist(), pa.string()),
    }
    for label, by_strategy in measured.items():
        values = by_strategy[strategy]
        if values.denominator is None:
            columns[label] = pa.array(values.numerator)
        else:
            columns[f"{label} numerator"] = pa.array(values.numerator)
            columns[f"{label} denominator"] = pa.array(values.denominator)
    return pa.table(columns)
