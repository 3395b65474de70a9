"""Rows of the page's tables, every number already in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framework.data.feature_registry import CATEGORY_SHARE, describe
from framework.records.result import ArmValue, Result, SegmentCard, SimulatorCheck
from framework.report.formats import (
    PAGE,
    Style,
    Unit,
    count,
    decimals_of,
    difference,
    money,
    number,
    p_value,
    percent_change,
    share,
    value,
)
from framework.report.reading import pairs_of, read_effect, unit_of, units_word
from framework.stats.effects import Effect


@dataclass(frozen=True)
class EffectCells:
    """One effect in words: what it is, the numbers, what they say, and what they rest on."""

    metric: str
    role: str
    segment: str
    n: str
    control_value: str
    treatment_value: str
    estimate: str
    interval: str
    relative: str
    relative_interval: str
    relative_reason: str
    p: str
    p_adjusted: str
    word: str
    tone: str
    correction: str
    method: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class CleaningCells:
    """One line of the cleaning account in words; `share` is the part (0 to 1) of the input that it removed."""

    rule: str
    description: str
    hit: str
    removed: str
    money: str
    share: float


def effect_cells(effect: Effect, result: Result, style: Style = PAGE) -> EffectCells:
    """Return the effect in words; both arms' values have as many decimals as their difference."""
    unit = unit_of(result, effect.metric)
    places = decimals_of(effect.ci_low, effect.ci_high, effect.estimate, unit)
    estimate, interval = difference(effect.estimate, effect.ci_low, effect.ci_high, unit, style)
    relative = effect.relative
    change, change_interval = percent_change(relative.estimate, relative.ci_low, relative.ci_high, style)
    reading = read_effect(effect, result)
    same = effect.n_control == effect.n_treatment
    sizes = (effect.n_treatment,) if same else (effect.n_treatment, effect.n_control)
    return EffectCells(
        metric=effect.metric,
        role=effect.role or "",
        segment=effect.segment or f"All {units_word(result)}",
        n=" / ".join(count(n, style) for n in sizes),
        control_value=value(effect.control_value, unit, style, places),
        treatment_value=value(effect.treatment_value, unit, style, places),
        estimate=estimate,
        interval=interval,
        relative=change,
        relative_interval=change_interval,
        relative_reason=(relative.reason or "") if style.absent in (change, change_interval) else "",
        p=p_value(effect.p_value, style),
        p_adjusted=p_value(effect.p_adjusted, style),
        word=reading.word,
        tone=reading.tone,
        correction=_correction(effect),
        method=f"{effect.method}, {100 * effect.confidence:g}{style.gap}% interval{_further(effect, style)}",
        warnings=effect.warnings,
    )


def _correction(effect: Effect) -> str:
    """Return what was corrected over; without a role no metric is primary, and all of them were."""
    words = effect.correction or ""
    return words if effect.role else words.replace("primary metrics", "metrics")


def _further(effect: Effect, style: Style) -> str:
    """Return what else the effect rests on: a look, what covariates saved, how often such intervals held the truth."""
    words = ""
    if effect.look is not None and effect.p_value == effect.look.p_value:
        words += f"; p and interval hold at every look ({effect.look.method.replace('_', ' ')})"
    if effect.variance_reduction is not None:
        words += f"; covariates removed {share(effect.variance_reduction, style)} of the variance"
    if effect.calibration is not None:
        low, high = effect.calibration.coverage_interval
        words += (
            f"; calibrated: held the truth in {share(effect.calibration.coverage, style)} "
            f"[{share(low, style)}, {share(high, style)}] of "
            f"{count(effect.calibration.replications, style)} replications"
        )
    return words


def by_pair(effects: Sequence[Effect], result: Result) -> Iterator[tuple[str, list[EffectCells]]]:
    """Give each pair of arms its effects in words, those against the study's control first."""
    for treatment, control in pairs_of(list(effects), result):
        chosen = [effect for effect in effects if (effect.treatment, effect.control) == (treatment, control)]
        yield f"{treatment} against {control}", [effect_cells(effect, result) for effect in chosen]


def arm_text(arm: ArmValue, result: Result, style: Style = PAGE) -> tuple[str, str]:
    """Return an arm's value and its interval, empty where none is honest."""
    unit = unit_of(result, arm.metric)
    places = None if arm.ci_low is None else decimals_of(arm.ci_low, arm.ci_high, arm.value, unit)
    ends = [value(end, unit, style, places) for end in (arm.ci_low, arm.ci_high) if end is not None]
    return value(arm.value, unit, style, places), " to ".join(ends) if len(ends) == 2 else ""


def arms_table(result: Result, evidence: str) -> tuple[list[str], list[tuple[str, list[tuple[str, str, str]]]]]:
    """Return the strategies, and for each metric their values: (value, interval, note), over all units."""
    arms = [arm for arm in result.arms if arm.evidence == evidence and arm.segment is None]
    strategies = list(dict.fromkeys(arm.strategy for arm in arms))
    cells = {(arm.metric, arm.strategy): (*arm_text(arm, result), arm.note or "") for arm in arms}
    absent = (PAGE.absent, "", "")
    return strategies, [
        (metric, [cells.get((metric, strategy), absent) for strategy in strategies])
        for metric in dict.fromkeys(arm.metric for arm in arms)
    ]


