"""Counted input, a row an arm: each experiment tested for equal rates, all of them corrected together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.analysis.outcomes_file import OutcomeFrame, read_outcomes
from framework.analysis.result import common, nothing_judged
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.data.unit_moments import label
from framework.errors import DataError
from framework.records import Result
from framework.report.progress import Progress
from framework.stats.health.sample_ratio import ALERT, NOTICE
from framework.stats.health.sample_ratios import sample_ratios
from framework.stats.kinds.rates_equal import rates_equal_many
from framework.stats.multiplicity import benjamini_hochberg, holm


def analyse_counted(engine: Engine, path: Path, settings: AnalysisSettings, progress: Progress) -> Result:
    """Return every experiment's chi-square test of equal rates, and of its arms' sizes.

    Raises DataError where counts are missing, negative, broken or contradict each other, with the row.
    """
    with progress.stage("Reading counts"):
        texts = {"experiment": str(settings.experiment)}
        if settings.group is not None:
            texts["group"] = settings.group
        numbers = {str(settings.count): "count="}
        for name, own in settings.metrics.items():
            numbers.setdefault(own.column or name, f"metrics.{name}.column=" if own.column else f"metrics.{name}")
        outcomes = read_outcomes(engine, path, texts=texts, numbers=numbers, separator=settings.separator)
        table = engine.collect(outcomes.frame).sort_by("row")
        _refuse_nameless(table, outcomes, settings)
        experiment = np.array([label(value) for value in table.column("experiment").to_pylist()], dtype=np.str_)
        columns = {
            theirs: table.column(ours).to_numpy(zero_copy_only=False) for theirs, ours in outcomes.numbers.items()
        }
        units = _counts(columns, str(settings.count), outcomes)
    with progress.stage("Testing experiments"):
        found: list[dict[str, Any]] = []
        for name, own in settings.metrics.items():
            hits = _counts(columns, own.column or name, outcomes)
            _refuse_more_hits(hits, units, own.column or name, settings, path)
            found += _tested(name, hits, units, experiment)
        ratios = sample_ratios(experiment, units.astype(np.int64))
        groups = _groups(table, experiment, settings)
    _correct(found)
    sizes = {
        str(one): {"p_value": float(p), "level": str(level), "group": groups.get(str(one))}
        for one, p, level in zip(ratios.experiment, ratios.p_value, ratios.level, strict=True)
    }
    health = {
        "metric_units": dict.fromkeys(settings.metrics, "share"),
        "higher_is_better": {name: own.higher_is_better for name, own in settings.metrics.items()},
        "experiments": [{**row, "group": groups.get(row["experiment"])} for row in found],
        "sample_ratio": _summary(ratios.p_value),
        "sample_ratios": sizes,
        "sample_ratio_by_group": _by_group(ratios.experiment, ratios.p_value, groups),
    }
    warnings = _warnings(health, found)
    alpha = settings.alpha
    kept = {word: sum(row[word] <= alpha for row in found) for word in ("p_holm", "p_benjamini_hochberg")}
    raw = sum(row["p_value"] <= alpha for row in found)
    headline = (
        f"{len(found):,} {'test' if len(found) == 1 else 'tests'} of equal rates: {raw:,} at p {alpha:g} before "
        f"correction, {kept['p_holm']:,} after Holm's, {kept['p_benjamini_hochberg']:,} after Benjamini and Hochberg's."
    )
    return Result(
        study=path.name,
        question="Which experiments show that their arms differ?",
        seed=settings.seed,
        control="",
        verdict=nothing_judged(headline),
        verdicts=(),
        rule="",
        rule_digest="",
        effects=(),
        arms=(),
        evidence=(),
        health={**health, "kept": {"raw": raw, **kept}, "warnings": warnings},
        warnings=tuple(warnings),
        **common(outcomes, settings),
    )


def _refuse_nameless(table: Any, outcomes: OutcomeFrame, settings: AnalysisSettings) -> None:
    if not table.num_rows:
        raise DataError(f"{outcomes.path} holds no rows")
    for role in ("experiment", *(["group"] if settings.group is not None else [])):
        if table.column(role).null_count:
            row = table.column(role).is_null().to_pylist().index(True) + 1
            raise DataError(
                f"{outcomes.path}, column '{getattr(settings, role)}' ({role}=): {table.column(role).null_count} "
                f"value(s) are missing; the first is in row {row}"
            )


def _counts(columns: dict[str, NDArray[np.float64]], column: str, outcomes: OutcomeFrame) -> NDArray[np.float64]:
    values = np.asarray(columns[column], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0) | (values != np.floor(values)))
    if bad.size:
        raise DataError(
            f"{outcomes.path}, column '{column}': {bad.size} value(s) are no counts; the first is {values[bad[0]]:g} "
            f"in row {bad[0] + 1}",
            allowed="whole numbers, 0 or more",
        )
    return values


def _refuse_more_hits(
    hits: NDArray[np.float64], units: NDArray[np.float64], column: str, settings: AnalysisSettings, path: Path
) -> None:
    bad = np.flatnonzero(hits > units)
    if bad.size:
        raise DataError(
            f"{path}, row {bad[0] + 1}: {hits[bad[0]]:g} in '{column}' of {units[bad[0]]:g} in '{settings.count}'",
            allowed="at most as many hits as units",
        )


def _tested(
    name: str, hits: NDArray[np.float64], units: NDArray[np.float64], experiment: NDArray[np.str_]
) -> list[dict[str, Any]]:
    tests = rates_equal_many(hits, units, experiment)
    return [
        {
            "experiment": str(tests.experiment[place]),
            "metric": name,
            "arms": int(tests.arms[place]),
            "rate": float(tests.rate[place]),
            "statistic": float(tests.statistic[place]),
            "df": int(tests.df[place]),
            "p_value": float(tests.p_value[place]),
            "smallest_expected": float(tests.smallest_expected[place]),
            "cautious": bool(tests.cautious[place]),
        }
        for place in range(len(tests.experiment))
    ]


def _correct(found: list[dict[str, Any]]) -> None:
    p_values = [row["p_value"] for row in found]
    for row, by_holm, by_bh in zip(found, holm(p_values), benjamini_hochberg(p_values), strict=True):
        row["p_holm"], row["p_benjamini_hochberg"] = by_holm, by_bh


def _groups(table: Any, experiment: NDArray[np.str_], settings: AnalysisSettings) -> dict[str, str]:
    """Return the smallest group that each experiment's rows name, as numbers where all of them are."""
    if settings.group is None:
        return {}
    found: dict[str, str] = {}
    for one, group in zip(experiment.tolist(), table.column("group").to_pylist(), strict=True):
        text = label(group)
        if one not in found or _order(text) < _order(found[one]):
            found[one] = text
    return found


