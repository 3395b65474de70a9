"""Baselines and costs in a whole run: described, and no byte of anything else moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from framework.plugins import load_plugins
from framework.run import run
from tests.studies.composing import composed

ARMS = {"popular", "knn", "candidate"}


def held(study: Path, name: str, *words: str) -> dict[str, Any]:
    folder = study / name
    folder.mkdir()
    run(composed("tiny", f"source.params.folder={study}", "search.trials=0", *words), folder, load_plugins())
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return {key: entry for key, entry in found.items() if key not in {"config", "paths"}}


def test_baselines_and_costs_stand_beside_and_move_nothing(study: Path, capsys: Any) -> None:
    with_all = held(study, "all", "costs.requests=20", "costs.seconds=600")
    out = capsys.readouterr().out
    without = held(study, "none", "baselines=[]", "costs.requests=0")

    assert set(with_all["times"]["costs"]) == ARMS | {"recent_popular (baseline)", "random (baseline)"}
    for own in with_all["times"]["costs"].values():
        assert own["fit_seconds"] > 0
        assert own["requests"] == 20
        assert 0 < own["p50_ms"] <= own["p95_ms"]
        assert own["users_per_second"] > 0
    assert with_all["times"]["costs"]["knn"]["model_bytes"] > 0
    assert set(without["times"]["costs"]) == ARMS
    assert {own["requests"] for own in without["times"]["costs"].values()} == {0}

    baselines = {arm["strategy"] for arm in with_all["arms"]} - ARMS
    assert baselines == {"recent_popular (baseline)", "random (baseline)"}
    assert {strategy["name"] for strategy in with_all["strategies"]} == ARMS
    ties = {row["strategy"]: row for row in with_all["health"]["ties"]}
    assert set(ties) == ARMS | baselines
    assert 0 < ties["popular"]["tied"] <= 1
    (groups,) = with_all["health"]["item_groups"]
    assert groups["metric"] == "ndcg@10"
    assert sum(row["purchases"] for row in groups["groups"]) == 80

    def rest(found: dict[str, Any]) -> str:
        arms = [arm for arm in found["arms"] if arm["strategy"] in ARMS]
        ties = [row for row in found["health"]["ties"] if row["strategy"] in ARMS]
        (own,) = found["health"]["item_groups"]
        kept = {**own, "arms": [row for row in own["arms"] if row["strategy"] in ARMS]}
        health = {**found["health"], "ties": ties, "item_groups": [kept]}
        return json.dumps({**found, "arms": arms, "health": health, "times": None})

    assert rest(with_all) == rest(without)
    page = (study / "all" / "report.html").read_text()
    for text in ("Accuracy and cost", "How the rankings were judged", "Users with ties"):
        assert text in page
        assert text in out
    assert "random (baseline)" in page