def cleaning_table(result: Result) -> list[CleaningCells]:
    """Return the account's lines, one a rule."""
    account = result.cleaning
    if account is None:
        return []
    return [
        CleaningCells(
            rule=row.rule.replace("_", " "),
            description=row.description,
            hit=count(row.rows_hit, PAGE),
            removed=count(row.rows_removed, PAGE),
            money=money(row.money_touched, account.currency, PAGE),
            share=row.rows_removed / account.rows_in if account.rows_in else 0.0,
        )
        for row in account.rules
    ]


def cleaning_sum(result: Result, style: Style = PAGE) -> tuple[str, bool]:
    """Return the account's sum in words, and whether it adds up."""
    account = result.cleaning
    if account is None:
        return "no log was read", True
    removed = sum(row.rows_removed for row in account.rules)
    kept, gone, all_rows = (count(n, style) for n in (account.rows_kept, removed, account.rows_in))
    adds_up = account.rows_kept + removed == account.rows_in
    text = f"{kept} kept + {gone} removed = {all_rows} read"
    return (text if adds_up else f"{kept} kept + {gone} removed is not {all_rows} read"), adds_up


def typical(card: SegmentCard, currency: str, style: Style = PAGE) -> list[tuple[str, str, str]]:
    """Return a segment's typical features: name in plain words, value with its unit, meaning."""
    return [
        (_feature_name(name), *_feature_value(name, amount, currency, style)) for name, amount in card.typical.items()
    ]


def simulator_rows(check: SimulatorCheck, style: Style = PAGE) -> list[tuple[str, str, str, str, str, str]]:
    """Return quantity, segment, foretold, actual, its interval, and whether the interval holds what was foretold."""
    rows = []
    for row in check.rows:
        predicted, actual, low, high = (_float(row.get(key)) for key in ("predicted", "actual", "ci_low", "ci_high"))
        interval = f"[{number(low, style)}, {number(high, style)}]" if math.isfinite(low + high) else style.absent
        fits = "inside" if low <= predicted <= high else "outside"
        rows.append(
            (
                str(row.get("quantity", "")),
                str(row.get("segment") or "All users"),
                number(predicted, style),
                number(actual, style),
                interval,
                fits if math.isfinite(predicted + low + high) else style.absent,
            )
        )
    return rows


def split_rows(result: Result) -> tuple[list[str], list[list[str]]]:
    """Return the columns that the split's parts have, and the parts' cells."""
    if result.split is None:
        return [], []
    columns = list(dict.fromkeys(key for part in result.split.parts for key in part))
    return columns, [[_cell(part.get(column)) for column in columns] for part in result.split.parts]


def outline(tree: Mapping[str, Any] | Sequence[Any], depth: int = 0) -> str:
    """Return plain nested data as indented lines in the manner of YAML, to be read and not to be parsed."""
    pad = "  " * depth
    entries = tree.items() if isinstance(tree, Mapping) else (("-", entry) for entry in tree)
    lines = []
    for key, entry in entries:
        head = f"{pad}{key}" if key == "-" and not isinstance(tree, Mapping) else f"{pad}{key}:"
        if isinstance(entry, Mapping | list | tuple) and entry:
            lines += [head, outline(entry, depth + 1)]
        else:
            lines.append(f"{head} {_scalar(entry)}")
    return "\n".join(lines)


def _scalar(entry: object) -> str:
    if entry is None:
        return "null"
    if isinstance(entry, bool):
        return str(entry).lower()
    if isinstance(entry, Mapping | list | tuple):
        return "{}" if isinstance(entry, Mapping) else "[]"
    return str(entry) or "''"


def _cell(entry: object) -> str:
    if isinstance(entry, bool) or entry is None:
        return PAGE.absent if entry is None else str(entry)
    if isinstance(entry, int | float):
        return number(entry, PAGE)
    text = str(entry)
    # An ISO time is read more easily with a space, and without a zone that the heading names.
    return text.replace("T", " ").removesuffix("+00:00").removesuffix("Z") if text[:4].isdigit() else text


def _feature_name(name: str) -> str:
    return name.removesuffix("_days").replace("_", " ")


def _feature_value(name: str, amount: float, currency: str, style: Style) -> tuple[str, str]:
    try:
        feature = describe(name)
    except KeyError:
        return number(amount, style), ""
    if feature.unit == "minor currency units":
        return money(amount, currency, style), feature.meaning
    if feature.unit == "share" or name.startswith(CATEGORY_SHARE) or name == "returns_rate":
        return share(amount, style), feature.meaning
    text = value(amount, Unit("count"), style) if abs(amount) < 1000 else number(amount, style)
    return (text if feature.unit == "ratio" else f"{text}{style.gap}{feature.unit}"), feature.meaning


def _float(entry: object) -> float:
    return float(entry) if isinstance(entry, int | float) else math.nan
