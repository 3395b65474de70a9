"""`recommend FOLDER ...`: read an artefact, ask it, print or write what it answers."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framework.artefacts.arguments import USAGE, RecommendSettings, listed, read_arguments
from framework.artefacts.folder import folder_name
from framework.artefacts.given_files import read_items_file, read_users_file
from framework.artefacts.loading import Loaded, load
from framework.artefacts.serving import Catalogue, Recommended, recommend, with_items
from framework.config import StrategyConfig
from framework.errors import ConfigError, RunError, nearest
from framework.plugins import Plugins, load_plugins

if TYPE_CHECKING:
    import pyarrow as pa

NEW = "new"
"""What the table calls the user of a history that no id comes with."""
WIDTH = 160
NAMED = 5
"""Unknown ids that a line names."""


def command(arguments: Sequence[str]) -> int:
    """Recommend from an artefact; what had to be left out is said on stderr, a line each.

    Raises PrelaunchError where the artefact, a file or the command line does not serve.
    """
    if not arguments or {"-h", "--help"} & set(arguments):
        sys.stdout.write(help_text())
        return 0
    folder, settings = read_arguments(arguments)
    plugins = load_plugins()
    loaded = load(plugins, folder)
    catalogue = Catalogue(loaded.artefact.items)
    if settings.items is not None:
        catalogue = with_items(loaded, read_items_file(settings.items))
    found = _answers(plugins, loaded, catalogue, settings)
    _note_what_follows(loaded)
    for user in found.left_out:
        _note(f"'{user}' is in a segment with a recommender of its own, which the run did not keep: left out")
    table = rows(found, catalogue)
    if settings.output is None:
        _print(table, Console(highlight=False))
    else:
        write_rows(table, settings.output)
        sys.stdout.write(f"{settings.output}\n")
    return 0


def help_text() -> str:
    """Return what `recommend` takes, in words."""
    return f"python -m framework {USAGE} ...\n\n{inspect.cleandoc(RecommendSettings.__doc__ or '')}\n"


def rows(found: Recommended, catalogue: Catalogue) -> pa.Table:
    """Return one row a user and item: user, rank (from 1), item, score, fallback, category, text."""
    import pyarrow as pa

    query, place = np.nonzero(found.slates.items >= 0)
    item = found.slates.items[query, place]
    about = catalogue.items
    texts = np.array(about.table.text, dtype=object)
    return pa.table(
        {
            "user": pa.array(np.array(found.users, dtype=object)[query], pa.string()),
            "rank": pa.array(place + 1, pa.int32()),
            "item": pa.array(about.ids.astype(object)[item], pa.string()),
            "score": pa.array(found.slates.scores[query, place], pa.float32()),
            "fallback": pa.array(found.slates.fallback[query], pa.bool_()),
            "category": pa.array([word or None for word in about.categories()[item].tolist()], pa.string()),
            "text": pa.array([word or None for word in texts[item]], pa.string()),
        }
    )


def write_rows(table: pa.Table, path: Path) -> None:
    """Write the rows as CSV or Parquet, by the file's ending; whole or not at all. Raises RunError where it cannot."""
    from pyarrow import csv, parquet

    half = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (csv.write_csv if path.suffix.lower() == ".csv" else parquet.write_table)(table, half)
        half.replace(path)
    except OSError as error:
        raise RunError(
            f"'{path}' cannot be written: {error.strerror or error}", hint="Name another output=."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)


def _answers(plugins: Plugins, loaded: Loaded, catalogue: Catalogue, settings: RecommendSettings) -> Recommended:
    record = loaded.artefact.record
    users = _users(loaded, settings)
    history = settings.history_items
    if history is not None and len(users) > 1:
        raise ConfigError(f"history= is that of one user, and users= names {len(users)}")
    places = None
    if history is not None:
        places = catalogue.place(history)
        unknown = [item for item, place in zip(history, places, strict=True) if place < 0]
        if unknown:
            _note(f"{_named(unknown, catalogue.items.ids.tolist())}: not in the catalogue, left out of the history")
        places = places[places >= 0]
    else:
        known = set(loaded.artefact.users.ids.tolist())
        strangers = [user for user in users if user not in known]
        if strangers:
            _note(f"{_named(strangers)}: unknown to the training, so the fallback answers")

    def rule_of(segment: str) -> Loaded | None:
        return _rule(plugins, loaded, segment, settings)

    exclude = not record.repeats if settings.exclude_history is None else settings.exclude_history
    return recommend(loaded, catalogue, users, settings.k, exclude_bought=exclude, history=places, rule_of=rule_of)


def _users(loaded: Loaded, settings: RecommendSettings) -> list[str]:
    if settings.users is None:
        return [NEW]
    if settings.users == "all":
        return [str(user) for user in loaded.artefact.users.ids]
    named = Path(settings.users)
    if "," not in settings.users and named.is_file():
        found = read_users_file(named)
    else:
        found = list(dict.fromkeys(listed(settings.users)))
    if not found:
        raise ConfigError(
            f"users={settings.users} names nobody", allowed="ids with commas between them, a file, or all"
        )
    return found


def _rule(plugins: Plugins, loaded: Loaded, segment: str, settings: RecommendSettings) -> Loaded | None:
    """Return what answers for a segment with a recommender of its own, None where the run could not keep it."""
    folder = loaded.artefact.folder / folder_name(segment)
    if not folder.is_dir():
        return None
    found = load(plugins, folder)
    if found.artefact.record.data_digest != loaded.artefact.record.data_digest:
        raise RunError(f"{folder} was fitted to other events than {loaded.artefact.folder}")
    if settings.items is not None:
        with_items(found, read_items_file(settings.items))
    return found


def _note_what_follows(loaded: Loaded) -> None:
    """Say what the tested strategy did with this ranking before it showed it, unless it showed it as it is."""
    record = loaded.artefact.record
    steps = [f"reranker '{one.get('name')}'" for one in record.rerankers]
    if record.policy.get("name") != StrategyConfig().policy.name and record.policy:
        steps.append(f"policy '{record.policy.get('name')}'")
    if steps:
        _note(f"the tested strategy shows what {', then '.join(steps)} makes of this ranking")


def _named(ids: Sequence[str], known: Sequence[str] = ()) -> str:
    """Return the first of some ids, each with the known one that is nearest to it, and how many more there are."""
    told = []
    for name in ids[:NAMED]:
        near = nearest(name, known)
        told.append(f"{name} (nearest: {near})" if near else name)
    return ", ".join(told) + (f" and {len(ids) - NAMED} more" if len(ids) > NAMED else "")


def _note(line: str) -> None:
    sys.stderr.write(f"note: {line}\n")


def _print(table: pa.Table, console: Console) -> None:
    columns = table.to_pydict()
    shown = ["user", "rank", "item", *(name for name in ("category", "text") if any(columns[name]))]
    if any(columns["fallback"]):
        shown.insert(3, "fallback")
    if not console.is_terminal:
        console.width = WIDTH
    printed = Table(box=None, pad_edge=False)
    for name in shown:
        printed.add_column(name, justify="right" if name == "rank" else "left", no_wrap=True, overflow="ellipsis")
    words = {"fallback": {True: "fallback", False: ""}}
    for row in zip(*(columns[name] for name in shown), strict=True):
        cells = [words.get(name, {}).get(value, value) for name, value in zip(shown, row, strict=True)]
        printed.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))
    console.print(printed)
