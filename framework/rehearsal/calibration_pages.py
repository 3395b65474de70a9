"""What a calibration says, as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from framework.config import RunConfig
from framework.rehearsal.rehearse import Rehearsal, unit_of
from framework.report.blocks import Block, Grid, Sheet, Words, section
from framework.report.charts import NARROW, WIDE
from framework.report.coverage_chart import CoverageCell, coverage_table
from framework.report.formats import PLAIN, Unit, difference
from framework.report.histogram import p_histogram
from framework.report.plots import Plot
from framework.report.rate_chart import RateRow, rate_chart
from framework.stats.decision import rule_text
from framework.stats.decision.rule import listed
from framework.stats.replication.replay import Asked, Replay
from framework.stats.replication.tally import EffectTally, Share
from framework.stats.replication.verdicts import WORDS

if TYPE_CHECKING:
    from framework.rehearsal.calibrate import Calibrated

SLACK = 0.1
"""How far a rate may lie from alpha, as a share of it, before it breaks a promise (where chance is ruled out)."""


def calibration_sheet(
    study: RunConfig, rehearsal: Rehearsal, plan: Replay, found: Calibrated, notes: Sequence[str]
) -> Sheet:
    """Return what the replications say of the study's plan."""
    pages = _Pages(study, rehearsal, plan, found)
    sections = (
        section("Nothing differs (A/A)", pages.null()),
        section("With a planted gain", pages.planted()),
        section("Coverage of the intervals", pages.coverage()),
        section("What was replicated", pages.about(notes)),
    )
    return Sheet(
        f"Calibration of {study.study}", "Does this plan keep its promise on this data?", pages.headline(), sections
    )


