"""From a command line to runs, through Hydra: composition, sweeps, errors and exit codes.

Exit codes: 0 done, 1 something broke (or a job of a sweep failed), 2 the user's config or data are wrong,
130 interrupted, 143 terminated (SIGTERM). Both leave a record that says "interrupted".
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from framework import interrupts, memory, mistakes, searchpath, sweeps
from framework.config import RunConfig
from framework.discovery import engine_conf
from framework.errors import ConfigError, PrelaunchError, RunError
from framework.plugins import Plugins, load_plugins

FULL_ERROR = "HYDRA_FULL_ERROR"
TRACEBACK = "PRELAUNCH_TRACEBACK"
"""1 where the user wants tracebacks of their own mistakes too: what HYDRA_FULL_ERROR was, which we need ourselves."""
RUN_DIR = "hydra.run.dir=runs/${{study}}/{}_${{now:%Y-%m-%d_%H-%M-%S-%f}}"
"""Where a plan or a calibration goes: beside the study's runs, under a name that says what it is."""
PARAMS = re.compile(
    r"(?:trial\.simulated\.shares\.[^.=]+=|search\.space(?:\.[^=]+)?="
    r"|(?:source|model|recommender|simulator|metrics\.[^.=]+|(?:evaluation\.estimators|segmentations|regret\.worlds)\.[^.=]+"
    r"|strategies\.[^.=]+(?:\.segments\.[^.=]+)?\.(?:recommender|policy|model))\.params\.[^=]+=)"
)
"""An override of a component's parameter, an arm's share or a search space. It may add a key, as the component's own
Config, or the check of the shares or of the space, judges it later."""


Act = Callable[[DictConfig, Path, Plugins], Any]
"""What is done with a composed config in its folder: a run, a plan, a calibration."""


def launch(arguments: Sequence[str], act: Act | None = None) -> int:
    """Run what the command line asks for and return the exit code; `act` takes the place of a run."""
    try:
        plugins = load_plugins()
    except PrelaunchError as error:
        return report_error(error)
    for line in plugins.failures:
        sys.stderr.write(f"plugin not loaded: {line}\n")
    memory.remember_plugins(plugins)
    ConfigStore.instance().store(name="run_schema", node=RunConfig, provider="prelaunch")
    searchpath.register()
    main = hydra.main(version_base="1.3", config_path=str(engine_conf()), config_name="config")
    start = main(job if act is None else partial(job, act=act))
    try:
        with sweeps.noted() as sweep, interrupts.heeded(), _command_line(arguments):
            try:
                start()
            except KeyboardInterrupt:
                sweep.close_interrupted()
                raise
    except KeyboardInterrupt:
        code = interrupts.exit_code()
        sys.stderr.write("interrupted\n" if code == 128 + signal.SIGINT else "terminated\n")
        return code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:  # noqa: BLE001 - the one place where every error becomes a message
        told = mistakes.explain(error, plugins, arguments) or _folder_error(error) or error
        if told is not error:
            told.__cause__ = error  # for whom HYDRA_FULL_ERROR=1 wants the whole of it
        return report_error(told)
    return 0


def launch_before(command: str, arguments: Sequence[str], act: Act) -> int:
    """Launch what is done before a run (`command`), in a folder of its own unless the command line names one.

    Raises ConfigError for no study at all, and for a sweep.
    """
    if any(argument in {"-h", "--help"} for argument in arguments):
        return launch(arguments, act)
    named = [argument for argument in arguments if argument.startswith("+experiment=")]
    if not named:
        raise ConfigError(f"{command} needs a study", hint=f"Name it: python -m framework {command} +experiment=NAME")
    if "," in named[0] or any(argument in {"-m", "--multirun"} for argument in arguments):
        raise ConfigError(f"{command} takes one study at a time, no sweep (-m)")
    own = [] if any(argument.startswith("hydra.run.dir=") for argument in arguments) else [RUN_DIR.format(command)]
    return launch([*arguments, *own], act)


