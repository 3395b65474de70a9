"""The stages of a run as the user, the record and the hooks see them: a bar, a duration, a note."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from framework import interrupts
from framework.plugins import Plugins
from framework.records import Run
from framework.report.progress import Progress
from framework.runfolder import RunFolder

LOG = logging.getLogger("prelaunch")


@dataclass(frozen=True)
class Stages:
    """Opens one stage after the other; each is timed, shown, recorded and told to the plugins."""

    run: Run
    record: RunFolder
    progress: Progress
    plugins: Plugins

    @contextmanager
    def stage(self, name: str, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Hold a stage; what it gives counts one of `total` steps done."""
        self.record.stage = name
        self.record.write("running")
        started = time.perf_counter()
        with self.progress.stage(title, total=total) as step:
            yield step
        interrupts.check()
        seconds = time.perf_counter() - started
        self.record.seconds[name] = seconds
        LOG.info("%s: %.1f s", title, seconds)
        self.plugins.stage_finished(run=self.run, stage=name, seconds=seconds)


@contextmanager
def watched(plugins: Plugins, run: Run) -> Iterator[None]:
    """Tell the plugins that a run starts, and if it fails, that it failed."""
    plugins.run_started(run=run)
    try:
        yield
    except BaseException as error:
        LOG.info("ended by %s: %s", type(error).__name__, error)
        plugins.run_failed(run=run, error=error)
        raise
