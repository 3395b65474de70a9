"""The report's section on the search: the same budget for every strategy, what was tried, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words
from framework.report.charts import NARROW, WIDE, ForestRow, Layout, axis_of, row_grid, row_words, short, svg_chart
from framework.report.formats import PAGE, PLAIN, Style, Unit, number, share, value
from framework.report.plots import Plot
from framework.report.search_charts import Trials, front_chart, history_chart, parallel_chart

LEAST_FOR_PARALLEL = 4
"""Finished trials below which parallel coordinates show nothing."""
Record = Mapping[str, Any]


def search_section(result: Result) -> tuple[str, list[Block]]:
    """Return the section's title and blocks; no blocks where nothing was searched."""
    records: Sequence[Record] = result.health.get("search", [])
    blocks = search_blocks(records, result.times.get("search_seconds", {}), _currency(result))
    if blocks and "best" in result.paths:
        blocks.append(Words(f"The study with the best parameters, to be run as it is: {result.paths['best']}"))
    return "The search for parameters", blocks


def search_blocks(records: Sequence[Record], seconds: Mapping[str, float], currency: str = "") -> list[Block]:
    """Return the blocks of a search: a table of all strategies, then what can be drawn of those that were searched."""
    searched = [record for record in records if record["space"] and "as" not in record]
    if not searched:
        return []
    goals = records[0]["objectives"]
    units = [_unit(goal, currency) for goal in goals]
    blocks: list[Block] = [Words(_opening(records))]
    unequal = _unequal(searched)
    blocks += [Words(unequal, alert=True)] if unequal else []
    blocks += [_table(records, units), _spaces(records, seconds)]
    blocks += [_history(searched, units[0])]
    for record in searched:
        blocks += _importances(record)
        blocks += _parallel(record)
        if len(goals) > 1:
            blocks += _front(record, units)
    return blocks


def _opening(records: Sequence[Record]) -> str:
    first = records[0]
    budget, goals = first["budget"], first["objectives"]
    bounds = []
    if budget["trials"] is not None:
        bounds.append(f"{budget['trials']:,} trials")
    if budget["seconds"] is not None:
        bounds.append(f"{number(budget['seconds'], PLAIN)} seconds of fitting and ranking")
    text = (
        f"Every strategy had the same budget, {' or '.join(bounds)}, for the parameters named below; recommenders "
        f"learned from the fit part and were judged by {goals[0]['label']} on the validation part. The test part was "
        "sealed. The best of many tries looks better than it is: only the test part's values may be quoted."
    )
    if len(goals) > 1:
        others = ", ".join(goal["label"] for goal in goals[1:])
        text += f" Besides {goals[0]['label']}, which decides, it looked at {others}."
    return text


def _unequal(searched: Sequence[Record]) -> str:
    tried = {record["strategy"]: record["trials"]["tried"] for record in searched}
    if searched[0]["budget"]["trials"] is None or len(set(tried.values())) < 2:
        return ""
    text = ", ".join(f"{name} {count:,}" for name, count in tried.items())
    return f"The strategies were not tried equally often: {text}."


def _table(records: Sequence[Record], units: Sequence[Unit]) -> Grid:
    goals = records[0]["objectives"]
    rows = []
    for record in records:
        counts, best, own = record["trials"], record.get("best"), record.get("own")
        if not record["space"]:
            rows.append((record["strategy"], record["recommender"], "nothing to search", *[""] * (len(goals) + 3)))
            continue
        tried = f"{counts['tried']:,}"
        if "as" in record:
            tried = f"with {record['as']}"
        cells = [value(amount, unit, PLAIN) for amount, unit in zip(best["values"], units, strict=True)] if best else []
        rows.append(
            (
                record["strategy"],
                record["recommender"],
                tried,
                f"{counts['pruned']:,}",
                f"{counts['failed']:,}",
                "" if own is None else value(own["values"][0], units[0], PLAIN),
                *(cells or [""] * len(goals)),
            )
        )
    labels = tuple(goal["label"] for goal in goals)
    header = ("Strategy", "Recommender", "Trials", "Given up", "Failed", f"{labels[0]} as the study had it")
    heads = (*header, *(f"Best {label}" if not place else label for place, label in enumerate(labels)))
    right = tuple(range(2, len(heads)))
    return Grid("Budget and best, on the validation part", heads, tuple(rows), right=right, shown=20)


def _spaces(records: Sequence[Record], seconds: Mapping[str, float]) -> Grid:
    rows = []
    for record in records:
        if not record["space"]:
            continue
        best = (record.get("best") or {}).get("params", {})
        extra = {name: "found by stopping early" for name in best if name not in record["space"]}
        for place, (name, text) in enumerate({**record["space"], **extra}.items()):
            took = seconds.get(record["strategy"])
            rows.append(
                (
                    record["strategy"] if not place else "",
                    name,
                    text,
                    _told(best[name]) if name in best else "",
                    "" if place or took is None else f"{took:,.1f} s",
                )
            )
    heads = ("Strategy", "Parameter", "Searched", "Best", "Time of all trials")
    return Grid("What was searched, and the best", heads, tuple(rows), right=(4,), shown=20)