def job(config: DictConfig, act: Act | None = None) -> float | None:
    """Run one composed config in its folder. Any launcher may send this to another process, so it loads its plugins.

    Under a sweeper that searches, it returns what the study comes to on its validation part; the run is not held.

    A failing job of a sweep leaves its record and lets the others go on; a single run ends the process.
    """
    from framework.rehearsal.score import Score
    from framework.run import run

    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    overrides = [str(override) for override in settings.overrides.task]
    number = None if OmegaConf.is_missing(settings.job, "num") else int(settings.job.num)
    plugins = load_plugins()
    try:
        with _warnings_logged():
            result = (act or _scoring(settings) or run)(_checked(config, folder), folder, plugins)
    except KeyboardInterrupt:
        if number is not None:
            sweeps.write_job(sweeps.Job(number, tuple(overrides), str(folder), "interrupted"))
        raise
    except Exception as error:
        if number is None:
            raise SystemExit(report_error(error, folder)) from error
        sys.stderr.write(f"job {number} ({' '.join(overrides)}) failed\n")
        report_error(error, folder)
        line = " ".join(str(error).split()) or type(error).__name__
        sweeps.write_job(sweeps.Job(number, tuple(overrides), str(folder), "failed", error=line))
    else:
        if isinstance(result, Score):
            told = f"{result.metric} {result.value:.4g}"
            sweeps.write_job(sweeps.Job(number or 0, tuple(overrides), str(folder), "finished", told))
            return result.value
        if number is not None:
            sweeps.write_job(sweeps.finished(number, overrides, folder, result))
    return None


def _scoring(settings: Any) -> Act | None:
    """Return what a job does under our own sweeper, None under another one or none."""
    from framework.rehearsal.score import score

    if settings.mode != RunMode.MULTIRUN or not sweeps.searches(settings):
        return None
    return partial(score, strategy=settings.sweeper.strategy, metric=settings.sweeper.metric)


def _checked(config: DictConfig, folder: Path) -> DictConfig:
    """Return the config held to its schema; one that fails leaves its record in the folder that Hydra made."""
    from framework.runfolder import RunFolder

    try:
        return mistakes.checked(config)
    except PrelaunchError:
        plain = OmegaConf.to_container(config, resolve=False)
        study, seed = (plain.get(key) for key in ("study", "seed")) if isinstance(plain, dict) else (None, None)
        with RunFolder(folder, str(study), seed if isinstance(seed, int) else 0, OmegaConf.to_yaml(config)):
            raise


def report_error(error: BaseException, folder: Path | None = None) -> int:
    """Tell the user on stderr: a message for what is theirs, a traceback for what is ours. Return the exit code."""
    full = os.environ.get(TRACEBACK) == "1" or (TRACEBACK not in os.environ and os.environ.get(FULL_ERROR) == "1")
    if full or not isinstance(error, PrelaunchError):
        traceback.print_exception(error)
    if isinstance(error, PrelaunchError):
        sys.stderr.write(f"error: {error}\n")
        return 2
    where = f" Run folder: {folder}" if folder is not None else ""
    sys.stderr.write(f"error: {type(error).__name__}: this should not happen; the traceback stands above.{where}\n")
    return 1


def parameter_overrides(arguments: Sequence[str]) -> list[str]:
    """Let an override of a component's parameter also add it: `...params.k=3` becomes `++...params.k=3`."""
    return [f"++{argument}" if PARAMS.match(argument) else argument for argument in arguments]


def _folder_error(error: BaseException) -> RunError | None:
    """Return the error for a run folder that cannot be made: the only files that Hydra writes lie there."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.filename is not None:
            return RunError(
                f"The run folder cannot be written: {link.filename}: {link.strerror}",
                hint="Name another: hydra.run.dir=FOLDER (a sweep: hydra.sweep.dir=FOLDER).",
            )
        link = link.__cause__ or link.__context__
    return None


@contextmanager
def _warnings_logged() -> Iterator[None]:
    """Send Python's warnings through logging, so that run.log has them too."""
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Hand Hydra its arguments, and have it raise its errors instead of printing them."""
    argv, before = sys.argv, {name: os.environ.get(name) for name in (FULL_ERROR, TRACEBACK)}
    sys.argv = [argv[0], *parameter_overrides(arguments)]
    os.environ[TRACEBACK] = before[TRACEBACK] or before[FULL_ERROR] or "0"
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
