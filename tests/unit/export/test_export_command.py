"""`export`: from a run's segments to files that may leave, the record of them, and what is refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from framework.cli import main
from framework.config import ComponentConfig, RunConfig, StrategyConfig
from framework.export.floors import smallest_cell
from framework.keeping import segments_of
from framework.records import Segmentation
from framework.trial.segments_file import write_segments

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def shop(tmp_path):
    """Return a runner: segments by user and arguments to the exit code; the key lies beside."""
    (tmp_path / "key").write_text(KEY)

    def run(segments: dict[str, str | None], *arguments: str, key: str = "key") -> int:
        (tmp_path / "run").mkdir(exist_ok=True)
        write_segments(tmp_path / "run" / "segments.parquet", list(segments), {"segment": list(segments.values())})
        return main(
            ["export", str(tmp_path / "run"), f"out={tmp_path / 'out'}", f"key_file={tmp_path / key}", *arguments]
        )

    return run


def users(**sizes: int) -> dict[str, str | None]:
    """Return users by segment, `sizes` of each; "nobody" is none."""
    names = [name for name, size in sizes.items() for _ in range(size)]
    return {f"u{place}": None if name == "nobody" else name for place, name in enumerate(names)}


def test_parquet_export_holds_no_id_no_key_and_no_small_group(shop, tmp_path, capsys):
    assert shop(users(loyal=400, lost=300, new=30, odd=25, nobody=40)) == 0
    table = pq.read_table(tmp_path / "out" / "segments_001.parquet").to_pydict()
    sizes = {name: table["segment"].count(name) for name in set(table["segment"])}
    assert sizes == {"loyal": 400, "lost": 300, "other": 55}
    assert table["pseudonym"] == sorted(table["pseudonym"])
    assert all(len(name) == 64 for name in table["pseudonym"])
    (entry,) = json.loads((tmp_path / "out" / "exports.json").read_text())
    assert entry["sizes"] == sizes
    assert 0.5 <= entry["attack_auc"] <= 0.55
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == str(tmp_path / "out" / "segments_001.parquet")
    everything = said.encode() + b"".join(file.read_bytes() for file in (tmp_path / "out").iterdir())
    assert KEY.encode() not in everything
    assert b"u17" not in everything


def test_csv_export_says_the_same(shop, tmp_path):
    assert shop(users(loyal=400, lost=300), "format=csv") == 0
    assert shop(users(loyal=400, lost=300)) == 0
    first = pc.read_csv(tmp_path / "out" / "segments_001.csv").to_pydict()
    assert first == pq.read_table(tmp_path / "out" / "segments_002.parquet").to_pydict()


def test_second_export_cannot_be_subtracted_from_the_first(shop, tmp_path):
    segments = users(loyal=400, lost=300)
    assert shop(segments) == 0
    moved = {**segments, "u0": "lost", "u1": "lost", "u500": None, "fresh": "loyal"}
    assert shop(moved, "format=csv") == 0
    first = pq.read_table(tmp_path / "out" / "segments_001.parquet").to_pydict()
    second = pc.read_csv(tmp_path / "out" / "segments_002.csv").to_pydict()
    by_user = [dict(zip(one["pseudonym"], one["segment"], strict=True)) for one in (first, second)]
    everybody = sorted(set(by_user[0]) | set(by_user[1]))
    places = {None: -1, "loyal": 0, "lost": 1}
    crossed = [np.array([places[one.get(user)] for user in everybody]) for one in by_user]
    assert smallest_cell(crossed, len(everybody)) == 50
    assert len(by_user[0]) == len(everybody) == 700
    entry = json.loads((tmp_path / "out" / "exports.json").read_text())[1]
    assert entry["crossed"] == 700 - 1 + 1 - 1 - len(by_user[1]) + 1


def test_another_key_is_another_world(shop, tmp_path):
    (tmp_path / "new").write_text(KEY[::-1])
    segments = users(loyal=400, lost=300)
    assert shop(segments) == 0
    assert shop({**segments, "u0": "lost"}, key="new") == 0
    record = json.loads((tmp_path / "out" / "exports.json").read_text())
    assert [entry["crossed"] for entry in record] == [0, 0]
    assert record[0]["key"] != record[1]["key"]


def refused(capsys, code) -> str:
    said = capsys.readouterr().err
    assert code == 2, said
    assert "Traceback" not in said
    return said


def test_earlier_export_that_is_gone_or_changed_stops_the_next(shop, tmp_path, capsys):
    segments = users(loyal=400, lost=300)
    assert shop(segments, "format=csv") == 0
    file = tmp_path / "out" / "segments_001.csv"
    text = file.read_text()
    file.write_text(text.replace("lost", "kept"))
    assert "is not what left" in refused(capsys, shop(segments))
    file.rename(tmp_path / "elsewhere.csv")
    assert "left before and is gone" in refused(capsys, shop(segments))
    file.write_text(text)
    (tmp_path / "out" / "exports.json").unlink()
    assert "which exports.json does not name" in refused(capsys, shop(segments))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["segments_001.csv"]


def test_refusals(shop, tmp_path, capsys):
    segments = users(loyal=400, lost=300)
    assert "has no column 'segmnt' (segment=)" in refused(capsys, shop(segments, "segment=segmnt"))
    assert "format is 'xlsx'" in refused(capsys, shop(segments, "format=xlsx"))
    assert "floor is '1'" in refused(capsys, shop(segments, "floor=1"))
    assert "Did you mean 'floor'" in refused(capsys, shop(segments, "flor=9"))
    assert "no group of 50 users is left" in refused(capsys, shop(users(loyal=20)))
    assert "an attacker tells who is in it" in refused(
        capsys, shop(users(**{f"s{n}": 3 for n in range(60)}), "floor=2")
    )
    assert not (tmp_path / "out").exists()
    empty = main(["export", str(tmp_path), f"out={tmp_path / 'out'}", f"key_file={tmp_path / 'key'}"])
    assert "report.segments=true" in refused(capsys, empty)
    assert "export takes one folder" in refused(capsys, main(["export", "out=x"]))


def test_help(capsys):
    assert main(["export"]) == 0
    assert "HMAC-SHA256" in capsys.readouterr().out


def test_segments_of_a_run_are_the_models_and_those_of_strategies_with_their_own():
    own = Segmentation(np.array([0, 1, 1], dtype=np.int32), ("a", "b"), ("", ""))
    data = SimpleNamespace(users=np.array(["u1", "u2", "u3"]))
    strategies = {
        "control": SimpleNamespace(labels=np.array([0, 1, 1]), segment_names=("a", "b", "new users")),
        "other": SimpleNamespace(labels=np.array([1, 0, 1]), segment_names=("x", "y", "new users")),
    }
    study = RunConfig(
        strategies={"control": StrategyConfig(), "other": StrategyConfig(model=ComponentConfig("kmeans"))}
    )
    found = segments_of(study, SimpleNamespace(data=data, segmentation=own), SimpleNamespace(strategies=strategies))
    assert found == (["u1", "u2", "u3"], {"segment": ["a", "b", "b"], "other": ["y", "x", "y"]})


@pytest.mark.slow
def test_run_keeps_segments_where_asked(tmp_path, capsys):
    folder = tmp_path / "run"
    code = main(
        [
            "+experiment=quickstart",
            "report.segments=true",
            "report.html=false",
            "trial.evidence=[holdout]",
            f"hydra.run.dir={folder}",
        ]
    )
    assert code == 0, capsys.readouterr().err
    result = json.loads((folder / "result.json").read_text())
    assert result["paths"]["segments"] == str(folder / "segments.parquet")
    table = pq.read_table(folder / "segments.parquet").to_pydict()
    assert len(set(table["user"])) == len(table["user"])
    cards = {card["name"]: card["users"] for card in result["segments"]}
    assert {name: table["segment"].count(name) for name in set(table["segment"])} == {
        name: size for name, size in cards.items() if size
    }
