"""Where a search is kept, and what of it counts: trials of dead processes are queued again, none is counted twice."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.errors import ConfigError, RunError
from framework.training.search_processes import SILENCE, WATCH, alone, lives, refusal, this_process

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, Trial

PROCESS, ALIVE, DEAD, SURPLUS, AGAIN, ERROR, NOTES = "process", "alive", "dead", "surplus", "again", "error", "notes"
"""Names of a trial's attributes: who tries it, its last sign of life, that its process died or that it was one too many
(neither counts), which dead trial it repeats, why it failed, what the objective noted."""
PATIENCE = 5.0
"""Seconds that workers of a dead search get to notice that they are orphans."""


@dataclass(frozen=True)
class Store:
    """A file or a database that searches are kept in; `share` where several may go on in it at once."""

    place: str
    share: bool = False

    @property
    def path(self) -> Path | None:
        """The file, None of a database."""
        return None if "://" in self.place else Path(self.place)

    def open(self) -> BaseStorage:
        """Return Optuna's storage.

        Raises:
            ConfigError: the database cannot be reached.
        """
        from optuna.storages import JournalStorage, RDBStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = JournalFileOpenLock(self.place) if os.name == "nt" else None
            return JournalStorage(JournalFileBackend(self.place, lock_obj=lock))
        try:
            return RDBStorage(self.place)
        except Exception as error:
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"search.storage={self.place} cannot be opened: {told}") from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other searches out, unless they share. Raises RunError where one is under way."""
        if self.path is None or self.share:
            yield
            return
        with alone(self.path.with_name(f"{self.path.name}.searcher")):
            self._mend(self.path)
            yield

    @staticmethod
    def _mend(path: Path) -> None:
        """Remove what a kill in the middle of a write left: half a line, and the lock of that write."""
        with contextlib.suppress(FileNotFoundError):
            whole = path.read_bytes()
            if not whole.endswith(b"\n"):
                os.truncate(path, whole.rfind(b"\n") + 1)
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


def store_of(storage: str | None, folder: Path, *, share: bool) -> Store:
    """Return what `search.storage` names; null is a file in `folder`."""
    if storage is None:
        return Store(str(folder.absolute() / "trials.journal"), share)
    return Store(storage if "://" in storage else str(Path(storage).expanduser().absolute()), share)


def trials_of(study: Study) -> list[FrozenTrial]:
    """Return the trials that count, by number: not those whose process died, nor those that were too many."""
    return [trial for trial in study.get_trials(deepcopy=False) if _counts(trial)]


def place_of(study: Study, trial: FrozenTrial) -> int:
    """Return how many trials that count have a lower number."""
    return sum(other.number < trial.number for other in trials_of(study))


def waits(trial: FrozenTrial) -> bool:
    """Return whether nobody has begun the trial."""
    return trial.state.name == "WAITING"


def seconds_of(trials: Sequence[FrozenTrial]) -> float:
    """Return how long trials took together, those under way up to now."""
    total = 0.0
    for trial in trials:
        if trial.datetime_start is not None:
            end = trial.datetime_complete or datetime.now()  # noqa: DTZ005 (Optuna keeps local times without a zone)
            total += (end - trial.datetime_start).total_seconds()
    return total


def requeued(study: Study, number: int, params: dict[str, Any]) -> None:
    """Give up trial `number`, whose process did not finish it, and queue its parameters again."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    trial = next(trial for trial in study.get_trials(deepcopy=False) if trial.number == number)
    # Of several who see it dead one alone can end it, and that one queues it.
    with contextlib.suppress(UpdateFinishedTrialError, ValueError):
        marked(study, trial, DEAD, True)
        study.tell(number, state=TrialState.FAIL)
        study.enqueue_trial(params, user_attrs={AGAIN: number})


def marked(study: Study, trial: FrozenTrial | Trial, key: str, value: Any) -> None:
    """Set an attribute of a trial, whoever tries it and from whatever thread: Optuna's own way is the trier's alone."""
    study._storage.set_trial_user_attr(trial._trial_id, key, value)  # noqa: SLF001


def revive(study: Study, store: Store) -> None:
    """Queue again whatever a dead process was trying.

    Raises:
        RunError: another process is trying something, and the storage is not shared.
    """
    own, end = this_process(), time.monotonic() + PATIENCE
    while True:
        living = ""
        for trial in study.get_trials(deepcopy=False):
            if trial.state.name != "RUNNING":
                continue
            process = str(trial.user_attrs.get(PROCESS, ""))
            began = 0.0 if trial.datetime_start is None else trial.datetime_start.timestamp()
            if not process and store.share and time.time() - began < SILENCE:
                continue  # begun a moment ago, and not yet signed
            if process and process != own and lives(process, float(trial.user_attrs.get(ALIVE, 0.0))):
                living = living or process
                continue
            requeued(study, trial.number, dict(trial.params))
        if not living or store.share:
            break
        if time.monotonic() > end:
            raise refusal(store.place, living)
        time.sleep(WATCH)
    if not store.share:
        _queue_the_lost(study)


def _queue_the_lost(study: Study) -> None:
    """Queue dead trials of which a kill left no repetition."""
    trials = study.get_trials(deepcopy=False)
    repeated = {trial.user_attrs.get(AGAIN) for trial in trials}
    for trial in trials:
        if trial.user_attrs.get(DEAD) and trial.state.is_finished() and trial.number not in repeated:
            study.enqueue_trial(dict(trial.params), user_attrs={AGAIN: trial.number})


def _counts(trial: FrozenTrial) -> bool:
    return not (trial.user_attrs.get(DEAD) or trial.user_attrs.get(SURPLUS))


def directions_of(names: Sequence[str]) -> list[StudyDirection]:
    """Return "maximize" and "minimize" as Optuna has them."""
    from optuna.study import StudyDirection

    return [StudyDirection[name.upper()] for name in names]


def open_study(store: Store, name: str, directions: Sequence[str], about: dict[str, Any]) -> tuple[Study, bool]:
    """Return the study `name` of a storage, and whether it was made just now.

    Raises:
        RunError: the storage holds something else by that name.
    """
    import optuna

    storage = store.open()
    try:
        study = optuna.create_study(storage=storage, study_name=name, directions=directions_of(directions))
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage)
        if [direction.name.lower() for direction in study.directions] != list(directions):
            raise RunError(f"{store.place} holds a search '{name}' of other objectives") from None
        return study, False
    for key, value in about.items():
        study.set_user_attr(key, value)
    return study, True
