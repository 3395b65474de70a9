"""The report's sections: what they say is what the numbers are, names stay text, and nothing to say is no section."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from framework.records import Result
from framework.report import sections
from framework.report.blocks import Grid, Words, section
from framework.report.sections import own_sections
from framework.report.side_by_side import NOT_TOLD_APART, side_by_side_blocks
from framework.report.time_and_arms import margin_blocks, novelty_blocks, retention_blocks, standing_blocks
from framework.stats.bayes import normal_posterior
from framework.stats.effects import Look

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=y>"
WHERE = {"metric": "conversion", "control": "recent_popular", "treatment": "als", "evidence": "holdout"}


class Tags(HTMLParser):
    """Collects tags; every tag must be closed by its own kind."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in {"meta", "br", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _tags(html: str) -> set[str]:
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser.tags


def _with(result: Result, **health: Any) -> Result:
    return replace(result, health={**result.health, **health})


def _text(blocks: list[Any]) -> str:
    return "\n".join(block.text for block in blocks if isinstance(block, Words))


def _rows(blocks: list[Any]) -> list[tuple[str, ...]]:
    return [row for block in blocks if isinstance(block, Grid) for row in block.rows]


def _titled(result: Result, title: str) -> Any:
    return next(own for own in own_sections(result) if own.title == title)


def _compared(apart: dict[tuple[str, str], float], cliques: list[list[str]], names: str = "abc") -> dict[str, Any]:
    pairs = [
        {
            "control": first,
            "treatment": second,
            "estimate": 0.0123,
            "ci_low": 0.0023,
            "ci_high": 0.0223,
            "p_value": p / 3,
            "p_adjusted": p,
            "cohen_dz": None if second == "c" else 0.25,
            "correction": "Holm over all pairs",
        }
        for (first, second), p in apart.items()
    ]
    systems = [{"name": name, "mean": 0.2 + 0.1 * place} for place, name in enumerate(names)]
    order = list(names)[::-1]
    found = {"metric": "conversion", "evidence": "holdout", "n": 4312, "order": order, "cliques": cliques}
    return {**found, "pairs": pairs, "systems": systems, "warnings": []}


ALL_APART = {("a", "b"): 0.001, ("a", "c"): 0.002, ("b", "c"): 0.03}


def test_nothing_to_say_is_no_section(result: Result) -> None:
    assert own_sections(replace(result, health={})) == ()
    empty = ("experiments", "side_by_side", "standings", "novelty", "retention", "margins", "segments", "influence")
    assert own_sections(_with(result, **{name: [] for name in empty}, interference=[], sample_ratio={})) == ()
    assert section("Title", []).text == ""
    assert not section("Title", []).html.strip()


def test_sample_ratio_has_its_counts_and_its_p(result: Result) -> None:
    said = {"counts": {"a": 1234, "b": 999}, "p_value": 0.00004, "level": "alert", "text": "Find out why."}
    within = {"new": {"p_value": 0.04, "p_adjusted": 0.08, "level": "ok"}}
    within["old"] = {"p_value": None, "level": "untested"}
    made = _titled(_with(result, sample_ratio=said, sample_ratio_by_segment=within), "Health of the test")
    assert made.text == "! Sample ratio (a 1,234, b 999): p < 0.001. Find out why."
    assert ">0.040<" in made.html
    assert ">0.080<" in made.html
    assert made.html.count(">n/a<") == 2
    calm = _titled(_with(result, sample_ratio={**said, "level": "ok"}), "Health of the test")
    assert not calm.text.startswith("!")
    untested = _with(result, sample_ratio={"level": "untested", "text": "Nothing to test."})
    assert _titled(untested, "Health of the test").text == "Nothing to test."


def test_influence_is_told_only_where_it_matters_and_its_numbers_are_in_the_table(result: Result) -> None:
    step = {"share": None, "estimate": 0.0123, "ci_low": -0.01, "ci_high": 0.0346, "p_value": 0.27}
    own = {**WHERE, "level": "ok", "text": "Reads the same.", "without": [step, {**step, "share": 0.01}]}
    made = _titled(_with(result, influence=[own]), "Health of the test")
    assert made.text == ""
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", made.html)
    assert cells[6:12] == ["conversion", "als", "the most extreme unit", "+1.2 pp", "[-1.0, +3.5]", "0.27"]
    assert cells[14] == "1.0 % of units"
    alert = _titled(_with(result, influence=[{**own, "level": "alert"}]), "Health of the test")
    assert alert.text == "! conversion, als against recent_popular: Reads the same."


