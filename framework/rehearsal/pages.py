"""What a plan and a calibration say, as sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from framework.config import RunConfig
from framework.rehearsal.rehearse import Rehearsal, unit_of
from framework.report.blocks import Block, Grid, Sheet, Words, section
from framework.report.charts import NARROW, WIDE
from framework.report.formats import PLAIN, Unit, difference, share
from framework.report.histogram import p_histogram
from framework.report.plots import Plot
from framework.report.rate_chart import RateRow, rate_chart
from framework.stats.replication.replay import Replay
from framework.stats.replication.tally import EffectTally, Share

if TYPE_CHECKING:
    from framework.rehearsal.calibrate import Calibrated


def calibration_sheet(study: RunConfig, rehearsal: Rehearsal, plan: Replay, found: Calibrated, rule: str) -> Sheet:
    """Return what the replications say of the study's plan."""
    null = found.null
    families = "; ".join(f"{name} {_said(own)}" for name, own in null.any_corrected.items())
    headline = (
        f"Where nothing differs, a treatment ships in {_said(null.any_ship)} of {null.replications:,} replications, "
        f"and a corrected difference is shown in {families} (nominal {share(plan.alpha, PLAIN)})."
    )
    sections = (
        section("Nothing differs (A/A)", _null_blocks(plan, found)),
        section("With a planted effect", _planted_blocks(found, rehearsal)),
        section("Coverage of the intervals", _coverage_blocks(found)),
        section("What was replicated", _about(study, rehearsal, plan, rule)),
    )
    return Sheet(f"Calibration of {study.study}", "Does this plan keep its promise on this data?", headline, sections)


def _null_blocks(plan: Replay, found: Calibrated) -> list[Block]:
    null = found.null
    rows = [RateRow("a treatment ships", null.any_ship.share, null.any_ship.low, null.any_ship.high, None)]
    rows += [
        RateRow(f"{name}: any corrected difference", own.share, own.low, own.high, plan.alpha)
        for name, own in null.any_corrected.items()
    ]
    rows += [
        RateRow(_name(own), own.rejected.share, own.rejected.low, own.rejected.high, plan.alpha)
        for own in null.effects
        if own.asked.segment is None
    ]
    title = "False positives over all users, before correction where no word says otherwise"
    blocks: list[Block] = [_rates(rows, title), _table(rows, "False positives")]
    for name, p_values in found.p_values.items():
        title = f"p-values of the A/A replications, {name}"
        blocks.append(
            Plot(title, *(p_histogram(p_values, layout, title, alpha=plan.alpha) for layout in (WIDE, NARROW)))
        )
    decisions = tuple(
        (treatment, *(share(words[word].share, PLAIN) for word in ("ship", "hold", "stop", "undecided")))
        for treatment, words in null.decisions.items()
    )
    header = ("Treatment", "Ship", "Hold", "Stop", "Undecided")
    blocks.append(Grid("Decisions where nothing differs", header, decisions, right=(1, 2, 3, 4)))
    return blocks


def _planted_blocks(found: Calibrated, rehearsal: Rehearsal) -> list[Block]:
    units = unit_of(rehearsal.metrics)
    currency = rehearsal.data.currency
    said = [
        f"{evidence}: {metric} {difference(gain, None, None, Unit(str(units[metric]), currency), PLAIN)[0]}"
        for (evidence, metric), gain in found.gains.items()
    ]
    blocks: list[Block] = [Words(f"Planted on every treatment: {'; '.join(said)}.")]
    rows = [
        RateRow(_name(own), own.rejected.share, own.rejected.low, own.rejected.high, None)
        for own in found.planted.effects
        if own.asked.segment is None
        and (own.asked.evidence, own.asked.metric) in found.gains
        and own.asked.control not in found.planted.decisions
    ]
    for treatment, words in found.planted.decisions.items():
        ship = words["ship"]
        rows.append(RateRow(f"{treatment} ships", ship.share, ship.low, ship.high, None))
    title = "How often the planted effect is found"
    blocks += [_rates(rows, title), _table(rows, title)]
    return blocks


def _coverage_blocks(found: Calibrated) -> list[Block]:
    cells = [
        (_name(own), own.asked.segment or "all users", _said(own.coverage), _said(with_gain.coverage))
        for own, with_gain in zip(found.null.effects, found.planted.effects, strict=True)
    ]
    header = ("Effect", "Segment", "Nothing differs", "With the planted effect")
    label = "Share of replications whose nominal interval holds the truth"
    return [
        Words("The interval is made to hold the truth at its nominal confidence; this is how often it did."),
        Grid(label, header, tuple(cells), right=(2, 3), shown=10),
    ]


def _about(study: RunConfig, rehearsal: Rehearsal, plan: Replay, rule: str) -> list[Block]:
    names = "; ".join(
        f"{trial.evidence}: {trial.design}, {max(len(own) for own in trial.outcomes.values()):,} users"
        for trial in rehearsal.trials
    )
    return [
        Words(
            f"The trial was rehearsed on the validation part ({names}); the test part stays sealed. In every "
            "replication users were drawn again and, within each bag of users, the strategies' outcomes were dealt to "
            "the strategies by chance, so that nothing differs; then the study's own estimators, corrections and rule "
            "judged it. Kinds of evidence were drawn independently."
        ),
        Words(f"The rule: {rule}"),
        Words(
            f"{len(plan.asked)} effects a replication; confidence {share(plan.confidence, PLAIN)}; seed {study.seed}."
        ),
        *(Words(warning, alert=True) for warning in rehearsal.warnings),
    ]


def _rates(rows: Sequence[RateRow], title: str) -> Plot:
    return Plot(title, *(rate_chart(rows, layout, title) for layout in (WIDE, NARROW)))


def _table(rows: Sequence[RateRow], label: str) -> Grid:
    cells = tuple(
        (
            row.label,
            share(row.rate, PLAIN),
            f"[{share(row.low, PLAIN)}, {share(row.high, PLAIN)}]",
            "" if row.nominal is None else share(row.nominal, PLAIN),
        )
        for row in rows
    )
    return Grid(label, ("What", "Share", "95 % interval", "Nominal"), cells, right=(1, 2, 3), folded=True, shown=12)


def _name(own: EffectTally) -> str:
    asked: Any = own.asked
    return f"{asked.evidence}: {asked.metric}, {asked.treatment} against {asked.control}"


def _said(own: Share) -> str:
    return f"{share(own.share, PLAIN)} [{share(own.low, PLAIN)}, {share(own.high, PLAIN)}]"
