"""`analyse FILE ...`: read, check, estimate, correct, judge, write and show."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from framework.analysis.arguments import read_arguments
from framework.analysis.counted import analyse_counted
from framework.analysis.settings import AnalysisSettings
from framework.analysis.units import analyse_units
from framework.data.engine import open_engine
from framework.data.settings import DataConfig
from framework.records import Result
from framework.report.page import write_page
from framework.report.progress import stages
from framework.report.result_json import write
from framework.report.sections import own_sections
from framework.report.terminal import print_path, show
from framework.runfolder import PAGE, RunFolder


def analyse(arguments: Sequence[str]) -> int:
    """Analyse the outcomes of a test; prints the report, and writes it where `out=` names a folder.

    Raises PrelaunchError where the file or the command line does not serve.
    """
    path, settings = read_arguments(arguments)
    if settings.out is None:
        with tempfile.TemporaryDirectory(prefix="prelaunch-") as scratch:
            result = _analysed(path, settings, Path(scratch))
        show(result, Console(highlight=False), own_sections(result))
        return 0
    folder = Path(settings.out)
    with RunFolder(folder, f"analyse {path.name}", settings.seed, _written(arguments)) as record:
        result = _analysed(path, settings, folder)
        record.stage = "report"
        write(result, folder)
        sections = own_sections(result)
        page = write_page(result, folder / PAGE, sections)
    show(result, Console(highlight=False), sections)
    print_path(page)
    return 0


def _analysed(path: Path, settings: AnalysisSettings, folder: Path) -> Result:
    config = DataConfig(memory_limit=settings.memory_limit)
    with open_engine(config, folder / "work") as engine, stages() as progress:
        run = analyse_counted if settings.experiment is not None else analyse_units
        return run(engine, path, settings, progress)


def _written(arguments: Sequence[str]) -> str:
    """Return the command line as the folder's config.yaml keeps it: one argument a line."""
    lines = "".join(f"- {argument!r}\n" for argument in arguments)
    return f"# What was asked: python -m framework analyse ...\n{lines}"
