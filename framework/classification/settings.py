"""What `classify` was asked: a file, its label, what the label is told from, by which classifiers, and how checked."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.analysis.values import read_value
from framework.components import component_class, config_class
from framework.errors import ConfigError, did_you_mean
from framework.params import config_from
from framework.plugins import Plugins

USAGE = "classify FILE label=COLUMN features=[COLUMN,...], or classify FILE label=COLUMN text=COLUMN"
OF_TABLES = ("logistic", "gradient_boosting", "random_forest", "naive_bayes", "mlp", "ft_transformer")
OF_TEXTS = ("tfidf_logistic", "bert")
CHOICES = {
    "weights": ("balanced", "none"),
    "calibration": ("sigmoid", "isotonic", "none"),
}


@dataclass(frozen=True)
class ClassifySettings:
    """What `classify FILE` takes besides the file, which has one row an example.

    `label` names the column to be told, `positive` its value that counts as yes (default: true or 1). It is told from
    the columns `features` (default: all others), of which those of words, and those named in `categories`, are
    categories; or from one column of `text`. `classifiers` are names of installed ones, the first being what the others
    are compared with; `classifier.NAME.KEY=VALUE` are their parameters.

    Every row is answered by a model that did not see it: `folds` at random, alike in shares of the label, rows with the
    same `unit` (a user) or the same text in one fold; with `time` forwards, each stretch by a model of all before it.
    Within the rows that a fold learns from, `inner` folds of the same kind choose among a classifier's settings,
    calibrate its probabilities (`calibration`: sigmoid, isotonic, none) and set the `threshold` from which a row is
    said to be positive: "f1" takes the best one there, a number stands as it is. Where one setting is left and nothing
    is calibrated or set, they are left out. `weights` balanced makes both classes weigh the same in learning, none
    leaves the rows equal. `max_rows` takes a random part of the file. `shuffled` deals the labels out anew, as a check:
    every classifier must then fall to chance. `out` is the folder of `result.json` and `report.html`.
    """

    label: str
    positive: str | None = None
    features: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    text: str | None = None
    unit: str | None = None
    time: str | None = None
    classifiers: tuple[str, ...] = ()
    classifier: dict[str, dict[str, Any]] = field(default_factory=dict)
    folds: int = 5
    inner: int = 3
    weights: str = "balanced"
    calibration: str = "sigmoid"
    threshold: str = "f1"
    max_rows: int | None = None
    shuffled: bool = False
    confidence: float = 0.95
    separator: str | None = None
    seed: int = 0
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.text is not None and (self.features or self.categories):
            raise ConfigError("text= and features= do not go together", hint="A label is told from one or the other.")
        used = [own for own in (self.label, self.text, *self.features) if own is not None]
        twice = [name for name in used if used.count(name) > 1]
        if twice:
            raise ConfigError(f"column '{twice[0]}' stands twice among label, text and features")
        for name, own, least in (("folds", self.folds, 2), ("inner", self.inner, 2), ("max_rows", self.max_rows, 20)):
            if own is not None and own < least:
                raise ConfigError(f"{name} is {own}", allowed=f"an integer from {least}")
        if not 0.5 < self.confidence < 1:
            raise ConfigError(f"confidence is {self.confidence:g}", allowed="above 0.5 and below 1")
        if self.threshold != "f1" and not 0 < _number(self.threshold) < 1:
            raise ConfigError(f"threshold is '{self.threshold}'", allowed="f1, or a number between 0 and 1")
        self._check_words()

    def _check_words(self) -> None:
        for key, allowed in CHOICES.items():
            value = getattr(self, key)
            if value not in allowed:
                raise ConfigError(f"{key} is '{value}'", allowed=allowed, hint=did_you_mean(value, allowed))
        if len(set(self.names)) < len(self.names):
            raise ConfigError(f"classifiers= names one twice: {', '.join(self.names)}")
        strangers = [name for name in self.classifier if name not in self.names]
        if strangers:
            raise ConfigError(f"classifier.{strangers[0]} is not among classifiers=", allowed=self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The classifiers, those for a table or a text where none is named."""
        return self.classifiers or (OF_TABLES if self.text is None else OF_TEXTS)

    @property
    def fixed_threshold(self) -> float | None:
        """The threshold as it was given, None where it is chosen."""
        return None if self.threshold == "f1" else float(self.threshold)


def read_arguments(arguments: Sequence[str], plugins: Plugins) -> tuple[Path, ClassifySettings]:
    """Return the file and the settings that a command line names; of a key that stands twice, the last counts.

    Raises ConfigError for a missing file, an unknown key (with its nearest match) or a value that it does not take.
    """
    files = [argument for argument in arguments if _names_a_file(argument)]
    if len(files) != 1:
        named = f" ({', '.join(files)})" if files else ""
        raise ConfigError(f"classify takes one file, not {len(files)}{named}", allowed=USAGE)
    hints = typing.get_type_hints(ClassifySettings)
    values: dict[str, Any] = {}
    params: dict[str, dict[str, Any]] = {}
    for argument in (own for own in arguments if not _names_a_file(own)):
        key, _, text = argument.partition("=")
        head, _, rest = key.partition(".")
        if head == "classifier" and rest:
            name, _, parameter = rest.partition(".")
            params.setdefault(name, {})[parameter] = _parameter(plugins, name, parameter, text)
        else:
            values[key] = read_value(text, hints[key], key) if key in hints else text
    settings: ClassifySettings = config_from(ClassifySettings, {**values, "classifier": params}, "classify")
    return Path(files[0]), settings


def _parameter(plugins: Plugins, name: str, parameter: str, text: str) -> Any:
    made_by = component_class(plugins, "classifier", name, where=f"classifier.{name}")
    hint = typing.get_type_hints(config_class(made_by, "classifier", name)).get(parameter, str)
    return read_value(text, hint, f"classifier.{name}.{parameter}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _names_a_file(argument: str) -> bool:
    """Tell a file from a setting: names of files may hold a "=", as in day=1/rows.parquet."""
    key, equals, _ = argument.partition("=")
    return not equals or "/" in key or "\\" in key
