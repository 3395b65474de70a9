"""Components: parameters held to their Config, errors that say who offers what, memory of the gone."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from framework import Component, ConfigError, PluginError, memory
from framework.components import build, check, parameters
from framework.discovery import Entry
from framework.params import config_from
from framework.plugins import Plugins


@dataclass(frozen=True)
class Nested:
    depth: int = 1


@dataclass(frozen=True)
class Config:
    factors: int
    rate: float = 0.5
    kinds: tuple[str, ...] = ("purchase",)
    weights: Literal["binary", "log"] = "log"
    limit: int | None = None
    cuts: Mapping[str, float] = field(default_factory=dict)
    names: Sequence[str] | None = None
    nested: Nested = field(default_factory=Nested)

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ValueError(f"factors is {self.factors}; allowed: 1 or more")


class Policy:
    Config = Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def act(self, queries: Any, slates: Any, rng: Any) -> Any:
        return None


class NoPolicy:
    Config = Config

    def __init__(self, config: Config) -> None:
        self.config = config


class Picky(Policy):
    def __init__(self, config: Config) -> None:
        raise ConfigError("seven is unlucky", allowed="others", hint="Take 8.")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plugins:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    module = ModuleType("acme_module")
    module.Policy, module.NoPolicy, module.Picky = Policy, NoPolicy, Picky  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_module", module)
    components = (
        Component("policy", "bold", "acme_module:Policy", "for a test"),
        Component("policy", "picky", "acme_module:Picky", "for a test"),
        Component("policy", "wrong", "acme_module:NoPolicy", "for a test"),
        Component("policy", "heavy", "acme_module:Policy", "for a test", needs=("surely_not_installed",)),
    )
    broken = frozenset({"recommender/far.yaml"})
    return Plugins(
        [
            Entry("acme", "acme", "1.0", "loaded", module=module, components=components),
            Entry("sick", "sick-dist", "2.0", "failed", "needs the module 'x', which is not installed", files=broken),
        ]
    )


def test_values_are_converted_to_their_annotation(plugins: Plugins) -> None:
    params = {"factors": 3, "rate": 1, "kinds": ["view"], "cuts": {"a": 2}, "names": ["n"], "nested": {"depth": 4}}
    made = build(plugins, "policy", "bold", params)
    assert made.config == Config(3, 1.0, ("view",), cuts={"a": 2.0}, names=["n"], nested=Nested(4))
    assert isinstance(made.config.rate, float)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"factors": 3, "ratte": 1}, ["arm.params has no 'ratte'", "Did you mean 'rate'", "weights"]),
        ({}, ["lacks 'factors'"]),
        ({"factors": "3"}, ["arm.params.factors is '3' (str)", "an integer"]),
        ({"factors": True}, ["factors is True", "an integer"]),
        ({"factors": 3.5}, ["factors is 3.5", "an integer"]),
        ({"factors": 3, "weights": "lag"}, ["weights is 'lag'", "one of 'binary', 'log'"]),
        ({"factors": 3, "limit": "many"}, ["limit is 'many'", "an integer or null"]),
        ({"factors": 3, "kinds": "view"}, ["kinds is 'view'", "a list, each a text"]),
        ({"factors": 3, "kinds": ["a", 2]}, ["kinds[1] is 2", "a text"]),
        ({"factors": 3, "cuts": {"a": "b"}}, ["cuts.a is 'b'", "a number"]),
        ({"factors": 3, "nested": {"dept": 4}}, ["has no 'dept'", "Did you mean 'depth'"]),
        ({"factors": 0}, ["factors is 0; allowed: 1 or more"]),
    ],
)
def test_wrong_parameters(plugins: Plugins, params: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        check(plugins, "policy", "bold", params, where="arm")
    assert [w for w in words if w not in str(caught.value)] == []


def test_an_annotation_for_type_checkers_only_is_refused() -> None:
    @dataclass
    class Odd:
        x: OnlyForTypeCheckers  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PluginError, match=r"annotations of .*Odd cannot be read: name 'OnlyForTypeCheckers'"):
        config_from(Odd, {"x": 3}, "odd")


def test_what_a_component_refuses_itself_names_its_place(plugins: Plugins) -> None:
    with pytest.raises(ConfigError) as caught:
        build(plugins, "policy", "picky", {"factors": 7}, where="strategies.x.policy")
    assert str(caught.value) == "strategies.x.policy: seven is unlucky. Allowed: others. Take 8."


def test_unknown_component_names_the_nearest(plugins: Plugins) -> None:
    with pytest.raises(ConfigError, match=r"arm names the policy 'bald'.*Did you mean 'bold'"):
        build(plugins, "policy", "bald", where="arm")


def test_offered_by_a_plugin_that_failed(plugins: Plugins) -> None:
    with pytest.raises(PluginError, match=r"sick-dist 2\.0.*needs the module 'x'"):
        build(plugins, "recommender", "far")


def test_last_offered_by_something_uninstalled(plugins: Plugins) -> None:
    memory.remember_plugins(plugins)
    memory.remember({("metric", "gone"): memory.Offer("old-dist", "0.3", "old")})
    with pytest.raises(PluginError, match=r"last offered by old-dist 0\.3, which is no longer installed"):
        build(plugins, "metric", "gone")
    assert memory.recall("policy", "bold") == memory.Offer("acme", "1.0", "acme")


def test_missing_package_says_how_to_install(plugins: Plugins) -> None:
    with pytest.raises(PluginError, match=r"needs surely_not_installed.*pip install surely_not_installed"):
        build(plugins, "policy", "heavy")


def test_a_class_without_the_methods_is_refused(plugins: Plugins) -> None:
    with pytest.raises(PluginError, match="lacks act"):
        build(plugins, "policy", "wrong", {"factors": 1})


def test_parameters_for_the_reader() -> None:
    shown = {p.name: (p.type, p.default) for p in parameters(Policy, "policy", "bold")}
    assert shown["factors"] == ("an integer", "required")
    assert shown["cuts"] == ("a mapping to a number", "{}")


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"metric/gone": 3}', '{"metric/gone": {"x": 1}}'])
def test_a_broken_memory_is_no_memory(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path))
    (tmp_path / "components.json").write_text(content)
    assert memory.recall("metric", "gone") is None
    memory.remember({("metric", "new"): memory.Offer("d", "1", "p")})
    assert memory.recall("metric", "new") == memory.Offer("d", "1", "p")


def test_a_cache_that_cannot_be_written_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "file" / "below"))
    memory.remember({("metric", "new"): memory.Offer("d", "1", "p")})
    assert memory.recall("metric", "new") is None
