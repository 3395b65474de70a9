"""Sections of an analysis that looks over time, over retention's days, and over all arms at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words
from framework.report.charts import NARROW, WIDE
from framework.report.curves import BandCurve, band_chart
from framework.report.formats import PLAIN, Unit, difference, loss, p_value, share
from framework.report.plots import Plot, tick_of
from framework.report.reading import unit_of


def novelty_blocks(result: Result) -> list[Block]:
    """Return each metric's effect by day, with what its trend says."""
    blocks: list[Block] = []
    for own in result.health.get("novelty", []):
        where = f"{own['metric']}, {own['treatment']} against {own['control']}"
        blocks.append(Words(f"{where}: {own['text']}", alert=own["level"] != "ok"))
        unit = unit_of(result, own["metric"])
        days = own["days"]
        curve = BandCurve(
            "effect",
            [day["day"] for day in days],
            [day["estimate"] for day in days],
            [day["ci_low"] for day in days],
            [day["ci_high"] for day in days],
        )
        blocks.append(
            _chart(f"Effect by day: {where}", [curve], "difference", tick_of(unit, unit.symbol(difference=True)))
        )
    return blocks


def retention_blocks(result: Result) -> list[Block]:
    """Return each retention curve: both arms by day, their differences, and the band that holds for all days."""
    blocks: list[Block] = []
    unit = Unit("share")
    for own in result.health.get("retention", []):
        where = f"{own['metric']}, {own['treatment']} against {own['control']}"
        days = [row["day"] for row in own["days"]]
        curves = [_arm(own, side, own[side], days) for side in ("control", "treatment")]
        blocks.append(
            Words(f"{where}: no difference on any day has p {p_value(own['p_value'], PLAIN)} ({own['method']}).")
        )
        blocks.append(_chart(f"Retention by day: {where}", curves, "share retained", lambda value: share(value, PLAIN)))
        rows = []
        for row in own["days"]:
            estimate, interval = difference(
                row["difference"]["difference"], row["difference"]["ci_low"], row["difference"]["ci_high"], unit, PLAIN
            )
            band = difference(row["difference"]["difference"], row["band_low"], row["band_high"], unit, PLAIN)[1]
            rows.append((f"{row['day']:g}", estimate, interval, band, p_value(row["p_adjusted"], PLAIN)))
        header = ("Day", "Difference", "Interval", "Band for all days", "p over all days")
        blocks.append(Grid(f"Differences in {own['metric']} by day", header, tuple(rows), right=(0, 1, 2, 3, 4)))
        blocks += [Words(warning, alert=True) for warning in own["warnings"]]
    return blocks


def standing_blocks(result: Result) -> list[Block]:
    """Return how probable it is that each arm is the best, and what launching it would cost where it is not."""
    blocks: list[Block] = []
    for own in result.health.get("standings", []):
        unit = unit_of(result, own["metric"])
        rows = tuple(
            (
                arm,
                share(probability, PLAIN),
                loss(own["expected_loss"][arm], unit, PLAIN),
            )
            for arm, probability in sorted(own["probability_best"].items(), key=lambda entry: -entry[1])
        )
        label = f"{own['metric']}: {own['method']}"
        blocks.append(Grid(label, ("Arm", "Probability to be best", "Expected loss"), rows, right=(1, 2)))
    return blocks


def margin_blocks(result: Result) -> list[Block]:
    """Return what every guardrail's margin test says."""
    return [
        Words(f"Guardrail {own['metric']}, {own['treatment']} against {own['control']}: {own['text']}.")
        for own in result.health.get("margins", [])
    ]


def _arm(own: dict[str, Any], side: str, name: str, days: list[float]) -> BandCurve:
    rows = own["days"]
    return BandCurve(
        name,
        days,
        [row[side]["estimate"] for row in rows],
        [row[side]["ci_low"] for row in rows],
        [row[side]["ci_high"] for row in rows],
        [row[f"{side}_band"]["ci_low"] for row in rows],
        [row[f"{side}_band"]["ci_high"] for row in rows],
    )


def _chart(title: str, curves: list[BandCurve], up: str, tick: Callable[[float], str]) -> Plot:
    pictures = [
        band_chart(curves, layout, title, across=("day", lambda day: f"{day:g}"), up=(up, tick), zero=True)
        for layout in (WIDE, NARROW)
    ]
    return Plot(title, *pictures)
