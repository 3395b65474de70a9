"""Broken plugins cost one line each, alone and all at once, and never the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import CHECKOUT, Completed, Environment
from .zoo import ZOO, Member


def lines_of(output: str, name: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("not loaded: ") and f" {name} 0.7:" in line]


@pytest.mark.parametrize("member", ZOO, ids=lambda m: m.name)
def test_alone(member: Member, zoo_wheels: dict[str, Path], with_unpacked: Callable[..., Completed]) -> None:
    done = with_unpacked(zoo_wheels[member.name], "plugins")
    assert done.returncode == 0, done.stderr
    (line,) = lines_of(done.stdout, member.name)
    assert all(words in line for words in member.says), line
    assert "popular" in done.stdout


def test_all_at_once(zoo_wheels: dict[str, Path], scratch_venv: Environment) -> None:
    scratch_venv.install(*zoo_wheels.values())
    done = scratch_venv.run("plugins")
    assert done.returncode == 0, done.stderr
    for member in ZOO:
        (line,) = lines_of(done.stdout, member.name)
        assert all(words in line for words in member.says), line
    strict = scratch_venv.run("plugins", PRELAUNCH_PLUGINS="strict")
    assert strict.returncode == 2
    assert all(member.name in strict.stderr for member in ZOO)
    blocked = scratch_venv.run("plugins", PRELAUNCH_PLUGINS=",".join(f"-{member.name}" for member in ZOO))
    assert not [line for line in blocked.stdout.splitlines() if "not loaded: zoo_" in line]
    composed = scratch_venv.run("--cfg", "job", "seed=3")
    assert composed.returncode == 0, composed.stderr
    assert "seed: 3" in composed.stdout
    assert sum(line.startswith("plugin not loaded: zoo_") for line in composed.stderr.splitlines()) == len(ZOO)


def test_the_quickstart_still_finds_its_winner(zoo_wheels: dict[str, Path], scratch_venv: Environment) -> None:
    scratch_venv.install(*zoo_wheels.values())
    experiments = str(CHECKOUT / "experiments")
    done = scratch_venv.run("+experiment=quickstart", "hydra.run.dir=run", PRELAUNCH_EXPERIMENTS=experiments)
    assert done.returncode == 0, done.stderr
    result = json.loads((scratch_venv.folder / "run" / "result.json").read_text())
    assert (result["verdict"]["treatment"], result["verdict"]["decision"]) == ("treatment", "ship")
    lines = [line for line in done.stderr.splitlines() if line.startswith("plugin not loaded: zoo_")]
    assert len(lines) == len(ZOO)
