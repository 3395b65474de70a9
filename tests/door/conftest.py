"""Wheels of strangers' distributions, and an environment of its own to install them into."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .zoo import ZOO, Member

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
Completed = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Environment:
    """A Python that sees the checkout, the packages of the test environment, and what is installed into it."""

    python: Path
    folder: Path

    def run(self, *arguments: str, **variables: str) -> Completed:
        """Run `python -m framework` with these arguments in a folder of its own."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PRELAUNCH", "HYDRA", "PYTHON", "COV"))}
        own = {"PRELAUNCH_CACHE": str(self.folder / "cache"), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        command = [str(self.python), "-m", "framework", *arguments]
        env = keep | own | variables
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=300
        )

    def test(self, text: str) -> Completed:
        """Run these tests with pytest, as an author runs the conformance suites beside their own package."""
        file = self.folder / "test_mine.py"
        file.write_text(text)
        command = [
            str(self.python),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(self.folder),
            str(file),
        ]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=300
        )

    def install(self, *wheels: Path) -> None:
        """Install wheels with pip, from no index."""
        self._pip("install", "--no-index", "--no-deps", *map(str, wheels))

    def uninstall(self, *names: str) -> None:
        """Uninstall distributions."""
        self._pip("uninstall", "--yes", *names)

    def _pip(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(self.python), *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True)


def make_environment(folder: Path) -> Environment:
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    packages = next(venv.glob("lib/python*/site-packages"))
    seen = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(CHECKOUT), str(CHECKOUT / "plugins")]
    (packages / "prelaunch_under_test.pth").write_text("\n".join(dict.fromkeys(seen)) + "\n")
    return Environment(venv / "bin" / "python", folder)


def build_wheel(project: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    return max(out.glob("*.whl"), key=lambda path: path.stat().st_mtime_ns)


def write_project(member: Member, folder: Path) -> Path:
    package = folder / member.name / member.name
    files = {"__init__.py": "", "plugin.py": member.plugin, **member.files}
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    conf = f'[project.entry-points."prelaunch.conf"]\n{member.name} = "{member.name}"\n' if member.files else ""
    (package.parent / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{member.name}"\nversion = "0.7"\n'
        f'[project.entry-points."prelaunch.plugins"]\n{member.name} = "{member.name}.plugin"\n{conf}'
    )
    return package.parent


@pytest.fixture(scope="session")
def acme_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a foreign distribution that works: recommender, metric, configs and a study."""
    return build_wheel(HERE / "acme_recs", tmp_path_factory.mktemp("acme"))


@pytest.fixture(scope="session")
def zoo_wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of all broken distributions, by name."""
    folder = tmp_path_factory.mktemp("zoo")
    return {m.name: build_wheel(write_project(m, folder), folder / m.name / "dist") for m in ZOO}


@pytest.fixture
def scratch_venv(tmp_path: Path) -> Environment:
    """An empty environment that sees prelaunch and its dependencies; install wheels into it."""
    return make_environment(tmp_path)


@pytest.fixture
def with_unpacked(tmp_path: Path) -> Callable[..., Completed]:
    """Run prelaunch with one wheel on the path, unpacked: what an installed wheel is, without the wait for pip."""

    def run(wheel: Path, *arguments: str, **variables: str) -> Completed:
        place = tmp_path / wheel.stem
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place)
        path = os.pathsep.join([str(place), str(CHECKOUT), str(CHECKOUT / "plugins")])
        return Environment(Path(sys.executable), tmp_path).run(*arguments, PYTHONPATH=path, **variables)

    return run
