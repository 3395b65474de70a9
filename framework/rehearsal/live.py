"""A live test of the study's metrics, users split between the arms: how many users and days, and what that finds."""

from __future__ import annotations

from dataclasses import dataclass

from framework.config import RunConfig
from framework.errors import TrialError
from framework.fitting import RatedMetric
from framework.kinds import Metric
from framework.records import Trial, UnitValues
from framework.rehearsal.foreknown import reduction_by_past
from framework.rehearsal.rehearse import Rehearsal
from framework.stats.arms import arm_value
from framework.stats.decision import DecisionRule
from framework.stats.decision.rule import GUARDED
from framework.stats.planning.plan import Plan, plan_units, smallest_difference
from framework.stats.planning.setting import Setting
from framework.stats.planning.traffic import Accumulation, Duration, days_for, units_by
from framework.stats.planning.variance import unit_sd

WORTH_IT = 0.05
"""Share of variance that covariates must save to be worth rows of the plan."""
DAYS = (7, 14, 28, 56, 91, 182, 364)
"""Lengths of a test that are worth knowing, where the log is as long."""


@dataclass(frozen=True)
class Case:
    """A metric to plan for, as the control showed it on one kind of evidence; `margin` is a guardrail's (or 0)."""

    evidence: str
    role: str
    covariates: bool
    setting: Setting
    least: float
    margin: float
    sign: float

    @property
    def metric(self) -> str:
        """The metric's label."""
        return self.setting.metric

    @property
    def baseline(self) -> float:
        """The control's value."""
        return float(self.setting.baseline or 0.0)

    @property
    def arms(self) -> int:
        """How many arms share the users."""
        return 1 + self.setting.treatments

    def told_apart(self, difference: float) -> float:
        """Return what is left of a true difference beyond what the rule asks for: 0 where it asks for more."""
        asked = self.margin if self.role == "guardrail" else self.least if difference * self.sign > 0 else 0.0
        left = max(0.0, abs(difference) - asked)
        return left if difference > 0 else -left

    def smallest(self, users: float) -> float | None:
        """Return the smallest difference (above 0) that so many users of all arms find; None where none is."""
        each = users / self.arms
        if each < self.setting.least:
            return None
        try:
            found = smallest_difference(self.setting, each)
        except TrialError:
            return None
        return found + (self.margin if self.role == "guardrail" else self.least)


@dataclass(frozen=True)
class Live:
    """One row of the live test: the users and days that find a relative effect, and the power with the log's traffic.

    `relative` is None for a guardrail whose harm beyond its margin is to be ruled out where there is none. `reason`
    says why there is no plan; `power` is with all users of the log's days, None without a traffic.
    """

    case: Case
    relative: float | None
    plan: Plan | None
    duration: Duration | None
    power: float | None
    reason: str = ""


@dataclass(frozen=True)
class Stretch:
    """What a test of so many `days` meets and finds: `smallest` differences by the place of their case."""

    days: int
    users: float
    smallest: tuple[float | None, ...]


