"""`calibrate +experiment=x`: how often this study's plan, on its own data, says what is not so, and finds what is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from framework.config import CalibrateConfig
from framework.errors import ConfigError
from framework.fitting import Bench
from framework.judging import decision_rule
from framework.ledger import remember_calibration
from framework.plugins import Plugins
from framework.preflight import check_study
from framework.records import Run
from framework.rehearsal.pages import calibration_sheet
from framework.rehearsal.rehearse import Rehearsal, rehearse, roles_of
from framework.report.atomic import write_whole
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import RunFolder, now, versions
from framework.stages import Stages, watched
from framework.stats.decision import rule_digest, rule_text
from framework.stats.effects import Calibration
from framework.stats.replication.bags import Bags, bag_numbers, bagged
from framework.stats.replication.replay import Asked, Replay, Replayed, merged, replay, truths
from framework.stats.replication.tally import Tally, tallied
from framework.trial.effects import pairs_of
from framework.trial.replicate import replicate

if TYPE_CHECKING:
    from omegaconf import DictConfig

FILE_NAME, PAGE_NAME = "calibration.json", "calibration.html"
AT_ONCE = 250
"""Replications in one task: enough to be worth sending to a process, few enough to show progress."""


@dataclass(frozen=True)
class Calibrated:
    """What the replications said: the A/A tally, the one with planted effects, and what was planted (metric's unit)."""

    null: Tally
    planted: Tally
    gains: dict[tuple[str, str], float]
    p_values: dict[str, list[float]]


def calibrate(config: DictConfig, folder: Path, plugins: Plugins) -> None:
    """Rehearse the study, replicate it, write `calibration.json` and its page, and show them."""
    from framework.run import read_study

    study, plain, text = read_study(config)
    if study.calibrate.replications < 100:
        raise ConfigError(
            f"calibrate.replications is {study.calibrate.replications}", allowed="100 or more, better 10000"
        )
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        opened = Stages(this, record, progress, plugins)
        rehearsal = rehearse(bench, opened, [*check_study(study), *plugins.check(config=plain)])
        tasks = 2 * -(-study.calibrate.replications // AT_ONCE)
        with opened.stage("replications", "Replicating the trial", total=tasks) as step:
            plan = replay_plan(bench, rehearsal)
            found = _replicated(plan, study.calibrate, study.seed, step)
        with opened.stage("report", "Writing the report"):
            rule = decision_rule(study, rehearsal.metrics)
            sheet = calibration_sheet(study, rehearsal, plan, found, rule_text(rule))
            write_whole(folder / FILE_NAME, _as_json(study.study, plan, found, rule_digest(rule), rehearsal) + "\n")
            page = write_sheet(sheet, folder / PAGE_NAME)
        remember_calibration(study.study, rehearsal.data_digest, rule_digest(rule), _rows(found))
    show_sheet(sheet, Console(width=study.report.width, highlight=False))
    print_path(page)


def replay_plan(bench: Bench, rehearsal: Rehearsal) -> Replay:
    """Return the study's trials as bags of units, with every effect that a run would test."""
    study = bench.config
    roles = roles_of(rehearsal.metrics)
    bags: dict[tuple[str, str], Bags] = {}
    asked: list[Asked] = []
    for number, trial in enumerate(rehearsal.trials):
        measured = rehearsal.measured[trial.evidence]
        pairs = pairs_of(trial, measured, control=study.control, roles=roles, floor=study.trial.segment_floor)
        arms = [study.control, *(name for name in trial.outcomes if name != study.control)]
        rng = np.random.default_rng([study.seed, 7, number])
        sizes = {arm: len(trial.outcomes[arm]) for arm in arms}
        first = bag_numbers(sizes[arms[0]], rng)
        bag = {arm: first if trial.design == "paired" else bag_numbers(sizes[arm], rng) for arm in arms}
        names = {arm: _segment_names(trial.outcomes[arm]) for arm in arms}
        segments = tuple(dict.fromkeys(pair.segment for pair in pairs if pair.segment is not None))
        for metric, values in measured.items():
            ordered = {arm: values[arm] for arm in arms}
            bags[trial.evidence, metric] = bagged(
                ordered, names, bag, metric=metric, design=trial.design, segments=segments
            )
        asked += [
            Asked(trial.evidence, pair.metric, pair.control, pair.treatment, pair.segment, roles[pair.metric])
            for pair in pairs
        ]
    rule = decision_rule(study, rehearsal.metrics)
    return Replay(bags, tuple(asked), rule, 1.0 - study.decision.alpha, study.decision.alpha)


def _segment_names(outcomes: Any) -> NDArray[np.str_]:
    names = np.array([*outcomes.segment_names, ""], dtype=np.str_)
    return np.asarray(names[outcomes.segment])


def _rows(found: Calibrated) -> list[dict[str, Any]]:
    """Return each effect's names with what a later run shows beside it (`effects.Calibration`)."""
    rows = []
    for null, planted in zip(found.null.effects, found.planted.effects, strict=True):
        asked, gain = null.asked, found.gains.get((null.asked.evidence, null.asked.metric))
        known = gain is not None and asked.control not in found.planted.decisions
        calibration = Calibration(
            replications=found.null.replications,
            coverage=null.coverage.share,
            coverage_interval=(null.coverage.low, null.coverage.high),
            false_positive_rate=null.rejected.share,
            false_positive_interval=(null.rejected.low, null.rejected.high),
            planted=gain if known else None,
            power=planted.rejected.share if known else None,
            power_interval=(planted.rejected.low, planted.rejected.high) if known else (),
        )
        names = [asked.evidence, asked.metric, asked.control, asked.treatment, asked.segment]
        rows.append({"effect": names, "calibration": asdict(calibration)})
    return rows


def _replicated(plan: Replay, settings: CalibrateConfig, seed: int, step: Callable[[], None]) -> Calibrated:
    replications, jobs, planted = settings.replications, settings.jobs, settings.planted
    chunks = [AT_ONCE] * (replications // AT_ONCE)
    chunks += [replications % AT_ONCE] if replications % AT_ONCE else []
    null = _run(plan, chunks, jobs, step, (seed, 0))
    gains = _gains(plan, null, planted)
    treatments = {asked.treatment for asked in plan.asked}
    full = {(evidence, metric, arm): gain for (evidence, metric), gain in gains.items() for arm in treatments}
    with_gain = Replay(plan.bags, plan.asked, plan.rule, plan.confidence, plan.alpha, full)
    found = _run(with_gain, chunks, jobs, step, (seed, 1))
    p_values = {
        f"{asked.evidence}: {asked.metric}, {asked.treatment}": null.p_value[row].tolist()
        for row, asked in enumerate(plan.asked)
        if asked.segment is None and asked.role == "primary"
    }
    return Calibrated(tallied(plan, null), tallied(with_gain, found), gains, p_values)


def _run(
    plan: Replay, chunks: Sequence[int], jobs: int | None, step: Callable[[], None], seed: tuple[int, ...]
) -> Replayed:
    trial = partial(_chunk, plan, tuple(chunks), seed)
    return merged(replicate(trial, range(len(chunks)), jobs=-1 if jobs is None else jobs, chunk=1, advance=step))


def _chunk(plan: Replay, chunks: tuple[int, ...], seed: tuple[int, ...], number: int) -> Replayed:
    return replay(plan, chunks[number], [*seed, number])


def _gains(plan: Replay, null: Replayed, planted: float | None) -> dict[tuple[str, str], float]:
    """Return what is planted on each primary metric, towards its good side: relative as asked, or the detectable."""
    from scipy import stats

    values = truths(plan)
    reach = float(stats.norm.isf(plan.alpha / 2) + stats.norm.ppf(plan.rule.power))
    gains: dict[tuple[str, str], float] = {}
    for row, asked in enumerate(plan.asked):
        key = (asked.evidence, asked.metric)
        if asked.segment is not None or asked.role != "primary" or key in gains:
            continue
        size = reach * float(np.mean(null.standard_error[row])) if planted is None else abs(planted * values[asked])
        gains[key] = plan.rule.sign(asked.metric) * (size + plan.rule.least(asked.metric))
    return gains


def _as_json(study: str, plan: Replay, found: Calibrated, digest: str, rehearsal: Rehearsal) -> str:
    plain: Mapping[str, Any] = {
        "study": study,
        "rule_digest": digest,
        "data_digest": rehearsal.data_digest,
        "alpha": plan.alpha,
        "confidence": plan.confidence,
        "planted": [{"evidence": e, "metric": m, "gain": gain} for (e, m), gain in found.gains.items()],
        "null": asdict(found.null),
        "with_planted_effect": asdict(found.planted),
        "finished": now(),
        "command": " ".join(sys.argv),
        "versions": versions(),
    }
    return json.dumps(plain, indent=2, allow_nan=False)
