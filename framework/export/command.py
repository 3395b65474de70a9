"""`export RUN ...`: a run's segments are floored, crossed with what left before, attacked, written and recorded."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framework.errors import ConfigError, DataError, RunError, did_you_mean
from framework.export.floors import ABSENT, Floored, Labels, cells, floored
from framework.export.membership import name_attack, size_attack
from framework.export.pseudonyms import key_name, pseudonyms, read_key
from framework.export.record import (
    SEGMENT,
    USER,
    Exported,
    file_digest,
    read_export,
    read_record,
    write_export,
    write_record,
)
from framework.export.settings import USAGE, ExportSettings, read_arguments
from framework.runfolder import SEGMENTS, now

ATTACK_SEED = 0
"""Seeds the attacker's coins, so that the same export gets the same AUC."""


def export(arguments: Sequence[str]) -> int:
    """Export a run's segments; prints what left, what did not, and the file.

    Raises PrelaunchError where run, key or folder do not serve, and where an attacker could tell who is in the export.
    """
    if not arguments or {"-h", "--help"} & set(arguments):
        sys.stdout.write(f"python -m framework {USAGE} ...\n\n{inspect.cleandoc(ExportSettings.__doc__ or '')}\n")
        return 0
    folder, settings = read_arguments(arguments)
    key = read_key(settings.key_file, settings.key_env)
    users, segments = read_segments(folder / SEGMENTS, settings.segment)
    record = read_record(settings.out)
    earlier = [read_export(settings.out, entry) for entry in record if entry.key == key_name(key)]
    path, entry = _exported(users, segments, key, earlier, settings, len(record))
    write_record(settings.out, [*record, entry])
    for name, size in entry.sizes.items():
        sys.stdout.write(f"{name}: {size:,} users\n")
    sys.stdout.write(
        f"left out: {entry.suppressed:,} in small groups, {entry.crossed:,} for earlier exports; "
        f"membership attack AUC {entry.attack_auc:.3f}\n{path}\n"
    )
    return 0


def read_segments(path: Path, column: str) -> tuple[list[str], list[str | None]]:
    """Return users and their segments, None for nobody's.

    Raises:
        RunError: the run kept no segments, or a user stands twice.
        ConfigError: there is no such column.
    """
    from pyarrow import ArrowException, parquet

    if not path.exists():
        raise RunError(
            f"there is no {path}",
            hint="Run the study with report.segments=true, or `uplift` with unit= and out=, and name its folder.",
        )
    try:
        table = parquet.read_table(path)
    except (OSError, ArrowException) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    columns = [name for name in table.column_names if name != "user"]
    if column not in columns:
        raise ConfigError(
            f"{path} has no column '{column}' (segment=)", allowed=columns, hint=did_you_mean(column, columns)
        )
    users = table["user"].to_pylist()
    if len(set(users)) != len(users):
        raise RunError(f"{path} holds a user twice", allowed="one row a user")
    return users, table[column].to_pylist()


def _exported(
    users: Sequence[str],
    segments: Sequence[str | None],
    key: bytes,
    earlier: Sequence[dict[str, str]],
    settings: ExportSettings,
    number: int,
) -> tuple[Path, Exported]:
    import pyarrow as pa

    made = pseudonyms(users, key)
    own = dict(zip(made, zip(users, segments, strict=True), strict=True))
    # Sorted pseudonyms tell nothing of the order of users, and the same users are left out every time.
    everybody = sorted(set(own).union(*earlier))
    names = sorted({segment for segment in segments if segment is not None})
    labels = _labels([own[one][1] if one in own else None for one in everybody], names)
    before = [_labels([old.get(one) for one in everybody], sorted(set(old.values()))) for old in earlier]
    found = floored(labels, names, settings.floor, method=settings.small, earlier=before)
    kept = np.flatnonzero(found.labels != ABSENT)
    if not kept.size:
        raise DataError(f"nothing can be exported: no group of {settings.floor} users is left", hint="See floor=.")
    attack = _attack(
        [own[everybody[place]][0] for place in kept], [everybody[place] for place in kept], found, before, settings
    )
    path = settings.out / f"segments_{number + 1:03d}.{settings.format}"
    columns = {
        USER: pa.array([everybody[place] for place in kept], pa.string()),
        SEGMENT: pa.array([found.names[found.labels[place]] for place in kept], pa.string()),
    }
    write_export(path, pa.table(columns))
    sizes = dict(zip(found.names, np.bincount(found.labels[kept]).tolist(), strict=True))
    entry = Exported(
        path.name,
        file_digest(path),
        now(),
        key_name(key),
        settings.floor,
        sizes,
        found.suppressed,
        found.crossed,
        round(attack, 6),
    )
    return path, entry


def _labels(words: Sequence[str | None], names: Sequence[str]) -> Labels:
    places = {name: place for place, name in enumerate(names)}
    return np.array([ABSENT if word is None else places[word] for word in words], dtype=np.int64)


def _attack(
    users: Sequence[str], made: Sequence[str], found: Floored, before: Sequence[Labels], settings: ExportSettings
) -> float:
    """Return the better attacker's AUC; raises DataError where it is above what may leave."""
    strangers = [f"{user}\0nobody" for user in users]
    by_name = name_attack(users, made, strangers)
    kept = found.labels != ABSENT
    crossed = cells([*before, found.labels], found.labels.size)[kept]
    again = np.unique(crossed, return_inverse=True)[1].reshape(-1)
    by_size = size_attack(again, settings.floor, np.random.default_rng(ATTACK_SEED))
    worst = max(by_name, by_size)
    if worst > settings.attack:
        how = "its pseudonyms can be guessed from ids" if by_name >= by_size else "its cells are too small"
        raise DataError(
            f"the export stays here: an attacker tells who is in it with an AUC of {worst:.3f}, since {how}",
            allowed=f"at most {settings.attack:g}",
            hint="Take a key by chance." if by_name >= by_size else "Take a larger floor=, or fewer groups.",
        )
    return worst
