"""A tiny set of pairs with two tastes, and a study that searches on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

USERS, ITEMS = 40, 30
STUDY = """
defaults:
  - /source@source: pairs
  - /model@model: activity
  - /recommender: als
  - /recommender@strategies.popular.recommender: popular
  - /recommender@strategies.knn.recommender: item_knn
  - /metric@metrics.ndcg: ndcg
  - /metric@metrics.recall: recall
  - _self_
question: Which is best once each had its chance?
control: popular
strategies:
  popular: {}
  knn: {}
  candidate:
    recommender: {name: "${recommender.name}", params: "${recommender.params}"}
recommender: {params: {iterations: 3, factors: 4, num_threads: 1}}
data:
  split: {validation: "2000-01-02", test: "2000-01-03"}
trial: {evidence: [holdout], positions: 10, candidates: 10, repeats: false}
metrics:
  ndcg: {params: {k: 10}, role: primary}
  recall: {params: {k: 10}, role: secondary}
search:
  trials: 6
  space:
    candidate:
      factors: {low: 2, high: 16, log: true}
      weights: {choices: [binary, log]}
      alpha: {low: 0.5, high: 20.0, log: true, when: {weights: log}}
    knn:
      neighbours: {low: 1, high: 20}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the pairs; the study is known as "tiny"."""
    rng = np.random.default_rng(0)
    half = ITEMS // 2
    lists = [[half * (user % 2) + int(item) for item in rng.permutation(half)[:10]] for user in range(USERS)]
    for name, part in (("train", slice(None, 8)), ("test", slice(8, None))):
        lines = (" ".join(map(str, [user, *own[part]])) for user, own in enumerate(lists))
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    file = tmp_path / "experiments" / "tiny" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(STUDY)
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(tmp_path / "experiments"))
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    return tmp_path
