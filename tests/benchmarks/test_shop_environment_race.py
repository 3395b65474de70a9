"""The race of the shop's environments runs on a small shop: both sides count pages, and rewards are as large."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import environment
from benchmarks.duel import OURS


def test_both_sides_show_pages_of_equal_worth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "USERS", 400)
    monkeypatch.setattr(environment, "ALONE", 200)
    environment.prepare(tmp_path)
    found = {side: run(tmp_path) for side, run in environment.DUEL.sides.items()}
    ours, loop = found[OURS], found["a loop over users"]
    assert set(ours.seconds) == set(loop.seconds) == {"a page"}
    # About 3,000 and 1,500 pages, of which 3 in 100 sell: 5 standard errors.
    assert ours.figures["reward"] == pytest.approx(loop.figures["reward"], abs=5 * (0.03 / 1000) ** 0.5)
