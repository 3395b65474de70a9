"""The findings as a page and on the terminal: one table, then differences, settings and epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.classification.findings import MEASURES, Compared, Found, Value
from framework.classification.reading import Examples
from framework.classification.settings import ClassifySettings
from framework.records.component import ReportSection
from framework.report.blocks import Block, Grid, Sheet, Words, section

TITLES = {
    "auc": "AUC",
    "f1": "F1",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "brier": "Brier",
}


def sheet_of(examples: Examples, settings: ClassifySettings, found: Sequence[Found], answered: int) -> Sheet:
    """Return the sheet; `answered` is how many rows were answered."""
    best = max(found, key=lambda own: own.value("auc").estimate)
    area = best.value("auc")
    headline = f"{best.name} has the highest AUC, {_interval(area)}, on {answered:,} rows that its models did not see."
    sections = [section("Classifiers", _table(examples, settings, found, answered))]
    if len(found) > 1:
        sections.append(section(f"Compared with {found[0].name}, on the same rows", _differences(found, settings)))
    sections += [section("How each fold went", _folds(found)), *_epochs(found)]
    told = (
        "the text"
        if settings.text is not None
        else f"{len(examples.rows.number_names + examples.rows.category_names)} columns"
    )
    return Sheet(
        f"classify {examples.path.name}", f"How well does {told} tell '{settings.label}'?", headline, tuple(sections)
    )


def _table(examples: Examples, settings: ClassifySettings, found: Sequence[Found], answered: int) -> list[Block]:
    percent = f"{100 * settings.confidence:g} %"
    how = "forwards in time" if settings.time is not None else "at random"
    stand = " Rows of one unit or of one text stand in one fold and count as one." if examples.grouped else ""
    share = float(np.mean(examples.label))
    words = [
        Words(
            f"{answered:,} of {len(examples):,} rows answered in {settings.folds} folds {how}, "
            f"{100 * share:.1f} % of the rows positive; {percent} intervals, which hold for models learned from as "
            f"many rows as these and do not count what another training set would change.{stand}"
        )
    ]
    if examples.dropped:
        words.append(Words(f"{examples.dropped:,} rows without a label or a text were left out."))
    if settings.shuffled:
        words.append(Words("The labels were dealt out anew: nothing but chance can be found.", alert=True))
    rows = tuple((own.name, *(_interval(own.value(name)) for name in MEASURES)) for own in found)
    header = ("Classifier", *(TITLES[name] for name in MEASURES))
    grid = Grid("Classifiers", header, rows, right=tuple(range(1, len(header))), shown=len(rows))
    meaning = Words(
        "AUC: the probability that a positive row scores above a negative one, within folds. F1: harmonic mean of "
        "precision and recall. Brier: mean squared error of the probabilities, lower is better."
    )
    return [*words, grid, meaning]


def _differences(found: Sequence[Found], settings: ClassifySettings) -> list[Block]:
    header = ("Classifier", "Measure", "Difference", f"{100 * settings.confidence:g} % interval", "p", "p (Holm)")
    rows = tuple(
        (
            own.name,
            TITLES[one.measure],
            f"{one.estimate:+.4f}",
            _ends(one),
            f"{one.p_value:.2g}",
            f"{one.p_adjusted:.2g}",
        )
        for own in found
        for one in own.compared
    )
    return [Grid("Differences", header, rows, right=(2, 3, 4, 5), shown=len(rows))]


def _folds(found: Sequence[Found]) -> list[Block]:
    header = ("Classifier", "Fold", "Learned", "Answered", "Settings", "Threshold", "Accuracy", "Seconds")
    rows = tuple(
        (
            own.name,
            str(number),
            f"{fold.learned:,}",
            f"{fold.answered:,}",
            ", ".join(f"{key} {value}" for key, value in fold.chosen.items()) or "as they are",
            f"{fold.threshold:.3f}",
            f"{fold.accuracy:.4f}",
            f"{fold.seconds:.1f}",
        )
        for own in found
        for number, fold in enumerate(own.folds, 1)
    )
    return [Grid("Folds", header, rows, right=(1, 2, 3, 5, 6, 7), folded=True, shown=0)]


def _epochs(found: Sequence[Found]) -> list[ReportSection]:
    rows = tuple(
        (own.name, str(number), str(int(row["epoch"])), *(f"{row[key]:.4f}" for key in ("train_loss", "dev_accuracy")))
        for own in found
        for number, fold in enumerate(own.folds, 1)
        for row in fold.curve
    )
    if not rows:
        return []
    header = ("Classifier", "Fold", "Epoch", "Train loss", "Dev accuracy")
    return [section("Epochs", [Grid("Epochs", header, rows, right=(1, 2, 3, 4), folded=True, shown=0)])]


def _interval(value: Value) -> str:
    if not np.isfinite(value.estimate):
        return "-"
    return f"{value.estimate:.3f} [{value.ci_low:.3f}, {value.ci_high:.3f}]"


def _p_values(one: Compared) -> tuple[str, str]:
    return f"{one.p_value:.2g}", f"{one.p_adjusted:.2g}"


def _ends(one: Compared) -> str:
    return f"[{one.ci_low:+.4f}, {one.ci_high:+.4f}]"
