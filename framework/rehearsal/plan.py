"""`plan +experiment=x`: what the study's test can show, and how many users and days a live test would take."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from framework.config import RunConfig
from framework.errors import ConfigError
from framework.fitting import Bench
from framework.judging import decision_rule
from framework.kinds import Metric
from framework.plugins import Plugins
from framework.preflight import check_study
from framework.records import Run, UnitValues
from framework.rehearsal.foreknown import reduction_by_past
from framework.rehearsal.plan_pages import plan_sheet
from framework.rehearsal.rehearse import Rehearsal, rehearse, roles_of
from framework.report.atomic import write_whole
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import RunFolder, now, versions
from framework.stages import Stages, watched
from framework.stats.arms import arm_value
from framework.stats.compare import compare
from framework.stats.decision import DecisionRule, rule_digest
from framework.stats.planning.observed import minimum_detectable
from framework.stats.planning.plan import Plan, plan_units
from framework.stats.planning.setting import Setting
from framework.stats.planning.traffic import Accumulation, Duration, accumulated, days_for
from framework.stats.planning.variance import unit_sd
from framework.stats.sequential.design import group_sequential, inflation_factor

if TYPE_CHECKING:
    from omegaconf import DictConfig

WORTH_IT = 0.01
"""Share of variance that covariates must save to be worth a row of the plan."""
FILE_NAME, PAGE_NAME = "plan.json", "plan.html"


@dataclass(frozen=True)
class Rehearsed:
    """What the study's own trial can show of one metric, as rehearsed: its control's value and the detectable effect.

    `minimum` is the smallest true difference (metric's unit) found with the rule's power at the family's first step,
    the largest over the treatments.
    """

    evidence: str
    metric: str
    role: str
    design: str
    units: int
    control: float
    minimum: float
    relative_minimum: float | None


@dataclass(frozen=True)
class Live:
    """A live test of one metric with users split between the arms: the units and days for one relative effect."""

    metric: str
    relative: float
    covariates: bool
    plan: Plan
    duration: Duration | None


@dataclass(frozen=True)
class Planned:
    """Everything that the plan says; `settings` are the live test's, by metric and by whether covariates help."""

    rehearsed: tuple[Rehearsed, ...]
    live: tuple[Live, ...]
    settings: dict[tuple[str, bool], Setting]
    traffic: Accumulation | None
    inflation: float


def plan(config: DictConfig, folder: Path, plugins: Plugins) -> None:
    """Rehearse the study, work out its plan, write `plan.json` and its page, and show them."""
    from framework.run import read_study

    study, plain, text = read_study(config)
    _check(study)
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        opened = Stages(this, record, progress, plugins)
        rehearsal = rehearse(bench, opened, [*check_study(study), *plugins.check(config=plain)])
        with opened.stage("plan", "Planning"):
            rule = decision_rule(study, rehearsal.metrics)
            planned = planned_for(study, rehearsal, rule)
        with opened.stage("report", "Writing the report"):
            sheet = plan_sheet(study, rehearsal, planned)
            write_whole(folder / FILE_NAME, _as_json(study, planned, rule, rehearsal) + "\n")
            page = write_sheet(sheet, folder / PAGE_NAME)
    show_sheet(sheet, Console(width=study.report.width, highlight=False))
    print_path(page)


def planned_for(study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule) -> Planned:
    """Return what the rehearsal says of the trial itself, and of a live test of the same metrics."""
    traffic = None
    if rehearsal.days > 1 and len(rehearsal.first_seen):
        traffic = accumulated(rehearsal.first_seen, rehearsal.days)
    inflation = 1.0
    if study.plan.looks > 1:
        design = group_sequential(study.plan.looks, rule=study.plan.spending, alpha=rule.alpha)
        inflation = inflation_factor(design, rule.power)
    settings = _settings(study, rehearsal, rule, inflation)
    live = []
    for (metric, covariates), setting in settings.items():
        for relative in study.plan.effects:
            units = plan_units(setting, abs(relative * float(setting.baseline or 0.0)))
            duration = None
            if traffic is not None:
                duration = days_for(traffic, units.n_total, share=study.plan.traffic, follow_up=study.plan.follow_up)
            live.append(Live(metric, relative, covariates, units, duration))
    return Planned(tuple(_rehearsed(study, rehearsal, rule)), tuple(live), settings, traffic, inflation)


def _check(study: RunConfig) -> None:
    for effect in study.plan.effects:
        if not abs(effect) > 0:
            raise ConfigError(f"plan.effects holds {effect:g}", allowed="relative effects other than 0, such as 0.05")
    if not 0 < study.plan.traffic <= 1:
        raise ConfigError(f"plan.traffic is {study.plan.traffic:g}", allowed="a share above 0 and at most 1")
    if study.plan.looks < 1 or study.plan.follow_up < 0:
        raise ConfigError(
            f"plan.looks is {study.plan.looks}, plan.follow_up {study.plan.follow_up}", allowed="1 and 0 or more"
        )


def _rehearsed(study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule) -> list[Rehearsed]:
    roles = roles_of(rehearsal.metrics)
    treatments = [name for name in study.strategies if name != study.control]
    family = len(treatments) * len(rule.primary)
    rows = []
    for trial in rehearsal.trials:
        for metric, values in rehearsal.measured[trial.evidence].items():
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
            level = rule.alpha / (family if roles[metric] == "primary" else 1)
            minimum = max(minimum_detectable(effect, alpha=level, power=rule.power) for effect in effects)
            control = effects[0].control_value
            relative = minimum / control if control > 0 else None
            units = effects[0].n_control + (0 if trial.design == "paired" else effects[0].n_treatment)
            rows.append(
                Rehearsed(trial.evidence, metric, roles[metric], trial.design, units, control, minimum, relative)
            )
    return rows


def _settings(
    study: RunConfig, rehearsal: Rehearsal, rule: DecisionRule, inflation: float
) -> dict[tuple[str, bool], Setting]:
    """Return a live test's settings for each primary metric and guardrail, out of the first evidence that has it."""
    found: dict[tuple[str, bool], Setting] = {}
    for rated in rehearsal.metrics:
        label = rated.metric.label
        if not isinstance(rated.metric, Metric) or rated.role not in {"primary", "guardrail"}:
            continue
        trial = next((one for one in rehearsal.trials if label in rehearsal.measured[one.evidence]), None)
        if trial is None:
            continue
        values: UnitValues = rehearsal.measured[trial.evidence][label][study.control]
        baseline = arm_value(values, metric=label, arm=study.control).estimate
        if baseline is None or baseline <= 0:
            continue
        reduction = reduction_by_past(values, trial.outcomes[study.control], rehearsal.data)
        for covariates in (False, True):
            if covariates and (reduction is None or reduction < WORTH_IT):
                continue
            # Adjusted shares are compared as means of 0 and 1.
            kind = "mean" if covariates and values.kind == "proportion" else values.kind
            found[label, covariates] = Setting(
                metric=label,
                kind=kind,
                baseline=float(baseline),
                sd=None if kind == "proportion" else unit_sd(values, label, study.control),
                alpha=rule.alpha,
                power=rule.power,
                treatments=len(study.strategies) - 1,
                metrics=len(rule.primary) if rated.role == "primary" else 1,
                variance_reduction=float(reduction or 0.0) if covariates else 0.0,
                inflation=inflation,
            )
    return found


def _as_json(study: RunConfig, planned: Planned, rule: DecisionRule, rehearsal: Rehearsal) -> str:
    plain: dict[str, Any] = {
        "study": study.study,
        "rule_digest": rule_digest(rule),
        "data_digest": rehearsal.data_digest,
        "rehearsed": [asdict(row) for row in planned.rehearsed],
        "live": [asdict(row) for row in planned.live],
        "inflation": planned.inflation,
        "traffic_days": rehearsal.days,
        "unique_users_by_day": [] if planned.traffic is None else np.asarray(planned.traffic.uniques).tolist(),
        "warnings": list(rehearsal.warnings),
        "finished": now(),
        "command": " ".join(sys.argv),
        "versions": versions(),
    }
    return json.dumps(plain, indent=2, allow_nan=False)
