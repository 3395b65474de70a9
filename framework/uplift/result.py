"""What `uplift` found as `result.json`: plain numbers and words, the same for the same file and settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.report.atomic import write_whole
from framework.runfolder import PAGE, RESULT, SEGMENTS, now, versions
from framework.uplift.findings import Findings, Segmented
from framework.uplift.settings import UpliftSettings
from framework.uplift.units import Units

SCHEMA_VERSION = 1


def write_result(folder: Path, units: Units, settings: UpliftSettings, found: Findings, command: str) -> Path:
    """Write `result.json` into the folder; whatever differs between two equal runs is under `times` and `paths`.

    Raises RunError where it cannot be written.
    """
    config = {key: value for key, value in asdict(settings).items() if key != "out"}
    paths = {"file": units.path, "folder": folder, "result": folder / RESULT, "page": folder / PAGE}
    if units.ids is not None:
        paths["segments"] = folder / SEGMENTS
    written = {
        "kind": "uplift",
        "schema_version": SCHEMA_VERSION,
        "study": units.path.name,
        "seed": settings.seed,
        "control": units.arms[0],
        "units": dict(zip(units.arms, np.bincount(units.arm).tolist(), strict=True)),
        "dropped": units.dropped,
        "tested": found.tested,
        "effects": found.effects,
        "balance": found.balance,
        "rankings": found.rankings,
        "segmentations": [_without_units(own) for own in found.segmentations],
        "config": config,
        "versions": versions(),
        "data_digest": units.digest,
        "times": {"finished": now(), "command": command},
        "paths": {key: str(path) for key, path in paths.items()},
    }
    return write_whole(folder / RESULT, json.dumps(_plain(written), indent=2, allow_nan=False) + "\n")


def _without_units(own: Segmented) -> dict[str, Any]:
    fields = {key: value for key, value in vars(own).items() if key != "of_units"}
    return {**fields, "wins": own.worth.wins}


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: records as mappings, arrays as lists, numbers that are not finite as null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(own) for key, own in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
