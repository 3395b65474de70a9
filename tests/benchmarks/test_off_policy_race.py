"""The race of off-policy bootstraps on a small log: both sides find the same errors, and values are the log's."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import off_policy
from benchmarks.duel import OURS


def test_buckets_and_rows_find_the_same_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(off_policy, "ROWS", 400_000)
    monkeypatch.setattr(off_policy, "SCALE", 2)
    off_policy.DUEL.prepare(tmp_path)
    found = {side: run(tmp_path) for side, run in off_policy.DUEL.sides.items()}
    (plain,) = (laps for side, laps in found.items() if side != OURS)
    ours = found[OURS]
    assert set(plain.seconds) < set(ours.seconds)
    for label in ("ips", "snips", "sndr"):
        # 100 resamples on each side know an error to 7 %.
        assert plain.figures[f"{label}, error"] == pytest.approx(ours.figures[f"{label}, error"], rel=0.35)
    weight, reward = (np.load(tmp_path / f"{name}.npy") for name in ("weight", "reward"))
    assert ours.figures["snips"] == pytest.approx(float((weight * reward).sum() / weight.sum()))
