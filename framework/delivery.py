"""Put everything a run found into one result; write it, show it, and say where it lies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from framework.config import RunConfig, StrategyConfig
from framework.data.events import CleanLog
from framework.data.parts import Parts
from framework.fitting import Bench, Fitted, SegmentedData
from framework.judging import Judgement
from framework.ledger import calibrated_digest, earlier_rules, remember_rule, with_calibration
from framework.preflight import identity
from framework.records import ReportSection, Result, SimulatorCheck, StrategySummary, Trial
from framework.report.cards import segment_cards
from framework.report.page import write_page
from framework.report.result_json import write
from framework.report.terminal import print_path, show
from framework.reranking import rerankers_of
from framework.runfolder import ARTEFACTS, CONFIG, PAGE, RESULT, SEGMENTS, UNITS, RunFolder, now, versions


def result_of(
    bench: Bench,
    record: RunFolder,
    log: CleanLog,
    parts: Parts,
    segmented: SegmentedData,
    fitted: Fitted,
    trials: Sequence[Trial],
    judgement: Judgement,
    check: SimulatorCheck | None,
    warnings: Sequence[str],
) -> Result:
    """Return the run's result; whatever differs between two runs of one seed is under `times` and `paths`."""
    study = bench.config
    folder = bench.run.folder
    return Result(
        study=study.study,
        question=study.question,
        seed=study.seed,
        control=study.control,
        verdict=judgement.verdict,
        verdicts=judgement.verdicts,
        rule=judgement.rule_text,
        rule_digest=judgement.rule_digest,
        effects=with_calibration(
            judgement.effects, study.study, log.digest, judgement.rule_digest, calibrated_digest(study)
        ),
        arms=judgement.arms,
        evidence=judgement.evidence,
        strategies=tuple(
            _strategy_summary(bench, name, strategy, trials) for name, strategy in study.strategies.items()
        ),
        cleaning=log.account,
        split=parts.summary,
        segments=segment_cards(segmented.data, segmented.segmentation),
        segment_notes=segmented.segmentation.notes,
        simulator=check,
        health=judgement.health,
        warnings=(
            *earlier_rules(study.study, log.digest, judgement.rule_digest),
            *warnings,
            *log.warnings,
            *judgement.warnings,
        ),
        config=bench.run.config,
        versions=versions(),
        data_digest=log.digest,
        times={
            "started": record.started,
            "finished": now(),
            "test_opened": parts.opened,
            "seconds": dict(record.seconds),
            "fit_seconds": fitted.seconds,
            "command": " ".join(sys.argv),
        },
        paths={
            "folder": str(folder),
            "result": str(folder / RESULT),
            "config": str(folder / CONFIG),
            **({"page": str(folder / PAGE)} if study.report.html else {}),
            **({"units": str(folder / UNITS)} if study.report.units and trials else {}),
            **({"segments": str(folder / SEGMENTS)} if study.report.segments else {}),
            **({"artefacts": str(folder / ARTEFACTS)} if study.report.artefacts and fitted.strategies else {}),
        },
        metrics=_own_metrics(study, judgement),
    )


def _own_metrics(study: RunConfig, judgement: Judgement) -> dict[str, float]:
    """Return by label what the recommender that the study is about came to on the holdout, over all users."""
    if study.recommender is None:
        return {}
    wanted = identity(study.recommender)
    own = next((name for name, strategy in study.strategies.items() if identity(strategy.recommender) == wanted), None)
    return {
        arm.metric: arm.value
        for arm in judgement.arms
        if (arm.strategy, arm.evidence, arm.segment) == (own, "holdout", None)
    }


def _strategy_summary(bench: Bench, name: str, strategy: StrategyConfig, trials: Sequence[Trial]) -> StrategySummary:
    model = strategy.model or bench.config.model
    fallback = [float(np.mean(trial.outcomes[name].fallback)) for trial in trials]
    rerankers = rerankers_of(strategy.reranker, f"strategies.{name}.reranker")
    return StrategySummary(
        name=name,
        description=strategy.description,
        model=model.name,
        recommender=strategy.recommender.name,
        policy=strategy.policy.name,
        params={
            "recommender": dict(strategy.recommender.params),
            **({"reranker": [asdict(one) for one in rerankers]} if rerankers else {}),
            "policy": dict(strategy.policy.params),
            "segments": {segment: asdict(rule) for segment, rule in strategy.segments.items()},
        },
        fallback_share=max(fallback) if fallback else None,
    )


def write_report(result: Result, folder: Path, sections: Sequence[ReportSection]) -> Path:
    """Write `result.json`, and the page where the study wants one; return the file that a reader should open."""
    written = write(result, folder)
    if "page" not in result.paths:
        return written
    return write_page(result, folder / PAGE, sections)


def show_result(result: Result, readable: Path, sections: Sequence[ReportSection]) -> None:
    """Print the result on one screen, and as the last line the path of the file to open, alone.

    From here on the result was seen: the ledger notes the rule that it was judged by.
    """
    show(result, Console(width=result.config["report"]["width"]), sections)
    if result.rule_digest:
        remember_rule(result.study, result.data_digest, result.rule_digest, now())
    print_path(readable)
