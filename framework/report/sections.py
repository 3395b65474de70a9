"""The report's further sections: health, segments, a running test's look, posteriors, many experiments at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from framework.records.component import ReportSection
from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words, section
from framework.report.charts import NARROW, WIDE
from framework.report.cost_section import cost_section
from framework.report.density import density_chart
from framework.report.formats import PLAIN, difference, loss, number, p_value, share
from framework.report.histogram import p_histogram, sorted_p_chart
from framework.report.logged_section import logged_section
from framework.report.plots import Plot, tick_of
from framework.report.ranking_section import ranking_section
from framework.report.reading import alpha_of, unit_of
from framework.report.search_section import search_section
from framework.report.segmentation_section import segmentation_section
from framework.report.sequential_chart import Bounds, PathPoint, sequential_chart
from framework.report.side_by_side import side_by_side_blocks
from framework.report.time_and_arms import margin_blocks, novelty_blocks, retention_blocks, standing_blocks
from framework.stats.effects import Effect
from framework.stats.estimates import quantile

SEE = "See the warnings."
BOUND_WIDTH = 0.04
"""Length of a look's bound, as a share of the planned units."""


def own_sections(result: Result) -> tuple[ReportSection, ...]:
    """Return the sections that the result has something to say in, in the order of the page."""
    made = (
        _experiments(result),
        logged_section(result),
        segmentation_section(result),
        ("All strategies side by side", side_by_side_blocks(result)),
        cost_section(result),
        ranking_section(result),
        _looks(result),
        ("The best arm", standing_blocks(result)),
        ("The effect over time", novelty_blocks(result)),
        ("Retention", retention_blocks(result)),
        ("Guardrails and their margins", margin_blocks(result)),
        _posteriors(result),
        _segments(result),
        search_section(result),
        _health(result),
    )
    return tuple(section(title, blocks) for title, blocks in made if blocks)


def _health(result: Result) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    ratio = result.health.get("sample_ratio")
    if isinstance(ratio, Mapping) and "counts" in ratio:
        counts = ", ".join(f"{arm} {count:,}" for arm, count in ratio["counts"].items())
        said = f"Sample ratio ({counts}): p {p_value(ratio['p_value'], PLAIN)}."
        warned = _warned(result, ratio["text"])
        blocks.append(Words(f"{said} {SEE if warned else ratio['text']}", alert=ratio["level"] != "ok" and not warned))
    elif isinstance(ratio, Mapping) and ratio.get("level") == "untested":
        blocks.append(Words(str(ratio["text"])))
    within = result.health.get("sample_ratio_by_segment", {})
    if within:
        sizes = [
            (name, _p(own["p_value"]), _p(own.get("p_adjusted")), str(own["level"])) for name, own in within.items()
        ]
        header = ("Segment", "p", "Corrected p", "Level")
        blocks.append(Grid("Sample ratio by segment", header, tuple(sizes), right=(1, 2), folded=True, shown=0))
    if "missing" in result.health:
        missing = result.health["missing"]
        if not _warned(result, missing["text"]):
            blocks.append(Words(missing["text"], alert=missing["level"] != "ok"))
    influence = result.health.get("influence", [])
    rows = []
    touching = result.health.get("interference", [])
    blocks += [Words(f"{own['text']} {own['advice']}", alert=True) for own in touching]
    for own in influence:
        if own["level"] != "ok" and not _warned(result, own["text"]):
            blocks.append(
                Words(f"{own['metric']}, {own['treatment']} against {own['control']}: {own['text']}", alert=True)
            )
        unit = unit_of(result, own["metric"])
        for step in own["without"]:
            name = "the most extreme unit" if step["share"] is None else f"{share(step['share'], PLAIN)} of units"
            estimate, interval = difference(step["estimate"], step["ci_low"], step["ci_high"], unit, PLAIN)
            rows.append((own["metric"], own["treatment"], name, estimate, interval, _p(step["p_value"])))
    if rows:
        heads = ("Metric", "Arm", "Without, in each arm", "Difference", "Interval", "p")
        blocks.append(Grid("Effects without the top units", heads, tuple(rows), right=(3, 4, 5), folded=True, shown=0))
    return "Health of the test", blocks


