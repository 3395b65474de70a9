"""One run, on one screen: log, model, strategies, trial, effects, verdict, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.baselines import with_baselines
from framework.config import RunConfig
from framework.costing import measure_costs, with_costs
from framework.counterfactual.evaluate import evaluate, reads_decisions
from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.parts import cut_into_parts
from framework.delivery import result_of, show_result, write_report
from framework.fitting import Bench, fit_segments, fit_simulator, fit_strategies, rated_metrics
from framework.judging import judge
from framework.keeping import keep, segments_of
from framework.plugins import Plugins
from framework.preflight import check_study
from framework.records import Result, Run
from framework.report.progress import stages
from framework.report.sections import own_sections
from framework.runfolder import ARTEFACTS, SEGMENTS, UNITS, RunFolder
from framework.segmentation.compare import compare_segmentations
from framework.stages import Stages, watched
from framework.tracking import tracked
from framework.trial.dry_run import try_metrics
from framework.trial.segments_file import write_segments
from framework.trial.units_file import write_units
from framework.trials import check_log_serves, hold_trials
from framework.tuning.arms import check_search
from framework.tuning.best import searched_in, with_search, write_best

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run(config: DictConfig, folder: Path, plugins: Plugins) -> Result:
    """Run a study in `folder` and return what `result.json` holds.

    Raises a PrelaunchError that says what to change where the study, the log or the folder does not serve; the
    folder's record then says "failed", and "interrupted" after Ctrl-C.
    """
    study, plain, text = read_study(config)
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    if reads_decisions(plugins, study):
        return evaluate(bench, text)
    if study.segmentations:
        return compare_segmentations(bench, text)
    with (
        RunFolder(folder, study.study, study.seed, text) as record,
        tracked(bench),
        watched(plugins, this),
        stages() as progress,
    ):
        stage = Stages(this, record, progress, plugins).stage
        warnings = [*check_study(study), *plugins.check(config=plain)]
        bench.check()
        metrics = rated_metrics(bench)
        warnings += check_search(bench, metrics)
        try_metrics([rated.metric for rated in metrics], study.trial.evidence, study.trial.positions)
        with open_engine(study.data, folder / "work") as engine:
            with stage("data", "Reading and cleaning the log"):
                raw = bench.build("source", study.source, "source").read(bench.context("source"))
                log = clean(raw, engine, study.data.cleaning)
            with stage("split", "Splitting by time, computing features"):
                parts = cut_into_parts(log, study.data)
                warnings += check_log_serves(study, metrics, log, parts)
            with stage("model", "Finding segments"):
                segmented = fit_segments(bench, study.model, parts.train)
            tuned = searched_in(bench, stage, parts, metrics, log.digest)
            if tuned is not None:
                bench, study = replace(bench, config=tuned.config), tuned.config
            with stage("strategies", "Training strategies", total=len(study.strategies)) as step:
                fitted = with_baselines(bench, segmented, fit_strategies(bench, segmented, step))
            with stage("simulator", "Fitting the simulator"):
                simulator = fit_simulator(bench, parts)
            with stage("trial", "Rehearsing the test", total=len(study.trial.evidence)) as step:
                trials, check = hold_trials(bench, fitted, segmented, simulator, parts, step)
            with stage("costs", "Measuring what the arms cost", total=len(fitted.arms)) as step:
                costs = measure_costs(bench, fitted, segmented, trials, step)
        with stage("stats", "Estimating effects"):
            judgement = judge(study, trials, metrics, check)
        if study.report.units and trials:
            write_units(folder / UNITS, trials, [rated.metric for rated in metrics])
        if study.report.segments:
            write_segments(folder / SEGMENTS, *segments_of(study, segmented, fitted))
        if study.report.artefacts:
            keep(bench, fitted, segmented.data, log.digest, folder / ARTEFACTS)
        result = result_of(bench, record, log, parts, segmented, fitted, trials, judgement, check, warnings)
        result = with_costs(result, costs)
        result = result if tuned is None else with_search(result, tuned, write_best(tuned.config, folder))
        with stage("report", "Writing the report"):
            sections = (*own_sections(result), *plugins.report_sections(result=result))
            page = write_report(result, folder, sections)
        plugins.run_finished(run=this, result=result)
    show_result(result, page, sections)
    return result


def read_study(config: DictConfig) -> tuple[RunConfig, dict[str, Any], str]:
    """Return a composed config as the study, as plain values, and as text."""
    from omegaconf import OmegaConf

    study: RunConfig = OmegaConf.to_object(config)  # type: ignore[assignment]
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return study, plain, OmegaConf.to_yaml(config, resolve=True)
