"""The record of what left a folder: one entry an export, so that the next one can be crossed with all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import RunError
from framework.report.atomic import write_whole

if TYPE_CHECKING:
    import pyarrow as pa

RECORD = "exports.json"
USER, SEGMENT = "pseudonym", "segment"


@dataclass(frozen=True)
class Exported:
    """One export: its file and digest, the name of its key (`pseudonyms.key_name`), floor, sizes, and attack AUC."""

    file: str
    sha256: str
    created: str
    key: str
    floor: int
    sizes: dict[str, int] = field(default_factory=dict)
    suppressed: int = 0
    crossed: int = 0
    attack_auc: float = 0.5


def read_record(folder: Path) -> tuple[Exported, ...]:
    """Return the exports of a folder, oldest first.

    Raises:
        RunError: the record is damaged, or the folder holds exports that it does not name.
    """
    path = folder / RECORD
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        found = tuple(Exported(**entry) for entry in entries)
    except (OSError, ValueError, TypeError) as error:
        raise RunError(
            f"{path} cannot be read: {error}", hint="Without it nothing says what left before: take another folder."
        ) from error
    named = {entry.file for entry in found}
    strangers = sorted(file.name for file in folder.glob("segments_*") if file.name not in named)
    if strangers:
        raise RunError(f"{folder} holds {strangers[0]}, which {RECORD} does not name", hint="Take another folder.")
    return found


def write_record(folder: Path, exports: Sequence[Exported]) -> None:
    """Write the record, whole or not at all. Raises RunError where it cannot be written."""
    write_whole(folder / RECORD, json.dumps([asdict(entry) for entry in exports], indent=2) + "\n")


def read_export(folder: Path, entry: Exported) -> dict[str, str]:
    """Return an earlier export, segment by pseudonym.

    Raises:
        RunError: its file is gone or is not what left: then nothing can be crossed with it.
    """
    from pyarrow import csv, parquet

    path = folder / entry.file
    hint = "Put it back as it was, or export under a new key into a folder of its own."
    if not path.exists():
        raise RunError(f"{path} left before and is gone: this export cannot be crossed with it", hint=hint)
    if file_digest(path) != entry.sha256:
        raise RunError(f"{path} is not what left: its digest differs from {RECORD}'s", hint=hint)
    if path.suffix == ".csv":
        import pyarrow as pa

        words = csv.ConvertOptions(column_types={USER: pa.string(), SEGMENT: pa.string()}, strings_can_be_null=False)
        table = csv.read_csv(path, convert_options=words)
    else:
        table = parquet.read_table(path)
    return dict(zip(table[USER].to_pylist(), table[SEGMENT].to_pylist(), strict=True))


def write_export(path: Path, table: pa.Table) -> None:
    """Write an export as CSV or Parquet, by the file's ending; whole or not at all. Raises RunError where it cannot."""
    from pyarrow import csv, parquet

    half = path.with_name(f".{path.name}.half")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (csv.write_csv if path.suffix == ".csv" else parquet.write_table)(table, half)
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise RunError(f"'{path}' cannot be written: {error.strerror or error}", hint="Name another out=.") from error


def file_digest(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
