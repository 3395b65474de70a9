"""Where the numbers of outside software lie, and small ways to say what is compared."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.stats.effects import Effect, Interval
from framework.stats.samples import UnitValues


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Any]:
    """Return a reader of the files in ab/ below PRELAUNCH_REFERENCE."""
    default = Path(__file__).resolve().parents[4] / "shared" / "reference"
    folder = Path(os.environ.get("PRELAUNCH_REFERENCE", default)) / "ab"
    if not folder.is_dir():
        pytest.skip(f"reference numbers are not at {folder}; name their folder in PRELAUNCH_REFERENCE")

    def read(name: str) -> Any:
        text = (folder / name).read_text()
        if name.endswith(".json"):
            return json.loads(text)
        rows = list(csv.DictReader(text.splitlines()))
        return {column: np.array([row[column] for row in rows]) for column in rows[0]}

    return read


@pytest.fixture(scope="session")
def make_effect() -> Callable[..., Effect]:
    """Return a maker of effects from what a test cares about; the rest follows from a normal reference."""

    def make(estimate: float, standard_error: float = 1.0, **fields: Any) -> Effect:
        from scipy import stats

        width = 1.959963984540054 * standard_error
        known: dict[str, Any] = {
            "metric": "revenue",
            "control": "old",
            "treatment": "new",
            "segment": None,
            "n_control": 100,
            "n_treatment": 100,
            "control_value": 100.0,
            "treatment_value": 100.0 + estimate,
            "p_value": float(2 * stats.norm.sf(abs(estimate) / max(standard_error, 1e-300))),
            "p_adjusted": None,
            "relative": Interval(None, None, None, "not asked for"),
            "method": "made up",
            "design": "paired",
            "evidence": "holdout",
            "role": "primary",
        }
        return Effect(
            estimate=estimate,
            standard_error=standard_error,
            ci_low=estimate - width,
            ci_high=estimate + width,
            **{**known, **fields},
        )

    return make


@pytest.fixture(scope="session")
def mean() -> Callable[[Any], UnitValues]:
    return lambda numbers: UnitValues("mean", np.asarray(numbers, dtype=np.float64))
