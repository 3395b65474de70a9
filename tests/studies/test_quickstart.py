"""The quickstart as a newcomer runs it: the planted winner, a page, the same bytes again, and honest endings."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.studies.composing import ROOT, prelaunch

SMALL = ("source.params.users=400", "source.params.events=12000", "source.params.items=60", "trial.segment_floor=20")


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def timeless(folder: Path) -> dict[str, Any]:
    return {key: value for key, value in result(folder).items() if key not in {"times", "paths"}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("quickstart")
    return prelaunch("+experiment=quickstart", f"hydra.run.dir={folder}/a", folder=folder), folder / "a"


def test_it_finds_the_planted_winner(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    process, folder = finished
    assert process.returncode == 0, process.stderr
    verdict = result(folder)["verdict"]
    assert (verdict["treatment"], verdict["decision"]) == ("treatment", "ship")
    assert "SHIP" in process.stdout


def test_the_last_line_is_the_page_alone(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    process, folder = finished
    last = process.stdout.rstrip("\n").split("\n")[-1]
    assert last == str(folder / "report.html")
    page = Path(last).read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "Ship treatment" in page


def test_cleaning_accounts_for_every_row(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    cleaning = result(finished[1])["cleaning"]
    assert cleaning["rows_in"] == cleaning["rows_kept"] + sum(rule["rows_removed"] for rule in cleaning["rules"])


def test_the_test_part_is_opened_after_training(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    found = result(finished[1])
    assert found["split"]["opened"] == "trial"
    assert found["times"]["started"] <= found["times"]["test_opened"] <= found["times"]["finished"]


def test_the_same_seed_gives_the_same_bytes(finished: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = finished
    again = folder.parent / "b"
    process = prelaunch("+experiment=quickstart", f"hydra.run.dir={again}", folder=folder.parent)
    assert process.returncode == 0, process.stderr
    assert json.dumps(timeless(again)) == json.dumps(timeless(folder))


SHOP = """
source: {name: synthetic_shop, params: {users: 400, events: 12000, items: 60}}
trial: {segment_floor: 20}
metrics: {conversion: {name: conversion, role: primary}}
"""


def run_study(folder: Path, text: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    """Run a study written for the occasion."""
    (folder / "experiments" / "own").mkdir(parents=True)
    (folder / "experiments" / "own" / "config.yaml").write_text(SHOP + text, encoding="utf-8")
    return prelaunch(
        "+experiment=own",
        f"hydra.run.dir={folder}/run",
        *overrides,
        folder=folder,
        PRELAUNCH_EXPERIMENTS=str(folder / "experiments"),
    )


def test_bandits_and_segment_rules_run_in_the_same_block(tmp_path: Path) -> None:
    process = run_study(
        tmp_path,
        """
strategies:
  control: {recommender: {name: recent_popular}}
  bandit: {recommender: {name: als, params: {factors: 8}}, policy: {name: thompson, params: {prior_b: 4.0}}}
  ruled:
    recommender: {name: item_knn}
    segments:
      champions: {policy: {name: epsilon_greedy, params: {epsilon: 0.2}}}
      new users: {recommender: {name: popular}}
""",
    )
    assert process.returncode == 0, process.stderr
    policies = {strategy["name"]: strategy["policy"] for strategy in result(tmp_path / "run")["strategies"]}
    assert policies == {"control": "greedy", "bandit": "thompson", "ruled": "greedy"}


def test_a_log_without_items_serves_a_study_of_segments(tmp_path: Path) -> None:
    rows = [f"c{user},2025-0{month}-{user % 28 + 1:02} 10:00,{user}.50" for user in range(60) for month in (1, 2, 3)]
    (tmp_path / "log.csv").write_text("customer,when,total\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "experiments" / "own").mkdir(parents=True)
    (tmp_path / "experiments" / "own" / "config.yaml").write_text(
        "source: {name: log, params: {path: log.csv, columns: {user: customer, time: when, price: total}}}"
    )
    experiments = str(tmp_path / "experiments")
    process = prelaunch("+experiment=own", "hydra.run.dir=run", folder=tmp_path, PRELAUNCH_EXPERIMENTS=experiments)
    assert process.returncode == 0, process.stderr
    found = result(tmp_path / "run")
    assert found["verdict"]["decision"] == "none"
    assert found["split"]["opened"] is None
    assert sum(card["users"] for card in found["segments"]) == 60


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("nobody: {policy: {name: greedy}}", "'nobody'"),
        ("champion: {policy: {name: greedy}}", "Did you mean 'champions'"),
        ("champions: {policy: {name: gredy}}", "Did you mean 'greedy'"),
        ("no purchase yet: {policy: {name: greedy}}", "trial.segment_floor"),
    ],
)
def test_a_rule_for_a_segment_that_is_not_there_or_too_small_is_refused(
    tmp_path: Path, rule: str, message: str
) -> None:
    process = run_study(
        tmp_path,
        f"""
strategies:
  control: {{recommender: {{name: popular}}}}
  ruled: {{recommender: {{name: item_knn}}, segments: {{{rule}}}}}
""",
        "trial.segment_floor=399",
    )
    assert process.returncode == 2
    assert message in process.stderr


def test_equal_strategies_are_warned_of(tmp_path: Path) -> None:
    process = run_study(
        tmp_path,
        "strategies: {control: {recommender: {name: popular}}, twin: {recommender: {name: popular}}}",
    )
    assert process.returncode == 0, process.stderr
    found = result(tmp_path / "run")
    assert any("are the same" in warning for warning in found["warnings"])
    assert found["verdict"]["decision"] == "undecided"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trial.positions=1000"], "catalogue"),
        (["metrics.ndcg.params.k=20"], "trial.positions"),
        (["trial.simulated.users=1"], "trial.simulated.users"),
        (["seed=-1"], "seed is -1"),
        (["data.split.test=500d"], "data.split.test"),
        (["strategies.treatment.recommender.params.factor=3"], "Did you mean 'factors'"),
        (["strategies.treatment.recommender.name=asl"], "Did you mean 'als'"),
        (["decison.alpha=0.1"], "decision"),
    ],
)
def test_what_cannot_be_ends_with_one_clear_line(tmp_path: Path, overrides: list[str], message: str) -> None:
    process = prelaunch("+experiment=quickstart", *SMALL, *overrides, f"hydra.run.dir={tmp_path}/run", folder=tmp_path)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "run" / "result.json").exists()


def test_ctrl_c_leaves_a_record_that_says_interrupted(tmp_path: Path) -> None:
    environment = {**os.environ, "PRELAUNCH_EXPERIMENTS": str(ROOT / "experiments"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "framework", "+experiment=quickstart", f"hydra.run.dir={tmp_path}/run"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    record = tmp_path / "run" / "record.json"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (record.exists() and '"stage": "data"' in record.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert json.loads(record.read_text())["status"] == "interrupted"
    assert not (tmp_path / "run" / "result.json").exists()
