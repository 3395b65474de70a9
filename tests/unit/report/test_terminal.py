from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from framework.records import ReportSection, Result
from framework.report.formats import PLAIN, count
from framework.report.progress import stages
from framework.report.sweep import show_sweep
from framework.report.tables import effect_cells
from framework.report.terminal import print_path, show


def _shown(result: Result, width: int, *, terminal: bool = False, **options) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, highlight=False)
    show(result, console, **options)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_pipe_gets_every_number(result: Result, width: int) -> None:
    text = _shown(result, width)
    assert "\x1b" not in text
    assert text.isascii()
    words = " ".join(text.split())
    for effect in result.effects:
        if effect.segment is not None:
            continue
        cells = effect_cells(effect, result, PLAIN)
        assert cells.estimate in words
        assert cells.interval in words
        assert (cells.p_adjusted if effect.p_adjusted is not None else cells.p) in words
        if effect.relative.estimate is not None:
            assert cells.relative in words
    for n in (result.cleaning.rows_in, result.cleaning.rows_kept):
        assert count(n, PLAIN) in words
    assert "..." not in text


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(result: Result, width: int) -> None:
    assert max(map(len, _shown(result, width).splitlines())) <= width


def test_the_verdict_is_first_and_warnings_are_last(result: Result) -> None:
    lines = [line for line in _shown(result, 80).splitlines() if line]
    assert lines[0] == "VERDICT: SHIP"
    assert "For whom: ship for Champions; stop for Bargain hunters; ship for all others" in lines
    start = next(i for i, line in enumerate(lines) if line.startswith("Warnings (4)"))
    assert lines[start - 1 :][0].startswith(("(popularity", "Simulator"))
    assert all(line.startswith(("! ", "  ")) for line in lines[start + 1 :])


def test_undecided_says_how_many_units_it_takes(undecided: Result) -> None:
    assert "To decide: about 48,213 units in all" in _shown(undecided, 80)


def test_a_terminal_gets_colour_and_the_same_words(result: Result) -> None:
    coloured = _shown(result, 100, terminal=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == _shown(result, 100)


def test_names_from_the_data_cannot_steer_the_terminal(result: Result) -> None:
    evil = "[red]x[/red]\x1b[2J\u202e"
    hostile = replace(result, warnings=(evil,), verdict=replace(result.verdict, segments={evil: "ship"}))
    text = _shown(hostile, 80)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]x[/red]?[2J?" in text


def test_plugin_sections_are_shown_by_their_text(result: Result) -> None:
    text = _shown(result, 80, sections=[ReportSection("Margins", "<p>x</p>", "Margin: 3")])
    assert "Margins\nMargin: 3\n" in text


def test_the_path_stands_alone_unwrapped(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("/" + "a very long folder/" * 30 + "report.html")
    print_path(path)
    assert capsys.readouterr().out == f"{path}\n"


def test_progress_without_a_terminal_is_one_line_a_stage() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=40)
    with stages(console) as progress:
        with progress.stage("Cleaning the log [of] a shop with a name that is long") as step:
            step()
        with pytest.raises(ValueError, match="boom"), progress.stage("Training", total=2):
            raise ValueError("boom")
    text = console.file.getvalue()
    assert re.fullmatch(r"Cleaning the log \[of\] a shop with a name that is long: \d+\.\d s\n", text)


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as progress, progress.stage("Finding segments"):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Finding segments: ")


def test_progress_in_a_terminal_draws_bars() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, _environ={"TERM": "xterm"})
    with stages(console) as progress:
        with progress.stage("Training [a]", total=2) as step:
            step()
            step()
        with pytest.raises(ValueError, match="boom"), progress.stage("Trial"):
            raise ValueError("boom")
    text = console.file.getvalue()
    assert "Training [a]" in text
    assert "2/2" in text


ROWS = [
    {
        "job": 0,
        "overrides": ["factors=32"],
        "status": "finished",
        "verdict": "ship",
        "effect": "+3.3 % [+1.1, +5.6]",
        "folder": "/runs/0",
    },
    {
        "job": 1,
        "overrides": "factors=64 " + "x" * 120,
        "status": "failed",
        "verdict": None,
        "effect": None,
        "folder": "/runs/" + "y" * 90,
    },
]


@pytest.mark.parametrize("width", [60, 80, 400])
def test_a_sweeps_table_loses_nothing(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    show_sweep(ROWS, console)
    text = console.file.getvalue()
    for row in ROWS:
        for key in ("verdict", "effect", "folder", "status"):
            assert str(row[key] or "") in text
    assert "factors=32" in text
    assert str(ROWS[1]["overrides"]) in text
    assert text.splitlines()[-1] == "1 of 2 jobs did not finish: 1"


def test_an_empty_sweep_prints_its_head_only() -> None:
    console = Console(file=io.StringIO(), width=80)
    show_sweep([], console)
    assert console.file.getvalue().split() == ["job", "status", "verdict", "effect", "overrides", "folder"]
