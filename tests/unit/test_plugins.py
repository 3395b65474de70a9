"""Plugins: clashes among strangers, blocking, hooks that raise. What a wheel can do wrong is tried in tests/door."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from framework import Component, PluginError, Run, hookimpl
from framework.discovery import CONF_GROUP, PLUGIN_GROUP
from framework.errors import ConfigError
from framework.plugins import Plugins, load_plugins


class Installed(Distribution):
    def __init__(self, name: str, version: str) -> None:
        self._told = {"Name": name, "Version": version}

    @property
    def metadata(self) -> Any:
        return self._told

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: Any) -> Any:
        return Path(path)


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make an entry point of a module with these attributes, of a distribution of the same name."""

    def make(name: str, distribution: str | None = None, **attributes: Any) -> EntryPoint:
        module = ModuleType(f"{name}_module")
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        point = EntryPoint(name, module.__name__, PLUGIN_GROUP)
        return point._for(Installed(distribution or name, "1.0"))  # type: ignore[attr-defined, no-any-return]

    return make


def offers(*components: tuple[str, str]) -> Any:
    @hookimpl
    def prelaunch_components() -> list[Component]:
        return [Component(kind, name, "some.module:Class", "for a test") for kind, name in components]

    return prelaunch_components


def unmarked() -> list[Component]:
    return []


def load(*points: EntryPoint, variable: str = "") -> Plugins:
    return load_plugins(points, (), {"PRELAUNCH_PLUGINS": variable})


def test_two_strangers_with_one_name_are_both_refused(offer: Any) -> None:
    a = offer("a_shop", prelaunch_components=offers(("metric", "joy"), ("metric", "own")))
    b = offer("b_shop", prelaunch_components=offers(("metric", "joy")))
    c = offer("c_shop", prelaunch_components=offers(("model", "joy")))
    found = load(a, b, c)
    assert [e.status for e in found.entries] == ["refused", "refused", "loaded"]
    assert found.failures[0] == "a_shop 1.0: offers the metric 'joy', which b_shop 1.0 has"
    assert [(k.kind, k.name) for k in found.components()] == [("model", "joy")]


def test_a_built_in_keeps_its_name(offer: Any) -> None:
    ours = offer("zzz", "prelaunch", prelaunch_components=offers(("metric", "joy")))
    theirs = offer("a_shop", prelaunch_components=offers(("metric", "joy")))
    assert [e.status for e in load(theirs, ours).entries] == ["loaded", "refused"]


def test_a_config_of_the_engine_cannot_be_shadowed(offer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "shadow_pkg" / "conf"
    conf.mkdir(parents=True)
    (conf.parent / "__init__.py").write_text("raise RuntimeError('never imported')")
    (conf / "config.yaml").write_text("seed: 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("shadow", "shadow_pkg", CONF_GROUP)._for(Installed("shadow", "1"))  # type: ignore[attr-defined]
    (entry,) = load_plugins((), (point,), {}).entries
    assert entry.status == "refused"
    assert "config file 'config.yaml'" in str(entry.reason)
    assert entry.folder is None


def test_blocked_by_distribution_or_plugin_name(offer: Any) -> None:
    point = offer("acme_plugin", "Acme.Recs", prelaunch_components=offers(("metric", "joy")))
    for word in ("-acme-recs", "-acme_plugin", "strict,-acme_recs"):
        found = load(point, variable=word)
        assert [e.status for e in found.entries] == ["blocked"]
        assert found.failures == ()


def test_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(PluginError, match=r"'strct'.*-name"):
        load(variable="strct")


def test_strict_raises_with_every_line(offer: Any) -> None:
    points = offer("a_shop", PRELAUNCH_API=7), offer("b_shop", PRELAUNCH_API=8)
    with pytest.raises(PluginError, match=r"a_shop 1\.0.*API 7.*b_shop 1\.0.*API 8"):
        load(*points, variable="strict")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"prelaunch_components": unmarked}, "lacks the mark @hookimpl"),
        ({"prelaunch_components": offers(("metrik", "joy"))}, "Did you mean 'metric'"),
        ({"prelaunch_components": hookimpl(lambda: [3])}, "must return Component records, not int"),
        ({"prelaunch_components": hookimpl(lambda: 1 / 0)}, "raises ZeroDivisionError: division by zero"),
        ({"prelaunch_components": offers(("metric", "joy"), ("metric", "joy"))}, "offers the metric 'joy' twice"),
    ],
)
def test_what_a_module_can_do_wrong(offer: Any, attributes: dict[str, Any], words: str) -> None:
    (line,) = load(offer("a_shop", **attributes)).failures
    assert words in line
    assert "\n" not in line


def test_a_hook_that_raises_does_not_stop_the_others(offer: Any, caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    @hookimpl
    def breaks(run: Run) -> None:
        raise ValueError("boom")

    @hookimpl
    def notes(run: Run) -> None:
        seen.append(run.study)

    points = offer("a_shop", prelaunch_run_started=notes), offer("b_shop", prelaunch_run_started=breaks)
    run = Run("study", Path(), 0, {})
    load(*points).run_started(run=run)
    assert seen == ["study"]
    assert "b_shop 1.0: hook prelaunch_run_started raises ValueError: boom" in caplog.text
    with pytest.raises(ValueError, match="boom"):
        load(*points, variable="strict").run_started(run=run)


def test_first_answer_wins_and_lists_are_joined(offer: Any) -> None:
    a = offer(
        "a_shop",
        prelaunch_trainer_options=hookimpl(lambda run: None),
        prelaunch_check=hookimpl(lambda config: ["one", "two"]),
        prelaunch_open_storage=hookimpl(lambda url: ["a list"]),
    )
    b = offer(
        "b_shop",
        prelaunch_trainer_options=hookimpl(lambda: {"precision": 16}),
        prelaunch_check=hookimpl(lambda config: ["three"]),
    )
    found = load(a, b)
    run = SimpleNamespace()
    assert found.trainer_options(run=run) == {"precision": 16}  # type: ignore[arg-type]
    assert sorted(found.check(config={})) == ["one", "three", "two"]
    assert found.open_storage(url="acme://x") == ["a list"]


def test_check_may_refuse(offer: Any) -> None:
    @hookimpl
    def refuse(config: dict[str, Any]) -> list[str]:
        raise ConfigError("seed 13 is unlucky")

    with pytest.raises(ConfigError, match="unlucky"):
        load(offer("a_shop", prelaunch_check=refuse)).check(config={})
