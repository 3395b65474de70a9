"""An artefact's folder: whole or not at all, and refused in one line where it is not what was written."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.artefacts import folder as artefacts
from framework.artefacts import read
from framework.artefacts.digests import file_digest
from framework.artefacts.folder import artefacts_below, folder_name, remove_artefacts
from framework.errors import RunError
from framework.runfolder import RunFolder
from tests.unit.artefacts.artefact_of_a_shop import ITEMS, RECORD, STATE, USERS, artefact


def rewritten(folder: Path, change: Any) -> None:
    """Change artefact.json, as somebody with an editor would."""
    path = folder / "artefact.json"
    whole = json.loads(path.read_text())
    change(whole)
    path.write_text(json.dumps(whole))


def test_everything_comes_back(tmp_path: Path) -> None:
    found = read(artefact(tmp_path / "a"))
    assert found.record == RECORD
    assert set(found.state) == set(STATE)
    for name, array in STATE.items():
        assert (found.state[name].dtype, found.state[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found.state[name], array)
    for name in ("ids", "segment", "bought", "starts"):
        np.testing.assert_array_equal(getattr(found.users, name), getattr(USERS, name))
    assert found.users.purchases(4).toarray().tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert found.items.ids.tolist() == ["0071", "71", "b,c", "d"]
    assert found.items.categories().tolist() == ["toys", "bags", "", "toys"]
    assert found.items.table.price.tolist() == ITEMS.table.price.tolist()
    assert found.items.table.text == ITEMS.table.text


def test_an_artefact_of_nobody_and_nothing_comes_back(tmp_path: Path) -> None:
    from framework.artefacts import Items, Users, write
    from framework.data.tables import ItemTable

    no_ids = np.zeros(0, "<U1")
    users = Users(no_ids, no_ids, np.zeros(0, np.int32), np.zeros(1, np.int64))
    items = Items(no_ids, ItemTable(np.zeros(0, np.int32), (), np.zeros(0, np.int64), ()))
    found = read(write(tmp_path / "a", RECORD, {}, users, items))
    assert (len(found.users.ids), len(found.items.ids), dict(found.state)) == (0, 0, {})
    assert found.users.purchases(0).shape == (0, 0)


def test_only_what_is_said_lies_in_the_folder_and_nothing_beside_it(tmp_path: Path) -> None:
    artefact(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]
    assert {path.name for path in (tmp_path / "a").iterdir()} == set(artefacts.FILES)
    assert len({path.stat().st_mode for path in (tmp_path / "a").iterdir()}) == 1  # who reads one reads all


def test_equal_artefacts_have_equal_files(tmp_path: Path) -> None:
    first, second = artefact(tmp_path / "a"), artefact(tmp_path / "b")
    for name in artefacts.FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_second_takes_the_first_ones_place_and_other_files_stay(tmp_path: Path) -> None:
    folder = artefact(tmp_path / "a")
    (folder / "notes.txt").write_text("mine")
    artefact(folder, {"other": np.ones(2)}, seed=4)
    found = read(folder)
    assert (found.record.seed, list(found.state)) == (4, ["other"])
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("step", ["write_arrays", "write_items", "write_whole"])
def test_a_writing_that_fails_leaves_the_old_one_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    artefact(tmp_path / "old")
    monkeypatch.setattr(artefacts, step, full)
    for name in ("old", "new"):
        with pytest.raises(RunError, match=r"cannot be written: No space left on device\. Free some space"):
            artefact(tmp_path / name, seed=9)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert read(tmp_path / "old").record.seed == RECORD.seed


@pytest.mark.parametrize("name", ["weights.safetensors", "users.parquet", "items.parquet"])
def test_one_wrong_byte_is_found(tmp_path: Path, name: str) -> None:
    path = artefact(tmp_path / "a") / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(RunError, match=f"{name} is damaged"):
        read(tmp_path / "a")


@pytest.mark.parametrize("name", ["weights.safetensors", "users.parquet", "items.parquet"])
def test_a_file_that_is_gone_or_cut_off_is_found(tmp_path: Path, name: str) -> None:
    path = artefact(tmp_path / "a") / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RunError, match=f"{name} is damaged"):
        read(tmp_path / "a")
    path.unlink()
    with pytest.raises(RunError, match=f"{name} cannot be read: No such file"):
        read(tmp_path / "a")


def test_a_pickle_with_a_checksum_to_match_is_refused(tmp_path: Path) -> None:
    folder = artefact(tmp_path / "a")
    (folder / "weights.safetensors").write_bytes(pickle.dumps({"w": np.ones(2)}))
    digest = file_digest(folder / "weights.safetensors")
    rewritten(folder, lambda whole: whole["contents"]["files"].update({"weights.safetensors": digest}))
    with pytest.raises(RunError, match="no whole safetensors file"):
        read(folder)


def test_a_table_of_something_else_with_a_checksum_to_match_is_refused(tmp_path: Path) -> None:
    folder = artefact(tmp_path / "a")
    (folder / "users.parquet").write_bytes((folder / "items.parquet").read_bytes())
    digest = file_digest(folder / "users.parquet")
    rewritten(folder, lambda whole: whole["contents"]["files"].update({"users.parquet": digest}))
    with pytest.raises(RunError, match=r"users\.parquet cannot be read"):
        read(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda whole: whole.update(format=2), "is of format 2, which this version"),
        (lambda whole: whole.pop("format"), "is no record of an artefact"),
        (lambda whole: whole.pop("component"), "lacks 'component'"),
        (lambda whole: whole.update(seed="three"), "seed is 'three'"),
        (lambda whole: whole.update(evil=1), "has no 'evil'"),
        (lambda whole: whole["contents"].update(users=7), "its users are not those"),
        (lambda whole: whole["contents"].update(users="7"), "users is '7'"),
        (lambda whole: whole["contents"]["arrays"].update(w="float32 (3, 2)"), "its arrays are not those"),
        (lambda whole: whole["contents"]["files"].pop("items.parquet"), r"items\.parquet is damaged"),
        (lambda whole: whole.update(contents=3), "damaged"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    folder = artefact(tmp_path / "a")
    rewritten(folder, change)
    with pytest.raises(RunError, match=words):
        read(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1'])
def test_a_record_that_is_cut_off_is_refused(tmp_path: Path, text: str) -> None:
    folder = artefact(tmp_path / "a")
    (folder / "artefact.json").write_text(text)
    with pytest.raises(RunError, match=r"artefact\.json is (damaged|no record)"):
        read(folder)


def test_a_folder_without_one_names_those_below(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no artefact in .* report\.artefacts=true"):
        read(tmp_path / "nowhere")
    artefact(tmp_path / "run" / "artefacts" / "als")
    artefact(tmp_path / "run" / "artefacts" / "als" / "champions")
    with pytest.raises(RunError, match=r"Allowed: .*als, .*champions"):
        read(tmp_path / "run")
    assert len(artefacts_below(tmp_path)) == 2


def test_names_make_different_folders_and_none_that_leads_elsewhere() -> None:
    names = ["als", "a/b", "a%2Fb", "a\\b", "..", ".", "", "low spending, few orders", ".als.half", "x.", "x", "Käse"]
    made = [folder_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert made[0] == "als"
    assert made[7] == "low spending, few orders"
    assert made[11] == "Käse"
    for name in made:
        assert Path("a", name).parent == Path("a")
        assert not name.startswith(".")


def test_a_run_removes_the_artefacts_of_an_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    below = tmp_path / "artefacts"
    artefact(below / "als")
    artefact(below / "als" / "champions")
    artefact(below / "mixed")
    half = below / ".dead.half"
    half.mkdir()
    (half / "weights.safetensors").write_bytes(b"half")
    for mine in (below / "mixed" / "notes.txt", below / "museum" / "artefact.json", below / "museum" / "users.parquet"):
        mine.parent.mkdir(exist_ok=True)
        mine.write_text('{"format": "vase"}')
    with RunFolder(tmp_path, "s", 0, ""):
        left = sorted(str(path.relative_to(below)) for path in below.rglob("*"))
    assert left == ["mixed", "mixed/notes.txt", "museum", "museum/artefact.json", "museum/users.parquet"]


def test_nothing_is_left_where_everything_was_ours(tmp_path: Path) -> None:
    artefact(tmp_path / "artefacts" / "als" / "champions")
    remove_artefacts(tmp_path / "artefacts")
    assert list(tmp_path.iterdir()) == []
    remove_artefacts(tmp_path / "artefacts")  # there is none, and that is all right


def test_a_stale_one_that_cannot_be_removed_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, missing_ok: bool = False) -> None:
        if self.name == "artefact.json":
            raise PermissionError(13, "Permission denied")

    artefact(tmp_path / "artefacts" / "als")
    monkeypatch.setattr(Path, "unlink", denied)
    with pytest.raises(RunError, match="cannot be removed: Permission denied"), RunFolder(tmp_path, "s", 0, ""):
        pass
