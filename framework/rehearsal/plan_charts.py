"""The charts of a plan: power by a live test's length, and the users that come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from framework.report.charts import NARROW, WIDE
from framework.report.curves import BandCurve, PowerCurve, band_chart, power_chart
from framework.report.formats import PLAIN, count
from framework.report.plots import Plot
from framework.stats.planning.curves import power_over_effect
from framework.stats.planning.traffic import Accumulation

if TYPE_CHECKING:
    from framework.rehearsal.live import Case, Stretch

CURVES = 3
"""Lengths of a test that get a power curve."""
BEYOND = 1.6
"""How far the axis of effects reaches, in what the shortest of them finds."""


def percent(fraction: float) -> str:
    """Return a share in per cent with three digits at most: 5 %, 12.3 %."""
    return f"{100 * fraction:.3g} %"


def power_plot(case: Case, stretches: Sequence[Stretch], place: int, name: str, target: float) -> Plot | None:
    """Return the power over relative effects of tests of some lengths, the longest last; None where none finds any.

    `place` is the case's among those of the stretches.
    """
    able = [(own, found) for own in stretches if (found := own.smallest[place]) is not None]
    if not able:
        return None
    chosen = [*able[:-1][:: max(1, -(-(len(able) - 1) // (CURVES - 1)))], able[-1]]
    base = case.baseline
    reach = BEYOND * chosen[0][1]
    if case.setting.kind == "proportion":
        reach = min(reach, 0.98 * (1 - base))
    effects = np.linspace(0.0, reach, 61)[1:]
    apart = np.array([abs(case.told_apart(case.sign * effect)) for effect in effects])
    curves = []
    for own, found in chosen:
        power = np.zeros(len(effects))
        power[apart > 0] = power_over_effect(case.setting, own.users / case.arms, apart[apart > 0]).y
        label = f"{own.days:,} days, {count(own.users, PLAIN)} users"
        curves.append(PowerCurve(label, (effects / base).tolist(), power.tolist(), found / base, percent(found / base)))
    title = f"Power of a live test on {name}, by its length"
    across = "true relative difference"
    wide, narrow = (
        power_chart(curves, layout, title, across=across, tick=percent, target=target) for layout in (WIDE, NARROW)
    )
    return Plot(title, wide, narrow)


def traffic_plot(traffic: Accumulation) -> Plot:
    """Return how many users come at least once, by a test's length."""
    title = "Users who came at least once, by the length of a test"
    curve = BandCurve("users", list(range(traffic.days + 1)), [0.0, *(float(own) for own in traffic.uniques)])
    across = ("days", lambda day: f"{day:.0f}")
    up = ("users", lambda users: count(users, PLAIN))
    wide, narrow = (band_chart([curve], layout, title, across=across, up=up) for layout in (WIDE, NARROW))
    return Plot(title, wide, narrow)
