"""The two benchmark studies: any recommender on a published split, its figures flat in the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from tests.studies.composing import prelaunch

USERS, ITEMS = 60, 40


def tastes(rng: np.random.Generator) -> list[list[int]]:
    """Users of two tastes: even ones like the first half of the items, odd ones the second."""
    half = ITEMS // 2
    return [[half * (user % 2) + int(item) for item in rng.permutation(half)[:12]] for user in range(USERS)]


def line(user: int, items: list[int]) -> str:
    return " ".join(map(str, [user, *items])) + "\n"


def run(tmp_path: Path, *words: str) -> dict[str, Any]:
    process = prelaunch(*words, f"hydra.run.dir={tmp_path}/run", folder=tmp_path)
    assert process.returncode == 0, process.stderr
    found: dict[str, Any] = json.loads((tmp_path / "run" / "result.json").read_text())
    return found


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    lists = tastes(np.random.default_rng(0))
    (tmp_path / "train.txt").write_text("".join(line(user, own[:9]) for user, own in enumerate(lists)))
    (tmp_path / "test.txt").write_text("".join(line(user, own[9:]) for user, own in enumerate(lists)))
    return tmp_path


def test_pairs_give_flat_metrics_and_a_file_of_units(tmp_path: Path, pairs: Path) -> None:
    found = run(tmp_path, "+experiment=pairs_benchmark", f"source.params.folder={pairs}", "recommender=item_knn")
    assert {"recall@20", "ndcg@20", "hit_rate@10", "ndcg@10", "capped_recall@20"} <= set(found["metrics"])
    table = parquet.read_table(tmp_path / "run" / "units.parquet").to_pandas()
    own = table[table["strategy"] == "candidate"]
    assert len(own) == USERS
    assert own["recall@20"].mean() == pytest.approx(found["metrics"]["recall@20"], abs=1e-12)
    assert found["times"]["fit_seconds"]["candidate"] > 0
    # 11 items of a user's taste are left, of which 3 are the test's: a recommender that knows tastes finds them all.
    assert found["metrics"]["recall@20"] > 0.95
    assert found["verdict"]["decision"] == "ship"


def test_the_component_is_the_command_lines(tmp_path: Path, pairs: Path) -> None:
    words = ("recommender=ease", "recommender.params.regularization=5")
    found = run(tmp_path, "+experiment=pairs_benchmark", f"source.params.folder={pairs}", *words)
    (candidate,) = [strategy for strategy in found["strategies"] if strategy["name"] == "candidate"]
    assert candidate["recommender"] == "ease"
    assert candidate["params"]["recommender"]["regularization"] == 5


def test_sequences_leave_the_last_item_out(tmp_path: Path) -> None:
    # Everybody walks round the same circle: what comes next is what others took next.
    rng = np.random.default_rng(1)
    lists = [[(start + step) % 30 for step in range(8)] for start in rng.integers(0, 30, USERS)]
    (tmp_path / "log.txt").write_text("".join(line(user, own) for user, own in enumerate(lists)))
    words = (f"source.params.file={tmp_path}/log.txt", "recommender=item_knn")
    found = run(tmp_path, "+experiment=sequence_benchmark", *words)
    assert found["metrics"]["hit_rate@10"] > 0.5
    assert any("Leave-one-out leaks the future" in warning for warning in found["warnings"])
    counts = {part["name"]: part["events"] for part in found["split"]["parts"]}
    assert counts == {"fit": 6 * USERS, "validation": USERS, "test": USERS}
