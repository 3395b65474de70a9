"""MLflow: a run of prelaunch is a run of the experiment of its study's name.

Parameters are the config's leaves, metrics the numbers as they come, tags the verdict, artifacts the run's files.
Reference: https://mlflow.org/docs/latest/ml/tracking/.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.records import Run
from shop_trackers.flat import flat

_AT_ONCE, _LONGEST, _METRICS = 100, 500, 1000
"""What one request may hold: parameters, signs of a value (servers from 1.28 on take more), metrics."""
_FOREIGN = re.compile(r"[^\w\-./ ]")


@dataclass(frozen=True)
class MLflowConfig:
    """Where to, and under which name.

    `uri`: a server or a database (sqlite:///runs.db); null takes MLFLOW_TRACKING_URI, or MLflow's own default.
    `experiment`: null takes the study's name. `run_name`: null takes the run folder's name. `files`: hand over the
    run's files too, of which `units.parquet` holds user ids.
    """

    uri: str | None = None
    experiment: str | None = None
    run_name: str | None = None
    files: bool = True
    tags: dict[str, str] = field(default_factory=dict)


class MLflow:
    """One MLflow run, open from `start` to `finish` or `fail`."""

    Config = MLflowConfig

    def __init__(self, config: MLflowConfig) -> None:
        self.config = config
        self._client: Any = None
        self._id = ""

    def start(self, run: Run) -> None:
        """Make the experiment where it is new, and open a run with the config as parameters."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient(tracking_uri=self.config.uri)
        title = self.config.experiment or run.study
        known = self._client.get_experiment_by_name(title)
        experiment = self._client.create_experiment(title) if known is None else known.experiment_id
        tags = {**self.config.tags, "prelaunch.folder": str(run.folder), "prelaunch.seed": str(run.seed)}
        opened = self._client.create_run(experiment, run_name=self.config.run_name or run.folder.name, tags=tags)
        self._id = opened.info.run_id
        params = [Param(_named(name), str(value)[:_LONGEST]) for name, value in flat(run.config).items()]
        for first in range(0, len(params), _AT_ONCE):
            self._client.log_batch(self._id, params=params[first : first + _AT_ONCE])

    def log(self, values: Mapping[str, float], step: int | None) -> None:
        """Log numbers; those without a step stand at 0."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_named(name), value, now, step or 0) for name, value in values.items()]
        for first in range(0, len(metrics), _METRICS):
            self._client.log_batch(self._id, metrics=metrics[first : first + _METRICS])

    def finish(self, words: Mapping[str, str], files: Sequence[Path]) -> None:
        """Tag the run with what it came to, hand over its files, and close it."""
        for name, word in words.items():
            self._client.set_tag(self._id, f"prelaunch.{name}", word)
        for file in files if self.config.files else ():
            self._client.log_artifact(self._id, str(file))
        self._client.set_terminated(self._id, "FINISHED")

    def fail(self, status: str, reason: str) -> None:
        """Close the run as failed, or killed where the user ended it."""
        self._client.set_tag(self._id, "prelaunch.reason", reason)
        self._client.set_terminated(self._id, "KILLED" if status == "interrupted" else "FAILED")


def _named(name: str) -> str:
    """Return a name with the signs that MLflow takes: ndcg@20 becomes ndcg_at_20."""
    return _FOREIGN.sub("_", name.replace("@", "_at_"))
