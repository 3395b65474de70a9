"""The logs of a training in its folder: `log/metrics.csv` always, TensorBoard's where asked for."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger

FOLDER, FILE = "log", "metrics.csv"


class _Curve(CSVLogger):
    """Leaves a module's hyper-parameters out: the run's config has them, and Lightning fails on frozen ones."""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Write nothing."""


class _Board(TensorBoardLogger):
    """As above."""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Write nothing."""


def loggers(folder: Path, *, tensorboard: bool) -> list[Logger]:
    """Return the loggers of a training, the CSV's first."""
    found: list[Logger] = [_Curve(folder, name="", version=FOLDER)]
    if tensorboard:
        found.append(_Board(folder, name="", version="tensorboard", default_hp_metric=False))
    return found


def rows_before(folder: Path, epoch: int) -> list[dict[str, Any]]:
    """Return the rows logged before `epoch` (from 0) of a training that goes on: a new logger removes them."""
    path = folder / FOLDER / FILE
    if not epoch or not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{key: value for key, value in row.items() if key and value} for row in csv.DictReader(file)]
    whole = [row for row in rows if all(row.get(key, "").isdecimal() for key in ("epoch", "step"))]
    return [row for row in whole if int(row["epoch"]) < epoch]


def log_again(logger: Any, rows: list[dict[str, Any]]) -> None:
    """Give such rows to the new logger, as they were written."""
    for row in rows:
        logger.log_metrics({key: value for key, value in row.items() if key != "step"}, step=int(row["step"]))
