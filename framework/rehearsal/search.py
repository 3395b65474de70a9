"""`search +experiment=x`: the best parameters of the study's strategies, by the validation part; the seal stays."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from framework.config import RunConfig
from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.parts import cut_into_parts
from framework.errors import ConfigError
from framework.fitting import Bench, rated_metrics
from framework.plugins import Plugins
from framework.preflight import check_study
from framework.records import Run
from framework.report.atomic import write_whole
from framework.report.blocks import Block, Sheet, Words, section
from framework.report.progress import stages
from framework.report.search_section import search_blocks
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import BEST, SEARCH, SEARCH_PAGE, RunFolder, now, versions
from framework.stages import Stages, watched
from framework.trials import check_log_serves
from framework.tuning.arms import check_search, wants_search
from framework.tuning.best import how_to_run, searched_in, write_best
from framework.tuning.tune import Tuned

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from framework.data.events import CleanLog


def search(config: DictConfig, folder: Path, plugins: Plugins) -> None:
    """Read, split and search; write `search.json`, its page and the best study, and show them."""
    from framework.run import read_study

    study, plain, text = read_study(config)
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        warnings = [*check_study(study), *plugins.check(config=plain)]
        if not wants_search(study):
            raise ConfigError(
                f"study '{study.study}' has no budget for a search",
                hint="Name trials or seconds for each strategy: search.trials=50.",
            )
        bench.check()
        metrics = rated_metrics(bench)
        warnings += check_search(bench, metrics)
        stage = Stages(this, record, progress, plugins).stage
        with open_engine(study.data, folder / "work") as engine:
            with stage("data", "Reading and cleaning the log"):
                raw = bench.build("source", study.source, "source").read(bench.context("source"))
                log = clean(raw, engine, study.data.cleaning)
            with stage("split", "Splitting by time, computing features"):
                parts = cut_into_parts(log, study.data)
                warnings += check_log_serves(study, metrics, log, parts)
            tuned = searched_in(bench, stage, parts, metrics, log.digest)
        assert tuned is not None  # noqa: S101
        with stage("report", "Writing the report"):
            best = write_best(tuned.config, folder)
            sheet = _sheet(study, tuned, [*warnings, *log.warnings], folder, log)
            write_whole(folder / SEARCH, _as_json(study, tuned, sheet, log, best) + "\n")
            page = write_sheet(sheet, folder / SEARCH_PAGE)
    show_sheet(sheet, Console(width=study.report.width, highlight=False))
    print_path(page)


def _sheet(study: RunConfig, tuned: Tuned, warnings: list[str], folder: Path, log: CleanLog) -> Sheet:
    blocks: list[Block] = search_blocks(tuned.records, tuned.seconds, log.account.currency)
    written = [Words(f"{folder / BEST} holds the study with the best parameters. {how_to_run(folder)}")]
    made = [section("The search for parameters", blocks), section("The best study", written)]
    if warnings:
        made.append(section("Warnings", [Words(warning, alert=True) for warning in warnings]))
    tried = sum(record["trials"]["tried"] for record in tuned.records if "as" not in record)
    searched = sum(bool(record["space"]) and "as" not in record for record in tuned.records)
    headline = (
        f"{tried:,} trials for {searched} strateg{'y' if searched == 1 else 'ies'}; the test part is still sealed."
    )
    return Sheet(f"{study.study}: search", study.question, headline, tuple(made))


def _as_json(study: RunConfig, tuned: Tuned, sheet: Sheet, log: CleanLog, best: Path) -> str:
    plain: dict[str, Any] = {
        "study": study.study,
        "seed": study.seed,
        "headline": sheet.headline,
        "data_digest": log.digest,
        "search": list(tuned.records),
        "seconds": tuned.seconds,
        "best": str(best),
        "finished": now(),
        "command": " ".join(sys.argv),
        "versions": versions(),
    }
    return json.dumps(plain, indent=2, allow_nan=False)
