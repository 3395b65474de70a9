"""One screen for the terminal: the verdict first, then what it rests on, warnings last.

Effects by segment and the strategies' own values are for the page, which has room for them.
Plain lines without boxes, so that a pipe, a log and a narrow window read the same; colour only where a terminal shows
it. No number is ever cut: where columns do not fit, a row takes several lines.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from framework.records.component import ReportSection
from framework.records.result import Result
from framework.report.formats import PLAIN, count
from framework.report.reading import DECISIONS, all_warnings, evidence_names, overall, pairs_of, units_word
from framework.report.tables import cleaning_sum, effect_cells
from framework.stats.effects import Effect

COLOURS = {"ship": "green", "hold": "yellow", "stop": "red", "undecided": "cyan"}
TONES = {"good": "green", "bad": "red", "neutral": "magenta", "unclear": ""}


def show(result: Result, console: Console | None = None, sections: Sequence[ReportSection] = ()) -> None:
    """Print the result on `console`, stdout where none is given; plugins' `sections` by their text."""
    out = console or Console(highlight=False)
    _verdict(result, out)
    for name in evidence_names(result):
        _evidence(result, name, out)
    _trust(result, out)
    show_sections(out, sections)
    warnings = all_warnings(result)
    if warnings:
        _say(out, "")
        _say(out, f"Warnings ({len(warnings)})", "bold yellow")
        for warning in warnings:
            _say(out, f"! {warning}", hang=2)


def show_title(out: Console, title: str, sentence: str) -> None:
    """Print a title and the sentence that says it all."""
    _say(out, "")
    _say(out, title, "bold")
    _say(out, sentence, "bold")


def show_sections(out: Console, sections: Sequence[ReportSection]) -> None:
    """Print the sections that have a text; lines of a table keep their spaces."""
    for section in sections:
        if section.text:
            _say(out, "")
            _say(out, section.title, "bold")
            for line in section.text.splitlines():
                _say(out, line, whole="  " in line)


def print_path(path: Path) -> None:
    """Print the path alone on a line of stdout, unwrapped whatever the width, and flush: a run's last line."""
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()


def columns(rows: Sequence[Sequence[str]], width: int, *, flexible: int = 0, right: Sequence[int] = ()) -> list[str]:
    """Return rows as aligned lines of at most `width`, no cell cut.

    The `flexible` column is folded where the line is too long; where even that does not help, every row becomes its
    flexible cell and, indented below it, the other cells. `right` names the columns that are aligned to the right.
    """
    if not rows:
        return []
    size = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    room = width - sum(size) + size[flexible] - 2 * (len(size) - 1)
    if room < min(size[flexible], 14):
        return [line for row in rows for line in _stacked(row, width, flexible)]
    size[flexible] = min(size[flexible], room)
    lines = []
    for row in rows:
        folded = _fold(row[flexible], size[flexible])
        for place, piece in enumerate(folded):
            cells = [piece if i == flexible else cell if place == 0 else "" for i, cell in enumerate(row)]
            padded = (
                cell.rjust(room_) if i in right else cell.ljust(room_)
                for i, (cell, room_) in enumerate(zip(cells, size, strict=True))
            )
            lines.append("  ".join(padded).rstrip())
    return lines


def clean(text: str) -> str:
    """Return the text without control characters and direction overrides, which could rewrite the screen."""
    return "".join("?" if unicodedata.category(sign) in {"Cc", "Cs"} or sign in _OVERRIDES else sign for sign in text)


