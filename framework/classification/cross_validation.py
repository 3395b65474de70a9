"""Nested cross-validation of one classifier: every row answered by a model, settings and a threshold blind to it.

Reference: Varma, Simon, "Bias in error estimation when using cross-validation for model selection", BMC Bioinformatics
2006; Cawley, Talbot, JMLR 2010.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from framework.classification.calibration import best_threshold, calibrate
from framework.classification.folds import Split, forward_splits, random_splits
from framework.classification.reading import Examples
from framework.classification.settings import ClassifySettings
from framework.components import build, component_class
from framework.errors import ConfigError
from framework.kinds import Classifier
from framework.plugins import Plugins
from framework.records import Context
from framework.stats.classification import auc


@dataclass(frozen=True)
class Fold:
    """How one fold went: rows learned from and answered, the settings chosen, the threshold, the accuracy.

    `tried` are the inner folds' AUC of each choice of settings, empty where there was none to make. `curve` is what the
    classifier says of its epochs (`Classifier` in `framework.kinds`), empty for those without.
    """

    learned: int
    answered: int
    chosen: Mapping[str, Any]
    tried: tuple[tuple[Mapping[str, Any], float], ...]
    threshold: float
    accuracy: float
    curve: tuple[Mapping[str, float], ...]
    seconds: float


@dataclass(frozen=True)
class Answers:
    """What a classifier said of the `rows` (m,) asked: `probability`, whether that is a yes (`said`), which `fold`."""

    name: str
    rows: NDArray[np.intp]
    probability: NDArray[np.float64]
    said: NDArray[np.bool_]
    fold: NDArray[np.int64]
    folds: tuple[Fold, ...]


def outer_splits(examples: Examples, settings: ClassifySettings) -> list[Split]:
    """Return the splits that all classifiers share."""
    return _splits(examples, np.arange(len(examples)), settings.folds, np.random.default_rng([settings.seed, 3]))


def cross_validated(
    plugins: Plugins,
    name: str,
    examples: Examples,
    splits: Sequence[Split],
    settings: ClassifySettings,
    folder: Path,
    step: Callable[[], None],
) -> Answers:
    """Return a classifier's answers on the parts of `splits`; `step` is called after each.

    What is drawn hangs on the seed, the classifier's name and the fold's number alone.
    """
    choices = _choices(plugins, name, settings)
    rows, probabilities, said, fold, records = [], [], [], [], []
    for number, (learn, answer) in enumerate(splits):
        started = time.perf_counter()
        rng = np.random.default_rng([settings.seed, crc32(name.encode()), number])
        log = logging.getLogger(f"prelaunch.classify.{name}")
        context = Context(rng, "cpu", folder, log)
        one = _one_fold(plugins, name, choices, examples, learn, answer, settings, context)
        rows.append(answer)
        probabilities.append(one.probability)
        said.append(one.probability >= one.threshold)
        fold.append(np.full(len(answer), number))
        accuracy = float(np.mean(said[-1] == examples.label[answer]))
        log.info("fold %d of %d: test accuracy %.4f", number + 1, len(splits), accuracy)
        seconds = time.perf_counter() - started
        record = Fold(
            len(learn), len(answer), one.chosen, one.tried, one.threshold, accuracy, one.curve, round(seconds, 3)
        )
        records.append(record)
        step()
    order = np.argsort(np.concatenate(rows), kind="stable")
    return Answers(
        name,
        np.concatenate(rows)[order],
        np.concatenate(probabilities)[order],
        np.concatenate(said)[order],
        np.concatenate(fold)[order],
        tuple(records),
    )


@dataclass(frozen=True)
class _OneFold:
    probability: NDArray[np.float64]
    threshold: float
    chosen: Mapping[str, Any]
    tried: tuple[tuple[Mapping[str, Any], float], ...]
    curve: tuple[Mapping[str, float], ...]


def _one_fold(
    plugins: Plugins,
    name: str,
    choices: Sequence[Mapping[str, Any]],
    examples: Examples,
    learn: NDArray[np.intp],
    answer: NDArray[np.intp],
    settings: ClassifySettings,
    context: Context,
) -> _OneFold:
    def answered(params: Mapping[str, Any], own: NDArray[np.intp], asked: NDArray[np.intp]) -> tuple[Any, Any]:
        made: Classifier = build(plugins, "classifier", name, params, where=f"classifier.{name}")
        label = examples.label[own]
        made.fit(examples.rows.take(own), label, class_weights(label, settings.weights), context)
        return made, made.probability(examples.rows.take(asked))

    chosen = choices[0]
    tried: tuple[tuple[Mapping[str, Any], float], ...] = ()
    unseen: tuple[NDArray[np.float64], NDArray[np.bool_]] | None = None
    if len(choices) > 1 or settings.calibration != "none" or settings.fixed_threshold is None:
        inner = _splits(examples, learn, settings.inner, context.rng)
        asked = np.concatenate([own for _, own in inner])
        found = [np.concatenate([answered(params, learn[a], learn[b])[1] for a, b in inner]) for params in choices]
        areas = [_area(examples.label[learn], own, inner) for own in found]
        best = int(np.argmax(areas))
        chosen, unseen = choices[best], (found[best], examples.label[learn[asked]])
        tried = tuple(zip(choices, areas, strict=True)) if len(choices) > 1 else ()
    made, raw = answered(chosen, learn, answer)
    threshold = settings.fixed_threshold
    if unseen is not None:
        calibrated = calibrate(settings.calibration, *unseen)
        raw = calibrated(raw)
        if threshold is None:
            threshold = best_threshold(calibrated(unseen[0]), unseen[1])
    curve = tuple(getattr(made, "curve", ()))
    return _OneFold(raw, 0.5 if threshold is None else threshold, chosen, tried, curve)


def class_weights(label: NDArray[np.bool_], weights: str) -> NDArray[np.float64]:
    """Return a weight for each row (n,), of mean 1: alike, or such that both classes weigh the same in all."""
    if weights == "none":
        return np.ones(len(label))
    share = label.mean()
    return np.asarray(np.where(label, 0.5 / share, 0.5 / (1 - share)), dtype=np.float64)


def _splits(examples: Examples, own: NDArray[np.intp], folds: int, rng: np.random.Generator) -> list[Split]:
    """Return splits of the rows `own`, as places among them."""
    if examples.time is not None:
        return forward_splits(examples.label[own], examples.time[own], folds)
    return random_splits(examples.label[own], examples.group[own], folds, rng, grouped=examples.grouped)


def _area(label: NDArray[np.bool_], score: NDArray[np.float64], inner: Sequence[Split]) -> float:
    ends = np.cumsum([len(own) for _, own in inner])
    parts = np.split(score, ends[:-1])
    return float(np.mean([auc(label[own], part).estimate for (_, own), part in zip(inner, parts, strict=True)]))


def _choices(plugins: Plugins, name: str, settings: ClassifySettings) -> list[Mapping[str, Any]]:
    """Return the settings to choose among: the classifier's own, under what the command line fixes."""
    given = settings.classifier.get(name, {})
    made_by = component_class(plugins, "classifier", name, where="classifiers")
    offered: Sequence[Mapping[str, Any]] = made_by.CHOICES or ({},)
    own = [{key: value for key, value in choice.items() if key not in given} for choice in offered]
    different = [choice for place, choice in enumerate(own) if choice not in own[:place]]
    return [{**given, **choice} for choice in different]


def check_reads(plugins: Plugins, name: str, settings: ClassifySettings) -> None:
    """Raise ConfigError for a classifier of texts on a table, or the other way round."""
    reads = component_class(plugins, "classifier", name, where="classifiers").reads
    wanted = "table" if settings.text is None else "text"
    if reads != wanted:
        fits = [
            other
            for other in plugins.names("classifier")
            if component_class(plugins, "classifier", other, where="classifiers").reads == wanted
        ]
        raise ConfigError(
            f"the classifier '{name}' reads a {reads}",
            allowed=fits,
            hint=None if wanted == "text" else "Set text=COLUMN.",
        )
