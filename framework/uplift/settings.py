"""What `uplift` was asked: a test's file, its columns' meaning, the learners, and what treating costs."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.analysis.values import read_value
from framework.components import component_class, config_class
from framework.errors import ConfigError
from framework.params import config_from
from framework.plugins import Plugins

USAGE = "uplift FILE arm=COLUMN control=LABEL outcome=COLUMN covariates=[COLUMN,...]"
MISSING = ("refuse", "drop", "zero")


@dataclass(frozen=True)
class UpliftSettings:
    """What `uplift FILE` takes besides the file, which has one row a unit of a randomised test.

    `arm` names the arms' column, `control` the arm without treatment, `outcome` the column of numbers (or true and
    false) that treating should raise; `unit` the column of unit ids (absent: each row is a unit). `covariates` are
    columns of numbers from before the test, `categories` columns of words. `learners` are names of installed uplift
    learners, `learner.NAME.KEY=VALUE` their parameters. `propensity` is a column with the probability of the arm that
    the unit got, for tests of two arms that dealt it unequally; without it the arms' shares are taken, which must then
    be the same for everybody. `shares` are the planned ones, to be checked. `segment` is a column with segments to be
    valued beside the learned ones. `worth` is what one unit of the outcome brings, `cost` what treating one unit costs,
    both in money. `budgets` are shares of the units that may be treated. `groups` of equal size are formed by predicted
    uplift. Learning goes forward over `folds`: each is valued by what was learned from those before it. `missing` says
    what a missing number means: refuse, drop its unit, or zero. `out` is the folder of `result.json`, `report.html`
    and, where `unit` is named, `segments.parquet`.
    """

    arm: str
    control: str
    outcome: str
    covariates: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    unit: str | None = None
    learners: tuple[str, ...] = ("dr_learner", "x_learner", "t_learner", "s_learner", "effect_tree")
    learner: dict[str, dict[str, Any]] = field(default_factory=dict)
    propensity: str | None = None
    shares: dict[str, float] = field(default_factory=dict)
    segment: str | None = None
    worth: float = 1.0
    cost: float = 0.0
    budgets: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
    groups: int = 4
    folds: int = 5
    confidence: float = 0.95
    missing: str = "refuse"
    separator: str | None = None
    seed: int = 0
    memory_limit: str | None = None
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not (self.covariates or self.categories):
            raise ConfigError(
                "uplift needs covariates= or categories=", hint="Uplift is learned from what came before."
            )
        if not self.learners and self.segment is None:
            raise ConfigError("learners= is empty and segment= is not named", hint="Nothing would be valued.")
        columns = [self.arm, self.outcome, *self.covariates, *self.categories]
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise ConfigError(f"column '{twice[0]}' stands twice among arm, outcome, covariates and categories")
        for name, own, allowed, holds in (
            ("groups", self.groups, "2 or more", self.groups >= 2),
            ("folds", self.folds, "2 to 20", 2 <= self.folds <= 20),
            ("confidence", self.confidence, "above 0.5 and below 1", 0.5 < self.confidence < 1),
            ("worth", self.worth, "above 0", 0 < self.worth < float("inf")),
            ("cost", self.cost, "0 or more", 0 <= self.cost < float("inf")),
            ("budgets", self.budgets, "shares from 0 to 1", all(0 <= share <= 1 for share in self.budgets)),
            ("missing", self.missing, ", ".join(MISSING), self.missing in MISSING),
        ):
            if not holds:
                raise ConfigError(f"{name} is {own!r}", allowed=allowed)
        strangers = [name for name in self.learner if name not in self.learners]
        if strangers:
            raise ConfigError(f"learner.{strangers[0]} is not among learners=", allowed=self.learners)


def read_arguments(arguments: Sequence[str], plugins: Plugins) -> tuple[Path, UpliftSettings]:
    """Return the file and the settings that a command line names; of a key that stands twice, the last counts.

    Raises ConfigError for a missing file, an unknown key (with its nearest match) or a value that it does not take.
    """
    files = [argument for argument in arguments if _names_a_file(argument)]
    if len(files) != 1:
        named = f" ({', '.join(files)})" if files else ""
        raise ConfigError(f"uplift takes one file, not {len(files)}{named}", allowed=USAGE)
    hints = typing.get_type_hints(UpliftSettings)
    values: dict[str, Any] = {}
    learner: dict[str, dict[str, Any]] = {}
    for argument in (own for own in arguments if not _names_a_file(own)):
        key, _, text = argument.partition("=")
        head, _, rest = key.partition(".")
        if head == "learner":
            name, _, parameter = rest.partition(".")
            learner.setdefault(name, {})[parameter] = _parameter(plugins, name, parameter, text)
        elif head == "shares" and rest:
            values.setdefault("shares", {})[rest] = read_value(text, float, key)
        else:
            values[key] = read_value(text, hints[key], key) if key in hints else text
    settings: UpliftSettings = config_from(UpliftSettings, {**values, "learner": learner}, "uplift")
    return Path(files[0]), settings


def _parameter(plugins: Plugins, name: str, parameter: str, text: str) -> Any:
    made_by = component_class(plugins, "uplift", name, where=f"learner.{name}")
    hint = typing.get_type_hints(config_class(made_by, "uplift", name)).get(parameter, str)
    if typing.get_origin(hint) is typing.Literal:
        hint = str
    return read_value(text, hint, f"learner.{name}.{parameter}")


def _names_a_file(argument: str) -> bool:
    """Tell a file from a setting: names of files may hold a "=", as in day=1/users.parquet."""
    key, equals, _ = argument.partition("=")
    return not equals or "/" in key or "\\" in key
