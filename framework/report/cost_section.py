"""The report's section on accuracy and cost: what each arm reaches, and what its fit and its answers take."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from framework.records.result import ArmValue, Result
from framework.report.blocks import Block, Grid, Words
from framework.report.charts import NARROW, WIDE
from framework.report.formats import PAGE, PLAIN, Unit, count, value
from framework.report.pareto_chart import Priced, pareto_chart, pareto_front
from framework.report.plots import Plot
from framework.report.reading import alpha_of, baseline_arms, evidence_names, unit_of
from framework.report.tables import arm_text

MEGABYTE = 1e6
COSTS = {"p95_ms": "p95 of one request, ms", "fit_seconds": "time to fit, s"}
"""The costs that the metric is drawn against, as the axis names them."""


def cost_section(result: Result) -> tuple[str, list[Block]]:
    """Return the section's title and blocks; no blocks where no costs were measured."""
    costs: Mapping[str, Mapping[str, Any]] = result.times.get("costs", {})
    title = "Accuracy and cost"
    if not costs:
        return title, []
    metric, evidence = _judged_by(result)
    arms = {
        arm.strategy: arm for arm in result.arms if (arm.metric, arm.evidence, arm.segment) == (metric, evidence, None)
    }
    blocks: list[Block] = [Words(_opening(costs, result)), _table(costs, arms, metric, evidence, result)]
    higher = bool(result.health.get("higher_is_better", {}).get(metric, True))
    baselines = baseline_arms(result)
    plots = {cost: priced for cost in COSTS if len(priced := _priced(costs, arms, cost, baselines)) > 1}
    fronts = [
        f"{_name(cost)}: {', '.join(own.label for own in pareto_front(priced, higher_is_better=higher))}"
        for cost, priced in plots.items()
    ]
    if fronts:
        blocks.append(Words(f"Beaten by no arm in {metric} and cost at once, cheapest first. {'; '.join(fronts)}."))
    blocks += [
        _plot(priced, metric, evidence, COSTS[cost], higher=higher, unit=unit_of(result, metric))
        for cost, priced in plots.items()
    ]
    return title, blocks


def _judged_by(result: Result) -> tuple[str, str]:
    """Return the first primary metric that the holdout measured, where all arms stand, else one of other evidence."""
    primary = dict.fromkeys(effect.metric for effect in result.effects if effect.role == "primary")
    measured = {(arm.metric, arm.evidence) for arm in result.arms}
    names = sorted(evidence_names(result), key=lambda name: name != "holdout")
    return next(((metric, name) for name in names for metric in primary if (metric, name) in measured), ("", ""))


def _opening(costs: Mapping[str, Mapping[str, Any]], result: Result) -> str:
    trial = result.config.get("trial", {})
    requests = sorted({own["requests"] for own in costs.values()})
    text = "Measured on this machine; another run measures otherwise."
    if requests[-1]:
        counted = count(requests[0], PLAIN) if len(requests) == 1 else f"{requests[0]:,} to {requests[-1]:,}"
        text += (
            f" A request is one user's page of {trial.get('positions')} out of "
            f"{max(trial.get('candidates', 0), trial.get('positions', 0))} candidates, asked for alone; {counted} an "
            "arm were timed after a warm-up."
        )
    if baseline_arms(result):
        text += " A baseline is there to compare with: no test, correction or verdict knows of it."
    return text


def _table(
    costs: Mapping[str, Mapping[str, Any]], arms: Mapping[str, ArmValue], metric: str, evidence: str, result: Result
) -> Grid:
    rows = []
    for name, own in costs.items():
        reached, interval = arm_text(arms[name], result, PLAIN) if name in arms else (PLAIN.absent, "")
        rows.append(
            (
                name,
                reached,
                interval,
                _three(own["fit_seconds"]),
                _three(own["p50_ms"]),
                _three(own["p95_ms"]),
                _megabytes(own["peak_bytes"]),
                _megabytes(own["model_bytes"]),
                PLAIN.absent if own["users_per_second"] is None else count(own["users_per_second"], PLAIN),
            )
        )
    interval = f"{100 * (1 - alpha_of(result)):g} % interval"
    heads = ("Arm", metric, interval, "Fit, s", "p50, ms", "p95, ms", "Memory, MB", "Size, MB", "Users a second")
    label = f"{metric} ({evidence}) and costs; users a second are those ranked at once"
    return Grid(label, heads, tuple(rows), right=tuple(range(1, len(heads))), shown=20, brief=(0, 1, 3, 5, 6, 7))


def _priced(
    costs: Mapping[str, Mapping[str, Any]], arms: Mapping[str, ArmValue], cost: str, baselines: Container[str]
) -> list[Priced]:
    return [
        Priced(name, own[cost], arms[name].value, arms[name].ci_low, arms[name].ci_high, name in baselines)
        for name, own in costs.items()
        if name in arms and math.isfinite(arms[name].value) and own[cost] is not None and own[cost] > 0
    ]


def _plot(arms: Sequence[Priced], metric: str, evidence: str, across: str, *, higher: bool, unit: Unit) -> Plot:
    title = f"{metric} ({evidence}) against {across.partition(',')[0]}"
    pictures = (
        pareto_chart(arms, layout, title, across=across, up=(metric, _tick(unit)), higher_is_better=higher)
        for layout in (WIDE, NARROW)
    )
    return Plot(title, *pictures)


def _name(cost: str) -> str:
    return COSTS[cost].partition(",")[0]


def _three(amount: float | None) -> str:
    return PLAIN.absent if amount is None else value(amount, Unit("score"), PLAIN)


def _megabytes(size: int | None) -> str:
    if size is None:
        return PLAIN.absent
    return "< 0.1" if size < 0.1 * MEGABYTE else f"{size / MEGABYTE:,.1f}"


def _tick(unit: Unit) -> Callable[[float], str]:
    return lambda amount: value(float(f"{amount:.6g}"), unit, PAGE)
