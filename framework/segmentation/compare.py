"""A study of segmentations, on one screen: log, groups, refits, later period, ranking, report."""

from __future__ import annotations

from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.parts import cut_into_parts
from framework.delivery import show_result, write_report
from framework.fitting import Bench
from framework.records import Result
from framework.report.progress import stages
from framework.report.sections import own_sections
from framework.runfolder import RunFolder
from framework.segmentation.candidates import fit_candidate
from framework.segmentation.checks import check_segmentations
from framework.segmentation.quality import grouped_users, judged, later_outcome, measure
from framework.segmentation.ranking import ranked
from framework.segmentation.result import Compared, result_of
from framework.stages import Stages, watched
from framework.stats.groups.explained_differences import explained_differences
from framework.tracking import tracked


def compare_segmentations(bench: Bench, config_text: str) -> Result:
    """Run the study and return what `result.json` holds. Raises as `framework.run.run` does."""
    study, this, plugins = bench.config, bench.run, bench.plugins
    settings, alpha = study.segmentation, study.decision.alpha
    with (
        RunFolder(this.folder, study.study, study.seed, config_text) as record,
        tracked(bench),
        watched(plugins, this),
        stages() as progress,
    ):
        stage = Stages(this, record, progress, plugins).stage
        warnings = [*check_segmentations(study), *plugins.check(config=this.config)]
        with open_engine(study.data, this.folder / "work") as engine:
            with stage("data", "Reading and cleaning the log"):
                raw = bench.build("source", study.source, "source").read(bench.context("source"))
                log = clean(raw, engine, study.data.cleaning)
            with stage("split", "Splitting by time, computing features"):
                parts = cut_into_parts(log, study.data)
                users = grouped_users(parts.train, settings.users)
            with stage("model", "Finding segments", total=len(study.segmentations)) as step:
                candidates = []
                for name, choice in study.segmentations.items():
                    candidates.append(fit_candidate(bench, name, choice, users))
                    step()
            refits = (settings.resamples + 2 * settings.splits) * len(candidates)
            with stage("stability", "Finding them again among other users", total=refits) as step:
                measured = [measure(own, users, settings, study.seed, step) for own in candidates]
            with stage("trial", "Reading the later period"):
                outcome = later_outcome(users, parts.open_test("segmentations"), settings.outcome)
                qualities = tuple(judged(own, outcome, study.seed, 1 - alpha) for own in measured)
                differences = explained_differences(
                    outcome,
                    {own.name: own.segmentation.labels.astype("int64") for own in candidates},
                    confidence=1 - alpha,
                )
        ranking = ranked(qualities, differences, settings, alpha)
        compared = Compared(log, parts, users, qualities, differences, ranking)
        result = result_of(bench, record, compared, warnings)
        with stage("report", "Writing the report"):
            sections = (*own_sections(result), *plugins.report_sections(result=result))
            page = write_report(result, this.folder, sections)
        plugins.run_finished(run=this, result=result)
    show_result(result, page, sections)
    return result