def _segments(result: Result) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    for own in result.health.get("segments", []):
        where = f" ({own['evidence']})" if own.get("evidence") else ""
        opening = f"{own['metric']}, {own['treatment']} against {own['control']}{where}: "
        blocks.append(Words(opening + own["text"]))
        unit = unit_of(result, own["metric"])
        raw = {
            effect.segment: effect
            for effect in result.effects
            if (effect.metric, effect.control, effect.treatment, effect.evidence)
            == (own["metric"], own["control"], own["treatment"], own["evidence"])
        }
        rows = []
        for name, value, low, high in zip(own["segments"], own["estimates"], own["low"], own["high"], strict=True):
            effect = raw[name]
            estimate, interval = difference(value, low, high, unit, PLAIN)
            plain, around = difference(effect.estimate, effect.ci_low, effect.ci_high, unit, PLAIN)
            rows.append((name, plain, around, estimate, interval))
        header = ("Segment", "Own difference", "Interval", "Shrunken", "Interval")
        label = f"{own['metric']}, {own['treatment']}{where}: each segment's own and shrunken difference"
        blocks.append(Grid(label, header, tuple(rows), right=(1, 2, 3, 4), folded=True, shown=0))
    if blocks:
        text = (
            "Small groups scatter. The test asks first whether segments differ at all; the shrunken difference draws "
            "each segment towards all of them, as far as its scatter looks like chance: the best is not overrated then."
        )
        blocks.insert(0, Words(text))
    return "Do segments really differ?", blocks


def _warned(result: Result, text: str) -> bool:
    """Return whether the page's warnings say this already."""
    return any(text in warning for warning in result.warnings)


def _looks(result: Result) -> tuple[str, list[Block]]:
    effects = [effect for effect in result.effects if effect.look is not None and effect.segment is None]
    blocks: list[Block] = []
    # One point a picture: a dozen of them would bury the metrics that decide.
    pictured = {effect.metric for effect in effects if effect.role == "primary"}
    pictured = pictured or {effect.metric for effect in effects[:1]}
    for effect in effects:
        look = effect.look
        if look is None:
            continue
        unit = unit_of(result, effect.metric)
        estimate, interval = difference(effect.estimate, look.ci_low, look.ci_high, unit, PLAIN)
        z = effect.estimate / effect.standard_error if effect.standard_error > 0 else 0.0
        ended = look.looks is not None and look.information is not None and look.information >= 1
        crossed = "not crossed at the last look: no difference is shown" if ended else "not crossed: go on"
        crossed = "crossed: the test may stop" if look.crossed else crossed
        p = "" if look.p_value is None else f", p {_p(look.p_value)} at any look"
        blocks.append(
            Words(
                f"{effect.metric}, {effect.treatment} against {effect.control}: {estimate} {interval} holds at every "
                f"look ({look.method.replace('_', ' ')}){p}; z {z:+.2f} against a bound of {look.boundary:.2f}, "
                f"{crossed}."
            )
        )
        plot = _look_plot(effect, z) if effect.metric in pictured else None
        if plot is not None:
            blocks.append(plot)
    return "This look of the running test", blocks


def _look_plot(effect: Effect, z: float) -> Plot | None:
    look = effect.look
    if look is None or look.information is None or not math.isfinite(look.boundary):
        return None
    title = f"{effect.metric}, {effect.treatment} against {effect.control}: z at this look, and its bounds"
    point = PathPoint(look.information, z, tone="good" if look.crossed else "unclear", word="this look")
    # The bound of this look alone is known: a short line, which says nothing of the looks before and after.
    last = max(1.0, look.information)
    ends = (look.information - BOUND_WIDTH / 2, min(last, look.information + BOUND_WIDTH / 2))
    bounds = Bounds(ends, (look.boundary,) * 2, (-look.boundary,) * 2)
    pictures = [
        sequential_chart(
            [point],
            layout,
            title,
            across=("share of the planned units", lambda value: f"{100 * value:.0f} %"),
            up=("z", lambda value: f"{value:+.1f}"),
            bounds=bounds,
            planned=(1.0,),
        )
        for layout in (WIDE, NARROW)
    ]
    return Plot(title, *pictures)