def _order(text: str) -> tuple[int, float, str]:
    return (0, float(text), "") if text.isascii() and text.replace(".", "", 1).isdigit() else (1, 0.0, text)


def _summary(p_values: NDArray[np.float64]) -> dict[str, Any]:
    """Return how many experiments' arms have sizes that equal shares make unlikely."""
    alerts = int((p_values < ALERT).sum())
    expected = ALERT * p_values.size
    return {
        "p_value": None,
        "experiments": int(p_values.size),
        "notices": int((p_values < NOTICE).sum()),
        "alerts": alerts,
        "share_of_alerts": alerts / p_values.size if p_values.size else 0.0,
        "text": f"{alerts:,} of {p_values.size:,} experiments have arms of sizes that equal shares do not explain "
        f"(p below {ALERT:g}; chance alone would give {expected:.1f}).",
    }


def _by_group(
    experiment: NDArray[Any], p_values: NDArray[np.float64], groups: dict[str, str]
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for one, p in zip(experiment, p_values, strict=True):
        if str(one) in groups:
            own = found.setdefault(groups[str(one)], {"experiments": 0, "alerts": 0})
            own["experiments"] += 1
            own["alerts"] += int(p < ALERT)
    return dict(sorted(found.items(), key=lambda entry: _order(entry[0])))


def _warnings(health: dict[str, Any], found: list[dict[str, Any]]) -> list[str]:
    warnings = []
    summary = health["sample_ratio"]
    if summary["alerts"] > 10 * ALERT * max(summary["experiments"], 1):
        warnings.append(f"Sample ratio, alert: {summary['text']}")
    cautious = sum(row["cautious"] for row in found)
    if cautious:
        rest = "test rests" if cautious == 1 else "tests rest"
        warnings.append(f"{cautious:,} {rest} on fewer than 5 expected hits or misses in an arm, or on one arm.")
    return warnings
