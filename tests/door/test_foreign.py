"""A stranger's wheel works with no edit of ours, and is remembered when it is gone."""

from __future__ import annotations

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

    # A study of the user's own names the stranger's recommender; then the stranger leaves.
    study = scratch_venv.folder / "studies" / "mine" / "config.yaml"
    study.parent.mkdir(parents=True)
    study.write_text("defaults: [/recommender@strategies.treatment.recommender: acme_newest, _self_]\n")
    own = {"PRELAUNCH_EXPERIMENTS": str(study.parents[1])}
    assert scratch_venv.run("--cfg", "job", "+experiment=mine", **own).returncode == 0
    scratch_venv.uninstall("acme-recs")
    for name in ("mine", "acme_newest"):
        gone = scratch_venv.run("--cfg", "job", f"+experiment={name}", **own)
        assert gone.returncode == 2
        assert "acme-recs 1.2.0" in gone.stderr
        assert "last offered" in gone.stderr
