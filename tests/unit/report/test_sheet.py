"""Words and tables as HTML and as text, and a page of its own made of them."""

from __future__ import annotations

import io
from html import unescape
from pathlib import Path

import pytest
from rich.console import Console

from framework.errors import RunError
from framework.report.blocks import Grid, Sheet, Words, section
from framework.report.sheet import render_sheet, show_sheet, write_sheet

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=y>"


def test_words_and_grids_are_the_same_on_the_page_and_in_the_terminal() -> None:
    rows = tuple((f"row {place}", f"{place}.5") for place in range(10))
    made = section("T", [Words("Look.", alert=True), Grid("G", ("Name", "Number"), rows, right=(1,), shown=3)])
    assert made.text.splitlines() == [
        "! Look.",
        "Name   Number",
        "row 0     0.5",
        "row 1     1.5",
        "row 2     2.5",
        "... and 7 more",
    ]
    assert '<p class="alert">Look.</p>' in made.html
    assert made.html.count("<tr>") == 11
    assert "<details>" not in made.html
    hidden = section("T", [Grid("G", ("Name", "Number"), rows, folded=True, shown=0)])
    assert hidden.text == ""
    assert "<summary>G</summary>" in hidden.html


def test_a_cell_cannot_rewrite_the_screen() -> None:
    made = section("T", [Grid("G", ("Name",), (("a\x1b[2J\nb\u202e",),))])
    assert made.text.splitlines() == ["Name", "a?[2J?b?"]


def test_a_sheet_escapes_all_but_its_sections_and_names_what_was_run() -> None:
    sheet = Sheet(EVIL, EVIL, EVIL, (section(EVIL, [Words(EVIL), Grid(EVIL, (EVIL,), ((EVIL,),))]),))
    page = render_sheet(sheet, {EVIL: EVIL})
    assert "<script" not in page
    assert "<img" not in page
    assert unescape(page).count(EVIL) >= 9
    assert "default-src 'none'" in page
    assert "What was run" in page
    assert "What was run" not in render_sheet(Sheet("t", "q", "h"), {})


def test_a_sheet_is_written_whole_and_shown_on_one_screen(tmp_path: Path) -> None:
    sheet = Sheet("Plan", "How long?", "Two weeks.", (section("Why", [Words("Because.")]), section("No text", [])))
    path = write_sheet(sheet, tmp_path / "new" / "plan.html")
    assert path.read_text(encoding="utf-8") == render_sheet(sheet, {})
    out = io.StringIO()
    show_sheet(sheet, Console(file=out, width=80))
    assert out.getvalue().split("\n") == ["", "PLAN", "Two weeks.", "", "Why", "Because.", ""]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write_sheet(sheet, tmp_path / "file" / "plan.html")