def cases_of(
    study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule, inflation: float
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """Return every primary metric and guardrail on every evidence that measures it, and why one cannot be planned."""
    cases: list[Case] = []
    notes: list[str] = []
    for rated in rehearsal.metrics:
        if not isinstance(rated.metric, Metric) or rated.role not in {"primary", "guardrail"}:
            continue
        for trial in rehearsal.trials:
            if rated.metric.label not in rehearsal.measured[trial.evidence]:
                continue
            try:
                cases += _cases(study, rehearsal, rule, rated, trial, inflation)
            except TrialError as error:
                notes.append(f"Not planned ({trial.evidence}): {error}")
    return tuple(cases), tuple(notes)


def rows_of(case: Case, study: RunConfig, rule: DecisionRule, traffic: Accumulation | None) -> list[Live]:
    """Return one row for each effect that the study asks for.

    A guardrail's are harms of that size, and one more where harm must be ruled out.
    """
    if case.role != "guardrail":
        return [_row(case, relative, study, traffic) for relative in study.plan.effects]
    harms = dict.fromkeys(-case.sign * abs(relative) for relative in study.plan.effects)
    rows = [_row(case, harm, study, traffic) for harm in harms]
    return [*rows, _row(case, None, study, traffic)] if rule.guarded == GUARDED[1] else rows


def stretches(cases: tuple[Case, ...], traffic: Accumulation, share: float) -> tuple[Stretch, ...]:
    """Return what tests of usual lengths, and of the log's own, meet and find."""
    lengths = sorted({*(days for days in DAYS if days < traffic.days), traffic.days})
    found = []
    for days in lengths:
        users = units_by(traffic, days, share=share).units
        found.append(Stretch(days, users, tuple(case.smallest(users) for case in cases)))
    return tuple(found)


def _row(case: Case, relative: float | None, study: RunConfig, traffic: Accumulation | None) -> Live:
    setting, difference = case.setting, 0.0
    if relative is None:
        if case.margin <= 0:
            reason = "a margin of 0 cannot be shown kept where nothing differs"
            return Live(case, None, None, None, None, reason)
        setting = _showing_safe(case)
    else:
        difference = case.told_apart(relative * case.baseline)
        if difference == 0:
            word = (
                "the margin allows it"
                if case.role == "guardrail"
                else "less than the difference that the rule asks for"
            )
            return Live(case, relative, None, None, None, word)
    try:
        plan = plan_units(setting, difference)
    except TrialError as error:
        return Live(case, relative, None, None, None, error.what)
    if traffic is None:
        return Live(case, relative, plan, None, None)
    duration = days_for(traffic, plan.n_total, share=study.plan.traffic, follow_up=study.plan.follow_up)
    each = float(traffic.uniques[-1]) * study.plan.traffic / case.arms
    power = setting.power_at(difference, each) if each >= setting.least else None
    return Live(case, relative, plan, duration, power)


def _showing_safe(case: Case) -> Setting:
    """Return the setting of a guardrail that is to be shown not harmed beyond its margin, by its nominal interval."""
    own = case.setting
    sd = own.spreads(0.0)[0]
    return Setting(
        metric=own.metric,
        kind="mean" if own.kind == "proportion" else own.kind,
        hypothesis="non-inferiority",
        baseline=own.baseline,
        sd=sd,
        margin=case.margin,
        alpha=own.alpha / 2,
        power=own.power,
        treatments=own.treatments,
        correction="none",
        variance_reduction=own.variance_reduction,
        inflation=own.inflation,
    )


def _cases(
    study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule, rated: RatedMetric, trial: Trial, inflation: float
) -> list[Case]:
    label, control = rated.metric.label, study.control
    values: UnitValues = rehearsal.measured[trial.evidence][label][control]
    baseline = arm_value(values, metric=label, arm=control).estimate
    if baseline is None or baseline <= 0:
        raise TrialError(f"metric '{label}': the control's value is {baseline}, so no effect is relative to it")
    saved = reduction_by_past(values, trial.outcomes[control], rehearsal.data)
    guardrail = rated.role == "guardrail"
    shares = rule.corrections.shares
    found = []
    for covariates in (False, True):
        if covariates and (saved is None or saved < WORTH_IT):
            continue
        # Adjusted shares are compared as means of 0 and 1.
        kind = "mean" if covariates and values.kind == "proportion" else values.kind
        setting = Setting(
            metric=label,
            kind=kind,
            baseline=float(baseline),
            sd=None if kind == "proportion" else unit_sd(values, label, control),
            alpha=rule.alpha,
            power=rule.power,
            treatments=len(study.strategies) - 1,
            metrics=1 if guardrail or shares else len(rule.primary),
            alpha_share=1.0 if guardrail or not shares else shares[label],
            correction="none" if guardrail else "holm",
            variance_reduction=float(saved or 0.0) if covariates else 0.0,
            inflation=inflation,
        )
        least = 0.0 if guardrail else rule.least(label)
        margin = rule.tolerated(label) if guardrail else 0.0
        found.append(Case(trial.evidence, rated.role, covariates, setting, least, margin, rule.sign(label)))
    return found