def _posteriors(result: Result) -> tuple[str, list[Block]]:
    blocks: list[Block] = []
    for effect in result.effects:
        posterior = effect.posterior
        if posterior is None or effect.segment is not None:
            continue
        unit = unit_of(result, effect.metric)
        tick = tick_of(unit, unit.symbol(difference=True))
        sd = (posterior.ci_high - posterior.ci_low) / (2 * quantile(posterior.confidence, None))
        at = np.linspace(posterior.mean - 4 * sd, posterior.mean + 4 * sd, 121)
        density = np.exp(-0.5 * ((at - posterior.mean) / sd) ** 2)
        title = f"{effect.metric}: what is believed of {effect.treatment} against {effect.control}"
        better = result.health.get("higher_is_better", {}).get(effect.metric, True)
        pictures = [
            density_chart(
                posterior,
                at.tolist(),
                density.tolist(),
                layout,
                title,
                across="difference",
                tick=tick,
                higher_is_better=bool(better),
            )
            for layout in (WIDE, NARROW)
        ]
        launched = loss(posterior.expected_loss, unit, PLAIN)
        kept = loss(posterior.expected_loss_control, unit, PLAIN)
        blocks.append(
            Words(
                f"{effect.metric}: {effect.treatment} is better than {effect.control} with probability "
                f"{share(posterior.probability_better, PLAIN)} (prior {posterior.prior}). By this belief launching it "
                f"loses {launched} on average, keeping {effect.control} loses {kept}."
            )
        )
        blocks.append(Plot(title, *pictures))
    return "Bayesian reading", blocks


def _experiments(result: Result) -> tuple[str, list[Block]]:
    rows: Sequence[Mapping[str, Any]] = result.health.get("experiments", [])
    if not rows:
        return "", []
    alpha = alpha_of(result)
    p_values = [row["p_value"] for row in rows]
    title = f"{len(rows):,} tests at once: sorted p-values with both corrections"
    pictures = [sorted_p_chart(p_values, layout, title, alpha=alpha) for layout in (WIDE, NARROW)]
    # The headline of many experiments alone is this section's sentence, and stands at the top already.
    blocks: list[Block] = [] if result.verdict.decision == "effects" else [Words(result.verdict.headline)]
    blocks.append(Plot(title, *pictures))
    title = "p-values of all tests: a flat picture would mean that nothing differs anywhere"
    blocks.append(Plot(title, *(p_histogram(p_values, layout, title, alpha=alpha) for layout in (WIDE, NARROW))))
    best = sorted(rows, key=lambda row: row["p_value"])
    cells = tuple(
        (
            row["experiment"],
            row["metric"],
            str(row["arms"]),
            share(row["rate"], PLAIN),
            number(row["statistic"], PLAIN),
            _p(row["p_value"]),
            _p(row["p_holm"]),
            _p(row["p_benjamini_hochberg"]),
        )
        for row in best[:200]
    )
    header = ("Experiment", "Metric", "Arms", "Rate", "Chi-square", "p", "Holm", "Benjamini-Hochberg")
    label = f"The {len(cells):,} smallest p-values of {len(rows):,}"
    blocks.append(Grid(label, header, cells, right=(2, 3, 4, 5, 6, 7), folded=True, shown=5))
    ratio = result.health["sample_ratio"]
    if not _warned(result, ratio["text"]):
        blocks.append(Words(ratio["text"], alert=bool(ratio["alerts"])))
    groups = result.health.get("sample_ratio_by_group", {})
    if groups:
        by_group = tuple(
            (name, str(own["experiments"]), str(own["alerts"]), share(own["alerts"] / own["experiments"], PLAIN))
            for name, own in groups.items()
        )
        heads = ("Group", "Experiments", "Wrong sizes", "Share")
        blocks.append(Grid("Arms of wrong sizes by group", heads, by_group, right=(1, 2, 3), folded=True, shown=0))
    return "Many experiments at once", blocks


def _p(p: float | None) -> str:
    return p_value(p, PLAIN)
