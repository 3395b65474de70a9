"""What was seen before is told again, exactly; whatever is damaged is as if it had never been seen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from framework import ledger
from framework.ledger import earlier_rules, remember_calibration, remember_rule, with_calibration
from framework.stats.effects import Calibration, Effect, Interval

LOG, OTHER_LOG = "1d4f6d6f2f0b4a0f" * 4, "1d4f6d6f2f0b4a0f" + "7" * 48
RULE, NEW_RULE = "a" * 64, "b" * 64
CONFIG, NEW_CONFIG = "c" * 64, "d" * 64
FOUND = Calibration(2000, 0.951, (0.94, 0.96), 0.049, (0.04, 0.06), 0.05, 0.81, (0.79, 0.83))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _effect(treatment: str = "als", segment: str | None = None) -> Effect:
    return Effect(
        metric="revenue",
        control="popular",
        treatment=treatment,
        segment=segment,
        n_control=100,
        n_treatment=100,
        control_value=1.0,
        treatment_value=1.5,
        estimate=0.5,
        standard_error=0.1,
        ci_low=0.3,
        ci_high=0.7,
        p_value=0.001,
        p_adjusted=0.002,
        relative=Interval(None, None, None, "not asked"),
        method="paired t",
        design="paired",
        evidence="holdout",
    )


def _row(treatment: str = "als", **changes: object) -> dict[str, object]:
    names = ["holdout", "revenue", "popular", treatment, None]
    return {"effect": names, "calibration": {**asdict(FOUND), **changes}}


def _only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_the_same_rule_is_no_change() -> None:
    assert earlier_rules("shop", LOG, RULE) == ()
    remember_rule("shop", LOG, RULE, "2026-01-01")
    assert earlier_rules("shop", LOG, RULE) == ()


def test_a_rule_changed_after_the_result_is_told_with_both_rules_and_the_first_time() -> None:
    remember_rule("shop", LOG, RULE, "2026-01-01T10:00")
    remember_rule("shop", LOG, RULE, "2026-02-02T10:00")
    (text,) = earlier_rules("shop", LOG, NEW_RULE)
    assert RULE[:12] in text
    assert NEW_RULE[:12] in text
    assert "2026-01-01T10:00" in text
    assert "2026-02-02" not in text
    assert RULE[:13] not in text


def test_the_change_is_told_again_after_the_new_rule_was_judged_too() -> None:
    remember_rule("shop", LOG, RULE, "2026-01-01")
    remember_rule("shop", LOG, NEW_RULE, "2026-01-02")
    assert RULE[:12] in earlier_rules("shop", LOG, NEW_RULE)[0]
    assert NEW_RULE[:12] in earlier_rules("shop", LOG, RULE)[0]


@pytest.mark.parametrize(("study", "log"), [("another", LOG), ("shop", OTHER_LOG)])
def test_another_study_or_log_knows_nothing(study: str, log: str) -> None:
    remember_rule("shop", LOG, RULE, "2026-01-01")
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    assert earlier_rules(study, log, NEW_RULE) == ()
    assert with_calibration([_effect()], study, log, RULE, CONFIG) == (_effect(),)


@pytest.mark.parametrize("name", ["a/b", "a:b", "A_b", "../a_b", "a\udcffb"])
def test_studies_whose_names_look_alike_in_a_file_name_are_kept_apart(name: str, cache: Path) -> None:
    remember_calibration("a_b", LOG, RULE, CONFIG, [_row()])
    remember_calibration(name, LOG, RULE, CONFIG, [_row(coverage=0.5)])
    assert with_calibration([_effect()], "a_b", LOG, RULE, CONFIG)[0].calibration == FOUND
    assert with_calibration([_effect()], name, LOG, RULE, CONFIG)[0].calibration == replace(FOUND, coverage=0.5)
    assert len(list((cache / "calibrations").iterdir())) == 2


def test_a_long_name_is_remembered() -> None:
    remember_rule("shop" * 200, LOG, RULE, "2026-01-01")
    assert earlier_rules("shop" * 200, LOG, NEW_RULE)


def test_only_the_latest_rules_are_kept() -> None:
    for place in range(ledger.MOST_RULES + 5):
        remember_rule("shop", LOG, f"{place:064d}", f"day {place}")
    (text,) = earlier_rules("shop", LOG, RULE)
    assert "day 5," in text


def test_calibration_comes_back_whole_and_only_for_its_own_effect() -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row("als")])
    als, other, part = with_calibration(
        [_effect("als"), _effect("bpr"), _effect(segment="new")], "shop", LOG, RULE, CONFIG
    )
    assert als == replace(_effect("als"), calibration=FOUND)
    assert isinstance(als.calibration.coverage_interval, tuple)
    assert other.calibration is None
    assert part.calibration is None


def test_calibration_of_another_rule_is_stale() -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    assert with_calibration([_effect()], "shop", LOG, NEW_RULE, CONFIG)[0].calibration is None


def test_calibration_of_another_config_is_stale() -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    assert with_calibration([_effect()], "shop", LOG, RULE, NEW_CONFIG)[0].calibration is None


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": ""}, {"config": [CONFIG]}])
def test_a_calibration_that_does_not_say_of_what_config_it_is_is_not_believed(
    config: dict[str, object], cache: Path
) -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    _only(cache / "calibrations").write_text(json.dumps({"rule": RULE, **config, "rows": [_row()]}), encoding="utf-8")
    assert with_calibration([_effect()], "shop", LOG, RULE, CONFIG)[0].calibration is None


def test_a_new_calibration_takes_the_place_of_the_old_one_entirely() -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row("als"), _row("bpr")])
    remember_calibration("shop", LOG, RULE, CONFIG, [_row("als", coverage=0.5)])
    als, bpr = with_calibration([_effect("als"), _effect("bpr")], "shop", LOG, RULE, CONFIG)
    assert als.calibration.coverage == 0.5
    assert bpr.calibration is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        '"x"',
        "\x00\x00",
        "[" * 100_000,
        '{"rules": 3}',
        '{"rules": [1, null, []]}',
        '{"rules": [{"digest": "x"}]}',
        '{"rules": [{"digest": 4, "time": "t"}]}',
        '{"rules": {"a": 1}}',
    ],
)
def test_a_damaged_memory_of_rules_starts_clean_and_is_written_anew(content: str, cache: Path) -> None:
    remember_rule("shop", LOG, RULE, "2026-01-01")
    _only(cache / "rules").write_text(content, encoding="utf-8")
    assert earlier_rules("shop", LOG, NEW_RULE) == ()
    remember_rule("shop", LOG, RULE, "2026-03-03")
    assert "2026-03-03" in earlier_rules("shop", LOG, NEW_RULE)[0]


def test_bytes_that_are_no_text_start_clean(cache: Path) -> None:
    remember_rule("shop", LOG, RULE, "2026-01-01")
    _only(cache / "rules").write_bytes(b"\xff\xfe\x00{")
    assert earlier_rules("shop", LOG, NEW_RULE) == ()


@pytest.mark.parametrize(
    "rows",
    [
        None,
        3,
        ["x"],
        [{}],
        [{"effect": 3, "calibration": {}}],
        [{"effect": [["x"]], "calibration": asdict(FOUND)}],
        [_row(strange=1)],
        [_row(coverage="high")],
        [_row(coverage=1.7)],
        [_row(coverage=float("nan"))],
        [_row(), _row("bpr", power=-1)],
        [_row(replications=0)],
        [_row(coverage_interval=None)],
    ],
)
def test_a_damaged_calibration_gives_no_number_at_all(rows: object, cache: Path) -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    file = _only(cache / "calibrations")
    file.write_text(json.dumps({"rule": RULE, "config": CONFIG, "rows": rows}), encoding="utf-8")
    assert with_calibration([_effect()], "shop", LOG, RULE, CONFIG) == (_effect(),)


def test_every_cut_of_the_file_gives_the_whole_calibration_or_none(cache: Path) -> None:
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    file = _only(cache / "calibrations")
    whole = file.read_bytes()
    for end in range(len(whole) - 2):
        file.write_bytes(whole[:end])
        assert with_calibration([_effect()], "shop", LOG, RULE, CONFIG)[0].calibration is None
    file.write_bytes(whole)
    assert with_calibration([_effect()], "shop", LOG, RULE, CONFIG)[0].calibration == FOUND


def _process(code: str) -> subprocess.Popen[bytes]:
    head = "import os, sys\nfrom pathlib import Path\nfrom framework.ledger import remember_rule\n"
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", head + code], env=env, cwd=Path(__file__).parents[2])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_run_killed_while_it_writes_leaves_the_older_memory_whole(cache: Path) -> None:
    remember_rule("shop", LOG, RULE, "2026-01-01")
    before = _only(cache / "rules").read_bytes()
    # Killed with all bytes in the neighbour, just before it takes the name.
    process = _process(f"os.fsync = lambda _: os.kill(os.getpid(), 9)\nremember_rule('shop', '{LOG}', 'c' * 64, 't')\n")
    assert process.wait(60) == -signal.SIGKILL
    assert len(list((cache / "rules").iterdir())) == 2, "the half-written neighbour lies there"
    assert [file.read_bytes() for file in (cache / "rules").glob("*.json")] == [before]
    assert earlier_rules("shop", LOG, RULE) == ()
    remember_rule("shop", LOG, NEW_RULE, "2026-01-02")
    assert NEW_RULE[:12] in earlier_rules("shop", LOG, RULE)[0]


def test_runs_at_the_same_time_never_leave_or_show_half_a_memory(cache: Path) -> None:
    code = "for i in range(40):\n    remember_rule('shop', '{log}', f'{mark}{{i:03d}}' + '0' * 60, 'day')\n"
    running = [_process(code.format(log=LOG, mark=mark)) for mark in "xyz"]
    remember_rule("shop", LOG, RULE, "day")
    file = _only_json(cache / "rules")
    while any(process.poll() is None for process in running):
        json.loads(file.read_text(encoding="utf-8"))
    assert [process.returncode for process in running] == [0, 0, 0]
    kept = [entry["digest"] for entry in json.loads(file.read_text(encoding="utf-8"))["rules"]]
    assert len(kept) == len(set(kept)) == ledger.MOST_RULES
    assert list((cache / "rules").iterdir()) == [file]


def _only_json(folder: Path) -> Path:
    (file,) = folder.glob("*.json")
    return file


def test_a_rerun_of_the_same_rule_is_noted_once(cache: Path) -> None:
    running = [_process(f"remember_rule('shop', '{LOG}', '{RULE}', 'day')\n") for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(json.loads(_only(cache / "rules").read_text(encoding="utf-8"))["rules"]) == 1
    assert earlier_rules("shop", LOG, RULE) == ()


def test_a_home_that_cannot_be_written_costs_the_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "file" / "below"))
    remember_rule("shop", LOG, RULE, "2026-01-01")
    remember_calibration("shop", LOG, RULE, CONFIG, [_row()])
    assert earlier_rules("shop", LOG, NEW_RULE) == ()
    assert with_calibration([_effect()], "shop", LOG, RULE, CONFIG) == (_effect(),)
    assert (tmp_path / "file").read_text() == "in the way"
