"""`plan` and `calibrate` as a user runs them: the seal stays whole, figures add up, endings are honest."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.data.sealed import Sealed
from framework.plugins import load_plugins
from framework.rehearsal.calibrate import calibrate
from framework.rehearsal.plan import plan
from tests.studies.composing import ROOT, composed, prelaunch

SMALL = ("source.params.users=400", "source.params.events=12000", "source.params.items=60", "trial.segment_floor=20")
FEW = "calibrate.replications=300"
TIMES = {"finished", "command", "versions"}


def read(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def timeless(found: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in found.items() if key not in TIMES})


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("planned")
    given = ("+experiment=quickstart", *SMALL, "metrics.revenue_per_user.role=guardrail", "plan.effects=[0.1,0.3]")
    return prelaunch("plan", *given, f"hydra.run.dir={folder}/run", folder=folder), folder / "run"


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("calibrated")
    given = ("+experiment=quickstart", *SMALL, FEW, "calibrate.jobs=1", f"hydra.run.dir={folder}/run")
    return prelaunch("calibrate", *given, folder=folder, PRELAUNCH_CACHE=str(folder / "cache")), folder / "run"


def test_a_plan_says_what_its_trial_and_a_live_test_find(
    planned: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    process, folder = planned
    assert process.returncode == 0, process.stderr
    assert process.stdout.rstrip("\n").split("\n")[-1] == str(folder / "plan.html")
    found = read(folder, "plan.json")
    assert read(folder, "record.json")["status"] == "finished"
    primary = [row for row in found["rehearsed"] if row["role"] == "primary"]
    assert {(row["metric"], row["evidence"]) for row in primary} == {
        ("conversion", "holdout"),
        ("conversion", "simulated"),
    }
    assert all(row["level"] == 0.025 and row["minimum"] > 0 for row in primary)
    live = {(row["case"]["role"], row["case"]["evidence"], row["relative"]) for row in found["live"]}
    assert ("primary", "holdout", 0.1) in live
    assert ("guardrail", "simulated", -0.3) in live
    users = found["users_of_the_last_days"]
    assert len(users) == found["traffic_days"]
    assert users == sorted(users)
    assert users[-1] <= 400
    page = (folder / "plan.html").read_text(encoding="utf-8")
    for words in ("within reach", "the test part stays sealed", "Power of a live test on conversion (holdout)"):
        assert words in page
    assert "within reach" in process.stdout


def test_a_calibration_gives_shares_with_their_own_intervals_beside_the_nominal_ones(
    calibrated: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    process, folder = calibrated
    assert process.returncode == 0, process.stderr
    assert process.stdout.rstrip("\n").split("\n")[-1] == str(folder / "calibration.html")
    found = read(folder, "calibration.json")
    null, planted = found["null"], found["with_planted_effect"]
    assert null["replications"] == planted["replications"] == 300
    for side in (null, planted):
        for row in side["effects"]:
            for key in ("coverage", "rejected"):
                assert row[key]["low"] <= row[key]["share"] <= row[key]["high"]
    for row in null["effects"]:
        if row["asked"]["segment"] is None:
            # Nominal 5 % and 95 %; 300 replications: sd 1.3 %.
            assert row["rejected"]["share"] < 0.11, row["asked"]
            assert row["coverage"]["share"] > 0.89, row["asked"]
    for row in found["found_as_promised"]:
        # Promised 80 %; 300 replications: sd 2.3 %.
        assert row["share"]["share"] == pytest.approx(0.8, abs=0.1)
    gains = {(row["evidence"], row["metric"]): row["gain"] for row in found["planted"]}
    for row in planted["effects"]:
        asked = row["asked"]
        if asked["segment"] is None and asked["role"] == "primary":
            gain = gains[asked["evidence"], asked["metric"]] if asked["control"] == "control" else 0.0
            # A gain of a share comes in steps of one user.
            assert row["truth"] == pytest.approx(gain, abs=2.6e-3)
    page = (folder / "calibration.html").read_text(encoding="utf-8")
    for words in ("This plan", "Coverage of the intervals", "Clopper-Pearson", "nominal"):
        assert words in page


def test_the_number_of_processes_changes_no_byte(
    calibrated: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    given = ("+experiment=quickstart", *SMALL, FEW, "calibrate.jobs=2", f"hydra.run.dir={tmp_path}/run")
    process = prelaunch("calibrate", *given, folder=tmp_path, PRELAUNCH_CACHE=str(tmp_path), OMP_NUM_THREADS="2")
    assert process.returncode == 0, process.stderr
    again = read(tmp_path / "run", "calibration.json")
    assert timeless(again) == timeless(read(calibrated[1], "calibration.json"))


def test_a_run_shows_what_the_calibration_found(
    calibrated: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    cache = str(calibrated[1].parent / "cache")
    given = ("+experiment=quickstart", *SMALL, f"hydra.run.dir={tmp_path}/run")
    process = prelaunch(*given, folder=tmp_path, PRELAUNCH_CACHE=cache)
    assert process.returncode == 0, process.stderr
    effects = read(tmp_path / "run", "result.json")["effects"]
    known = [effect["calibration"] for effect in effects if effect["segment"] is None]
    assert all(own["replications"] == 300 for own in known)
    assert any(own["planted"] and 0 < own["power"] < 1 for own in known)


@pytest.mark.parametrize("command", [plan, calibrate])
def test_the_seal_is_not_broken(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(self: Sealed, reader: str) -> None:
        raise AssertionError(f"{reader} opened the test part")

    monkeypatch.setattr(Sealed, "open", opened)
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    config = composed("quickstart", *SMALL, "calibrate.replications=100", "calibrate.jobs=1")
    command(config, tmp_path / "run", load_plugins())
    assert read(tmp_path / "run", "record.json")["status"] == "finished"
    if command is plan:
        from framework.run import run  # what does open it ends there

        with pytest.raises(AssertionError, match="trial opened the test part"):
            run(config, tmp_path / "other", load_plugins())


def log(path: Path, *, later: int) -> None:
    """Write 60 days of purchases whose test part, from day 50 on, hangs on `later`, and nothing else does."""
    lines = ["user,item,time,quantity,price"]
    for rng, first, last in ((np.random.default_rng(0), 0, 50), (np.random.default_rng(later), 50, 60)):
        for _ in range(80 * (last - first)):
            day = int(rng.integers(first, last))
            user, item = int(rng.gamma(2.0, 40.0)) % 250, int(rng.gamma(1.5, 6.0)) % 40
            when = np.datetime64("2021-03-01") + day
            lines.append(f"u{user},i{item},{when} {rng.integers(8, 20):02}:00:00,1,{1 + item % 7}.50")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


OWN = """
source:
  name: log
  params: {path: log.csv, columns: {user: user, item: item, time: time, quantity: quantity, price: price}}
