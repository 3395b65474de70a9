"""`analyse FILE ...`: read, check, estimate, correct, judge, write and show."""

from __future__ import annotations

import contextlib
import inspect
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from framework.analysis.arguments import USAGE, folder_of, read_arguments
from framework.analysis.counted import analyse_counted
from framework.analysis.settings import AnalysisSettings, MetricSettings
from framework.analysis.units import analyse_units
from framework.data.engine import open_engine
from framework.data.settings import DataConfig
from framework.errors import ConfigError, PrelaunchError
from framework.records import Result
from framework.report.page import write_page
from framework.report.progress import stages
from framework.report.result_json import write
from framework.report.sections import own_sections
from framework.report.terminal import print_path, show
from framework.runfolder import CONFIG, PAGE, RECORD, RunFolder


def analyse(arguments: Sequence[str]) -> int:
    """Analyse the outcomes of a test; prints the report, and writes it where `out=` names a folder.

    What an earlier analysis left in that folder goes first, whatever is wrong with this one.

    Raises PrelaunchError where the file or the command line does not serve.
    """
    if not arguments or {"-h", "--help"} & set(arguments):
        sys.stdout.write(help_text())
        return 0
    try:
        folder = folder_of(arguments)
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="prelaunch-") as scratch:
                result = _told(_analysed(*read_arguments(arguments), Path(scratch)), arguments)
            show(result, Console(highlight=False), own_sections(result))
            return 0
        spare_others(folder)
        with RunFolder(folder, "analyse", 0, written("analyse", arguments)) as record:
            path, settings = read_arguments(arguments)
            record.study, record.seed = f"analyse {path.name}", settings.seed
            result = _told(_analysed(path, settings, folder), arguments)
            record.stage = "report"
            write(result, folder)
            sections = own_sections(result)
            page = write_page(result, folder / PAGE, sections)
    except PrelaunchError as error:
        raise in_own_words(error) from error
    show(result, Console(highlight=False), sections)
    print_path(page)
    return 0


def help_text() -> str:
    """Return what `analyse` takes, in words."""
    meaning = inspect.cleandoc(AnalysisSettings.__doc__ or "")
    metric = inspect.cleandoc(MetricSettings.__doc__ or "")
    return f"python -m framework {USAGE} ...\n\n{meaning}\n\nKeys of metrics.NAME. {metric}\n"


def _analysed(path: Path, settings: AnalysisSettings, folder: Path) -> Result:
    # On several threads the order of a sum changes from run to run, and with it the last digits of a result.
    config = DataConfig(memory_limit=settings.memory_limit, threads=1)
    try:
        with open_engine(config, folder / "work") as engine, stages() as progress:
            run = analyse_counted if settings.experiment is not None else analyse_units
            return run(engine, path, settings, progress)
    finally:
        with contextlib.suppress(OSError):
            (folder / "work").rmdir()


def _told(result: Result, arguments: Sequence[str]) -> Result:
    """Return the result with the command line that gave it, as a shell takes it."""
    command = shlex.join(["python", "-m", "framework", "analyse", *arguments])
    return replace(result, times={**result.times, "command": command})


def spare_others(folder: Path) -> None:
    """Refuse a folder whose config.yaml is not one of ours: it would be written over."""
    if (folder / CONFIG).exists() and not (folder / RECORD).exists():
        raise ConfigError(f"out={folder} holds a {CONFIG} of something else", hint="Name a folder of its own.")


def in_own_words(error: PrelaunchError) -> PrelaunchError:
    """Return an error, such as the run folder's or the engine's, with a file's command's keys in place of a study's."""
    words = {
        "hydra.run.dir": "out",
        ", or use fewer threads (data.threads)": "",  # there is one, always
        ", data.threads=1": "",
        "data.memory_limit": "memory_limit",
        "the log's": "the file's",
    }
    parts = [error.what, error.hint or ""]
    for theirs, ours in words.items():
        parts = [part.replace(theirs, ours) for part in parts]
    return type(error)(parts[0], allowed=error.allowed, hint=parts[1] or None)


def written(command: str, arguments: Sequence[str]) -> str:
    """Return the command line as the folder's config.yaml keeps it: one argument a line."""
    lines = "".join(f"- {argument!r}\n" for argument in arguments)
    return f"# What was asked: python -m framework {command} ...\n{lines}"
