"""What a plan says, as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from framework.config import RunConfig
from framework.rehearsal.plan_charts import percent, power_plot, traffic_plot
from framework.rehearsal.rehearse import Rehearsal, unit_of
from framework.report.blocks import Block, Grid, Sheet, Words, section
from framework.report.formats import PLAIN, Unit, count, difference, share, value
from framework.stats.decision.rule import listed

if TYPE_CHECKING:
    from framework.rehearsal.live import Case, Live
    from framework.rehearsal.plan import Planned, Rehearsed

TENFOLD = 10
"""From this many times the log's users on, a multiple has no decimals."""


def plan_sheet(study: RunConfig, rehearsal: Rehearsal, planned: Planned) -> Sheet:
    """Return the plan for the reader: the rehearsed trial first, then a live test, then its traffic."""
    pages = _Pages(study, rehearsal, planned)
    sections = (
        section("What the study's own trial can show", pages.own_trial()),
        section("A live test, users split between the arms", pages.live_test()),
        section("The log's traffic", pages.traffic()),
    )
    question = "What can this test show, and how long would a live one take?"
    return Sheet(f"Plan of {study.study}", question, pages.headline(), sections)


class _Pages:
    """The plan in words, tables and charts."""

    def __init__(self, study: RunConfig, rehearsal: Rehearsal, planned: Planned) -> None:
        self.study, self.rehearsal, self.planned = study, rehearsal, planned
        self.units = unit_of(rehearsal.metrics)
        self.power = percent(study.decision.power)

    def headline(self) -> str:
        """Return the plan in a few sentences."""
        planned = self.planned
        own = [
            f"{self.size(row)} in {row.metric} ({row.evidence})" for row in planned.rehearsed if row.role == "primary"
        ]
        text = f"With {self.power} power the study's own trial finds a difference of {listed(own)}."
        found = {id(case): self.furthest(case) for case in planned.cases}
        cases = [case for case in planned.cases if case.role == "primary" and not case.covariates and found[id(case)]]
        if planned.traffic is None or not cases:
            return text
        finds = listed([f"{percent(found[id(case)] or 0.0)} in {self.name(case)}" for case in cases])
        asked = listed([percent(effect) for effect in self.study.plan.effects])
        if any(_within(row) for row in planned.live if row.case in cases):
            reach = f"of the effects asked for ({asked}), within reach are: {self.reach(cases)}"
        else:
            reach = f"none of the effects asked for ({asked}) is within reach"
        days = f"all users of this log's {planned.traffic.days} days"
        return f"{text} A live test with {days} finds {finds} or more: {reach}."

    def furthest(self, case: Case) -> float | None:
        """Return the smallest relative effect that all of the log's users find."""
        smallest = (
            self.planned.stretches[-1].smallest[self.planned.cases.index(case)] if self.planned.stretches else None
        )
        return None if smallest is None else smallest / case.baseline

    def reach(self, cases: Sequence[Case]) -> str:
        """Return which of the effects asked for the log's own traffic finds, case by case."""
        said = []
        for case in cases:
            rows = [row for row in self.planned.live if row.case is case and row.relative is not None]
            found = listed([percent(row.relative or 0.0) for row in rows if _within(row)])
            said.append(f"{self.name(case)} {found or 'none'}")
        return "; ".join(said)

    def own_trial(self) -> list[Block]:
        """Return what the rehearsed trial can show of each metric."""
        rows = tuple(
            (
                f"{row.metric} ({row.evidence})",
                self.size(row),
                value(row.control, self.unit(row.metric), PLAIN),
                count(row.units, PLAIN),
                row.role,
            )
            for row in self.planned.rehearsed
        )
        designs = listed([f"{trial.evidence} {trial.design}" for trial in self.rehearsal.trials])
        text = (
            f"Rehearsed on the validation part ({self.rehearsal.window:.0f} days; {designs}); the test part stays "
            "sealed. The smallest difference is the smallest true difference that the trial finds with "
            f"{self.power} power, for the treatment that is hardest to tell from the control; primary metrics at the "
            "first step of the correction. A test part of another length has more or fewer users."
        )
        header = ("Metric", "Smallest difference", "Control", "Users", "Role")
        blocks: list[Block] = [Words(text), Grid("Smallest differences", header, rows, right=(1, 2, 3), shown=16)]
        return [*blocks, *(Words(warning, alert=True) for warning in (*self.rehearsal.warnings, *self.planned.notes))]

    def live_test(self) -> list[Block]:
        """Return users, days and power of a live test."""
        planned, study = self.planned, self.study
        if not planned.cases:
            return [Words("No metric can be planned for.", alert=True)]
        levels = {case.setting.level for case in planned.cases if case.role == "primary"}
        each = listed([f"{level:.2g}" for level in sorted(levels)], "or")
        plain = [case for case in planned.cases if not case.covariates]
        starts = listed([f"{self.name(case)} {value(case.baseline, self.unit(case.metric), PLAIN)}" for case in plain])
        arms, alpha = len(study.strategies), study.decision.alpha
        design = (
            f"{arms} arms of equal size, {self.power} power. Two-sided alpha {alpha:g} over all treatments and primary "
            f"metrics, so each comparison is planned for {each}."
        )
        base = (
            f"Baseline and spread are the control's in rehearsal: {starts}. Each kind of evidence is another idea of "
            "what live users do."
        )
        words = [design, base]
        if planned.inflation > 1:
            cost = share(planned.inflation - 1, PLAIN)
            words.append(f"{study.plan.looks} looks ({study.plan.spending}) cost {cost} more users at most.")
        saved = [
            f"{case.metric} ({case.evidence}) {share(case.setting.variance_reduction, PLAIN)}"
            for case in planned.cases
            if case.covariates
        ]
        if saved:
            words.append(f"Covariates save this much variance, foretold by the users' past: {listed(saved)}.")
        if planned.traffic is not None:
            days = f"all users of the log's {planned.traffic.days} days"
            words.append(f"Effects asked for within reach of {days}: {self.reach(plain)}.")
        blocks: list[Block] = [Words(text) for text in words]
        if planned.traffic is not None:
            blocks += [Words("The smallest relative effect that a live test of so many days finds:"), self.by_days()]
        blocks.append(Words("What it takes to find the effects asked for (plan.effects):"))
        blocks += [self.by_effect(), *(Words(mark) for mark in self.marks())]
        for case in plain:
            place = planned.cases.index(case)
            plot = power_plot(case, planned.stretches, place, self.name(case), study.decision.power)
            blocks += [] if plot is None else [plot]
        return blocks

    def by_effect(self) -> Grid:
        """Return the table of the effects asked for."""
        rows = tuple(
            (
                self.name(row.case),
                "no harm" if row.relative is None else percent(row.relative),
                row.reason or self.days(row),
                count(row.plan.n_total if row.plan else np.nan, PLAIN),
                PLAIN.absent if row.power is None else share(row.power, PLAIN),
            )
            for row in self.planned.live
        )
        last = "Power" if self.planned.traffic is None else f"Power in {self.planned.traffic.days} days"
        header = ("Metric", "Effect", "Days", "Users in all", last)
        return Grid("Users and days for the effects asked for", header, rows, right=(1, 2, 3, 4), shown=16)

    def by_days(self) -> Grid:
        """Return the table of what tests of usual lengths find."""
        cases = self.planned.cases
        rows = tuple(
            (
                f"{own.days:,}",
                count(own.users, PLAIN),
                *(
                    PLAIN.absent if found is None else percent(found / case.baseline)
                    for case, found in zip(cases, own.smallest, strict=True)
                ),
            )
            for own in self.planned.stretches
        )
        header = ("Days", "Users", *(self.name(case) for case in cases))
        label = "Smallest relative effect that a live test of so many days finds"
        return Grid(label, header, rows, right=tuple(range(1, len(header))), shown=16)

    def days(self, row: Live) -> str:
        """Return how long one row takes, in words."""
        traffic, duration = self.planned.traffic, row.duration
        if traffic is None or duration is None or row.plan is None:
            return PLAIN.absent
        if duration.days is None:
            times = row.plan.n_total / (float(traffic.uniques[-1]) * self.study.plan.traffic)
            return f"out of reach, {times:,.{1 if times < TENFOLD else 0}f} x"
        low, high = duration.days_low, duration.days_high
        about = "~ " if duration.beyond_log else ""
        ends = "" if low == high else f" ({low:,} to {'never' if high is None else f'{high:,}'})"
        return f"{about}{duration.days:,}{ends}"

    def marks(self) -> list[str]:
        """Return what the signs in the column of days mean, as far as they are there."""
        found = [row.duration for row in self.planned.live if row.duration is not None]
        said = []
        if any(own.days is None for own in found):
            said.append("Out of reach, 30 x: it takes 30 times the users that all of this log's days bring.")
        if any(own.beyond_log and own.days is not None for own in found):
            said.append("~: longer than this log; extrapolated in three ways, whose range stands beside it.")
        return said

    def traffic(self) -> list[Block]:
        """Return how many users the log brings in so many days, and what it cannot know."""
        traffic = self.planned.traffic
        if traffic is None:
            return [Words("The log is too short to say how many users come in a day.")]
        lengths = [own.days for own in self.planned.stretches]
        came = [f"{count(float(traffic.uniques[days - 1]), PLAIN)} in {days}" for days in lengths]
        enter = "All" if self.study.plan.traffic == 1 else share(self.study.plan.traffic, PLAIN)
        text = (
            f"Users who came in the last days before the test part, each counted once: {listed(came)} days. {enter} of "
            "them would enter the test. Who returns is in it already, so a longer test brings ever fewer new ones."
        )
        blocks: list[Block] = [Words(text)]
        if self.rehearsal.kinds == ("purchase",):
            blocks.append(
                Words(
                    "This log knows purchases only: visitors who buy nothing are neither in its traffic nor in the "
                    "holdout's baseline. A live test would meet more users, of whom a smaller share buys.",
                    alert=True,
                )
            )
        if self.study.plan.follow_up < self.rehearsal.window - 1:
            blocks.append(
                Words(
                    f"The holdout's baseline counts what users did in {self.rehearsal.window:.0f} days, and this plan "
                    f"follows the last user to come for {self.study.plan.follow_up} (plan.follow_up). Followed for "
                    "less, fewer users do anything, and a live test takes longer."
                )
            )
        return [*blocks, traffic_plot(traffic)]

    def unit(self, metric: str) -> Unit:
        """Return what a metric is printed in."""
        return Unit(str(self.units[metric]), self.rehearsal.data.currency)

    def name(self, case: Case) -> str:
        """Return a case by its metric, evidence and covariates."""
        several = len({own.evidence for own in self.planned.cases}) > 1
        said = f"{case.metric} ({case.evidence})" if several else case.metric
        return f"{said} with covariates" if case.covariates else said

    def size(self, row: Rehearsed) -> str:
        """Return a detectable difference, absolute and relative."""
        if row.minimum is None:
            return "no unit differs"
        said = difference(row.minimum, None, None, self.unit(row.metric), PLAIN)[0].replace("+", "")
        return said if row.relative_minimum is None else f"{said} ({percent(row.relative_minimum)})"


def _within(row: Live) -> bool:
    return row.duration is not None and not row.duration.beyond_log