_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _verdict(result: Result, out: Console) -> None:
    verdict = result.verdict
    word, plain = DECISIONS.get(verdict.decision, (verdict.decision.capitalize(), ""))
    _say(out, "")
    title = f"VERDICT: {word.upper()}" if verdict.treatment else word.upper()
    _say(out, title, f"bold {COLOURS.get(verdict.decision, '')}".strip())
    _say(out, verdict.headline, "bold")
    if plain:
        _say(out, plain)
    if verdict.decision == "effects":
        return
    if verdict.decision == "none":
        for card in result.segments:
            _say(out, f"- {card.name}: {count(card.users, PLAIN)} users. {card.description}", hang=2)
        return
    words = dict.fromkeys(verdict.segments.values())
    groups = [f"{word} for {', '.join(n for n, own in verdict.segments.items() if own == word)}" for word in words]
    everybody = [f"{verdict.decision} for all others"] if groups else [f"all {units_word(result)}"]
    _say(out, f"For whom: {'; '.join([*groups, *everybody])}")
    if verdict.more_units is not None:
        _say(out, f"To decide: about {count(verdict.more_units, PLAIN)} units in all")
    for reason in verdict.reasons:
        _say(out, f"- {reason}", hang=2)


def _evidence(result: Result, name: str, out: Console) -> None:
    effects = overall(result, name)
    if not effects:
        return
    described = next((evidence for evidence in result.evidence if evidence.name == name), None)
    word = units_word(result)
    about = f": {described.design}, {count(described.units, PLAIN)} {word}" if described else ""
    _say(out, "")
    _say(out, f"Differences over all {word}, {name}{about} (* primary, p corrected)", "bold")
    _effects(effects, result, out)


def _effects(effects: Sequence[Effect], result: Result, out: Console) -> None:
    for treatment, control in pairs_of(list(effects), result):
        _say(out, f"{treatment} against {control}", "italic")
        chosen = [effect for effect in effects if (effect.treatment, effect.control) == (treatment, control)]
        cells = [effect_cells(effect, result, PLAIN) for effect in chosen]
        rows = [
            (
                clean(effect.metric + ("*" if effect.role == "primary" else "")),
                cell.estimate,
                cell.interval,
                cell.relative if cell.relative != PLAIN.absent else "",
                f"p {cell.p_adjusted if effect.p_adjusted is not None else cell.p}",
                cell.word,
            )
            for effect, cell in zip(chosen, cells, strict=True)
        ]
        lines = columns(rows, out.width - 2, right=(1, 2, 3))
        for line in lines:
            tone = next((cell.tone for cell in cells if line.endswith(f" {cell.word}")), "unclear")
            _say(out, f"  {line}", TONES[tone], whole=True)


def _trust(result: Result, out: Console) -> None:
    if result.cleaning is not None:
        _say(out, "")
        touched = sum(1 for rule in result.cleaning.rules if rule.rows_hit)
        _say(out, f"Log: {cleaning_sum(result, PLAIN)[0]} rows; {touched} cleaning rules hit")
    if result.simulator is not None:
        _say(out, f"Simulator: {result.simulator.sentence}", "" if result.simulator.trusted else "yellow")


def _say(out: Console, text: str, style: str = "", *, hang: int = 0, whole: bool = False) -> None:
    """Print a text, wrapped at spaces with its later lines indented by `hang`; `whole` lines are not wrapped."""
    safe = clean(text)
    encoding = out.encoding or "utf-8"
    if not encoding.lower().startswith("utf"):
        safe = safe.encode(encoding, "backslashreplace").decode(encoding)
    lines = [safe] if whole else _wrap(safe, max(20, out.width), hang)
    for line in lines:
        out.print(Text(line, style=style), soft_wrap=True)


def _wrap(text: str, width: int, hang: int) -> list[str]:
    lines, line = [], ""
    indent = " " * (len(text) - len(text.lstrip(" ")))
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = " " * hang + word
        else:
            line = f"{line} {word}" if line else indent + word
    return [*lines, line]


def _stacked(row: Sequence[str], width: int, flexible: int) -> list[str]:
    rest = "  ".join(cell for i, cell in enumerate(row) if i != flexible and cell)
    return [*_fold(row[flexible], width), *_wrap(f"  {rest}", width, 2)]


def _fold(text: str, room: int) -> list[str]:
    from framework.report.charts import fold

    return fold(text, room)