def test_segments_show_their_own_and_the_shrunken_difference(result: Result) -> None:
    raw = next(e for e in result.effects if e.segment and e.role == "primary" and e.treatment == "als")
    where = {"metric": raw.metric, "control": raw.control, "treatment": raw.treatment, "evidence": raw.evidence}
    changed = replace(raw, estimate=500.0, ci_low=100.0, ci_high=900.0)
    own = {**where, "segments": [raw.segment], "estimates": [300.0], "low": [-50.0], "high": [650.0], "text": "Alike."}
    unit = {"metric_units": {raw.metric: "money"}}
    shown = replace(_with(result, segments=[own], **unit), effects=(changed,))
    made = _titled(shown, "Do segments really differ?")
    cells = [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", made.html)][5:]
    assert cells == [raw.segment, "GBP +5.00", "[+1.00, +9.00]", "GBP +3.00", "[-0.50, +6.50]"]
    assert f"{raw.metric}, als against recent_popular ({raw.evidence}): Alike." in made.text


@pytest.mark.parametrize(("crossed", "words"), [(True, "the test may stop"), (False, "not crossed: go on")])
def test_a_look_says_its_interval_and_whether_the_bound_is_crossed(result: Result, crossed: bool, words: str) -> None:
    effect = next(e for e in result.effects if e.metric == "conversion" and e.segment is None)
    look = Look("O'Brien-Fleming", 2, 4, 0.5, 2.96, crossed, -0.01, 0.0346, 0.0412)
    effect = replace(effect, estimate=0.0123, standard_error=0.005, look=look)
    text = _titled(replace(result, effects=(effect,)), "This look of the running test").text
    assert "+1.2 pp [-1.0, +3.5] holds at every look (O'Brien-Fleming), p 0.041 at any look" in text
    assert f"z +2.46 against a bound of 2.96, {'crossed: ' if crossed else ''}{words}" in text
    last = replace(effect, look=replace(look, information=1.0, looks=2))
    said = _titled(replace(result, effects=(last,)), "This look of the running test").text
    assert (("not crossed at the last look: no difference is shown" in said), ("go on" in said)) == (not crossed, False)
    part = replace(effect, segment="Loyal")
    assert not any("look" in own.title for own in own_sections(replace(result, effects=(part,))))
    endless = replace(effect, look=replace(look, boundary=math.inf))
    assert "<svg" not in _titled(replace(result, effects=(endless,)), "This look of the running test").html


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_pictured_density_is_the_posterior_at_any_confidence(
    result: Result, confidence: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Any, ...]] = []
    real = sections.density_chart
    monkeypatch.setattr(sections, "density_chart", lambda *given, **named: drawn.append(given) or real(*given, **named))
    effect = next(e for e in result.effects if e.metric == "conversion" and e.segment is None)
    posterior = normal_posterior(0.02, 0.01, confidence=confidence)
    made = _titled(replace(result, effects=(replace(effect, posterior=posterior),)), "Bayesian reading")
    _, at, density, *_ = drawn[0]
    mass = sum(density)
    mean = sum(x * y for x, y in zip(at, density, strict=True)) / mass
    spread = math.sqrt(sum((x - mean) ** 2 * y for x, y in zip(at, density, strict=True)) / mass)
    assert (mean, spread) == pytest.approx((0.02, 0.01), rel=2e-3)
    assert "als is better than recent_popular with probability 97.7 % (prior " in made.text


def test_many_experiments_come_smallest_p_first_with_both_corrections(result: Result) -> None:
    ps = [(0.2, 0.4, 0.3), (0.0001, 0.0002, 0.0002), (0.6, 0.6, 0.6)]
    names = ("experiment", "metric", "arms", "rate", "statistic", "p_value", "p_holm", "p_benjamini_hochberg")
    rows = [dict(zip(names, (f"x{i}", "rate", 2, 0.1, 3.5, *p), strict=True)) for i, p in enumerate(ps)]
    ratio = {"text": "1 of 3 has wrong sizes.", "alerts": 1}
    groups = {"web": {"experiments": 4, "alerts": 1}}
    shown = _with(result, experiments=rows, sample_ratio=ratio, sample_ratio_by_group=groups)
    made = _titled(shown, "Many experiments at once")
    lines = made.text.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["x1", "x0", "x2"]
    assert lines[2].endswith("< 0.001  < 0.001             < 0.001")
    assert lines[3].split() == ["x0", "rate", "2", "10.0", "%", "3.500", "0.20", "0.40", "0.30"]
    assert lines[-1] == "! 1 of 3 has wrong sizes."
    assert ">25.0 %<" in made.html
    assert made.html.count("<svg") == 4


def test_strategies_side_by_side_say_who_cannot_be_told_apart(result: Result) -> None:
    blocks = side_by_side_blocks(_with(result, side_by_side=[_compared(ALL_APART, [])]))
    assert _text(blocks) == (
        "conversion on the same 4,312 users (holdout), best first: c 40.0 %, b 30.0 %, a 20.0 %. "
        "Every pair is told apart, after correction."
    )
    assert _rows(blocks)[0] == ("b against a", "+1.2 pp", "[+0.2, +2.2]", "0.2500", "< 0.001", "0.001")
    assert _rows(blocks)[1][3] == "n/a"
    alike = _compared({**ALL_APART, ("b", "c"): 0.3}, [["c", "b"]])
    assert _text(side_by_side_blocks(_with(result, side_by_side=[alike]))).endswith(f"{NOT_TOLD_APART}: c and b.")
    assert side_by_side_blocks(_with(result, side_by_side=[])) == []


