"""Is a verdict right? Forty pairs of strategies in shops whose truth is planted, each judged by the whole run.

The shop itself answers in the trial (simulator `synthetic_shop`), so simulated evidence estimates what is planted; the
true gain in conversion is the shop's own expectation over all users.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from framework.plugins import load_plugins
from framework.run import run
from framework.stats.planning.observed import minimum_detectable
from tests.studies.composing import composed
from tests.studies.test_planted_effect import shop

PAIRS = 40
SHIP_IS_RIGHT = 0.95
EFFECTS = (0.0, 0.15, 0.4, 0.8)


@dataclass(frozen=True)
class Judged:
    """What a run said of a pair, what is true of it, and what its trial can detect."""

    decision: str
    gain: float
    detectable: float


def judged(folder: Path, seed: int, effect: float) -> Judged:
    words = (f"seed={seed}", f"source.params.planted_effect={effect}")
    truth = shop(folder / "truth", *words).true_gain()
    out = folder / "run"
    out.mkdir()
    only = ("~strategies.segments", "trial.evidence=[simulated]", "costs.requests=0", "report.html=false")
    result = run(composed("quickstart", "simulator=synthetic_shop", *only, *words), out, load_plugins())
    primary = next(own for own in result.effects if own.metric == "conversion" and own.segment is None)
    return Judged(result.verdict.decision, truth, minimum_detectable(primary))


@pytest.mark.slow
def test_ship_is_right_and_what_cannot_be_seen_stays_undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    found = []
    for seed in range(PAIRS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found.append(judged(folder, seed, EFFECTS[seed % len(EFFECTS)]))
    shipped = [own for own in found if own.decision == "ship"]
    right = np.mean([own.gain > 0 for own in shipped])
    small = [own for own in found if abs(own.gain) < own.detectable]
    silent = np.mean([own.decision == "undecided" for own in small])
    large = [own for own in found if own.gain >= own.detectable]
    heard = np.mean([own.decision == "ship" for own in large])
    print(
        f"{len(shipped)} of {PAIRS} ship, right in {right:.0%}; {len(small)} below what can be detected, undecided in "
        f"{silent:.0%}; {len(large)} above, shipped in {heard:.0%}"
    )
    assert len(shipped) >= PAIRS // 4
    assert right >= SHIP_IS_RIGHT
    # At 80 % power a difference just below what is detectable is found in almost 80 %: only zero is silent at 95 %.
    nothing = [own for own in found if own.gain == 0]
    assert np.mean([own.decision == "undecided" for own in nothing]) >= 0.8
    assert heard >= 0.8