data: {split: {validation: "2021-04-10", test: "2021-04-20"}}
trial: {segment_floor: 20, positions: 5}
model: {name: rfm}
strategies:
  control: {recommender: {name: recent_popular}}
  treatment: {recommender: {name: item_knn}}
metrics:
  conversion: {name: conversion, role: primary}
  average_order_value: {name: average_order_value, role: secondary}
"""


@pytest.mark.parametrize(("command", "file"), [(plan, "plan.json"), (calibrate, "calibration.json")])
def test_what_happened_in_the_test_part_changes_nothing(
    command: Any, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiments" / "own").mkdir(parents=True)
    (tmp_path / "experiments" / "own" / "config.yaml").write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(tmp_path / "experiments"))
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    found, digests = [], []
    for later in (1, 2):
        log(tmp_path / "log.csv", later=later)
        config = composed("own", "calibrate.replications=100", "calibrate.jobs=1")
        command(config, tmp_path / "run", load_plugins())
        own = read(tmp_path / "run", file)
        digests.append(own.pop("data_digest"))
        found.append(timeless(own))
    assert found[0] == found[1]
    assert digests[0] != digests[1]


def test_what_stood_in_the_folder_before_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    stale = ("result.json", "report.html", "plan.json", "plan.html", "calibration.json", "calibration.html")
    for name in stale:
        (folder / name).write_text("old", encoding="utf-8")
    process = prelaunch("plan", "+experiment=quickstart", "plan.looks=0", f"hydra.run.dir={folder}", folder=tmp_path)
    assert process.returncode == 2
    assert "plan.looks is 0" in process.stderr
    assert read(folder, "record.json")["status"] == "failed"
    assert not [name for name in stale if (folder / name).exists()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan"], "plan needs a study"),
        (["calibrate", "experiment=quickstart"], "calibrate needs a study"),
        (["plan", "-m", "+experiment=quickstart"], "one study at a time"),
        (["plan", "+experiment=quickstart,online_retail"], "one study at a time"),
        (["plan", "+experiment=quikstart"], "Did you mean 'quickstart'"),
        (["calibrate", "+experiment=quickstart", "calibrate.replication=300"], "Did you mean 'replications'"),
        (["plan", "+experiment=quickstart", "plan.effect=3"], "Did you mean 'effects'"),
        (["calibrate", "+experiment=quickstart", "calibrate.replications=5"], "calibrate.replications is 5"),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    folder = [f"hydra.run.dir={tmp_path}/run"] if "+experiment=quickstart" in arguments else []
    process = prelaunch(*arguments, *folder, folder=tmp_path)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("command", ["plan", "calibrate"])
def test_a_study_that_only_describes_is_told_so(tmp_path: Path, command: str) -> None:
    (tmp_path / "experiments" / "own").mkdir(parents=True)
    (tmp_path / "experiments" / "own" / "config.yaml").write_text("source: {name: synthetic_shop}", encoding="utf-8")
    experiments = str(tmp_path / "experiments")
    process = prelaunch(
        command, "+experiment=own", "hydra.run.dir=run", folder=tmp_path, PRELAUNCH_EXPERIMENTS=experiments
    )
    assert process.returncode == 2
    assert "compares no strategies" in process.stderr
    assert read(tmp_path / "run", "record.json")["status"] == "failed"


def test_ctrl_c_while_replicating_leaves_a_record_that_says_so(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PRELAUNCH_EXPERIMENTS": str(ROOT / "experiments"),
        "PRELAUNCH_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    given = ["calibrate", "+experiment=quickstart", *SMALL, "calibrate.replications=1000000", "calibrate.jobs=2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "framework", *given, f"hydra.run.dir={tmp_path}/run"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    record = tmp_path / "run" / "record.json"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (record.exists() and '"stage": "replications"' in record.read_text()):
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert read(tmp_path / "run", "record.json")["status"] == "interrupted"
    assert not list((tmp_path / "run").glob("calibration.*"))
    assert "Traceback" not in said


def test_help_is_no_error(tmp_path: Path) -> None:
    process = prelaunch("plan", "--help", folder=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "quickstart" in process.stdout
