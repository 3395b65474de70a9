"""`plan +experiment=x`: what the study's test can show, and how many users and days a live test would take."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from framework.config import PlanConfig, RunConfig
from framework.errors import ConfigError, TrialError, did_you_mean
from framework.fitting import Bench
from framework.judging import decision_rule
from framework.plugins import Plugins
from framework.records import Run
from framework.rehearsal.live import Case, Live, Stretch, cases_of, rows_of, stretches
from framework.rehearsal.plan_pages import plan_sheet
from framework.rehearsal.promise import first_level, smallest_found
from framework.rehearsal.rehearse import Rehearsal, check_rehearsal, rehearse, roles_of
from framework.report.atomic import write_whole
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import PLAN, PLAN_PAGE, RunFolder, now, versions
from framework.stages import Stages, watched
from framework.stats.compare import compare
from framework.stats.decision import DecisionRule, rule_digest
from framework.stats.planning.traffic import Accumulation, accumulated
from framework.stats.sequential.design import RULES, SHAPES, group_sequential, inflation_factor

if TYPE_CHECKING:
    from omegaconf import DictConfig

SPENDINGS = tuple(rule for rule in RULES if SHAPES.get(rule, 0.0) is not None)
"""Rules of a group-sequential design that need no parameter."""


@dataclass(frozen=True)
class Rehearsed:
    """What the study's own trial can show of one metric, as rehearsed: its control's value and the detectable effect.

    `minimum` is the smallest true difference (metric's unit) found with the rule's power at `level`, the largest over
    the treatments; None where no unit differs between the arms.
    """

    evidence: str
    metric: str
    role: str
    design: str
    units: int
    control: float
    level: float
    minimum: float | None
    relative_minimum: float | None


@dataclass(frozen=True)
class Planned:
    """Everything that the plan says."""

    rehearsed: tuple[Rehearsed, ...]
    cases: tuple[Case, ...]
    live: tuple[Live, ...]
    stretches: tuple[Stretch, ...]
    traffic: Accumulation | None
    inflation: float
    notes: tuple[str, ...]


def plan(config: DictConfig, folder: Path, plugins: Plugins) -> None:
    """Rehearse the study, work out its plan, write `plan.json` and its page, and show them."""
    from framework.run import read_study

    study, plain, text = read_study(config)
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        warnings = [*check_rehearsal(study), *plugins.check(config=plain)]
        _check(study.plan)
        opened = Stages(this, record, progress, plugins)
        rehearsal = rehearse(bench, opened, warnings)
        with opened.stage("plan", "Planning"):
            rule = decision_rule(study, rehearsal.metrics)
            planned = planned_for(study, rehearsal, rule)
        with opened.stage("report", "Writing the report"):
            sheet = plan_sheet(study, rehearsal, planned)
            write_whole(folder / PLAN, _as_json(study, planned, rule, rehearsal) + "\n")
            page = write_sheet(sheet, folder / PLAN_PAGE)
    show_sheet(sheet, Console(width=study.report.width, highlight=False))
    print_path(page)


def planned_for(study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule) -> Planned:
    """Return what the rehearsal says of the trial itself, and of a live test of the same metrics."""
    traffic = None
    if rehearsal.days > 1 and len(rehearsal.days_ago):
        traffic = accumulated(rehearsal.days_ago, rehearsal.days)
    inflation = 1.0
    if study.plan.looks > 1:
        design = group_sequential(study.plan.looks, rule=study.plan.spending, alpha=rule.alpha)
        inflation = inflation_factor(design, rule.power)
    rehearsed, left_out = _rehearsed(study, rehearsal, rule)
    cases, notes = cases_of(study, rehearsal, rule, inflation)
    return Planned(
        rehearsed=tuple(rehearsed),
        cases=cases,
        live=tuple(row for case in cases for row in rows_of(case, study, rule, traffic)),
        stretches=() if traffic is None else stretches(cases, traffic, study.plan.traffic),
        traffic=traffic,
        inflation=inflation,
        notes=(*left_out, *notes),
    )


def _check(settings: PlanConfig) -> None:
    if not settings.effects:
        raise ConfigError("plan.effects is empty", allowed="relative effects other than 0, such as [0.05, 0.1]")
    for effect in settings.effects:
        if not 0 < abs(effect) < math.inf:
            raise ConfigError(f"plan.effects holds {effect:g}", allowed="relative effects other than 0, such as 0.05")
    if not 0 < settings.traffic <= 1:
        raise ConfigError(f"plan.traffic is {settings.traffic:g}", allowed="a share above 0 and at most 1")
    if settings.looks < 1:
        raise ConfigError(f"plan.looks is {settings.looks}", allowed="1 or more")
    if settings.follow_up < 0:
        raise ConfigError(f"plan.follow_up is {settings.follow_up}", allowed="0 days or more")
    if settings.spending not in SPENDINGS:
        hint = did_you_mean(settings.spending, SPENDINGS)
        raise ConfigError(f"plan.spending is '{settings.spending}'", allowed=SPENDINGS, hint=hint)
    try:
        group_sequential(settings.looks, rule=settings.spending)
    except TrialError as error:
        raise ConfigError(f"plan.spending={settings.spending}, plan.looks={settings.looks}: {error}") from error


def _rehearsed(study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule) -> tuple[list[Rehearsed], list[str]]:
    """Return each metric's smallest difference on each evidence, and which metric cannot be compared there."""
    roles = roles_of(rehearsal.metrics)
    treatments = [name for name in study.strategies if name != study.control]
    rows: list[Rehearsed] = []
    notes: list[str] = []
    for trial in rehearsal.trials:
        measured = rehearsal.measured[trial.evidence]
        for metric, values in measured.items():
            try:
                effects = [
                    compare(
                        values[study.control],
                        values[treatment],
                        metric=metric,
                        control_name=study.control,
                        treatment_name=treatment,
                        design=trial.design,
                    )
                    for treatment in treatments
                ]
            except TrialError as error:
                if roles[metric] == "primary":
                    raise
                notes.append(f"Not planned ({trial.evidence}): {error}")
                continue
            level = first_level(rule, metric, measured, len(treatments))
            error_at_most = max(effect.standard_error for effect in effects)
            minimum = smallest_found(rule, metric, error_at_most, level) if error_at_most > 0 else None
            control = effects[0].control_value
            units = sum(len(own) for own in trial.outcomes.values())
            rows.append(
                Rehearsed(
                    evidence=trial.evidence,
                    metric=metric,
                    role=roles[metric],
                    design=trial.design,
                    units=effects[0].n_control if trial.design == "paired" else units,
                    control=control,
                    level=level,
                    minimum=minimum,
                    relative_minimum=None if minimum is None or control <= 0 else minimum / control,
                )
            )
    order = ("primary", "guardrail")
    rows.sort(key=lambda row: order.index(row.role) if row.role in order else len(order))
    return rows, notes


def _as_json(study: RunConfig, planned: Planned, rule: DecisionRule, rehearsal: Rehearsal) -> str:
    plain: dict[str, Any] = {
        "study": study.study,
        "seed": study.seed,
        "rule_digest": rule_digest(rule),
        "data_digest": rehearsal.data_digest,
        "rehearsed": [asdict(row) for row in planned.rehearsed],
        "live": [asdict(row) for row in planned.live],
        "stretches": [
            {
                "days": own.days,
                "users": own.users,
                "smallest": [
                    {"evidence": case.evidence, "metric": case.metric, "covariates": case.covariates, "found": found}
                    for case, found in zip(planned.cases, own.smallest, strict=True)
                ],
            }
            for own in planned.stretches
        ],
        "inflation": planned.inflation,
        "traffic_days": rehearsal.days,
        "users_of_the_last_days": [] if planned.traffic is None else planned.traffic.uniques.tolist(),
        "notes": list(planned.notes),
        "warnings": list(rehearsal.warnings),
        "finished": now(),
        "command": " ".join(sys.argv),
        "versions": versions(),
    }
    return json.dumps(plain, indent=2, allow_nan=False)
