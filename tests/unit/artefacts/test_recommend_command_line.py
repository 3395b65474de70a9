"""The command line of `recommend` and the files handed to it: every mistake told by its key, ids taken as they are."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from framework import Component
from framework.artefacts.arguments import read_arguments
from framework.artefacts.given_files import read_items_file, read_users_file
from framework.cli import main
from framework.data.ranking import top_k
from framework.discovery import Entry
from framework.errors import ConfigError, DataError
from framework.plugins import Plugins
from framework.records import Queries, Slates
from tests.unit.artefacts.artefact_of_a_shop import artefact


def test_settings_are_read_by_key() -> None:
    folder, settings = read_arguments(["runs/k=3/als", "users=a, b", "k=4", "exclude_history=TRUE", "output=o.csv"])
    assert folder == Path("runs/k=3/als")
    assert (settings.users, settings.k, settings.exclude_history) == ("a, b", 4, True)
    assert (settings.output, settings.items, settings.history_items) == (Path("o.csv"), None, None)
    _, settings = read_arguments(["als", "history= 71,,71 ,b", "k=4", "k=5", "exclude_history=null"])
    assert (settings.history_items, settings.k, settings.exclude_history) == (["71", "71", "b"], 5, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["users=a"], "takes one folder, not 0"),
        (["one", "two", "users=a"], r"takes one folder, not 2 \(one, two\)"),
        (["als"], "needs users= or history="),
        (["als", "users=a", "k=0"], "k is 0"),
        (["als", "users=a", "k=many"], "k is 'many'.*an integer"),
        (["als", "users=a", "exclude_history=maybe"], "exclude_history is 'maybe'.*true or false"),
        (["als", "users=a", "output=o.xlsx"], r"o\.xlsx.*ends in \.csv or \.parquet"),
        (["als", "user=a"], "no 'user'.*Did you mean 'users'"),
    ],
)
def test_mistakes_are_told_by_key(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_arguments(words)


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(ConfigError, match="history= names no item"):
        _ = read_arguments(["als", "history=,"])[1].history_items


def test_a_mistake_ends_with_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", str(tmp_path), "users=a"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: There is no artefact in '{tmp_path}'.")
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--help"], ["als", "-h"]])
def test_help_names_every_key(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", *words]) == 0
    said = capsys.readouterr().out
    for key in ("users", "history", "k", "exclude_history", "items", "output"):
        assert f"`{key}`" in said


def test_users_are_read_from_files_as_texts(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("user,age\n0071,3\n71,4\n0071,5\n,6\n", encoding="utf-8")
    (tmp_path / "u.txt").write_text("\ufeff0071\n\n 71 \n", encoding="utf-8")
    parquet.write_table(pa.table({"user": pa.array([71, None, 5], pa.int64())}), tmp_path / "u.parquet")
    assert read_users_file(tmp_path / "u.csv") == ["0071", "71"]
    assert read_users_file(tmp_path / "u.txt") == ["0071", "71"]
    assert read_users_file(tmp_path / "u.parquet") == ["71", "5"]


def test_items_are_read_with_what_is_known_of_them(tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text('item,price,text\n0071,2.999,"a, b"\n9,,\n', encoding="utf-8")
    found = read_items_file(tmp_path / "i.csv")
    assert found.ids.tolist() == ["0071", "9"]
    assert (found.table.price.tolist(), found.table.text) == ([300, 0], ("a, b", ""))
    assert (found.table.category.tolist(), found.table.categories) == ([-1, -1], ())
    columns = {"item": ["a", "b", "c"], "category": ["x", None, "w"], "price": [1.5, None, 0.0]}
    parquet.write_table(pa.table(columns), tmp_path / "i.parquet")
    found = read_items_file(tmp_path / "i.parquet")
    assert (found.table.category.tolist(), found.table.categories) == ([1, -1, 0], ("w", "x"))
    assert found.table.price.tolist() == [150, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,price\na,1\n", "no column 'item'; it has id, price"),
        ("item\na\nb\na\n", "row 3: item 'a' stands there twice"),
        ("item,price\na,1\n,2\n", "row 2: no item"),
        ("item,price\na,-1\n", "row 1: price is '-1'"),
        ("item,price\na,cheap\n", "row 1: price is 'cheap'"),
        ("", "cannot be read: Empty CSV file"),
        ("item\na,b\n", "cannot be read: CSV parse error"),
    ],
)
def test_files_that_do_not_serve_are_told_by_row(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "i.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_items_file(tmp_path / "i.csv")


@pytest.mark.parametrize("name", ["gone.csv", "gone.txt", "gone.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name} cannot be read"):
        read_users_file(tmp_path / name)


@dataclass(frozen=True)
class NewestConfig:
    """For a test."""


class Newest:
    """Ranks items by index, the last first; knows how many there are, and takes more."""

    Config = NewestConfig

    def __init__(self, config: NewestConfig) -> None: ...

    def fit(self, data: Any, context: Any) -> None: ...

    def recommend(self, queries: Queries, k: int) -> Slates:
        scores = np.tile(np.arange(self.items, dtype=np.float32), (len(queries), 1))
        found = top_k(scores, k, queries.exclude)
        return Slates(found.items, found.scores, queries.user < 0)

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None:
        self.items = int(state["n"])

    def take_items(self, items: Any, table: Any) -> None:
        self.items += len(items)


def test_items_added_by_a_file_are_recommended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = ModuleType("acme_module")
    module.Newest = Newest  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_module", module)
    components = (Component("recommender", "newest", "acme_module:Newest", "for a test"),)
    entry = Entry("acme", "acme-recs", "1.2", "loaded", module=module, components=components)
    monkeypatch.setattr("framework.artefacts.command.load_plugins", lambda: Plugins([entry]))
    folder = artefact(tmp_path / "a", {"n": np.array(4)}, component="newest", parameters={}, repeats=False)
    (tmp_path / "i.csv").write_text("item,price,text,category\n007,1.5,a lamp,lamps\n71,9,known,\n")
    words = ["recommend", str(folder), "users=ann", f"items={tmp_path}/i.csv"]
    assert main(words) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["user", "rank", "item", "category", "text"],
        ["ann", "1", "007", "lamps", "a", "lamp"],
        ["ann", "2", "d", "toys", "y"],
        ["ann", "3", "71", "bags"],
    ]
    assert main([*words, "history=007,d", f"output={tmp_path}/o/x.csv"]) == 0
    assert (tmp_path / "o" / "x.csv").read_text().splitlines() == [
        '"user","rank","item","score","fallback","category","text"',
        '"ann",1,"71",1,false,"bags",',
    ]
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["x.csv"]
    (tmp_path / "file").write_text("in the way")
    assert main([*words, f"output={tmp_path}/file/x.csv"]) == 2
    assert "file/x.csv' cannot be written: " in capsys.readouterr().err
