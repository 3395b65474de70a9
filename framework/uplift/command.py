"""`uplift FILE ...`: read, check, learn, value, write and show."""

from __future__ import annotations

import contextlib
import inspect
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from framework.analysis.arguments import folder_of
from framework.analysis.command import in_own_words, spare_others, written
from framework.components import check
from framework.data.engine import open_engine
from framework.data.settings import DataConfig
from framework.errors import PrelaunchError
from framework.plugins import Plugins, load_plugins
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import PAGE, SEGMENTS, RunFolder
from framework.trial.segments_file import write_segments
from framework.uplift.findings import Findings, find
from framework.uplift.result import write_result
from framework.uplift.settings import USAGE, UpliftSettings, read_arguments
from framework.uplift.sheets import sheet_of
from framework.uplift.units import Units, read_units


def uplift(arguments: Sequence[str]) -> int:
    """Learn from a test whom to treat; prints the report, and writes it where `out=` names a folder.

    Raises PrelaunchError where the file or the command line does not serve.
    """
    if not arguments or {"-h", "--help"} & set(arguments):
        sys.stdout.write(help_text())
        return 0
    plugins = load_plugins()
    command = shlex.join(["python", "-m", "framework", "uplift", *arguments])
    try:
        folder = folder_of(arguments)
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="prelaunch-") as scratch:
                path, settings = read_arguments(arguments, plugins)
                units, findings = _found(plugins, path, settings, Path(scratch))
            show_sheet(sheet_of(units, settings, findings), Console(highlight=False))
            return 0
        spare_others(folder)
        with RunFolder(folder, "uplift", 0, written("uplift", arguments)) as record:
            path, settings = read_arguments(arguments, plugins)
            record.study, record.seed = f"uplift {path.name}", settings.seed
            units, findings = _found(plugins, path, settings, folder)
            record.stage = "report"
            write_result(folder, units, settings, findings, command)
            if units.ids is not None:
                columns = {own.name: _names_of(own.of_units.tolist(), own.segments) for own in findings.segmentations}
                write_segments(folder / SEGMENTS, units.ids.tolist(), columns)
            sheet = sheet_of(units, settings, findings)
            page = write_sheet(sheet, folder / PAGE, {"command": command, "data digest": units.digest})
    except PrelaunchError as error:
        raise in_own_words(error) from error
    show_sheet(sheet, Console(highlight=False))
    print_path(page)
    return 0


def help_text() -> str:
    """Return what `uplift` takes, in words."""
    return f"python -m framework {USAGE} ...\n\n{inspect.cleandoc(UpliftSettings.__doc__ or '')}\n"


def _found(plugins: Plugins, path: Path, settings: UpliftSettings, folder: Path) -> tuple[Units, Findings]:
    from threadpoolctl import threadpool_limits

    for name in settings.learners:
        check(plugins, "uplift", name, settings.learner.get(name), where=f"learner.{name}")
    # On several threads the order of a sum changes from run to run, and with it the last digits of a result.
    config = DataConfig(memory_limit=settings.memory_limit, threads=1)
    try:
        with open_engine(config, folder / "work") as engine, stages() as progress:
            with progress.stage("Reading the test"):
                units = read_units(engine, path, settings)
            total = len(settings.learners) * (len(units.arms) - 1)
            with progress.stage("Learning uplift", total=total) as step, threadpool_limits(1):
                return units, find(plugins, units, settings, step)
    finally:
        with contextlib.suppress(OSError):
            (folder / "work").rmdir()


def _names_of(labels: Sequence[int], segments: Sequence[object]) -> list[str | None]:
    names = [getattr(segment, "name", "") for segment in segments]
    return [None if label < 0 else names[label] for label in labels]
