"""`classify FILE ...`: read, check, answer every row by nested cross-validation, measure, write and show."""

from __future__ import annotations

import inspect
import json
import math
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from framework.analysis.arguments import folder_of
from framework.analysis.command import in_own_words, spare_others, written
from framework.classification.cross_validation import check_reads, cross_validated, outer_splits
from framework.classification.findings import Found, findings
from framework.classification.reading import Examples, read_examples
from framework.classification.settings import USAGE, ClassifySettings, read_arguments
from framework.classification.sheets import sheet_of
from framework.components import check
from framework.errors import PrelaunchError
from framework.plugins import Plugins, load_plugins
from framework.report.atomic import write_whole
from framework.report.blocks import Sheet
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import PAGE, RESULT, RunFolder, now, versions

SCHEMA_VERSION = 1


def classify(arguments: Sequence[str]) -> int:
    """Compare classifiers on a file; prints the report, and writes it where `out=` names a folder.

    Raises PrelaunchError where the file or the command line does not serve.
    """
    if not arguments or {"-h", "--help"} & set(arguments):
        sys.stdout.write(help_text())
        return 0
    plugins = load_plugins()
    command = shlex.join(["python", "-m", "framework", "classify", *arguments])
    try:
        folder = folder_of(arguments)
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="prelaunch-") as scratch:
                path, settings = read_arguments(arguments, plugins)
                sheet = _found(plugins, path, settings, Path(scratch))[2]
            show_sheet(sheet, Console(highlight=False))
            return 0
        spare_others(folder)
        with RunFolder(folder, "classify", 0, written("classify", arguments)) as record:
            path, settings = read_arguments(arguments, plugins)
            record.study, record.seed = f"classify {path.name}", settings.seed
            examples, found, sheet = _found(plugins, path, settings, folder)
            record.stage = "report"
            _write_result(folder, examples, settings, found, command)
            page = write_sheet(sheet, folder / PAGE, {"command": command, "data digest": examples.digest})
    except PrelaunchError as error:
        raise in_own_words(error) from error
    show_sheet(sheet, Console(highlight=False))
    print_path(page)
    return 0


def help_text() -> str:
    """Return what `classify` takes, in words."""
    return f"python -m framework {USAGE} ...\n\n{inspect.cleandoc(ClassifySettings.__doc__ or '')}\n"


def _found(
    plugins: Plugins, path: Path, settings: ClassifySettings, folder: Path
) -> tuple[Examples, tuple[Found, ...], Sheet]:
    for name in settings.names:
        check(plugins, "classifier", name, settings.classifier.get(name), where=f"classifier.{name}")
        check_reads(plugins, name, settings)
    with stages() as progress:
        with progress.stage("Reading rows"):
            examples = read_examples(path, settings)
            splits = outer_splits(examples, settings)
        answers = []
        for name in settings.names:
            with progress.stage(f"Answering by {name}", total=settings.folds) as step:
                answers.append(cross_validated(plugins, name, examples, splits, settings, folder, step))
    found = findings(answers, examples, settings)
    return examples, found, sheet_of(examples, settings, found, len(answers[0].rows))


def _write_result(
    folder: Path, examples: Examples, settings: ClassifySettings, found: Sequence[Found], command: str
) -> None:
    """Write `result.json`; whatever differs between two equal runs is under `times`."""
    config = {key: value for key, value in asdict(settings).items() if key != "out"}
    seconds = {own.name: [fold.seconds for fold in own.folds] for own in found}
    classifiers = _plain(found)
    for own in classifiers:
        for fold in own["folds"]:
            fold.pop("seconds")
    written_out = {
        "kind": "classify",
        "schema_version": SCHEMA_VERSION,
        "study": examples.path.name,
        "seed": settings.seed,
        "rows": len(examples),
        "positives": int(examples.label.sum()),
        "dropped": examples.dropped,
        "compared_with": found[0].name,
        "classifiers": classifiers,
        "config": config,
        "versions": versions(),
        "data_digest": examples.digest,
        "times": {"finished": now(), "command": command, "seconds": seconds},
    }
    write_whole(folder / RESULT, json.dumps(_plain(written_out), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: records as mappings, numbers that are not finite as null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(own) for key, own in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
