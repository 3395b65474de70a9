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
    "no_list": BASE + "trial: {evidence: holdout}\n",
    "no_mapping": BASE.partition("metrics")[0] + "metrics: [conversion]\n",
    "no_strategy": "source: {name: log}\nstrategies: {personal: als}\n",
    "no_name": BASE.replace("{name: popular}", "{params: {}}"),
    "dangling": BASE + "device: ${nothing.here}\n",
}
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Done]:
    for name, text in STUDIES.items():
        (tmp_path / "exp" / name).mkdir(parents=True)
        (tmp_path / "exp" / name / "config.yaml").write_text(text)
    (tmp_path / "exp" / "latin").mkdir()
    (tmp_path / "exp" / "latin" / "config.yaml").write_bytes(b"question: caf\xe9\n")
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
        (["+experiment=no_list"], ["experiment/no_list", "trial.evidence is 'holdout'", "[holdout]"]),
        (["+experiment=no_mapping"], ["metrics is ['conversion']", "metrics: {conversion: {name: conversion,"]),
        (["+experiment=no_strategy"], ["strategies.personal is 'als'", "personal: {recommender: {name: als}}"]),
        (["+experiment=base", "~strategies.control.recommender.params"], ["params cannot be removed", "params.NAME"]),
        (
            ["+experiment=base", "+strategies.treatment.segments.x={recommender: {name: als}}"],
            ["has no 'x'", "the study's file", "'+strategies.treatment.segments={x: {recommender: {name: NAME}}}'"],
        ),
        (["+experiment=base", "++data.cleaning.repeat=false"], ["implausible_factor", "Did you mean 'repeats'"]),
        (["+experiment=latin"], ["latin/config.yaml is not UTF-8", "Save it as UTF-8"]),
        (["+experiment=base", "--resolve"], ["--resolve only goes with --cfg"]),
        (["+experiment=base", "study=../../x"], ["study is '../../x'", "name of a folder"]),
        (["-m", "+experiment=base", "hydra.sweep.dir=exp/base/config.yaml"], ["sweep's folder cannot be written"]),
        (["+experiment=base", "hydra.run.dir=exp/base/config.yaml/x"], ["run folder cannot be written"]),
        (["-m", "+experiment=glob(zzz*)"], ["glob(zzz*) matches nothing"]),
        (["+experiment=base", "seed=15"], ["the log is empty"]),
    ],
)
def test_mistakes_end_as_one_message(cli: Callable[..., Done], arguments: list[str], words: list[str]) -> None:
    done = cli(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "UserWarning" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [w for w in words if w not in line] == [], line


def test_other_exit_codes(cli: Callable[..., Done]) -> None:
    broken = cli("+experiment=base", "seed=13", "hydra.run.dir=D")
    assert broken.returncode == 1
    assert "ZeroDivisionError: unlucky" in broken.stderr
    assert "Run folder: " in broken.stderr
    assert cli("+experiment=base", "seed=14").returncode == 130
    assert "Traceback" in cli("+experiment=typo", HYDRA_FULL_ERROR="1").stderr


def test_a_run_that_is_terminated_says_so(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("+experiment=base", "seed=16", "hydra.run.dir=D")
    assert done.returncode == 143
    assert done.stderr == "terminated\n"
    assert json.loads((tmp_path / "D" / "record.json").read_text())["status"] == "interrupted"


@pytest.mark.parametrize(("seed", "code"), [(14, 130), (16, 143)])
def test_an_interrupted_sweep_shows_what_is_done(
    cli: Callable[..., Done], tmp_path: Path, seed: int, code: int
) -> None:
    done = cli("-m", "+experiment=base", f"seed=1,2,{seed},3", "hydra.sweep.dir=S")
    assert done.returncode == code
    assert f"3 jobs in {tmp_path / 'S'}" in done.stdout
    assert "+2 [-1, +2]" in done.stdout
    sweep = json.loads((tmp_path / "S" / "sweep.json").read_text())
    assert [job["status"] for job in sweep["jobs"]] == ["finished", "finished", "interrupted"]


def test_what_is_logged_reaches_the_run_folder_alone(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("+experiment=base", "seed=12", "hydra.run.dir=D")
    log = (tmp_path / "D" / "run.log").read_text()
    assert "[prelaunch][INFO] a stage is done" in log
    assert "UserWarning: odd numbers" in log
    assert "a stage is done" not in done.stdout + done.stderr


def test_a_run_that_lacks_a_value_leaves_its_record(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("+experiment=no_name", "hydra.run.dir=D")
    assert done.returncode == 2
    record = json.loads((tmp_path / "D" / "record.json").read_text())
    assert (record["status"], record["study"]) == ("failed", "no_name")
    assert "strategies.control.recommender.name is not set" in record["error"]


def test_nothing_is_written_outside_the_folder_of_runs(cli: Callable[..., Done], tmp_path: Path) -> None:
    cli("+experiment=base", "study=../x")
    done = cli("-m", "+experiment=base", "study=../x,y")
    assert done.returncode == 1
    assert "study is '../x'" in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_share_may_be_given_to_an_arm(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("+experiment=base", "trial.simulated.shares.treatment=0.5", "hydra.run.dir=D")
    assert done.returncode == 0, done.stderr
    assert result(tmp_path)["trial"]["simulated"]["shares"] == {"treatment": 0.5}


def test_lists_stay_whole_when_piped(cli: Callable[..., Done]) -> None:
    (broken,) = [line for line in cli("studies", COLUMNS="40").stdout.splitlines() if line.startswith("broken")]
    assert "cannot be read: no valid YAML, line 2" in broken
    assert broken.endswith("exp)")
    metrics = cli("plugins", "metric")
    assert "revenue_per_user" in metrics.stdout
    assert "popular" not in metrics.stdout


def test_sweep_over_studies_with_a_failing_job(cli: Callable[..., Done], tmp_path: Path) -> None:
    done = cli("-m", "+experiment=base,named", "seed=13,2", "hydra.sweep.dir=S")
    assert done.returncode == 1
    sweep = json.loads((tmp_path / "S" / "sweep.json").read_text())
    assert [job["status"] for job in sweep["jobs"]] == ["failed", "finished", "failed", "finished"]
    assert sweep["jobs"][0]["error"] == "unlucky"
    assert sweep["jobs"][3]["effect"]["estimate"] == 2.0
    assert result(tmp_path, "S/3")["study"] == "other"
    assert "unlucky" in done.stdout
    assert "+2 [-1, +2] p 0.04" in done.stdout
    assert "over the 2 jobs by Holm's method" in done.stdout
    assert "none (defaults)" in done.stdout


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
