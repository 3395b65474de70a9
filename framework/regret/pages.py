"""What a study of regret says, as a sheet."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from framework.config import RunConfig
from framework.records.component import ReportSection
from framework.regret.comparison import Compared, Curve
from framework.report.blocks import Block, Grid, Sheet, Words, section
from framework.report.charts import NARROW, WIDE, Layout
from framework.report.curves import BandCurve, band_chart
from framework.report.formats import PAGE, PLAIN, Unit, count, difference
from framework.report.labels import SERIES
from framework.report.plots import Plot

SCORE = Unit("score")
LEVEL = 0.05
"""Corrected p-value up to which a difference counts as shown."""


def regret_sheet(
    study: RunConfig, found: Sequence[Compared], after: Sequence[int], warnings: Sequence[str] = ()
) -> Sheet:
    """Return the curves and the differences of every world; `after` says how many visitors had come at each point."""
    settings = study.regret
    sections: list[ReportSection] = [section(own.world, _blocks(study, own, after)) for own in found]
    about = (
        f"Each policy met {count(settings.rounds, PLAIN)} visitors in each world, in batches of {settings.batch}, with "
        f"{settings.seeds} seeds that every policy shares. Regret is what the best arms for a visitor would have been "
        "expected to sell, less what the arms shown are expected to sell, by the planted truth. Intervals are 95 %, by "
        "Student's t over seeds; differences are paired by seed, their p-values corrected by Holm within a world."
    )
    blocks: list[Block] = [Words(about), *(Words(warning, alert=True) for warning in warnings)]
    return Sheet(
        f"Regret of {study.study}",
        study.question or "What do policies lose while they learn?",
        " ".join(_headline(own) for own in found),
        (*sections, section("How it was played", blocks)),
    )


def regret_plots(own: Compared, control: str, after: Sequence[int]) -> list[Plot]:
    """Return the mean regret of every policy in one world, with the interval of each point's mean.

    A chart has as many policies as can be told apart, the control in each.
    """
    first = [curve for curve in own.curves if curve.policy == control]
    others = [curve for curve in own.curves if curve.policy != control]
    room = SERIES - len(first)
    parts = [first + others[start : start + room] for start in range(0, max(len(others), 1), room)]
    plots = []
    for number, part in enumerate(parts):
        title = f"Regret so far, {own.world}" + (f" ({number + 1} of {len(parts)})" if len(parts) > 1 else "")
        wide, narrow = (regret_chart(part, after, layout, title) for layout in (WIDE, NARROW))
        plots.append(Plot(title, wide, narrow))
    return plots


def regret_chart(curves: Sequence[Curve], after: Sequence[int], layout: Layout, title: str) -> Markup:
    """Return regret against visitors, from 0 on."""
    drawn = [
        BandCurve(
            curve.policy,
            [0, *after],
            [0.0, *curve.mean.tolist()],
            low=[0.0, *curve.low.tolist()],
            high=[0.0, *curve.high.tolist()],
        )
        for curve in curves
    ]
    across = ("visitors", lambda visitors: count(visitors, PAGE))
    up = ("purchases lost", lambda lost: f"{lost:.4g}")
    return band_chart(drawn, layout, title, across=across, up=up)


def _blocks(study: RunConfig, own: Compared, after: Sequence[int]) -> list[Block]:
    effects = {effect.treatment: (effect, p) for effect, p in zip(own.effects, own.adjusted, strict=True)}
    rows = []
    for curve in sorted(own.curves, key=lambda curve: float(curve.mean[-1])):
        row = [curve.policy, f"{curve.mean[-1]:.1f}", f"[{curve.low[-1]:.1f}, {curve.high[-1]:.1f}]"]
        if curve.policy in effects:
            effect, p = effects[curve.policy]
            row += [*difference(effect.estimate, effect.ci_low, effect.ci_high, SCORE, PLAIN), _p(p)]
        else:
            row += ["", "", ""]
        rows.append(tuple(row))
    header = ("policy", "regret", "95 % interval", f"against {study.control}", "95 % interval", "p, corrected")
    table = Grid(f"Regret after {count(after[-1], PLAIN)} visitors", header, tuple(rows), (1, 2, 3, 4, 5), shown=20)
    return [*regret_plots(own, study.control, after), table]


def _headline(own: Compared) -> str:
    """Return which policy lost least in a world, and whether it is shown better than the control."""
    best = min(own.curves, key=lambda curve: float(curve.mean[-1]))
    said = f"{own.world}: {best.policy} lost least ({best.mean[-1]:.1f} [{best.low[-1]:.1f}, {best.high[-1]:.1f}])"
    for effect, p in zip(own.effects, own.adjusted, strict=True):
        if effect.treatment == best.policy:
            head, interval = difference(effect.estimate, effect.ci_low, effect.ci_high, SCORE, PLAIN)
            shown = "shown better than" if p <= LEVEL else "not shown better than"
            return f"{said}, {shown} {effect.control} ({head} {interval})."
    return f"{said}."


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
