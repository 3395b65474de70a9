"""Sections say nothing twice: warnings, headlines and pictures; tables side by side have their names."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from framework.records import Result
from framework.report.blocks import Grid, Words, section
from framework.report.formats import PAGE, PLAIN, Unit, loss
from framework.report.sections import own_sections
from framework.stats.effects import Look

WHERE = {"metric": "conversion", "control": "recent_popular", "treatment": "als", "evidence": "holdout"}
RATIO = {"counts": {"a": 1234, "b": 999}, "p_value": 0.00004, "level": "alert", "text": "Find out why."}


def titled(result: Result, title: str) -> Any:
    return next((own for own in own_sections(result) if own.title == title), None)


def health(result: Result, warnings: tuple[str, ...], **parts: Any) -> Any:
    shown = replace(result, warnings=warnings, health={**result.health, **parts})
    return titled(shown, "Health of the test")


def test_what_the_warnings_say_health_does_not_repeat(result: Result) -> None:
    missing = {"level": "notice", "text": "Outcomes are missing."}
    influence = [{**WHERE, "level": "alert", "text": "One unit moves it.", "without": []}]
    parts: dict[str, Any] = {"sample_ratio": RATIO, "missing": missing, "influence": influence}
    said = health(result, (), **parts).text.splitlines()
    assert said == [
        "! Sample ratio (a 1,234, b 999): p < 0.001. Find out why.",
        "! Outcomes are missing.",
        "! conversion, als against recent_popular: One unit moves it.",
    ]
    warnings = ("Sample ratio, alert: Find out why. (p 4e-05)", "Missing outcomes, notice: Outcomes are missing.")
    warnings += ("Influence, alert (conversion): One unit moves it.",)
    once = health(result, warnings, **parts)
    assert once.text == "Sample ratio (a 1,234, b 999): p < 0.001. See the warnings."
    assert "alert" not in once.html


def test_another_warning_silences_nothing(result: Result) -> None:
    influence = [{**WHERE, "level": "alert", "text": "One unit moves it.", "without": []}]
    made = health(result, ("Sample ratio, alert: Find out why.",), sample_ratio={}, influence=influence)
    assert made.text == "! conversion, als against recent_popular: One unit moves it."


def counted(result: Result, count: int, decision: str, warnings: tuple[str, ...]) -> Any:
    row = {"metric": "rate", "arms": 2, "rate": 0.1, "statistic": 3.5, "p_holm": 1.0, "p_benjamini_hochberg": 0.9}
    rows = [{**row, "experiment": f"x{place}", "p_value": (place + 1) / (count + 1)} for place in range(count)]
    shown = replace(
        result,
        verdict=replace(result.verdict, decision=decision, headline="Many tests."),
        warnings=warnings,
        health={**result.health, "experiments": rows, "sample_ratio": {"text": "Sizes are wrong.", "alerts": 3}},
    )
    return titled(shown, "Many experiments at once")


def test_many_experiments_do_not_repeat_the_headline_of_the_page(result: Result) -> None:
    alone = counted(result, 1500, "effects", ("Sample ratio, alert: Sizes are wrong.",))
    assert "Many tests." not in alone.text
    assert "Sizes are wrong." not in alone.text
    beside = counted(result, 1500, "ship", ())
    assert beside.text.startswith("Many tests.\n")
    assert beside.text.endswith("\n! Sizes are wrong.")


def test_large_counts_have_separators(result: Result) -> None:
    made = counted(result, 1500, "effects", ())
    assert "1,500 tests at once" in made.html
    assert "The 200 smallest p-values of 1,500" in made.html
    rows = tuple((str(place),) for place in range(1300))
    assert section("T", [Grid("many", ("a",), rows, shown=1)]).text.endswith("\n... and 1,299 more")


@pytest.mark.parametrize(
    ("roles", "pictured"),
    [
        (("secondary", "primary", "guardrail"), ["ndcg@10"]),
        (("primary", "primary", "secondary"), ["conversion", "ndcg@10"]),
        ((None, None, None), ["conversion"]),
    ],
)
def test_looks_of_primary_metrics_are_pictured(
    result: Result, roles: tuple[str | None, ...], pictured: list[str]
) -> None:
    look = Look("group sequential, obrien_fleming", 2, 4, 0.5, 2.96, False, -0.01, 0.03, 0.04)
    names = ("conversion", "ndcg@10", "recall@10")
    effects = []
    for name, role in zip(names, roles, strict=True):
        found = next(e for e in result.effects if e.metric == name and e.segment is None)
        effects.append(replace(found, role=role, estimate=0.01, standard_error=0.005, look=look))
    made = titled(replace(result, effects=tuple(effects)), "This look of the running test")
    found_titles = re.findall(r"<figcaption>(.*?), als against recent_popular: z at this look", made.html)
    assert [unescape(title) for title in found_titles] == pictured
    assert made.text.count("holds at every look (group sequential, obrien fleming)") == 3
    # The bound of one look is a line, and the axis reaches to the end of the plan.
    assert made.html.count('class="bound"') >= 2 * len(pictured)
    assert "100 %" in made.html.replace("\N{NO-BREAK SPACE}", " ")


def test_tables_have_headings_where_there_are_several() -> None:
    first, second = (Grid(label, ("a",), (("1",),)) for label in ("First <1>", "Second"))
    folded = Grid("Folded", ("a",), (("1",),), folded=True, shown=0)
    alone = section("T", [Words("w"), first, folded])
    assert "<h3>" not in alone.html
    assert alone.text == "w\na\n1"
    both = section("T", [first, second, folded])
    assert re.findall("<h3>(.*?)</h3>", both.html) == ["First &lt;1&gt;", "Second"]
    assert both.text == "First <1>:\na\n1\nSecond:\na\n1"
    hostile = section("T", [replace(first, label="a\x1b[2Jb"), second])
    assert "\x1b" not in hostile.text


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (0.0123, Unit("share"), "1.23 pp"),
        (3e-60, Unit("share"), "0.00 pp"),
        (0.0, Unit("score"), "0.00"),
        (4.9e-9, Unit("score"), "0.00"),
        (5.1e-9, Unit("score"), "0.00000001"),
        (1234.0, Unit("money", "GBP"), "GBP 12.34"),
    ],
)
def test_a_loss_has_no_sign_and_no_row_of_zeros(amount: float, unit: Unit, text: str) -> None:
    assert loss(amount, unit, PLAIN) == text
    assert loss(amount, unit, PAGE) == text.replace(" ", "\N{NO-BREAK SPACE}")
