"""Every race of recommenders runs on a small set: sides do their laps and agree, and what disagrees is refused."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from benchmarks import pairs
from benchmarks.duel import OURS
from benchmarks.pairs import accuracy
from benchmarks.race import Finish, Laps, Race, hold

USERS, ITEMS = 60, 40


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Users of two tastes, as files of a set, and as sequences."""
    rng = np.random.default_rng(0)
    half = ITEMS // 2
    lists = [[half * (user % 2) + int(item) for item in rng.permutation(half)[:14]] for user in range(USERS)]
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)
    for name, part in (("train", slice(0, 10)), ("test", slice(10, 14)), ("sequences", slice(0, 14))):
        lines = (" ".join(map(str, [user, *own[part]])) for user, own in enumerate(lists))
        (folder / f"{name}.txt").write_text("\n".join(lines))
    return folder.parent


def raced(name: str, public: Path, monkeypatch: pytest.MonkeyPatch, **small: object) -> dict[str, Laps]:
    """Run the sides of a race as `hold` does, each once and all in this process, and return what they tell."""
    module = import_module(f"benchmarks.{name}")
    monkeypatch.setenv("PRELAUNCH_DATA", str(public))
    monkeypatch.setattr(pairs, "SET", "small")
    for setting, value in small.items():
        monkeypatch.setattr(module, setting, value)
    module.DUEL.prepare(public)
    return {side: run(public) for side, run in module.DUEL.sides.items()}


@pytest.mark.parametrize(("name", "small"), [("als", {"FACTORS": 4}), ("item_knn", {"NEIGHBOURS": 8})])
def test_recommenders_and_their_peers_find_the_tastes(
    name: str, small: dict[str, int], public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = raced(name, public, monkeypatch, **small)
    assert {OURS, "implicit"} <= set(found)
    for laps in found.values():
        assert set(laps.seconds) == set(laps.cpu_seconds) == {"fit", "recommend"}
        assert min(laps.seconds.values()) > 0
        # Ten items of a user's taste are left, four of them the test's: a list of 20 that puts taste first has all.
        assert laps.figures["recall@20"] > 0.95


def test_the_whole_catalogue_is_ranked_and_measured_alike(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = raced("full_ranking", public, monkeypatch)
    ours, plain = found[OURS].figures, found["NumPy"].figures
    assert ours == pytest.approx(plain, abs=1e-12)
    assert ours["recall"] > 0.5


def test_both_trainings_come_as_far(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = raced("sasrec_step", public, monkeypatch, SEQUENCES="small", EPOCHS=2)
    for laps in found.values():
        assert 0 < laps.seconds["a step"] < laps.seconds["a step and its share of the rest"]
    assert found["PyTorch"].figures["loss"] == pytest.approx(found[OURS].figures["loss"], rel=0.2)


def test_accuracy_by_hand() -> None:
    test = csr_matrix(np.array([[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]))
    found = accuracy(np.array([[1, 2], [0, -1], [0, 1]]), test)
    assert found["recall@2"] == pytest.approx((1 / 2 + 0) / 2)
    assert found["ndcg@2"] == pytest.approx((1 / (1 + 1 / np.log2(3)) + 0) / 2)


def nothing(folder: Path) -> None:
    (folder / "rounds").write_text("")


def steady(folder: Path) -> Laps:
    return Laps({"run": 3.0, "rest": 1.0}, {"run": 2.0, "rest": 1.0}, {"height": 1.0})


def growing(folder: Path) -> Laps:
    rounds = folder / "rounds"
    rounds.write_text(rounds.read_text() + "x")
    seconds = float(len(rounds.read_text()))
    return Laps({"run": seconds}, {"run": seconds / 2}, {"height": 1.25})


def held(race: Race, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finish]:
    monkeypatch.setattr("benchmarks.race.ROUNDS", 3)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return hold(race)


def test_medians_are_of_rounds_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = held(Race("x", nothing, steady, {"peer": growing}, within={"height": 0.25}), monkeypatch)
    # The peer takes 2, 3 and 4 seconds in the rounds that count, so ours divided by it is 3/2, 3/3 and 3/4.
    assert found["peer"].laps["run"].cost[:2] == (3.0, 1.5)
    assert found["peer"].laps["run"].ratio[:2] == (1.0, 2 / 1.5)
    assert found["peer"].laps["run"].cost.megabytes > 1
    assert set(found[OURS].laps) == {"run", "rest"}
    assert found["peer"].figures == {"height": 1.25}


def test_figures_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match=r"height is 1\.0 of ours and 1\.25 of peer"):
        held(Race("x", nothing, steady, {"peer": growing}, within={"height": 0.2}), monkeypatch)
