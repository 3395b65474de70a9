"""Which charts a result gives: each as a wide and a narrow picture of the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from framework.records.result import Result, SimulatorCheck
from framework.report.charts import NARROW, WIDE, ForestRow, forecast, forest
from framework.report.formats import PAGE, Unit, difference, number, percent_change, significant
from framework.report.reading import by_segment, overall, pairs_of, read_effect, unit_of, units_word
from framework.stats.effects import Effect
from framework.stats.multiplicity.families import FAMILY_ROLES


@dataclass(frozen=True)
class Plot:
    """A chart with its title; `wide` for pages, `narrow` for phones, of the same rows."""

    title: str
    wide: Markup
    narrow: Markup


def relative_plot(result: Result, evidence: str) -> Plot | None:
    """Return all metrics' relative effects over all units on one axis in per cent; None without any effect."""
    effects = overall(result, evidence)
    if not any(_finite(effect.relative.estimate) for effect in effects):
        return None
    rows = _grouped(effects, result, lambda effect: _relative_row(effect, effect.metric, result))
    return _forest(f"Relative difference by metric, {evidence}", rows, Unit("share"), "%")


def absolute_plots(result: Result, evidence: str) -> list[Plot]:
    """Return one plot for each unit among the metrics, of the differences in that unit."""
    effects = overall(result, evidence)
    units = list(dict.fromkeys(unit_of(result, effect.metric) for effect in effects))
    plots = []
    for unit in units:
        chosen = [effect for effect in effects if unit_of(result, effect.metric) == unit]
        rows = _grouped(chosen, result, lambda effect: _absolute_row(effect, effect.metric, result))
        title = f"Difference in {_unit_words(unit, result)}, {evidence}"
        plots.append(_forest(title, rows, unit, unit.symbol(difference=True)))
    return plots


def segment_plots(result: Result, evidence: str) -> list[Plot]:
    """Return one plot for each metric that is primary, or has no role: all units first, then every segment.

    Relative where every row has a relative effect, else in the metric's unit.
    """
    within = by_segment(result, evidence)
    everybody = f"All {units_word(result)}"
    plots = []
    for metric in dict.fromkeys(effect.metric for effect in within if effect.role in FAMILY_ROLES):
        chosen = [effect for effect in (*overall(result, evidence), *within) if effect.metric == metric]
        pairs = {(effect.treatment, effect.control) for effect in chosen if effect.segment is not None}
        chosen = [effect for effect in chosen if (effect.treatment, effect.control) in pairs]
        relative = all(_finite(effect.relative.estimate) for effect in chosen)
        draw = _relative_row if relative else _absolute_row
        rows = _grouped(chosen, result, lambda effect, draw=draw: draw(effect, effect.segment or everybody, result))  # type: ignore[misc]
        unit = Unit("share") if relative else unit_of(result, metric)
        kind = "relative difference" if relative else f"difference in {_unit_words(unit, result)}"
        symbol = "%" if relative else unit.symbol(difference=True)
        plots.append(_forest(f"{metric}, {kind} by segment, {evidence}", rows, unit, symbol))
    return plots


def simulator_plots(check: SimulatorCheck) -> list[Plot]:
    """Return one plot for each quantity that the simulator foretold, rows of all users and of every segment.

    Rows stand relative to what came, so that a small segment is read as easily as all users; those of which nothing
    came are left to the table.
    """
    plots = []
    for quantity in dict.fromkeys(str(row.get("quantity", "")) for row in check.rows):
        rows = []
        for row in check.rows:
            predicted, actual, low, high = (_number(row.get(key)) for key in _NUMBERS)
            if str(row.get("quantity", "")) != quantity or not math.isfinite(predicted) or not actual > 0:
                continue
            text = f"foretold {number(predicted, PAGE)}, came {number(actual, PAGE)},"
            shares = (value / actual - 1 for value in (predicted, actual, low, high))
            rows.append((str(row.get("segment") or "All users"), text, *shares))
        if rows:
            title = f"Foretold against what came: {quantity}"
            pictures = (forecast(rows, layout, title, tick_of(Unit("share"), "%")) for layout in (WIDE, NARROW))  # type: ignore[arg-type]
            plots.append(Plot(title, *pictures))
    return plots


_NUMBERS = ("predicted", "actual", "ci_low", "ci_high")


def _grouped(effects: Sequence[Effect], result: Result, draw: Callable[[Effect], ForestRow]) -> list[ForestRow]:
    rows = []
    for treatment, control in pairs_of(list(effects), result):
        rows.append(ForestRow(f"{treatment} against {control}", heading=True))
        rows += [draw(effect) for effect in effects if (effect.treatment, effect.control) == (treatment, control)]
    return rows


def _relative_row(effect: Effect, label: str, result: Result) -> ForestRow:
    relative = effect.relative
    if relative.estimate is None or not math.isfinite(relative.estimate):
        return ForestRow(label, f"not drawn: {relative.reason or 'no relative difference'}", tone="absent")
    reading = read_effect(effect, result)
    text = " ".join(percent_change(relative.estimate, relative.ci_low, relative.ci_high, PAGE))
    return ForestRow(label, text, relative.estimate, relative.ci_low, relative.ci_high, reading.tone, reading.word)


def _absolute_row(effect: Effect, label: str, result: Result) -> ForestRow:
    reading = read_effect(effect, result)
    text = " ".join(difference(effect.estimate, effect.ci_low, effect.ci_high, unit_of(result, effect.metric), PAGE))
    return ForestRow(label, text, effect.estimate, effect.ci_low, effect.ci_high, reading.tone, reading.word)


def _forest(title: str, rows: Sequence[ForestRow], unit: Unit, symbol: str) -> Plot:
    tick = tick_of(unit, symbol)
    return Plot(title, forest(rows, WIDE, title, tick), forest(rows, NARROW, title, tick))


def tick_of(unit: Unit, symbol: str) -> Callable[[float], str]:
    """Return how an axis prints its values: signed, in the unit."""
    after = "" if unit.kind == "money" or not symbol else PAGE.gap + symbol

    def tick(value: float) -> str:
        scaled = value * unit.scale
        text = f"{abs(scaled):.{min(6, significant(scaled, 2))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        sign = PAGE.minus if scaled < 0 else "+" if scaled > 0 else ""
        return f"{sign}{text}{after}"

    return tick


def _unit_words(unit: Unit, result: Result) -> str:
    words = {"share": "percentage points", "count": "counts", "money": unit.currency or "money"}
    if result.strategies:
        # In a file of somebody's own outcomes a number of no known unit is anything, such as money.
        words["score"] = "score"
    return words.get(unit.kind, "the metric's unit")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
