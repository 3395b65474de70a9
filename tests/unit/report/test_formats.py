from __future__ import annotations

import math

import pytest

from framework.report.formats import (
    PAGE,
    PLAIN,
    Unit,
    count,
    difference,
    money,
    number,
    p_value,
    percent_change,
    share,
    value,
)

MONEY = Unit("money", "GBP")


def test_plain_numbers() -> None:
    assert count(541_909, PLAIN) == "541,909"
    assert count(541_909, PAGE) == "541\u202f909"
    assert money(1234, "GBP", PLAIN) == "GBP 12.34"
    assert money(-972_600_615, "GBP", PLAIN) == "GBP -9,726,006.15"
    assert share(0.4123, PLAIN) == "41.2 %"
    assert number(0.97123, PLAIN) == "0.9712"
    assert number(2412.0, PLAIN) == "2,412"


def test_differences_have_the_decimals_that_their_interval_deserves() -> None:
    assert difference(123.0, 80.0, 166.0, MONEY, PLAIN) == ("GBP +1.23", "[+0.80, +1.66]")
    assert difference(0.0123, 0.008, 0.0166, Unit("share"), PLAIN) == ("+1.23 pp", "[+0.80, +1.66]")
    assert difference(0.0123, -0.1, 0.1246, Unit("score"), PLAIN) == ("+0.01", "[-0.10, +0.12]")
    assert percent_change(0.05, 0.021, 0.08, PLAIN) == ("+5.0 %", "[+2.1, +8.0]")
    assert difference(-12.0, -20.0, -4.0, Unit("count"), PAGE)[0] == "\u221212.0"


def test_an_end_near_zero_shows_its_side() -> None:
    assert difference(0.0089, 0.00002, 0.0179, Unit("count"), PLAIN)[1] == "[+0.00002, +0.01790]"


def test_values_and_p() -> None:
    assert value(4471.0, MONEY, PLAIN) == "GBP 44.71"
    assert value(0.0, MONEY, PLAIN) == "GBP 0.00"
    assert value(0.1834, Unit("share"), PLAIN, 2) == "18.34 %"
    assert [p_value(p, PLAIN) for p in (0.0001, 0.0123, 0.34, 1.0, None, math.nan)] == [
        "< 0.001",
        "0.012",
        "0.34",
        "1.00",
        "n/a",
        "n/a",
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_absent_is_said_to_be(bad: float) -> None:
    assert {count(bad, PLAIN), money(bad, "", PLAIN), share(bad, PLAIN), number(bad, PLAIN)} == {"n/a"}
    assert value(bad, MONEY, PLAIN) == "n/a"
    assert difference(bad, bad, bad, MONEY, PLAIN) == ("n/a", "n/a")
    assert difference(None, None, None, MONEY, PLAIN) == ("n/a", "n/a")
