"""What `uplift` found, as a page and as text: rankings with their curves, worth of segments, budgets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.records import ReportSection
from framework.report.blocks import Block, Grid, Sheet, Words, section
from framework.report.charts import NARROW, WIDE
from framework.report.curves import BandCurve, band_chart
from framework.report.formats import PLAIN, count, p_value, significant
from framework.report.plots import Plot
from framework.stats.health.sample_ratio import NOTICE, sample_ratio
from framework.stats.uplift.valued import Valued
from framework.uplift.findings import Findings, Ranking, Segmented
from framework.uplift.settings import UpliftSettings
from framework.uplift.units import Units


def sheet_of(units: Units, settings: UpliftSettings, found: Findings) -> Sheet:
    """Return the whole page."""
    sections = [_test(units, settings, found)]
    sections += [_rankings(found, settings, arm) for arm in units.arms[1:] if found.rankings]
    sections += [_worth(found, settings), _segments(found)]
    if found.rankings and settings.budgets:
        sections.append(_budgets(found, settings))
    return Sheet(
        f"uplift {units.path.name}",
        f"Whom does a treatment move in {settings.outcome}?",
        _headline(found, settings),
        tuple(sections),
    )


def number(value: Valued, scale: float = 1.0, *, signed: bool = True) -> str:
    """Return an estimate with its interval, as many decimals as give the half width two digits."""
    half = (value.ci_high - value.ci_low) / 2 * scale
    places = significant(half, 2) if half > 0 else 4
    sign = "+" if signed else ""
    return (
        f"{value.value * scale:{sign}.{places}f} "
        f"[{value.ci_low * scale:{sign}.{places}f}, {value.ci_high * scale:{sign}.{places}f}]"
    )


def _headline(found: Findings, settings: UpliftSettings) -> str:
    alpha = 1 - settings.confidence
    shown = [own for own in found.segmentations if own.p_adjusted <= alpha and own.worth.over_single.value > 0]
    if not shown:
        return (
            f"No segmentation of {len(found.segmentations)} is shown to be worth more than one action for everybody, "
            "corrected for how many were tried."
        )
    best = max(shown, key=lambda own: own.worth.over_single.value)
    return (
        f"Acting by the segments of {best.name} is worth {number(best.worth.over_single)} more per unit than the best "
        f"single action (p {p_value(best.p_adjusted, PLAIN)}, corrected for {len(found.segmentations)} tried)."
    )


def _test(units: Units, settings: UpliftSettings, found: Findings) -> ReportSection:
    sizes = np.bincount(units.arm)
    rows = []
    for place, arm in enumerate(units.arms):
        effect = number(found.effects[arm]) if arm in found.effects else ""
        rows.append((arm, count(int(sizes[place]), PLAIN), f"{units.outcome[units.arm == place].mean():.4g}", effect))
    dealt = "the probabilities in the file" if settings.propensity else "arms dealt to everybody with the same chance"
    blocks: list[Block] = [
        Grid("Arms", ("arm", "units", f"mean {settings.outcome}", "effect, adjusted"), tuple(rows), right=(1, 2, 3)),
        Words(
            f"Intervals are {100 * settings.confidence:g} %. They rest on {dealt}. Learning went forward over "
            f"{settings.folds} folds: of {units.arm.size:,} units {found.tested:,} are in a fold that was valued by "
            "what was learned from those before it."
        ),
    ]
    if settings.shares:
        ratio = sample_ratio(dict(zip(units.arms, sizes.tolist(), strict=True)), settings.shares)
        blocks.append(Words(f"{ratio['text']} (p {p_value(ratio['p_value'], PLAIN)})", alert=ratio["level"] != "ok"))
    for arm, p in (found.balance or {}).items():
        if p < NOTICE:
            text = (
                f"Covariates foretell who is in '{arm}' (p {p_value(p, PLAIN)}): chance did not deal the arms as said."
            )
            blocks.append(Words(text, alert=True))
    if units.dropped:
        blocks.append(Words(f"{units.dropped:,} units with a missing number were left out.", alert=True))
    return section("The test", blocks)


def _rankings(found: Findings, settings: UpliftSettings, treatment: str) -> ReportSection:
    own = [ranking for ranking in found.rankings if ranking.treatment == treatment]
    several = len(found.effects) > 1
    rows = tuple(
        (
            ranking.learner,
            number(ranking.qini_coefficient) if ranking.qini_coefficient else "outcomes are not 0 and 1",
            number(ranking.qini_area),
            number(ranking.auuc_above_random),
            number(ranking.auuc),
        )
        for ranking in sorted(own, key=lambda ranking: -ranking.qini_area.value)
    )
    header = ("learner", "Qini coefficient", "Qini area", "AUUC above random", "AUUC")
    half = own[0].auuc.value - own[0].auuc_above_random.value
    return section(
        f"Rankings by uplift: {treatment}" if several else "Rankings by uplift",
        [
            Grid("Learners", header, rows, right=(1, 2, 3, 4), brief=(0, 1, 2)),
            Words(
                "A random ranking has a Qini coefficient, Qini area and AUUC above random of 0, and an AUUC of half "
                f"the tested units' average effect, {half:.4g}. Areas are gains per unit over all shares treated; the "
                "coefficient is the Qini area over that of an optimal curve (Radcliffe 2007, downlift allowed)."
            ),
            _curves(own, settings, treatment),
        ],
    )


def _curves(rankings: Sequence[Ranking], settings: UpliftSettings, treatment: str) -> Plot:
    best = sorted(rankings, key=lambda ranking: -ranking.qini_area.value)
    curves = []
    for place, ranking in enumerate(best):
        own = ranking.curve
        band = (own.low.tolist(), own.high.tolist()) if place == 0 else ((), ())
        curves.append(BandCurve(ranking.learner, own.share.tolist(), own.gain.tolist(), *band))
    end = float(best[0].curve.gain[-1])
    curves.append(BandCurve("random", [0.0, 1.0], [0.0, end]))
    title = f"Qini curves of {treatment}: gain in {settings.outcome} per unit, by the share treated"
    wide, narrow = (
        band_chart(
            curves,
            layout,
            title,
            across=("share treated, highest predicted uplift first", lambda share: f"{100 * share:.0f} %"),
            up=(f"gain in {settings.outcome} per unit", lambda gain: f"{gain:.3g}"),
            zero=True,
            confidence=settings.confidence,
        )
        for layout in (WIDE, NARROW)
    )
    return Plot(title, wide, narrow)


def _worth(found: Findings, settings: UpliftSettings) -> ReportSection:
    rows = []
    for own in found.segmentations:
        worth = own.worth
        taken = ", ".join(
            f"{arm} {100 * share:.0f} %" for arm, share in zip(own.arms, worth.chosen, strict=True) if share > 0
        )
        rows.append(
            (
                own.name,
                number(worth.segments, signed=False),
                number(worth.over_single),
                number(worth.over_random),
                p_value(own.p_adjusted, PLAIN),
                taken,
            )
        )
    header = ("segments", "value per unit", "over best single action", "over random groups", "p, Holm", "who gets what")
    price = f"{settings.worth:g} times {settings.outcome}, less {settings.cost:g} for each unit treated"
    fixed = {
        f"{arm} for everybody": number(value, signed=False)
        for own in found.segmentations
        for arm, value in zip(own.arms, own.worth.always, strict=True)
    }
    singles = tuple(fixed.items())
    return section(
        "Worth of segments",
        [
            Grid("Best action per segment", header, tuple(rows), right=(1, 2, 3, 4), brief=(0, 1, 2, 4)),
            Grid("One action for everybody", ("action", "value per unit"), singles, right=(1,)),
            Words(
                f"Values are {price}. Actions were chosen on earlier folds and valued on later ones, so choosing "
                "flatters none of them. Random groups have the same sizes, and their best actions are chosen alike. p "
                "is of being worth another amount than the best single action, corrected over the segmentations tried."
            ),
        ],
    )


def _segments(found: Findings) -> ReportSection:
    blocks: list[Block] = [_segment_grid(own) for own in found.segmentations]
    learned = any(own.learned for own in found.segmentations)
    said = "Effects of learned segments are those of units that did not shape them. " if learned else ""
    blocks.append(
        Words(
            f"{said}The action is that of the highest value after costs. Read the effects of segments side by side "
            "with their intervals: they are not corrected for how many there are."
        )
    )
    return section("The segments", blocks)


def _segment_grid(own: Segmented) -> Grid:
    treatments = own.arms[1:]
    header = ("segment", "share", *(f"effect of {arm}" for arm in treatments), "action", "in words")
    rows = tuple(
        (
            segment.name,
            f"{100 * segment.share:.0f} %",
            *(number(segment.effects[arm]) if arm in segment.effects else "too few units" for arm in treatments),
            segment.action,
            segment.description,
        )
        for segment in own.segments
    )
    right = tuple(range(1, 2 + len(treatments)))
    return Grid(own.name, header, rows, right=right, shown=4 if own.learned else 8)


def _budgets(found: Findings, settings: UpliftSettings) -> ReportSection:
    several = len(found.effects) > 1
    rows = tuple(
        (
            f"{ranking.learner}, {ranking.treatment}" if several else ranking.learner,
            f"{100 * row.share:.0f} %",
            f"{100 * row.contacted:.1f} %",
            f"{1000 * row.spend:.4g}",
            number(row.profit, 1000),
            number(row.over_random, 1000),
        )
        for ranking in sorted(found.rankings, key=lambda ranking: -ranking.qini_area.value)
        for row in ranking.budgets
    )
    header = ("learner", "budget for", "treated", "spend", "profit", "over random")
    return section(
        "Under a budget",
        [
            Grid("Per 1,000 units", header, rows, right=(1, 2, 3, 4, 5), shown=len(settings.budgets)),
            Words(
                f"Of the units that a budget pays for, those are treated whose predicted gain is above the cost of "
                f"{settings.cost:g}. Profit is against treating nobody; over random is against as many contacts by lot."
            ),
        ],
    )
