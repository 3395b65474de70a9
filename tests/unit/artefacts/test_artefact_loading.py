"""From an artefact to its recommender: by name through plugins, and in one clear line where that cannot be."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from framework import Component
from framework.artefacts import load
from framework.discovery import Entry
from framework.errors import PluginError, RunError
from framework.plugins import Plugins
from tests.unit.artefacts.artefact_of_a_shop import STATE, artefact


@dataclass(frozen=True)
class EchoConfig:
    """For a test."""

    weight: float = 1.0
    kinds: Sequence[str] | None = None
    limit: int | None = 7


class Echo:
    Config = EchoConfig

    def __init__(self, config: EchoConfig) -> None:
        self.config = config

    def fit(self, data: Any, context: Any) -> None: ...

    def recommend(self, queries: Any, k: int) -> Any: ...

    def state(self) -> Mapping[str, Any]:
        return self.given

    def restore(self, state: Mapping[str, Any]) -> None:
        self.given, self.n = state, int(state["n"])


class Forgetful:
    Config = EchoConfig

    def __init__(self, config: EchoConfig) -> None: ...

    def fit(self, data: Any, context: Any) -> None: ...

    def recommend(self, queries: Any, k: int) -> Any: ...


def plugins(
    monkeypatch: pytest.MonkeyPatch, *, of: str = "acme-recs", version: str = "1.2", made_by: type = Echo
) -> Plugins:
    module = ModuleType("acme_module")
    module.Echo = made_by  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_module", module)
    components = (Component("recommender", "echo", "acme_module:Echo", "for a test"),)
    return Plugins([Entry("acme", of, version, "loaded", module=module, components=components)])


def test_it_is_built_with_its_parameters_and_given_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(plugins(monkeypatch), artefact(tmp_path / "a")).recommender
    assert found.config == EchoConfig(weight=0.5, kinds=["purchase"], limit=None)
    assert found.n == 4
    np.testing.assert_array_equal(found.state()["w"], STATE["w"])


def test_names_of_distributions_are_compared_as_indexes_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(plugins(monkeypatch, of="Acme_Recs"), artefact(tmp_path / "a")).recommender.n == 4


def test_a_missing_plugin_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(PluginError, match=r"'echo' of acme-recs 1\.2, not installed.*pip install acme-recs==1\.2"):
        load(Plugins([]), artefact(tmp_path / "a"))


def test_a_plugin_that_does_not_load_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    files = frozenset({"recommender/echo.yaml"})
    broken = Entry("acme", "acme-recs", "1.2", "failed", "needs the module 'x', which is not installed", files=files)
    with pytest.raises(PluginError, match="needs the module 'x'"):
        load(Plugins([broken]), artefact(tmp_path / "a"))


def test_another_distribution_s_component_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PluginError, match=r"of acme-recs 1\.2, and here evil-recs 9.*pip install acme-recs==1\.2"):
        load(plugins(monkeypatch, of="evil-recs", version="9"), artefact(tmp_path / "a"))


def test_another_version_answers_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "prelaunch"):
        assert load(plugins(monkeypatch, version="1.3"), artefact(tmp_path / "a")).recommender.n == 4
    assert "was written by 'echo' of acme-recs 1.2; version 1.3 answers" in caplog.text


def test_a_state_that_it_cannot_take_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = artefact(tmp_path / "a", {"other": np.ones(2)})
    with pytest.raises(RunError, match=r"cannot take what 1\.2 wrote \(KeyError: 'n'\).*pip install acme-recs==1\.2"):
        load(plugins(monkeypatch, version="2.0"), folder)


def test_a_component_that_can_no_longer_be_stored_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PluginError, match=r"has no restore\(\)"):
        load(plugins(monkeypatch, made_by=Forgetful), artefact(tmp_path / "a"))


def test_the_component_s_target_is_the_plugin_s_word_and_not_the_file_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = artefact(tmp_path / "a", component="os:system")
    with pytest.raises(PluginError, match="'os:system' of acme-recs"):
        load(plugins(monkeypatch), folder)
    whole = json.loads((folder / "artefact.json").read_text())
    assert whole["component"] == "os:system"
