"""A study of the quickstart's shop with rerankers and a blend: one that leaves the order changes no figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from framework.artefacts.loading import load
from framework.errors import ConfigError
from framework.plugins import load_plugins
from framework.run import run
from tests.studies.composing import composed

STUDY = """
defaults:
  - /source: synthetic_shop
  - /model: kmeans
  - /recommender@strategies.control.recommender: als
  - /recommender@strategies.same.recommender: als
  - /reranker@strategies.same.reranker: mmr
  - /recommender@strategies.varied.recommender: als
  - /metric@metrics.ndcg: ndcg
  - /metric@metrics.coverage: catalogue_coverage
  - _self_
question: Does variety pay?
source: {params: {users: 200, events: 5000, items: 40}}
strategies:
  control: {recommender: {params: {factors: 4, iterations: 2}}}
  same:
    recommender: {params: {factors: 4, iterations: 2}}
    reranker: {params: {trade_off: 1.0}}
  varied:
    recommender: {params: {factors: 4, iterations: 2}}
    reranker: [{name: calibrated, params: {weight: 0.9}}, {name: business_rules, params: {cap: 4}}]
  blended:
    recommender:
      name: blend
      params: {members: {als: {name: als, params: {factors: 4, iterations: 2}}, popular: {name: popular, weight: 0.5}}}
metrics: {ndcg: {role: primary}}
trial: {evidence: [holdout], candidates: 30, segment_floor: 5}
report: {html: false, artefacts: true}
costs: {requests: 0}
baselines: []
"""


@pytest.fixture(autouse=True)
def _study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "experiments" / "own").mkdir(parents=True)
    (tmp_path / "experiments" / "own" / "config.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(tmp_path / "experiments"))
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))


def ran(folder: Path, *words: str) -> dict[str, Any]:
    folder.mkdir()
    run(composed("own", *words), folder, load_plugins())
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


def values(result: dict[str, Any], strategy: str) -> dict[str, float]:
    return {f"{arm['metric']} {arm['segment']}": arm["value"] for arm in result["arms"] if arm["strategy"] == strategy}


def test_rerankers_change_what_is_shown_unless_they_leave_the_order(tmp_path: Path) -> None:
    found = ran(tmp_path / "run")
    assert values(found, "same") == values(found, "control")
    assert values(found, "blended") != values(found, "control")
    kept = load(load_plugins(), tmp_path / "run" / "artefacts" / "blended")
    assert set(kept.recommender.built_parts()) == {"members.als", "members.popular"}
    assert kept.artefact.record.parameters["members"]["popular"]["weight"] == 0.5
    assert values(found, "varied") != values(found, "control")
    params = {strategy["name"]: strategy["params"] for strategy in found["strategies"]}
    assert [one["name"] for one in params["varied"]["reranker"]] == ["calibrated", "business_rules"]
    assert params["same"]["reranker"][0]["params"]["similarity"] == "category"
    assert "reranker" not in params["control"]
    assert not any("trial.candidates" in text for text in found["warnings"])


def test_a_reranker_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"strategies\.same\.reranker names the reranker 'mrm'.*Did you mean 'mmr'"):
        ran(tmp_path / "wrong", "strategies.same.reranker.name=mrm")
