"""A stranger's wheel works with no edit of ours, and is remembered when it is gone."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Environment


def test_foreign_distribution(acme_wheel: Path, scratch_venv: Environment) -> None:
    scratch_venv.install(acme_wheel)
    shown = scratch_venv.run("plugins", "acme_recs")
    assert shown.returncode == 0, shown.stderr
    assert "acme-recs 1.2.0" in shown.stdout
    assert "acme_newest" in shown.stdout
    component = scratch_venv.run("plugins", "acme_newest")
    assert "kinds" in component.stdout, component.stdout + component.stderr
    assert "('purchase',)" in component.stdout
    assert "acme_newest" in scratch_venv.run("studies").stdout
    composed = scratch_venv.run("--cfg", "job", "+experiment=acme_newest")
    assert composed.returncode == 0, composed.stderr
    assert "study: acme_newest" in composed.stdout
    assert "name: acme_first" in composed.stdout

    small = ("source.params.users=400", "source.params.events=12000", "source.params.items=60")
    ran = scratch_venv.run("+experiment=acme_newest", *small, "hydra.run.dir=run")
    assert ran.returncode == 0, ran.stderr
    result = json.loads((scratch_venv.folder / "run" / "result.json").read_text())
    assert "acme_newest" in {strategy["recommender"] for strategy in result["strategies"]}
    assert "acme first" in {effect["metric"] for effect in result["effects"]}

    # A study of the user's own names the stranger's recommender; then the stranger leaves.
    study = scratch_venv.folder / "studies" / "mine" / "config.yaml"
    study.parent.mkdir(parents=True)
    study.write_text("defaults: [/recommender@strategies.treatment.recommender: acme_newest, _self_]\n")
    own = {"PRELAUNCH_EXPERIMENTS": str(study.parents[1])}
    assert scratch_venv.run("--cfg", "job", "+experiment=mine", **own).returncode == 0
    spelled = study.parents[1] / "spelled" / "config.yaml"
    spelled.parent.mkdir()
    spelled.write_text(
        """
source: {name: synthetic_shop, params: {users: 400, events: 12000, items: 60}}
strategies:
  control: {recommender: {name: popular}}
  treatment: {recommender: {name: acme_newest}}
metrics: {conversion: {name: conversion, role: primary}}
"""
    )
    scratch_venv.uninstall("acme-recs")
    gone = scratch_venv.run("+experiment=spelled", **own)
    assert gone.returncode == 2
    assert "acme-recs 1.2.0" in gone.stderr
    assert "strategies.treatment.recommender" in gone.stderr
    for name in ("mine", "acme_newest"):
        gone = scratch_venv.run("--cfg", "job", f"+experiment={name}", **own)
        assert gone.returncode == 2
        assert "acme-recs 1.2.0" in gone.stderr
        assert "last offered" in gone.stderr


SUITES = """
from framework.testing import RecommenderTests

class TestNewest(RecommenderTests):
    component = "acme_recs.newest:Newest"

class TestTaste(RecommenderTests):
    component = "acme_recs.taste:Taste"
"""


def test_foreign_recommenders_pass_the_conformance_suite(acme_wheel: Path, scratch_venv: Environment) -> None:
    scratch_venv.install(acme_wheel)
    done = scratch_venv.test(SUITES)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "failed" not in done.stdout


def test_foreign_recommenders_are_searched_resumed_kept_and_served(acme_wheel: Path, scratch_venv: Environment) -> None:
    scratch_venv.install(acme_wheel)
    small = ("source.params.users=400", "source.params.events=12000", "source.params.items=60")
    arms = ("+recommender@strategies.taste.recommender=acme_taste", "trainer.accelerator=cpu")
    study = ("+experiment=acme_newest", *small, *arms, "report.artefacts=true", "hydra.run.dir=run")
    for trials in (2, 4):  # the second run goes on where the first one ended
        ran = scratch_venv.run(*study, f"search.trials={trials}", "search.storage=trials.log")
        assert ran.returncode == 0, ran.stderr
        result = json.loads((scratch_venv.folder / "run" / "result.json").read_text())
        searched = {record["strategy"]: record for record in result["health"]["search"]}
        assert {name: searched[name]["trials"]["tried"] for name in ("treatment", "taste")} == {
            "treatment": trials,
            "taste": trials,
        }
    assert {record["budget"]["trials"] for record in searched.values()} == {4}
    best = {name: searched[name]["best"]["params"] for name in ("treatment", "taste")}
    assert set(best["treatment"]) == {"trust"}
    assert "learning_rate" in best["taste"]

    for arm, name in (("treatment", "acme_newest"), ("taste", "acme_taste")):
        folder = scratch_venv.folder / "run" / "artefacts" / arm
        record = json.loads((folder / "artefact.json").read_text())
        assert name in json.dumps(record)
        served = scratch_venv.run("recommend", str(folder), "users=all", "k=5", f"output={arm}.csv")
        assert served.returncode == 0, served.stderr
        assert len((scratch_venv.folder / f"{arm}.csv").read_text().splitlines()) > 5
    scratch_venv.uninstall("acme-recs")
    gone = scratch_venv.run("recommend", str(folder), "users=all")
    assert gone.returncode == 2
    assert "acme-recs" in gone.stderr
