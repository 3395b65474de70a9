"""The folder of one run: what was asked, how it went, and nothing stale from a run before."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from framework.artefacts.folder import remove_artefacts
from framework.errors import RunError
from framework.report.atomic import write_whole

RECORD, CONFIG, RESULT, PAGE = "record.json", "config.yaml", "result.json", "report.html"
UNITS, SEGMENTS, ARTEFACTS = "units.parquet", "segments.parquet", "artefacts"
PLAN, PLAN_PAGE, CALIBRATION, CALIBRATION_PAGE = "plan.json", "plan.html", "calibration.json", "calibration.html"
SEARCH, SEARCH_PAGE, BEST = "search.json", "search.html", "best/config.yaml"
REGRET, REGRET_PAGE = "regret.json", "regret.html"
SHOWN = (
    *(RESULT, PAGE, UNITS, SEGMENTS),
    *(PLAN, PLAN_PAGE, CALIBRATION, CALIBRATION_PAGE, SEARCH, SEARCH_PAGE, BEST, REGRET, REGRET_PAGE),
)
"""What a run, a plan, a calibration, a search or a regret study leaves to be read."""
_LIBRARIES = (
    "prelaunch",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "narwhals",
    "duckdb",
    "implicit",
    "torch",
    "hydra-core",
    "pluggy",
)


def versions() -> dict[str, str]:
    """Return the versions that can change a result: Python's and those of the libraries it rests on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclass
class RunFolder:
    """Context manager around a run: keeps `record.json` true, whatever ends the run.

    The status is "running", then "finished", "failed" or "interrupted" with the stage it happened in. What an earlier
    run, plan or calibration left to be read in the same folder is removed on entry. Raises RunError where the folder
    cannot be written.
    """

    folder: Path
    study: str
    seed: int
    config: str = field(repr=False)
    stage: str = "starting"
    seconds: dict[str, float] = field(default_factory=dict)
    started: str = ""

    def __enter__(self) -> Self:
        self.started = now()
        self.write("running")
        for stale in SHOWN:
            self._remove(self.folder / stale)
        self._remove(self.folder / ARTEFACTS)
        write_whole(self.folder / CONFIG, self.config)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.write("finished")
            return
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        try:
            self.write(status, f"{type(error).__name__}: {error}")
        except RunError as second:
            error.add_note(f"Besides: {second}")

    def _remove(self, stale: Path) -> None:
        try:
            if stale.name == ARTEFACTS:
                remove_artefacts(stale)
            else:
                stale.unlink(missing_ok=True)
        except OSError as error:
            refusal = RunError(
                f"{stale}, left by an earlier run, cannot be removed: {error.strerror or error}",
                hint="Remove it, or name another run folder (hydra.run.dir=FOLDER).",
            )
            self.write("failed", str(refusal))
            raise refusal from error

    def write(self, status: str, error: str | None = None) -> None:
        """Write the record with this status; the old one stays whole until the new one is."""
        record: dict[str, Any] = {
            "status": status,
            "study": self.study,
            "seed": self.seed,
            "stage": self.stage,
            "started": self.started,
            "updated": now(),
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
            "versions": versions(),
            "process": os.getpid(),
        }
        if error is not None:
            record["error"] = error
        write_whole(self.folder / RECORD, json.dumps(record, indent=2) + "\n")


def now() -> str:
    """Return the time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
