"""Counted input: a row an arm, each experiment a chi-square test, all corrected together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from framework.cli import main

ASKED = ("experiment=test", "count=n", "metrics.clicks.kind=proportion")
LINES = (("a", 1000, 100), ("a", 1000, 140), ("a", 1100, 120), ("b", 50, 5), ("b", 52, 6), ("c", 900, 9))


def counted(folder: Path, lines: tuple[tuple[object, ...], ...], *arguments: str, header: str = "test,n,clicks") -> int:
    text = "".join(",".join(map(str, line)) + "\n" for line in lines)
    (folder / "tests.csv").write_text(f"{header}\n{text}")
    return main(["analyse", str(folder / "tests.csv"), *ASKED, *arguments, f"out={folder / 'out'}"])


def health(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "out" / "result.json").read_text())["health"])


def test_each_experiment_is_a_chi_square_test(tmp_path: Path) -> None:
    assert counted(tmp_path, LINES) == 0
    found = {row["experiment"]: row for row in health(tmp_path)["experiments"]}
    expected = stats.chi2_contingency([[100, 140, 120], [900, 860, 980]], correction=False)
    assert found["a"]["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert found["a"]["df"] == 2
    assert found["a"]["rate"] == pytest.approx(360 / 3100, rel=1e-12)
    assert found["c"]["p_value"] == 1.0  # one arm


def test_the_arms_sizes_are_tested_too(tmp_path: Path) -> None:
    assert counted(tmp_path, LINES) == 0
    sizes = health(tmp_path)["sample_ratios"]
    assert sizes["a"]["p_value"] == pytest.approx(stats.chisquare([1000, 1000, 1100]).pvalue, rel=1e-9)
    assert sizes["c"]["p_value"] is None


def test_groups_are_the_smallest_of_an_experiments_rows(tmp_path: Path) -> None:
    lines = (("a", 10, 1, "201340"), ("a", 12, 2, "201326"), ("b", 9, 1, "201330"), ("b", 9, 2, "201330"))
    assert counted(tmp_path, lines, "group=week", header="test,n,clicks,week") == 0
    groups = health(tmp_path)["sample_ratio_by_group"]
    assert groups == {"201326": {"experiments": 1, "alerts": 0}, "201330": {"experiments": 1, "alerts": 0}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("d", -1, 0), "column 'n': 1 value(s) are no counts; the first is -1 in row 7"),
        (("d", 10, 1.5), "the first is 1.5 in row 7"),
        (("d", 10, 11), "row 7: 11 in 'clicks' of 10 in 'n'"),
        (("d", "", 1), "the first is nan in row 7"),
        (("", 10, 1), "column 'test' (experiment=): 1 value(s) are missing; the first is in row 7"),
        (("d", "many", 1), "'many' in row 7"),
    ],
)
def test_counts_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: tuple[object, ...], words: str
) -> None:
    assert counted(tmp_path, (*LINES, line)) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_header_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert counted(tmp_path, ()) == 2
    assert "holds no rows" in capsys.readouterr().err


def test_one_test_is_told_as_one_and_many_with_separators(tmp_path: Path) -> None:
    def said() -> tuple[str, list[str]]:
        found = json.loads((tmp_path / "out" / "result.json").read_text())
        return str(found["verdict"]["headline"]), list(found["warnings"])

    assert counted(tmp_path, (("a", 100, 1), ("a", 100, 3))) == 0
    headline, warnings = said()
    assert headline.startswith("1 test of equal rates: 0 at p 0.05")
    assert warnings == ["1 test rests on fewer than 5 expected hits or misses in an arm, or on one arm."]
    lines = tuple((f"x{place // 2}", 100, 1 + place % 2) for place in range(2400))
    assert counted(tmp_path, lines) == 0
    headline, warnings = said()
    assert headline.startswith("1,200 tests of equal rates: 0 at p 0.05")
    assert warnings == ["1,200 tests rest on fewer than 5 expected hits or misses in an arm, or on one arm."]