def test_a_pair_that_is_not_told_apart_across_one_that_is_is_not_claimed_to_be(result: Result) -> None:
    """Best and worst can be too noisy to tell apart while the one between differs from both: no clique holds them."""
    odd = _compared({**ALL_APART, ("a", "c"): 0.2}, [])
    assert _text(side_by_side_blocks(_with(result, side_by_side=[odd]))).endswith(f"{NOT_TOLD_APART}: c and a.")
    strict = _with(result, side_by_side=[_compared(ALL_APART, [])])
    strict = replace(strict, config={**result.config, "decision": {"alpha": 0.01}})
    assert _text(side_by_side_blocks(strict)).endswith(f"{NOT_TOLD_APART}: c and b.")


def test_novelty_by_day(result: Result) -> None:
    days = [{"day": d, "estimate": 0.01 * d, "ci_low": 0.01 * d - 0.02, "ci_high": 0.01 * d + 0.02} for d in (1, 2, 3)]
    own = {**WHERE, "text": "It fades.", "level": "notice", "days": days}
    words, plot = novelty_blocks(_with(result, novelty=[own]))
    assert words == Words("conversion, als against recent_popular: It fades.", alert=True)
    assert plot.title == "Effect by day: conversion, als against recent_popular"
    assert novelty_blocks(_with(result, novelty=[{**own, "level": "ok"}]))[0].alert is False


def test_retention_tells_each_day_with_its_own_interval_and_its_band(result: Result) -> None:
    side = {"estimate": 0.4, "ci_low": 0.38, "ci_high": 0.42}
    gain = {"difference": -0.012, "ci_low": -0.025, "ci_high": 0.001}
    bands = {"band_low": -0.032, "band_high": 0.008, "p_adjusted": 0.061}
    row = {"control": side, "treatment": side, "control_band": side, "treatment_band": side}
    days = [{"day": day, **row, "difference": gain, **bands} for day in (1.0, 7.5)]
    own = {**WHERE, "days": days, "p_value": 0.061, "method": "max-t", "warnings": ["Few users on day 7."]}
    blocks = retention_blocks(_with(result, retention=[own]))
    assert _text(blocks).splitlines()[0].endswith("no difference on any day has p 0.061 (max-t).")
    assert _rows(blocks)[1] == ("7.5", "-1.2 pp", "[-2.5, +0.1]", "[-3.2, +0.8]", "0.061")
    assert blocks[-1] == Words("Few users on day 7.", alert=True)


def test_the_best_arm_comes_first_and_margins_say_their_text(result: Result) -> None:
    own = {"metric": "conversion", "method": "posterior", "probability_best": {"a": 0.1, "b": 0.9}}
    own["expected_loss"] = {"a": 0.0123, "b": 0.0004}
    (grid,) = standing_blocks(_with(result, standings=[own]))
    assert [row[:2] for row in grid.rows] == [("b", "90.0 %"), ("a", "10.0 %")]
    assert [row[2] for row in grid.rows] == ["0.0400 pp", "1.23 pp"]
    (words,) = margin_blocks(_with(result, margins=[{**WHERE, "text": "inferior: -1"}]))
    assert words.text == "Guardrail conversion, als against recent_popular: inferior: -1."


def test_hostile_names_stay_text_in_every_section(result: Result) -> None:
    compared = _compared(ALL_APART, [["c", "b"]])
    compared["systems"][0]["name"] = compared["order"][2] = EVIL
    compared["ranks"] = {"average": {EVIL: 1.2, "b": 1.8}, "critical_difference": 0.3, "cliques": [[EVIL, "b"]]}
    day = [{"day": place, "estimate": 0.1, "ci_low": 0.0, "ci_high": 0.2} for place in (1, 2)]
    where = {"metric": EVIL, "control": EVIL, "treatment": EVIL, "evidence": EVIL}
    step = {"share": None, "estimate": 1.0, "ci_low": 0.0, "ci_high": 2.0, "p_value": 0.5}
    shown = _with(
        result,
        side_by_side=[compared],
        novelty=[{**where, "text": EVIL, "level": "ok", "days": day}],
        margins=[{**where, "text": EVIL}],
        standings=[{"metric": EVIL, "method": EVIL, "probability_best": {EVIL: 1.0}, "expected_loss": {EVIL: 0.1}}],
        sample_ratio={"counts": {EVIL: 3}, "p_value": 0.5, "level": "ok", "text": EVIL},
        sample_ratio_by_segment={EVIL: {"p_value": 0.5, "level": "ok"}},
        influence=[{**where, "level": "alert", "text": EVIL, "without": [step]}],
    )
    made = own_sections(shown)
    assert len(made) == 5
    for own in made:
        assert not _tags(own.html) & {"script", "img"}
        assert "&lt;script&gt;" in own.html