class _Pages:
    """The calibration in words, tables and charts."""

    def __init__(self, study: RunConfig, rehearsal: Rehearsal, plan: Replay, found: Calibrated) -> None:
        self.study, self.rehearsal, self.plan, self.found = study, rehearsal, plan, found
        self.units = unit_of(rehearsal.metrics)
        self.control = study.control

    def headline(self) -> str:
        """Return whether the promise is kept, and the figures that say so."""
        null, found, alpha = self.found.null, self.found, self.plan.alpha
        liberal = [name for name, own in null.any_corrected.items() if self.above(own, alpha)]
        narrow = [self.name(own.asked) for own in null.effects if self.decides(own.asked) and self.below(own.coverage)]
        if liberal:
            verdict = f"This plan finds more than there is, on {listed(liberal)} evidence"
        elif narrow:
            verdict = f"This plan's intervals are too narrow for {listed(narrow)}"
        else:
            verdict = "This plan keeps its promise"
        shown = listed([f"{_said(own)} of {name} trials" for name, own in null.any_corrected.items()])
        ships = f"a treatment ships in {_said(null.any_ship)}"
        most = f"promised: at most {_percent(alpha)}"
        wrong = f"where nothing differs, a difference is shown in {shown} ({most}), and {ships}"
        first = [
            row
            for row, own in enumerate(self.plan.asked)
            if self.decides(own) and (own.evidence, own.metric) in found.planting.gains
        ]
        gains = [
            f"a gain of {self.gain(own.asked.evidence, own.asked.metric)} in {own.asked.metric} "
            f"({own.asked.evidence}) in {_said(own.rejected_after_correction or own.rejected)}"
            for own in _first_of_each([found.planted.effects[row] for row in first])
        ]
        right = f" A true gain is shown: {'; '.join(gains)}." if gains else ""
        return f"{verdict}: {wrong}.{right}"

    def null(self) -> list[Block]:
        """Return false positives and decisions where nothing differs."""
        null, alpha = self.found.null, self.plan.alpha
        rows = [RateRow("a treatment ships", null.any_ship.share, null.any_ship.low, null.any_ship.high)]
        rows += [_rate(f"{name}: any difference shown", own, alpha) for name, own in null.any_corrected.items()]
        rows += [_rate(f"{name}: any shown in a segment", own, alpha) for name, own in null.any_segment.items()]
        rows += [
            _rate(f"{self.name(own.asked)}, uncorrected", own.rejected, alpha)
            for own in null.effects
            if self.decides(own.asked)
        ]
        title = "How often a difference is shown where there is none"
        text = (
            "Shown means after the study's correction: over treatments and primary metrics, or over segments. A single "
            f"comparison is given uncorrected, at {_percent(alpha)}."
        )
        blocks: list[Block] = [Words(text), _rates(rows, title), _table(rows, title)]
        blocks.append(
            Words(
                "P-values of shares come in lumps near 1, as users can differ by whole purchases only; what counts is "
                "the left end."
            )
        )
        for (evidence, metric, treatment), p_values in self.found.p_values.items():
            first = next(iter(own for own in self.found.p_values if own[:2] == (evidence, metric)))
            if first == (evidence, metric, treatment):
                blocks.append(
                    self.histogram(f"p-values where nothing differs, {evidence}: {metric}, {treatment}", p_values)
                )
        blocks.append(self.decisions("Decisions where nothing differs", self.found.null.decisions))
        return blocks

    def histogram(self, title: str, p_values: Sequence[float]) -> Plot:
        """Return how A/A p-values spread."""
        wide, narrow = (p_histogram(p_values, layout, title, alpha=self.plan.alpha) for layout in (WIDE, NARROW))
        return Plot(title, wide, narrow)

    def planted(self) -> list[Block]:
        """Return how often planted gains are found, and what is decided."""
        found, chosen = self.found.planted, self.found.planting
        if not chosen.gains:
            return [Words("No primary metric to plant a gain on.", alert=True)]
        said = [f"{self.gain(evidence, metric)} in {metric} ({evidence})" for evidence, metric in chosen.gains]
        text = f"Planted on every treatment: {listed(said)}."
        if chosen.levels and self.found.promised:
            levels = listed([f"{level:.2g}" for level in sorted(set(chosen.levels.values()))], "or")
            text += (
                f" That is what a trial of this size should find with {_percent(self.plan.rule.power)} power at the "
                f"first step of the correction (p at most {levels}); later steps find more."
            )
        rows: list[RateRow] = []
        for row, own in enumerate(found.effects):
            if not self.decides(own.asked):
                continue
            if row in self.found.promised:
                share = self.found.promised[row]
                label = f"{self.name(own.asked)}, first step"
                rows.append(_rate(label, share, self.plan.rule.power, "below"))
            shown = own.rejected_after_correction or own.rejected
            rows.append(_rate(f"{self.name(own.asked)}, corrected", shown))
        rows += [_rate(f"{treatment} ships", words["ship"]) for treatment, words in found.decisions.items()]
        title = "How often the planted gain is found"
        return [
            Words(text),
            _rates(rows, title),
            _table(rows, title),
            self.decisions("Decisions with the planted gain", found.decisions),
        ]

    def decisions(self, label: str, by_treatment: dict[str, dict[str, Share]]) -> Grid:
        """Return what is decided on each treatment."""
        rows = tuple(
            (treatment, *(_percent(words[word].share) for word in WORDS)) for treatment, words in by_treatment.items()
        )
        return Grid(label, (label, *(word.capitalize() for word in WORDS)), rows, right=(1, 2, 3, 4))

    def coverage(self) -> list[Block]:
        """Return how often the intervals hold the truth."""
        pairs = list(zip(self.found.null.effects, self.found.planted.effects, strict=True))
        nominal = self.plan.confidence
        cells: dict[tuple[str, str], CoverageCell] = {}
        for null, own in pairs:
            asked = null.asked
            if asked.segment is not None or asked.control != self.control:
                continue
            sides = {f"{asked.treatment}, nothing differs": null}
            if (asked.evidence, asked.metric) in self.found.planting.gains:
                sides[f"{asked.treatment}, planted gain"] = own
            for column, side in sides.items():
                known = side.coverage
                if known.n:
                    cell = CoverageCell(known.share, known.low, known.high)
                    cells[f"{asked.evidence}: {asked.metric}", column] = cell
        names = list(dict.fromkeys(name for name, _ in cells))
        columns = sorted(dict.fromkeys(column for _, column in cells), key=lambda name: name.endswith("planted gain"))
        title = "Share of intervals that hold the truth, over all users"
        pictures = [
            coverage_table(names, columns, cells, layout, title, nominal=nominal, tolerance=SLACK * self.plan.alpha)
            for layout in (WIDE, NARROW)
        ]
        rows = tuple(
            (self.name(null.asked), null.asked.segment or "all users", _known(null.coverage), _known(own.coverage))
            for null, own in pairs
        )
        header = ("Effect", "Segment", "Nothing differs", "Planted gain")
        narrow = [null for null, _ in pairs if null.coverage.n and self.below(null.coverage)]
        said = []
        for own in narrow:
            where = f" in segment {own.asked.segment}" if own.asked.segment else ""
            said.append(f"{self.name(own.asked)}{where} ({_percent(own.coverage.share)})")
        blocks: list[Block] = [
            Words(
                f"An interval promises to hold the truth in {_percent(nominal)} of trials; this is how often it did, "
                "and what chance leaves open after so many replications."
            )
        ]
        if said:
            few = f"{len(said)} of {len(pairs)} intervals {'is' if len(said) == 1 else 'are'} too narrow on this data"
            blocks.append(
                Words(f"{few}: {'; '.join(said)}. Read {'it' if len(said) == 1 else 'them'} with care.", alert=True)
            )
        return [*blocks, Plot(title, *pictures), Grid("Coverage, all of it", header, rows, right=(2, 3), folded=True)]

    def about(self, notes: Sequence[str]) -> list[Block]:
        """Return what a replication is, and what it is not."""
        trials = []
        for trial in self.rehearsal.trials:
            sizes = self.plan.pools[trial.evidence].sizes
            trials.append(f"{trial.evidence}: {trial.design}, {_users(trial.design, sizes):,} users")
        text = (
            f"The trial was rehearsed on the validation part ({'; '.join(trials)}); the test part stays sealed. In "
            "every replication users are drawn again with replacement, and what they did under the strategies is dealt "
            "to the strategies by chance, so that nothing differs; then the study's own estimators, corrections and "
            "rule judge it. All comparisons then spread alike, as they did on average. Kinds of evidence are drawn "
            "independently, though they share users."
        )
        gain = (
            "A planted gain is added to every user's value. Of a share it is made of users who did not and now do, "
            "chosen by chance; of a ratio, every unit of its denominator brings it."
        )
        numbers = (
            f"{self.found.null.replications:,} replications without and as many with planted gains, "
            f"{len(self.plan.asked)} effects in each; seed {self.study.seed}. Brackets hold 95 % Clopper-Pearson "
            "intervals."
        )
        words = [text, gain, numbers, f"The rule: {rule_text(self.plan.rule)}"]
        return [
            *(Words(said) for said in words),
            *(Words(note, alert=True) for note in (*notes, *self.rehearsal.warnings)),
        ]

    def decides(self, asked: Asked) -> bool:
        """Say whether an effect is a primary one against the control, over all users."""
        return asked.segment is None and asked.role == "primary" and asked.control == self.control

    def name(self, asked: Asked) -> str:
        """Return an effect by evidence, metric and what is compared."""
        against = "" if asked.control == self.control else f" against {asked.control}"
        return f"{asked.evidence}: {asked.metric}, {asked.treatment}{against}"

    def gain(self, evidence: str, metric: str) -> str:
        """Return a planted gain in the metric's unit."""
        unit = Unit(str(self.units[metric]), self.rehearsal.data.currency)
        return difference(self.found.planting.gains[evidence, metric], None, None, unit, PLAIN)[0]

    def above(self, own: Share, alpha: float) -> bool:
        """Say whether a rate lies above alpha by more than slack and chance."""
        return own.low > alpha and own.share > (1 + SLACK) * alpha

    def below(self, own: Share) -> bool:
        """Say whether a coverage lies below the nominal one by more than slack and chance."""
        nominal = self.plan.confidence
        return own.high < nominal and own.share < nominal - SLACK * self.plan.alpha


