"""What a plan says, as a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from framework.config import RunConfig
from framework.rehearsal.rehearse import Rehearsal, unit_of
from framework.report.blocks import Block, Grid, Sheet, Words, section
from framework.report.charts import NARROW, WIDE
from framework.report.curves import BandCurve, PowerCurve, band_chart, power_chart
from framework.report.formats import PLAIN, Unit, count, difference, share, value
from framework.report.plots import Plot
from framework.stats.planning.curves import power_over_effect
from framework.stats.planning.plan import smallest_difference

if TYPE_CHECKING:
    from framework.rehearsal.plan import Live, Planned

NEVER = "not within ten years"


def plan_sheet(study: RunConfig, rehearsal: Rehearsal, planned: Planned) -> Sheet:
    """Return the plan for the reader: the rehearsed trial first, then a live test, then its traffic."""
    primary = [row for row in planned.rehearsed if row.role == "primary"]
    units = unit_of(rehearsal.metrics)
    currency = rehearsal.data.currency
    said = "; ".join(
        f"{row.evidence} finds {_size(row.minimum, row.relative_minimum, Unit(str(units[row.metric]), currency))} on "
        f"{row.metric}"
        for row in primary
    )
    headline = f"With {share(study.decision.power, PLAIN)} power, a trial of this size {said}."
    sections = (
        section("What the study's own trial can show", _rehearsed(rehearsal, planned, study)),
        section("A live test, users split between the arms", _live(study, rehearsal, planned)),
        section("The log's traffic", _traffic(study, planned)),
    )
    return Sheet(
        f"Plan of {study.study}", "What can this test show, and how long would a live one take?", headline, sections
    )


def _rehearsed(rehearsal: Rehearsal, planned: Planned, study: RunConfig) -> list[Block]:
    units = unit_of(rehearsal.metrics)
    rows = tuple(
        (
            row.metric,
            row.role,
            row.evidence,
            row.design,
            count(row.units, PLAIN),
            value(row.control, Unit(str(units[row.metric]), rehearsal.data.currency), PLAIN),
            _size(row.minimum, row.relative_minimum, Unit(str(units[row.metric]), rehearsal.data.currency)),
        )
        for row in planned.rehearsed
    )
    header = ("Metric", "Role", "Evidence", "Design", "Users", "Control", "Smallest difference found")
    text = (
        "Rehearsed on the validation part; the test part stays sealed. The smallest true difference that the trial "
        f"would show with {share(study.decision.power, PLAIN)} power, at the correction's first step; a test part of "
        "another length has more or fewer users."
    )
    blocks: list[Block] = [Words(text), Grid("Smallest differences", header, rows, right=(4, 5, 6), shown=12)]
    return [*blocks, *(Words(warning, alert=True) for warning in rehearsal.warnings)]


def _live(study: RunConfig, rehearsal: Rehearsal, planned: Planned) -> list[Block]:
    units = unit_of(rehearsal.metrics)
    rows = []
    for row in planned.live:
        unit = Unit(str(units[row.metric]), rehearsal.data.currency)
        rows.append(
            (
                row.metric + (" with covariates" if row.covariates else ""),
                share(row.relative, PLAIN),
                difference(row.plan.minimum_detectable, None, None, unit, PLAIN)[0],
                count(row.plan.n_total, PLAIN),
                _days(row),
            )
        )
    header = ("Metric", "Relative effect", "Difference", "Users in all", "Days")
    saved = [
        f"{metric}: {share(setting.variance_reduction, PLAIN)}"
        for (metric, covariates), setting in planned.settings.items()
        if covariates
    ]
    blocks: list[Block] = [
        Words(
            f"{len(study.strategies)} arms of equal size, two-sided alpha {study.decision.alpha:g} by Holm's first "
            f"step, {share(study.decision.power, PLAIN)} power; baseline and spread as the control showed in rehearsal."
        )
    ]
    if saved:
        blocks.append(
            Words(f"Variance between users that their past foretells, so that covariates save it: {'; '.join(saved)}.")
        )
    if planned.inflation > 1:
        blocks.append(
            Words(
                f"{study.plan.looks} looks ({study.plan.spending}) cost {share(planned.inflation - 1, PLAIN)} more "
                "users at most."
            )
        )
    blocks.append(Grid("Users and days", header, tuple(rows), right=(1, 2, 3, 4), shown=16))
    blocks += [
        plot for metric in dict.fromkeys(row.metric for row in planned.live) for plot in _curves(metric, study, planned)
    ]
    # What holds of the largest effect, the quickest to find, holds of the others all the more.
    easiest = [row for row in planned.live if row.relative == max(study.plan.effects, key=abs)]
    warnings = {warning for row in easiest if row.duration is not None for warning in row.duration.warnings}
    warnings |= {warning for row in planned.live for warning in row.plan.warnings}
    return [*blocks, *(Words(warning, alert=True) for warning in sorted(warnings))]


def _curves(metric: str, study: RunConfig, planned: Planned) -> list[Plot]:
    """Return the power of a live test with all of the log's traffic over relative effects."""
    if planned.traffic is None:
        return []
    total = float(planned.traffic.uniques[-1]) * study.plan.traffic
    curves = []
    for (name, covariates), setting in planned.settings.items():
        if name != metric:
            continue
        base = float(setting.baseline or 1.0)
        n = total / (1 + setting.treatments)
        smallest = smallest_difference(setting, n)
        effects = np.linspace(
            0.0, min(2.5 * smallest, 0.98 * (1 - base)) if setting.kind == "proportion" else 2.5 * smallest, 41
        )[1:]
        curve = power_over_effect(setting, n, effects)
        label = "with covariates" if covariates else "plain"
        curves.append(PowerCurve(label, (curve.x / base).tolist(), curve.y.tolist(), smallest / base))
    title = (
        f"Power of a live test on {metric} with {count(total, PLAIN)} users ({planned.traffic.days} days of this log)"
    )
    pictures = [
        power_chart(
            curves,
            layout,
            title,
            across="true relative difference",
            tick=lambda effect: f"{100 * effect:+.3g} %",
            target=study.decision.power,
        )
        for layout in (WIDE, NARROW)
    ]
    return [Plot(title, *pictures)]


