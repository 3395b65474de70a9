"""Where Hydra finds configs: conf/, each plugin's folder conf, and studies in experiments/<study>/config.yaml.

A study is found by the scheme `study://`, so that `+experiment=x` needs no header in the file and a broken study
hurts only itself. A plugin ships studies in conf/experiments/<study>/config.yaml.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins as HydraPlugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from framework.discovery import engine_conf
from framework.errors import ConfigError
from framework.plugins import Plugins, load_plugins

GROUP = "experiment"
VARIABLE = "PRELAUNCH_EXPERIMENTS"


@dataclass(frozen=True)
class Study:
    """A study on offer: its config file, and who ships it (None: it lies in the experiments folder)."""

    name: str
    file: Path
    distribution: str | None = None


class StudySource(ConfigSource):
    """Serves the group `experiment` from a folder of studies."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme that paths of this source begin with."""
        return "study"

    def load_config(self, config_path: str) -> ConfigResult:
        """Return a study's config, placed at the root, with its name as `study` unless the file sets one."""
        file = self._file(config_path)
        if file is None or not file.is_file():
            raise ConfigLoadError(f"Config not found: {config_path}")
        config = read_study(file)
        header = self._get_header_dict(file.read_text(encoding="utf-8")[:512])
        if "study" not in config:
            config["study"] = file.parent.name
        if header.get("package") is None:
            header["package"] = "_global_"
        return ConfigResult(provider=self.provider, path=self.full_path(), config=config, header=header)

    def available(self) -> bool:
        """Return whether the folder exists."""
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        """Return whether the path is the root or the group of studies."""
        return config_path.strip("/") in {"", GROUP} and self.available()

    def is_config(self, config_path: str) -> bool:
        """Return whether the path names a study of this folder."""
        file = self._file(config_path)
        return file is not None and file.is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the group's name at the root, and the studies in the group."""
        if not config_path.strip("/"):
            return [] if results_filter == ObjectType.CONFIG else [GROUP]
        if results_filter == ObjectType.GROUP or not self.is_group(config_path):
            return []
        return [study.name for study in studies_in(Path(self.path))]

    def _file(self, config_path: str) -> Path | None:
        parts = Path(config_path.removesuffix(".yaml")).parts
        if len(parts) != 2 or parts[0] != GROUP or parts[1] == "..":
            return None
        return Path(self.path, parts[1], "config.yaml")


class PrelaunchSearchPath(SearchPathPlugin):
    """Adds plugins' configs and the studies. Loads the plugins afresh, so that it works in any launcher's process."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append every folder of configs, the experiments folder before the plugins' own studies."""
        plugins = load_plugins()
        search_path.append("prelaunch", f"study://{experiments_folder()}")
        for entry in plugins.entries:
            if entry.folder is None:
                continue
            search_path.append(entry.title, f"file://{entry.folder}")
            if (entry.folder / "experiments").is_dir():
                search_path.append(entry.title, f"study://{entry.folder / 'experiments'}")


def register() -> None:
    """Make both known to Hydra, in this process."""
    hydra = HydraPlugins.instance()
    hydra.register(StudySource)
    hydra.register(PrelaunchSearchPath)


def experiments_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of studies: `PRELAUNCH_EXPERIMENTS`, else the checkout's, else `experiments` here."""
    environ = os.environ if environ is None else environ
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).absolute()
    beside = engine_conf().parent / "experiments"
    return beside if beside.is_dir() else Path("experiments").absolute()


def read_study(file: Path) -> DictConfig:
    """Return what a study's file says.

    Raises:
        ConfigError: it is not UTF-8, or holds no keys with values.
        yaml.YAMLError: it is no valid YAML.
    """
    try:
        config = OmegaConf.load(file)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 (byte {error.start})", hint="Save it as UTF-8.") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ConfigError(f"{file} holds a single value, not keys with values") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{file} holds a list, not keys with values")
    return config


def studies_in(folder: Path, distribution: str | None = None) -> tuple[Study, ...]:
    """Return the studies of one folder, by name."""
    files = sorted(folder.glob("*/config.yaml"))
    return tuple(Study(file.parent.name, file, distribution) for file in files)


def studies(plugins: Plugins) -> dict[str, Study]:
    """Return every study by name; the experiments folder goes before what plugins ship."""
    found = {study.name: study for study in studies_in(experiments_folder())}
    for entry in plugins.entries:
        if entry.folder is not None:
            for study in studies_in(entry.folder / "experiments", entry.distribution):
                found.setdefault(study.name, study)
    return found