def _first_of_each(effects: Sequence[EffectTally]) -> list[EffectTally]:
    """Return the first effect of each evidence and metric."""
    found: dict[tuple[str, str], EffectTally] = {}
    for own in effects:
        found.setdefault((own.asked.evidence, own.asked.metric), own)
    return list(found.values())


def _rate(label: str, own: Share, nominal: float | None = None, worse: str = "above") -> RateRow:
    return RateRow(label, own.share, own.low, own.high, nominal, worse)


def _rates(rows: Sequence[RateRow], title: str) -> Plot:
    return Plot(title, *(rate_chart(rows, layout, title) for layout in (WIDE, NARROW)))


def _table(rows: Sequence[RateRow], label: str) -> Grid:
    cells = tuple(
        (
            row.label,
            _percent(row.rate),
            f"[{100 * row.low:.1f}, {100 * row.high:.1f}]",
            "" if row.nominal is None else _percent(row.nominal),
        )
        for row in rows
    )
    return Grid(label, ("What", "Share", "95 % interval", "Promised"), cells, right=(1, 2, 3), folded=True, shown=16)


def _known(own: Share) -> str:
    return _said(own) if own.n else PLAIN.absent


def _users(design: str, sizes: Sequence[int]) -> int:
    return sizes[0] if design == "paired" else sum(sizes)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _said(own: Share) -> str:
    return f"{100 * own.share:.1f} % [{100 * own.low:.1f}, {100 * own.high:.1f}]"