def _traffic(study: RunConfig, planned: Planned) -> list[Block]:
    traffic = planned.traffic
    if traffic is None:
        return [Words("The log is too short to say how many users come in a day.")]
    text = (
        f"In the last {traffic.days} days before the test part {count(float(traffic.uniques[-1]), PLAIN)} users came, "
        f"each counted once; {count(traffic.daily, PLAIN)} a day came for the first time at the end. "
        f"{share(study.plan.traffic, PLAIN)} of them would enter the test."
    )
    title = "Users who came at least once, by day since the start of a test"
    days = list(range(1, traffic.days + 1))
    curve = BandCurve("users", days, [float(own) for own in traffic.uniques])
    pictures = [
        band_chart(
            [curve],
            layout,
            title,
            across=("day", lambda day: f"{day:.0f}"),
            up=("users", lambda users: count(users, PLAIN)),
            zero=True,
        )
        for layout in (WIDE, NARROW)
    ]
    return [Words(text), Plot(title, *pictures)]


def _days(row: Live) -> str:
    if row.duration is None:
        return PLAIN.absent
    if row.duration.days is None:
        return NEVER
    low, high = row.duration.days_low, row.duration.days_high
    ends = "" if low == high else f" ({low} to {'never' if high is None else high})"
    return f"{row.duration.days:,}{ends}"


def _size(minimum: float, relative: float | None, unit: Unit) -> str:
    said = difference(minimum, None, None, unit, PLAIN)[0]
    return said if relative is None else f"{said} ({share(relative, PLAIN)})"
