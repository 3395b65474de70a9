"""Studies: found by name, placed at the root, listed beside those of plugins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError

from framework.discovery import Entry, engine_conf
from framework.errors import ConfigError
from framework.plugins import Plugins
from framework.searchpath import StudySource, experiments_folder, studies


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"plain": "seed: 3\n", "own_name": "study: mine\n", "list": "- 1\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text)
    (tmp_path / "placed").mkdir()
    (tmp_path / "placed" / "config.yaml").write_text("# @package data\nengine: spark\n")
    (tmp_path / "no_study").mkdir()
    return tmp_path


def test_a_study_needs_no_header_and_is_named_after_its_folder(folder: Path) -> None:
    source = StudySource("test", f"study://{folder}")
    loaded = source.load_config("experiment/plain")
    assert loaded.config == {"seed": 3, "study": "plain"}
    assert loaded.header["package"] == "_global_"
    assert source.load_config("experiment/own_name.yaml").config == {"study": "mine"}
    assert source.load_config("experiment/placed").header["package"] == "data"


def test_what_the_source_serves(folder: Path) -> None:
    source = StudySource("test", f"study://{folder}")
    assert source.list("", None) == ["experiment"]
    assert source.list("experiment", ObjectType.CONFIG) == ["list", "own_name", "placed", "plain"]
    assert source.list("experiment", ObjectType.GROUP) == []
    assert source.is_group("experiment")
    assert not source.is_group("trial")
    assert not source.is_config("experiment/no_study")
    assert not source.is_config("trial/plain")
    assert not StudySource("test", f"study://{folder / 'absent'}").available()
    with pytest.raises(ConfigLoadError):
        source.load_config("experiment/no_study")
    with pytest.raises(ConfigError, match="holds a list"):
        source.load_config("experiment/list")


def test_experiments_folder_by_variable(tmp_path: Path) -> None:
    assert experiments_folder({"PRELAUNCH_EXPERIMENTS": str(tmp_path)}) == tmp_path
    assert experiments_folder({}) == engine_conf().parent / "experiments"


def test_own_studies_go_before_those_of_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(folder))
    conf = tmp_path / "conf"
    for name in ("plain", "theirs"):
        (conf / "experiments" / name).mkdir(parents=True)
        (conf / "experiments" / name / "config.yaml").write_text("seed: 4\n")
    found = studies(Plugins([Entry("acme", "acme-dist", "1.0", "loaded", folder=conf)]))
    assert found["plain"].distribution is None
    assert found["theirs"].distribution == "acme-dist"