def _history(searched: Sequence[Record], unit: Unit) -> Plot:
    goal = searched[0]["objectives"][0]
    lines = [
        Trials(
            record["strategy"],
            [trial["number"] for trial in record["history"]],
            [trial["values"][0] if _finished(trial) else math.nan for trial in record["history"]],
            goal["direction"] == "maximize",
        )
        for record in searched
    ]
    title = f"{goal['label']} on the validation part, trial by trial"
    pictures = (history_chart(lines, layout, title, up=(goal["label"], _tick(unit))) for layout in (WIDE, NARROW))
    return Plot(title, *pictures)


def _importances(record: Record) -> list[Block]:
    found: Mapping[str, float] = record.get("importances", {})
    if len(found) < 2:
        return []
    title = f"{record['strategy']}: how much of the differences among trials goes with each parameter"
    return [Plot(title, *(_bars(found, layout, title) for layout in (WIDE, NARROW)))]


def _bars(shares: Mapping[str, float], layout: Layout, title: str) -> Any:
    axis = axis_of([0.0, max(shares.values())], layout.left, layout.right, wanted=7 if layout.label else 5)
    parts: list[str] = []
    y = 6.0
    for name, own in shares.items():
        lines, middle, y = row_words(ForestRow(name, share(own, PAGE), own), layout, y)
        parts += lines
        width = short(axis.x(own) - axis.x(0.0))
        parts.append(
            f'<rect class="column" x="{short(axis.x(0.0))}" y="{short(middle - 6)}" width="{width}" height="12"/>'
        )
    drawn = row_grid(axis, y + 4, layout, lambda tick: f"{100 * tick:g}{PAGE.gap}%")
    described = "; ".join(f"{name} {share(own, PLAIN)}" for name, own in shares.items())
    return svg_chart(layout.width, y + 30, title, described, [*drawn, *parts])


def _parallel(record: Record) -> list[Block]:
    trials = [trial for trial in record["history"] if _finished(trial)]
    if len(trials) < LEAST_FOR_PARALLEL or len({name for trial in trials for name in trial["params"]}) < 2:
        return []
    goal = record["objectives"][0]
    title = f"{record['strategy']}: parameters of each trial, by {goal['label']}"
    rows, values = [trial["params"] for trial in trials], [trial["values"][0] for trial in trials]
    maximize = goal["direction"] == "maximize"
    return [Plot(title, *(parallel_chart(rows, values, layout, title, maximize=maximize) for layout in (WIDE, NARROW)))]


def _front(record: Record, units: Sequence[Unit]) -> list[Block]:
    trials = [trial for trial in record["history"] if _finished(trial)]
    goals, front = record["objectives"], set(record["front"])
    rows = tuple(
        (
            str(trial["number"]),
            *(value(amount, unit, PLAIN) for amount, unit in zip(trial["values"], units, strict=True)),
            ", ".join(f"{name} {_told(own)}" for name, own in trial["params"].items()),
        )
        for trial in trials
        if trial["number"] in front
    )
    heads = ("Trial", *(goal["label"] for goal in goals), "Parameters")
    label = f"{record['strategy']}: trials that none beats in everything"
    blocks: list[Block] = [Grid(label, heads, rows, right=tuple(range(len(goals) + 1)), shown=8)]
    title = f"{record['strategy']}: {goals[0]['label']} against {goals[1]['label']}"
    points = [(trial["number"], trial["values"][1], trial["values"][0]) for trial in trials]
    names = (_axis_name(goals[1]), _tick(units[1])), (_axis_name(goals[0]), _tick(units[0]))
    if len(goals) == 2 and len(points) > 1:
        pictures = (
            front_chart(points, sorted(front), layout, title, across=names[0], up=names[1]) for layout in (WIDE, NARROW)
        )
        blocks.append(Plot(title, *pictures))
    return blocks


def _axis_name(goal: Mapping[str, Any]) -> str:
    known = goal["unit"] in {"share", "count", "money", "score"}
    return str(goal["label"]) if known else f"{goal['label']}, {goal['unit']}"


def _unit(goal: Mapping[str, Any], currency: str) -> Unit:
    kind = goal["unit"] if goal["unit"] in {"share", "count", "money"} else "score"
    return Unit(kind, currency if kind == "money" else "")


def _currency(result: Result) -> str:
    return "" if result.cleaning is None else result.cleaning.currency


def _tick(unit: Unit, style: Style = PAGE) -> Callable[[float], str]:
    return lambda amount: value(float(f"{amount:.6g}"), unit, style)


def _finished(trial: Mapping[str, Any]) -> bool:
    return bool(trial["state"] == "finished")


def _told(own: Any) -> str:
    if isinstance(own, float):
        return f"{own:.4g}"
    return "null" if own is None else str(own)
