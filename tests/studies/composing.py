"""Compose a study as the command line would, and run it in this process or in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from framework import mistakes, searchpath
from framework.config import RunConfig
from framework.discovery import engine_conf

ROOT = Path(__file__).parents[2]


def composed(study: str, *overrides: str) -> DictConfig:
    """Return the config of a run of `study`, as the engine hands it to `framework.run.run`."""
    ConfigStore.instance().store(name="run_schema", node=RunConfig, provider="prelaunch")
    searchpath.register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(engine_conf())):
        return mistakes.checked(compose("config", overrides=[f"+experiment={study}", *overrides]))


def prelaunch(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in `folder`, and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        cwd=folder,
        env={**os.environ, "PRELAUNCH_EXPERIMENTS": str(ROOT / "experiments"), "OMP_NUM_THREADS": "1", **environment},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
