"""Sources of lists of items: pairs with a fixed split, sequences with an order, and what damaged files get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from framework.errors import ConfigError, DataError
from framework.testing.tiny import tiny_context
from shop_sources.item_lists import DAY, START
from shop_sources.pairs import Pairs, PairsConfig, held_out
from shop_sources.sequences import Sequences, SequencesConfig, joined


def rows(path: Path) -> list[dict[str, Any]]:
    return parquet.read_table(path).to_pylist()


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_pairs_lie_on_three_days(tmp_path: Path) -> None:
    folder = write(tmp_path, train="a 1 2 3 4 5 6 7 8 9 10\nb 1\nc\n", test="a 11 12\nb 2\n")
    raw = Pairs(PairsConfig(str(folder))).read(tiny_context(tmp_path / "work"))
    assert not raw.clock
    found = rows(raw.paths[0])
    day = {(row["user"], row["item"]): (row["time"] - START) // DAY for row in found}
    assert len(found) == len(day) == 14
    assert [day["a", "11"], day["a", "12"], day["b", "2"]] == [2, 2, 2]
    assert day["b", "1"] == 0, "a user keeps an item to learn from"
    assert sum(day["a", str(item)] == 1 for item in range(1, 11)) == 1


def test_the_draw_of_the_validation_part_is_the_seeds_own(tmp_path: Path) -> None:
    folder = write(tmp_path, train="a 1 2 3 4 5 6 7 8 9 10\n", test="a 11\n")

    def drawn(seed: int | None, context_seed: int) -> list[dict[str, Any]]:
        source = Pairs(PairsConfig(str(folder), validation=0.5, seed=seed))
        return rows(source.read(tiny_context(tmp_path / "work", context_seed)).paths[0])

    assert drawn(0, 1) == drawn(0, 2) != drawn(1, 1)
    assert drawn(None, 1) != drawn(None, 2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_shares_are_held_out_of_every_user(share: float) -> None:
    lengths = np.array([0, 1, 2, 10, 101])
    chosen = held_out(lengths, share, np.random.default_rng(3))
    owner = np.repeat(np.arange(5), lengths)
    taken = np.bincount(owner[chosen], minlength=5)
    expected = np.minimum(np.rint(lengths * share), np.maximum(lengths - 1, 0))
    assert taken.tolist() == expected.astype(int).tolist()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"train": "a 1 2\n"}, r"test.txt is missing. Its folder holds train.txt"),
        ({"train": "a 1\na 2\n", "test": "a 3\n"}, r"line 2: user 'a' had a line before"),
        ({"train": "a 1 2\n", "test": "a 2\n"}, r"user 'a' has item '2' in train.txt and in test.txt"),
        ({"train": "\n", "test": "a 2\n"}, r"train.txt is empty"),
    ],
)
def test_damaged_pairs_are_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    folder = write(tmp_path, **files)
    with pytest.raises(DataError, match=words):
        Pairs(PairsConfig(str(folder))).read(tiny_context(tmp_path / "work"))


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="pairs' validation is"):
        PairsConfig("x", validation=1.5)


def test_places_stand_in_for_times(tmp_path: Path) -> None:
    write(tmp_path, log="a 5 3 9\nb 3\n")
    raw = Sequences(SequencesConfig(file=str(tmp_path / "log.txt"))).read(tiny_context(tmp_path / "work"))
    found = [(row["user"], row["item"], (row["time"] - START) // 1_000_000) for row in rows(raw.paths[0])]
    assert found == [("a", "5", 0), ("a", "3", 1), ("a", "9", 2), ("b", "3", 0)]
    assert not raw.clock


PARTS = {"train__input": "1 2\n3 4 5\n6 7\n", "test__output": "9\n8\n9\n"}


def test_a_set_in_parts_is_joined(tmp_path: Path) -> None:
    write(tmp_path, **PARTS, val__input="3 4 5 6\n", val__output="7\n")
    assert joined(tmp_path) == {"1": list("129"), "2": list("345678"), "3": list("679")}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"val__input": "3 4 9 6\n", "val__output": "7\n"}, r"val/input.txt, line 1, continues no line"),
        ({"val__input": "3 4 5 6\n", "val__output": "7\n7\n"}, r"val/input.txt has 1 lines, val/output.txt has 2"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    write(tmp_path, **PARTS, **files)
    with pytest.raises(DataError, match=words):
        joined(tmp_path)


def test_a_file_or_a_folder() -> None:
    with pytest.raises(ConfigError, match="not both"):
        SequencesConfig()
    with pytest.raises(ConfigError, match="not both"):
        SequencesConfig(file="a", folder="b")
