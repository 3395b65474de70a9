"""The command line in processes of its own: admin commands, composition, sweeps, mistakes and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("drive_cli.py")
CHECKOUT = DRIVER.parents[2]
HEAVY = "torch lightning pytorch_lightning transformers sklearn statsmodels pandas polars duckdb narwhals"
BASE = """
question: which?
source: {name: synthetic_shop}
strategies:
  control: {recommender: {name: popular}}
  treatment: {recommender: {name: als, params: {factors: 4}}}
metrics: {revenue: {name: revenue_per_user, role: primary}}
"""
STUDIES = {
    "base": BASE,
    "named": "study: other\n" + BASE,
    "swept": BASE + "hydra: {mode: MULTIRUN, sweeper: {params: {seed: '1,2'}}}\n",
    "broken": "question: [a\nsource: {",
    "typo": BASE + "sourc: {name: x}\n",
    "deep": BASE.replace("control: {recommender", "control: {recomender"),
    "group": "defaults: [/recommender@strategies.treatment.recommender: als, _self_]\nsource: {name: log}\n",
    "dangling": BASE + "device: ${nothing.here}\n",
}
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Done]:
    for name, text in STUDIES.items():
        (tmp_path / "exp" / name).mkdir(parents=True)
        (tmp_path / "exp" / name / "config.yaml").write_text(text)
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PRELAUNCH", "HYDRA", "COV"))}
    paths = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "plugins")])
    own = {"PRELAUNCH_CACHE": str(tmp_path / "c"), "PRELAUNCH_EXPERIMENTS": str(tmp_path / "exp"), "COLUMNS": "150"}

    def run(*arguments: str, **variables: str) -> Done:
        env = keep | own | {"PYTHONPATH": paths} | variables
        command = [sys.executable, str(DRIVER), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)

    return run


def result(tmp_path: Path, folder: str = "D") -> Any:
    return json.loads((tmp_path / folder / "result.json").read_text())


def test_plugins_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from framework.cli import main; assert main(['plugins']) == 0; "
        f"found = [m for m in '{HEAVY} hydra'.split() if m in sys.modules]; assert not found, found"
    )
    env = os.environ | {"PRELAUNCH_CACHE": str(tmp_path), "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{CHECKOUT / 'plugins'}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "popular" in done.stdout


def test_help_and_unknown_commands(cli: Callable[..., Done]) -> None:
    assert "python -m framework plugins" in cli().stdout
    assert "Did you mean 'plugins'" in cli("plugns").stderr
    study = cli("base")
    assert study.returncode == 2
    assert "+experiment=base" in study.stderr
    listed = cli("studies")
    assert listed.returncode == 0
    assert "which?" in listed.stdout
    assert "cannot be read" in listed.stdout


def test_one_run(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli(
        "+experiment=base",
        "strategies.treatment.recommender.params.factors=32",
        "strategies.treatment.recommender.params.iterations=3",
        "hydra.run.dir=D",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "STUDY base\n"
    assert result(tmp_path)["strategies"]["treatment"]["recommender"]["params"] == {"factors": 32, "iterations": 3}
    assert (tmp_path / "D" / "run.log").is_file()
    assert (tmp_path / "D" / ".hydra" / "config.yaml").is_file()
    assert cli("+experiment=named").stdout == "STUDY other\n"
    assert len(list((tmp_path / "runs" / "other").iterdir())) == 1
    grouped = cli("+experiment=group", "strategies.treatment.recommender.params.factors=7", "hydra.run.dir=G")
    assert grouped.returncode == 0, grouped.stderr
    assert result(tmp_path, "G")["strategies"]["treatment"]["recommender"]["params"]["factors"] == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["+experiment=typo"], ["experiment/typo", "no key 'sourc'", "Did you mean 'source'"]),
        (["+experiment=deep"], ["strategies.control has no key 'recomender'", "Did you mean 'recommender'"]),
        (["+experiment=broken"], ["broken/config.yaml, line 2", "no valid YAML"]),
        (["+experiment=dangling"], ["nothing.here"]),
        (["+experiment=bse"], ["no study 'bse'", "Did you mean 'base'"]),
        (["experiment=base"], ["+experiment=base"]),
        (["+experimnt=base"], ["+experiment=NAME"]),
        (["+experiment=base", "trial.positons=3"], ["no key 'positons'", "Did you mean 'positions'"]),
        (["+experiment=base", "trial.positions=many"], ["trial.positions is 'many'", "an integer"]),
        (["+experiment=base", "trial=bothe"], ["Did you mean 'both'"]),
        (
            ["+experiment=base", "strategies.treatmen.recommender.params.factors=3"],
            ["strategies has no 'treatmen'", "Did you mean 'treatment'"],
        ),
        (["seed=1"], ["No source is named"]),
        (["+experiment=base", "hydra.run.dir=exp/base/config.yaml/x"], ["run folder cannot be written"]),
        (["-m", "+experiment=glob(zzz*)"], ["glob(zzz*) matches nothing"]),
        (["+experiment=base", "seed=15"], ["the log is empty"]),
    ],
)
def test_mistakes_end_as_one_message(cli: Callable[..., Done], arguments: list[str], words: list[str]) -> None:
    done = cli(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [w for w in words if w not in line] == [], line


def test_other_exit_codes(cli: Callable[..., Done]) -> None:
    broken = cli("+experiment=base", "seed=13", "hydra.run.dir=D")
    assert broken.returncode == 1
    assert "ZeroDivisionError: unlucky" in broken.stderr
    assert "Run folder: " in broken.stderr
    assert cli("+experiment=base", "seed=14").returncode == 130
    assert "Traceback" in cli("+experiment=typo", HYDRA_FULL_ERROR="1").stderr


def test_sweep_over_studies_with_a_failing_job(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("-m", "+experiment=base,named", "seed=13,2", "hydra.sweep.dir=S")
    assert done.returncode == 1
    sweep = json.loads((tmp_path / "S" / "sweep.json").read_text())
    assert [job["status"] for job in sweep["jobs"]] == ["failed", "finished", "failed", "finished"]
    assert sweep["jobs"][0]["error"] == "unlucky"
    assert sweep["jobs"][3]["effect"]["estimate"] == 2.0
    assert result(tmp_path, "S/3")["study"] == "other"
    assert "unlucky" in done.stdout
    assert "+2 [-1, +2]" in done.stdout


def test_a_study_may_be_a_sweep(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("+experiment=swept")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs" / "swept").iterdir()
    assert [job["overrides"] for job in json.loads((folder / "sweep.json").read_text())["jobs"]] == [
        ["seed=1", "+experiment=swept"],
        ["seed=2", "+experiment=swept"],
    ]


def test_doctor_says_what_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from framework import doctor

    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    assert doctor._writable("x", tmp_path / "file" / "runs", needed=True).state == "broken"
    assert doctor._writable("x", tmp_path / "file" / "runs", needed=False).state == "note"
    monkeypatch.setattr(doctor, "requirements", lambda: (("surely-not-installed", None), ("nor-this", "spark")))
    states = {f.what: f.state for f in doctor._libraries()}
    assert states["surely-not-installed"] == "broken"
    assert states["nor-this"] == "note"
