"""What `analyse` refuses: code 2, one message that says what and what is allowed, and no result left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.cli import main

ARMS = ("arm=arm", "control=a")
SPEND = "metrics.spend.kind=mean"
Rows = list[dict[str, Any]]
Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["arm=arm", "control=a"], ["analyse needs a metric", "metrics.revenue.kind=mean"]),
        ([*ARMS, "metrics.spnd.kind=mean"], ["no column 'spnd'", "metrics.spnd", "Did you mean 'spend'"]),
        ([*ARMS, SPEND, "segment=grup"], ["no column 'grup'", "segment=", "Did you mean 'group'"]),
        ([*ARMS, "metrics.spend.kind=men"], ["metrics.spend.kind is 'men'", "proportion", "Did you mean 'mean'"]),
        ([*ARMS, SPEND, "confidnce=0.9"], ["analyse has no 'confidnce'", "Did you mean 'confidence'"]),
        ([*ARMS, SPEND, "metrics.spend.colum=spend"], ["metrics.spend has no 'colum'", "Did you mean 'column'"]),
        ([*ARMS, SPEND, "confidence=95"], ["confidence is 95", "between 0 and 1"]),
        ([*ARMS, SPEND, "correction=hlm"], ["correction is 'hlm'", "Did you mean 'holm'"]),
        ([*ARMS, SPEND, "missing=dorp"], ["missing is 'dorp'", "Did you mean 'drop'"]),
        ([*ARMS, SPEND, "design=pared"], ["design is 'pared'", "Did you mean 'paired'"]),
        ([*ARMS, SPEND, "design=switchback"], ["design=switchback and period= go together"]),
        ([*ARMS, SPEND, "design=paired"], ["a paired design needs unit="]),
        ([*ARMS, SPEND, "cluster=shop", "stratum=group"], ["cluster= goes with independent arms without strata"]),
        (["arm=arm", SPEND], ["analyse needs control=", "control=LABEL"]),
        (["control=a", SPEND], ["analyse needs arm="]),
        (["arm=arm", "control=A1", SPEND], ["has no arm 'A1'", "a, b"]),
        ([*ARMS, SPEND, "shares={a:1,c:1}"], ["shares= names arm 'c'", "a, b"]),
        ([*ARMS, SPEND, "shares={a:1}"], ["shares= leaves out arm 'b'", "a share for every arm"]),
        ([*ARMS, "metrics.r.kind=ratio"], ["metrics.r is a ratio", "numerator=COLUMN"]),
        ([*ARMS, SPEND, "metrics.spend.method=lin"], ["which needs covariates", "covariates=[...]"]),
        ([*ARMS, SPEND, "metrics.spend.method=wlch"], ["method is 'wlch'", "Did you mean 'welch'"]),
        ([*ARMS, SPEND, "metrics.spend.role=primry"], ["role is 'primry'", "Did you mean 'primary'"]),
        ([*ARMS, "metrics.spend.kind=quantile", "metrics.spend.quantile=90"], ["quantile is 90", "between 0 and 1"]),
        (
            [*ARMS, "metrics.k.kind=retention", "metrics.k.columns=[day1,day7]", "metrics.k.days=[1]"],
            ["2 columns for 1 days"],
        ),
        ([*ARMS, "metrics.spend.kind=proportion"], ["neither 0 nor 1", "column 'spend'", "Use kind=mean"]),
        ([*ARMS, SPEND, "prior=flat"], ["prior is 'flat'", "jeffreys, uniform"]),
    ],
)
def test_a_wrong_command_line(refused: Refused, rows: Rows, arguments: list[str], words: list[str]) -> None:
    line = refused(rows, *arguments)
    assert [word for word in words if word not in line] == [], line


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("id", "u3", ["unit 'u3' stands in 2 rows", "one row a unit", "cluster="]),
        ("spend", "much", ["column 'spend'", "'much' in row 8", "numbers"]),
        ("spend", "1,5", ["line 9"]),
        ("spend", "nan", ["column 'spend'", "1 in arm 'b'", "missing=drop"]),
        ("spend", "inf", ["column 'spend', arm 'b'", "1 value(s) are infinite", "finite numbers"]),
        ("spend", "-inf", ["column 'spend', arm 'b'", "infinite"]),
        ("spend", "", ["column 'spend'", "outcomes are missing", "1 in arm 'b'", "missing=zero"]),
        ("arm", "", ["column 'arm' (arm)", "1 value(s) are missing", "Remove those rows"]),
        ("id", "", ["column 'id' (unit)", "1 value(s) are missing"]),
        ("arm", "c", ["arm 'c' has 1 unit(s)", "2 or more"]),
    ],
)
def test_a_wrong_cell(refused: Refused, rows: Rows, column: str, value: str, words: list[str]) -> None:
    rows[7][column] = value
    line = refused(rows, *ARMS, "unit=id", SPEND)
    assert [word for word in words if word not in line] == [], line


def test_one_arm_only(refused: Refused, rows: Rows) -> None:
    line = refused([row for row in rows if row["arm"] == "a"], *ARMS, SPEND)
    assert "has one arm only, 'a'" in line


def test_the_control_is_missing(refused: Refused, rows: Rows) -> None:
    line = refused([row for row in rows if row["arm"] == "b"], *ARMS, SPEND)
    assert "has no arm 'a' (control=)" in line


def test_a_missing_file_and_its_nearest_name(refused: Refused, rows: Rows) -> None:
    line = refused(rows, *ARMS, SPEND, file="outcome.csv")
    assert "there is no file" in line
    assert "outcomes.csv" in line.partition("Did you mean")[2]


def test_no_file_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", *ARMS, SPEND]) == 2
    assert "analyse takes one file, not 0" in capsys.readouterr().err


def test_a_period_under_both_arms(refused: Refused, rows: Rows) -> None:
    line = refused(rows, *ARMS, SPEND, "design=switchback", "period=period")
    assert "was under both arms" in line


def test_a_refusal_removes_the_result_of_before(
    tmp_path: Path, analyse: Callable[..., Any], refused: Refused, rows: Rows
) -> None:
    analyse(rows, *ARMS, SPEND)
    assert (tmp_path / "out" / "report.html").is_file()
    rows[7]["spend"] = "much"
    refused(rows, *ARMS, SPEND)
    assert json.loads((tmp_path / "out" / "record.json").read_text())["status"] == "failed"
