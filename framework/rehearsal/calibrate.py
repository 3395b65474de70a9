"""`calibrate +experiment=x`: how often this study's plan, on its own data, says what is not so, and finds what is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from framework.config import CalibrateConfig, RunConfig
from framework.errors import ConfigError
from framework.fitting import Bench
from framework.ledger import calibrated_digest, remember_calibration
from framework.plugins import Plugins
from framework.records import Run
from framework.rehearsal.calibration_pages import calibration_sheet
from framework.rehearsal.rehearse import Rehearsal, check_rehearsal, rehearse
from framework.rehearsal.replications import Planting, planting, replay_plan, replicated, tasks_of, with_gains
from framework.report.atomic import write_whole
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import CALIBRATION, CALIBRATION_PAGE, RunFolder, now, versions
from framework.stages import Stages, watched
from framework.stats.decision import rule_digest
from framework.stats.effects import Calibration
from framework.stats.multiplicity.families import MAX_T
from framework.stats.replication.replay import Replay, Replayed
from framework.stats.replication.tally import Share, Tally, share_of, tallied

if TYPE_CHECKING:
    from omegaconf import DictConfig

FEWEST = 100
"""Replications below which a share says nothing."""


@dataclass(frozen=True)
class Calibrated:
    """What the replications said: the A/A tally and the one with planted gains.

    `promised` is how often a planted gain was found at the level that it was planned for, by place in the plan's
    effects. `p_values` are those of the A/A replications, of each kind of evidence's primary metrics.
    """

    null: Tally
    planted: Tally
    planting: Planting
    promised: dict[int, Share]
    p_values: dict[tuple[str, str, str], list[float]]


def calibrate(config: DictConfig, folder: Path, plugins: Plugins) -> None:
    """Rehearse the study, replicate it, write `calibration.json` and its page, and show them."""
    from framework.run import read_study

    study, plain, text = read_study(config)
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        warnings = [*check_rehearsal(study), *plugins.check(config=plain)]
        _check(study.calibrate)
        opened = Stages(this, record, progress, plugins)
        rehearsal = rehearse(bench, opened, warnings)
        plan, notes = replay_plan(bench, rehearsal)
        total = 2 * len(tasks_of(study.calibrate.replications))
        with opened.stage("replications", "Replicating the trial", total=total) as step:
            found = calibrated(plan, study.calibrate, study.seed, step)
        with opened.stage("report", "Writing the report"):
            said = (*notes, *found.planting.notes, *_limits(study))
            sheet = calibration_sheet(study, rehearsal, plan, found, said)
            write_whole(folder / CALIBRATION, _as_json(study, plan, found, rehearsal, said) + "\n")
            page = write_sheet(sheet, folder / CALIBRATION_PAGE)
        remember_calibration(
            study.study, rehearsal.data_digest, rule_digest(plan.rule), calibrated_digest(study), _rows(plan, found)
        )
    show_sheet(sheet, Console(width=study.report.width, highlight=False))
    print_path(page)


def calibrated(plan: Replay, settings: CalibrateConfig, seed: int, advance: Callable[[], None]) -> Calibrated:
    """Return what replications of the plan say, without and with planted gains."""
    replications, jobs = settings.replications, settings.jobs
    null = replicated(plan, replications, (seed, 0), jobs=jobs, advance=advance)
    chosen = planting(plan, null, settings.planted, (seed,))
    found = replicated(with_gains(plan, chosen.gains), replications, (seed, 1), jobs=jobs, advance=advance)
    return Calibrated(
        null=tallied(plan, null),
        planted=tallied(plan, found),
        planting=chosen,
        promised=_promised(plan, found, chosen),
        p_values={
            (asked.evidence, asked.metric, asked.treatment): null.p_value[row][np.isfinite(null.p_value[row])].tolist()
            for row, asked in enumerate(plan.asked)
            if asked.segment is None and asked.role == "primary"
        },
    )


def _check(settings: CalibrateConfig) -> None:
    if settings.replications < FEWEST:
        raise ConfigError(
            f"calibrate.replications is {settings.replications}", allowed=f"{FEWEST} or more, better 10000"
        )
    planted = settings.planted
    if planted is not None and not 0 < abs(planted) < np.inf:
        raise ConfigError(f"calibrate.planted is {planted:g}", allowed="a relative effect such as 0.05, or null")
    if settings.jobs is not None and settings.jobs < 1:
        raise ConfigError(f"calibrate.jobs is {settings.jobs}", allowed="1 or more processes, or null for one a core")


def _limits(study: RunConfig) -> list[str]:
    """Return in what the replications differ from what a run does."""
    limits = []
    if study.decision.correction == MAX_T:
        limits.append("decision.correction is max_t, which replications replace by Holm's.")
    if {"holdout", "simulated"} <= set(study.decision.evidence or study.trial.evidence):
        limits.append(
            "Decisions take it that the simulator passes its check. In a run where it fails, the holdout decides "
            "alone: more is shipped, right or wrong."
        )
    return limits


def _promised(plan: Replay, found: Replayed, chosen: Planting) -> dict[int, Share]:
    """Return how often each planted gain had p at most the level that it was planned for."""
    shares: dict[int, Share] = {}
    for row, asked in enumerate(plan.asked):
        level = chosen.levels.get((asked.evidence, asked.metric))
        control = plan.pools[asked.evidence].arms[0]
        if level is None or asked.segment is not None or asked.control != control or plan.rule.least(asked.metric):
            continue
        known = np.isfinite(found.p_value[row])
        shares[row] = share_of(int((found.p_value[row] <= level).sum()), int(known.sum()))
    return shares


def _rows(plan: Replay, found: Calibrated) -> list[dict[str, Any]]:
    """Return each effect's names with what a later run shows beside it (`effects.Calibration`)."""
    rows = []
    for null, planted in zip(found.null.effects, found.planted.effects, strict=True):
        asked = null.asked
        known = (asked.evidence, asked.metric) in found.planting.gains
        known = known and asked.control == plan.pools[asked.evidence].arms[0]
        power = planted.rejected_after_correction or planted.rejected
        calibration = Calibration(
            replications=null.coverage.n,
            coverage=null.coverage.share,
            coverage_interval=(null.coverage.low, null.coverage.high),
            false_positive_rate=null.rejected.share,
            false_positive_interval=(null.rejected.low, null.rejected.high),
            planted=planted.truth if known else None,
            power=power.share if known else None,
            power_interval=(power.low, power.high) if known else (),
        )
        if null.coverage.n:
            names = [asked.evidence, asked.metric, asked.control, asked.treatment, asked.segment]
            rows.append({"effect": names, "calibration": asdict(calibration)})
    return rows


def _as_json(study: RunConfig, plan: Replay, found: Calibrated, rehearsal: Rehearsal, notes: tuple[str, ...]) -> str:
    plain: Mapping[str, Any] = {
        "study": study.study,
        "seed": study.seed,
        "rule_digest": rule_digest(plan.rule),
        "data_digest": rehearsal.data_digest,
        "alpha": plan.alpha,
        "confidence": plan.confidence,
        "power": plan.rule.power,
        "planted": [
            {"evidence": e, "metric": m, "gain": gain, "level": found.planting.levels.get((e, m))}
            for (e, m), gain in found.planting.gains.items()
        ],
        "null": asdict(found.null),
        "with_planted_effect": asdict(found.planted),
        "found_as_promised": [
            {"effect": asdict(plan.asked[row]), "share": asdict(own)} for row, own in found.promised.items()
        ],
        "notes": list(notes),
        "warnings": list(rehearsal.warnings),
        "finished": now(),
        "command": " ".join(sys.argv),
        "versions": versions(),
    }
    return json.dumps(plain, indent=2, allow_nan=False)
