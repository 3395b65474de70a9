"""Trackers at work: what a run and its trainings come to, told as they go on, and never at the run's cost."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from framework.fitting import Bench
from framework.hookspecs import hookimpl
from framework.kinds import Tracker
from framework.records import Result, Run
from framework.runfolder import CONFIG, PAGE, RESULT, UNITS

LOG = logging.getLogger("prelaunch.tracking")
KEPT = (CONFIG, RESULT, PAGE, UNITS)
"""Files of a run's folder that its trackers are handed."""


@contextmanager
def tracked(bench: Bench) -> Iterator[None]:
    """Have the study's trackers hear of the run while this is open."""
    found = {key: bench.build("tracker", choice, f"trackers.{key}") for key, choice in bench.config.trackers.items()}
    if not found:
        yield
        return
    with bench.plugins.listening(Telling(found)):
        yield


class Telling:
    """Answers the hooks of a run on behalf of its trackers.

    One that raises is warned of once and left out from there on: a server out of reach is no reason to lose a run.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self.trackers = dict(trackers)

    @hookimpl
    def prelaunch_run_started(self, run: Run) -> None:
        """Open the run."""
        self._each(lambda tracker: tracker.start(run))

    @hookimpl
    def prelaunch_stage_finished(self, stage: str, seconds: float) -> None:
        """Log a stage's duration."""
        self.log({f"seconds/{stage}": seconds})

    @hookimpl
    def prelaunch_trainer_callbacks(self) -> Sequence[Any]:
        """Send the curve of every training as well."""
        from framework.training.forwarding import ForwardCurve

        return [ForwardCurve(self.log)]

    @hookimpl
    def prelaunch_run_finished(self, run: Run, result: Result) -> None:
        """Log the result's numbers and its verdict, hand over the files, close the run."""
        files = [run.folder / name for name in KEPT if (run.folder / name).is_file()]
        self.log(numbers_of(result))
        self._each(lambda tracker: tracker.finish(words_of(result), files))

    @hookimpl
    def prelaunch_run_failed(self, error: BaseException) -> None:
        """Close the run with what ended it."""
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        self._each(lambda tracker: tracker.fail(status, f"{type(error).__name__}: {error}"))

    def log(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Hand finite numbers to every tracker."""
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        if finite:
            self._each(lambda tracker: tracker.log(finite, step))

    def _each(self, tell: Callable[[Tracker], None]) -> None:
        for key, tracker in list(self.trackers.items()):
            try:
                tell(tracker)
            except Exception as error:  # noqa: BLE001 - whatever a tracking server does, the run goes on
                del self.trackers[key]
                LOG.warning("trackers.%s is left out: %s: %s", key, type(error).__name__, error)


def numbers_of(result: Result) -> dict[str, float]:
    """Return a result's figures over all users by name: "EVIDENCE/METRIC/STRATEGY", and effects with their bounds."""
    found: dict[str, float] = {}
    for arm in result.arms:
        if arm.segment is None:
            found[f"{arm.evidence}/{arm.metric}/{arm.strategy}"] = float(arm.value)
    for effect in result.effects:
        if effect.segment is None:
            name = f"{effect.evidence}/{effect.metric}/{effect.treatment} - {effect.control}"
            # A name below a name (a slash more) would need a folder where MLflow's file store has a file.
            found |= {
                name: float(effect.estimate),
                f"{name} low": float(effect.ci_low),
                f"{name} high": float(effect.ci_high),
            }
    return found


def words_of(result: Result) -> dict[str, str]:
    """Return what a result says in words: its verdict, with the study, the data and the rule that it came of."""
    return {
        "study": result.study,
        "verdict": result.verdict.decision,
        "headline": result.verdict.headline,
        "data_digest": result.data_digest,
        "rule_digest": result.rule_digest or "",
    }
