"""What a study comes to on its validation part, as one number: what a sweeper over whole studies may go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import ConfigError, TrialError, did_you_mean
from framework.fitting import Bench
from framework.plugins import Plugins
from framework.preflight import identity
from framework.records import Run
from framework.rehearsal.rehearse import Rehearsal, check_rehearsal, rehearse, roles_of
from framework.report.progress import stages
from framework.runfolder import RunFolder
from framework.stages import Stages, watched
from framework.stats.arms import arm_value

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from framework.config import RunConfig


@dataclass(frozen=True)
class Score:
    """One strategy's value on one metric, on the validation part: the test part was not read."""

    strategy: str
    metric: str
    evidence: str
    value: float


def score(
    config: DictConfig, folder: Path, plugins: Plugins, *, strategy: str | None = None, metric: str | None = None
) -> Score:
    """Learn from the fit part, hold the study's trials on the validation part, and return one value of them.

    `strategy` null takes the one that the study's `recommender` is, else the only treatment; `metric` null takes the
    first primary one. Raises ConfigError where there is no such strategy or metric.
    """
    from framework.run import read_study

    study, plain, text = read_study(config)
    this = Run(study.study, folder, study.seed, plain)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        warnings = [*check_rehearsal(study), *plugins.check(config=plain)]
        chosen = _strategy(study, strategy)
        rehearsal = rehearse(Bench(study, this, plugins), Stages(this, record, progress, plugins), warnings)
        return _score(rehearsal, chosen, metric)


def _strategy(study: RunConfig, named: str | None) -> str:
    if named is not None:
        if named not in study.strategies:
            raise ConfigError(
                f"hydra.sweeper.strategy is '{named}'",
                allowed=study.strategies,
                hint=did_you_mean(named, study.strategies),
            )
        return named
    about = None if study.recommender is None else identity(study.recommender)
    own = [name for name, choice in study.strategies.items() if identity(choice.recommender) == about]
    treatments = own[:1] or [name for name in study.strategies if name != study.control]
    if len(treatments) != 1:
        raise ConfigError(
            "The study has several treatments, and a search goes by one",
            allowed=treatments,
            hint="Name it: hydra.sweeper.strategy=NAME.",
        )
    return treatments[0]


def _score(rehearsal: Rehearsal, strategy: str, named: str | None) -> Score:
    roles = roles_of(rehearsal.metrics)
    for evidence, measured in rehearsal.measured.items():
        labels = [label for label in measured if label == named or (named is None and roles[label] == "primary")]
        if not labels:
            continue
        value = arm_value(measured[labels[0]][strategy], metric=labels[0], arm=strategy).estimate
        if value is None:
            raise TrialError(f"{labels[0]} of '{strategy}' has no value on the validation part")
        return Score(strategy, labels[0], evidence, float(value))
    raise ConfigError(f"hydra.sweeper.metric is '{named}'", allowed=roles, hint=did_you_mean(str(named), roles))
