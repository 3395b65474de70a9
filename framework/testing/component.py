"""What holds for components of every kind: a Config with defaults, and a config file that shows them."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from pathlib import Path
from typing import Any, ClassVar


class ComponentTests:
    """Base of the suites. `component` is the class, or its target "package.module:Class".

    `params` are the parameters to test it with, the defaults elsewhere. `name`, where given, is the component's name:
    its file conf/<kind>/<name>.yaml in the top package must then show every parameter with its default.
    """

    kind: ClassVar[str]
    component: ClassVar[type[Any] | str]
    params: ClassVar[dict[str, Any]] = {}
    name: ClassVar[str] = ""

    def component_class(self) -> type[Any]:
        """Return the class under test, imported if it was named by its target."""
        if not isinstance(self.component, str):
            return self.component
        module, _, attribute = self.component.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, type), f"{self.component} is no class"
        return found

    def make(self) -> Any:
        """Return a fresh component with the suite's parameters."""
        component = self.component_class()
        return component(component.Config(**self.params))

    def defaults(self) -> dict[str, Any]:
        """Return the Config's parameters with their defaults, sequences as lists as YAML writes them."""
        config = self.component_class().Config
        assert dataclasses.is_dataclass(config), "Config must be a dataclass"
        found = {}
        for field in dataclasses.fields(config):
            if field.default is not dataclasses.MISSING:
                found[field.name] = _plain(field.default)
            elif field.default_factory is not dataclasses.MISSING:
                found[field.name] = _plain(field.default_factory())
            else:
                found[field.name] = "???"
        return found

    def test_config_is_a_documented_dataclass(self) -> None:
        """Parameters are checked against a dataclass named `Config`, whose own docstring says what they mean."""
        config: type[Any] = self.component_class().Config
        assert dataclasses.is_dataclass(config)
        # A dataclass without a docstring is given its signature as one.
        assert not (config.__doc__ or "").startswith(f"{self.component_class().Config.__name__}(")

    def test_config_file_shows_the_defaults(self) -> None:
        """conf/<kind>/<name>.yaml says `name` and every parameter with its default ("???" where it has none)."""
        if not self.name:
            return
        from omegaconf import OmegaConf

        top = self.component_class().__module__.partition(".")[0]
        spec = importlib.util.find_spec(top)
        assert spec is not None
        assert spec.origin is not None
        path = Path(spec.origin).parent / "conf" / self.kind / f"{self.name}.yaml"
        assert path.is_file(), f"{path} is missing"
        shown = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        assert shown == {"name": self.name, "params": self.defaults()}

    def test_class_is_documented(self) -> None:
        """The class's docstring is what `prelaunch plugins NAME` shows."""
        assert (self.component_class().__doc__ or "").strip()


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return str(value) if isinstance(value, Path) else value
