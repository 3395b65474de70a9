"""Weights & Biases: a run of prelaunch is a run of the project of its study's name.

Config is the run's config, history the curves of its trainings, summary its numbers and its verdict, files its files.
Reference: https://docs.wandb.ai/ref/python/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from framework.records import Run

_STEP = "training_step"


@dataclass(frozen=True)
class WeightsAndBiasesConfig:
    """Where to, and under which name.

    `project`: null takes the study's name. `entity`: null takes the account's own. `group` and `name`: null takes
    none, and the run folder's name. `mode`: "online", "offline" (written below the run's folder, for `wandb sync`) or
    "disabled". `files`: hand over the run's files too, of which `units.parquet` holds user ids.
    """

    project: str | None = None
    entity: str | None = None
    group: str | None = None
    name: str | None = None
    mode: Literal["online", "offline", "disabled"] = "online"
    files: bool = True
    tags: list[str] = field(default_factory=list)


class WeightsAndBiases:
    """One W&B run, open from `start` to `finish` or `fail`. Numbers without a step go to the summary."""

    Config = WeightsAndBiasesConfig

    def __init__(self, config: WeightsAndBiasesConfig) -> None:
        self.config = config
        self._run: Any = None

    def start(self, run: Run) -> None:
        """Open a run with the whole config."""
        import wandb

        config = self.config
        self._run = wandb.init(
            project=config.project or run.study,
            entity=config.entity,
            group=config.group,
            name=config.name or run.folder.name,
            mode=config.mode,
            tags=config.tags,
            dir=str(run.folder),
            config=run.config,
            reinit="create_new",
        )
        # Steps are counted by each training anew, and W&B's own may only grow.
        self._run.define_metric("*", step_metric=_STEP)

    def log(self, values: Mapping[str, float], step: int | None) -> None:
        """Log a row of a training's curve, or put numbers that stand by themselves into the summary."""
        if step is None:
            self._run.summary.update(dict(values))
        else:
            self._run.log({**values, _STEP: step})

    def finish(self, words: Mapping[str, str], files: Sequence[Path]) -> None:
        """Put what the run came to into the summary, hand over its files, and close it."""
        self._run.summary.update(dict(words))
        for file in files if self.config.files else ():
            self._run.save(str(file), base_path=str(file.parent), policy="now")
        self._run.finish(exit_code=0)

    def fail(self, status: str, reason: str) -> None:
        """Close the run as failed."""
        self._run.summary.update({"status": status, "reason": reason})
        self._run.finish(exit_code=130 if status == "interrupted" else 1)
