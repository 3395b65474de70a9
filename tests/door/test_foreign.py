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
