from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from framework.errors import RunError
from framework.records import ReportSection, Result
from framework.report.page import render, write_page
from framework.report.result_json import from_json, to_json
from framework.report.tables import effect_cells, outline

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}


class Outline(HTMLParser):
    """Checks that every tag is closed by its own kind; keeps headings, ids, links and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if named.get("id"):
            self.ids.append(str(named["id"]))
        if tag == "a":
            self.links.append(str(named.get("href")))
        self.loads += [key for key in named if key in {"src", "srcset", "data", "poster"} or key.startswith("on")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(page: str) -> Outline:
    outline_ = Outline()
    outline_.feed(page)
    outline_.close()
    assert not outline_.open
    return outline_


@pytest.fixture(scope="module")
def page(result: Result) -> str:
    return render(result)


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page: str) -> None:
    read = _read(page)
    assert len(read.ids) == len(set(read.ids))
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False))


def test_the_page_loads_nothing(page: str) -> None:
    read = _read(page)
    assert not read.tags & {"script", "link", "iframe", "img", "object", "embed"}
    assert not read.loads
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_every_effects_numbers_are_there(result: Result, page: str) -> None:
    text = _read(page).text
    for effect in result.effects:
        cells = effect_cells(effect, result)
        for cell in (cells.estimate, cells.interval, cells.control_value, cells.treatment_value, cells.p, cells.n):
            assert cell in text
        if effect.relative.estimate is not None:
            assert cells.relative in text
            assert cells.relative_interval in text
        else:
            assert str(effect.relative.reason) in text


def test_the_account_and_the_run_are_there(result: Result, page: str) -> None:
    text = _read(page).text
    for said in (
        result.verdict.headline,
        *result.verdict.reasons,
        result.rule,
        result.rule_digest,
        result.data_digest,
        "GBP\u00a01\u202f446\u202f123.45",
        "396\u202f337 kept + 145\u202f572 removed = 541\u202f909 read: the account adds up.",
        "opened by trial at 2026-11-23T21:00:48+00:00",
        "GBP\u00a01\u202f843.12",
        *result.warnings,
        str(result.times["command"]),
        "factors: 64",
    ):
        assert said in text


def test_an_account_that_does_not_add_up_says_so(result: Result) -> None:
    wrong = replace(result, cleaning=replace(result.cleaning, rows_kept=1))
    assert "is not 541\u202f909 read" in render(wrong)


def test_names_from_the_data_are_harmless(result: Result) -> None:
    evil = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
    effects = tuple(
        replace(e, segment=evil if e.segment else None, metric=evil, treatment=evil, warnings=(evil,), method=evil)
        for e in result.effects[-4:]
    )
    hostile = replace(
        result,
        study=evil,
        question=evil,
        effects=(*result.effects, *effects),
        arms=tuple(replace(arm, strategy=evil, metric=evil, note=evil) for arm in result.arms),
        segments=tuple(replace(c, name=evil, description=evil, typical={evil: 1.0}) for c in result.segments),
        verdict=replace(
            result.verdict, decision=evil, headline=evil, reasons=(evil,), treatment=evil, segments={evil: evil}
        ),
        strategies=tuple(replace(s, name=evil, description=evil, params={evil: evil}) for s in result.strategies),
        warnings=(evil,),
        config={evil: [evil]},
        times={evil: evil},
        paths={evil: evil},
        rule=evil,
        cleaning=replace(result.cleaning, currency=evil),
        simulator=replace(
            result.simulator,
            sentence=evil,
            scores={evil: 1.0},
            rows=({"segment": evil, "quantity": evil, "predicted": 1.0, "actual": 1.0},),
        ),
        evidence=tuple(replace(e, estimand=evil, warnings=(evil,)) for e in result.evidence),
    )
    page = render(hostile)
    read = _read(page)
    assert "script" not in read.tags
    assert "img" not in read.tags
    assert not read.loads
    assert evil in unescape(page)


def test_undecided_says_what_would_decide_it(undecided: Result) -> None:
    page = render(undecided)
    text = _read(page).text
    assert "48\u202f213" in text
    assert "the control never sold anything" in text
    assert "How far to trust the simulator" not in text
    assert 'id="warnings"' in page


def test_plugins_add_sections(result: Result) -> None:
    sections = [ReportSection("Margins & more", "<p>Fine.</p>"), ReportSection("Only text", "", "<b>plain</b>")]
    page = render(result, sections)
    assert "<p>Fine.</p>" in page
    assert "Margins &amp; more" in page
    assert "&lt;b&gt;plain&lt;/b&gt;" in page
    assert "script-src 'none'" in page
    assert "script-src 'unsafe-inline'" in render(result, [ReportSection("Chart", "<script>1</script>")])


def test_a_bare_result_still_gives_a_page(result: Result) -> None:
    bare = replace(
        result,
        effects=(),
        arms=(),
        evidence=(),
        segments=(),
        simulator=None,
        health={},
        warnings=(),
        config={},
        times={},
        paths={},
        strategies=(),
        split=replace(result.split, parts=(), opened=None),
    )
    assert "not opened" in _read(render(bare)).text


def test_the_page_of_the_record_is_the_page_of_the_run(result: Result, page: str) -> None:
    assert render(from_json(to_json(result))) == page


def test_the_page_is_written_whole_or_not_at_all(result: Result, page: str, tmp_path: Path) -> None:
    path = write_page(result, tmp_path / "run" / "report.html")
    assert path.read_text(encoding="utf-8") == page
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError):
        write_page(result, tmp_path / "file" / "report.html")


def test_the_style_has_contrast(page: str) -> None:
    """WCAG 2.1: text against its ground at least 4.5, in light and in dark."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, two: str) -> float:
        light, dark = sorted((luminance(one), luminance(two)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    palettes = re.findall(r":root \{([^}]*--good-soft[^}]*)\}", page)[:2]
    assert len(palettes) == 2
    for palette in palettes:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", palette))
        for ink in ("ink", "quiet", "accent", "good", "bad", "neutral", "unclear", "hold"):
            for ground in ("paper", "card", f"{ink}-soft"):
                if ground in colours:
                    assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["accent"], colours["hold-soft"]) >= 4.5


def test_config_is_told_in_lines() -> None:
    tree = {"a": {"b": [1, {"c": None}]}, "d": True, "e": "", "f": {}}
    assert outline(tree) == "a:\n  b:\n    - 1\n    -\n      c: null\nd: true\ne: ''\nf: {}"
