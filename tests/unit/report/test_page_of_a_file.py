"""The page of an analysis of somebody's own outcomes: units and arms, no strategies, and the terms that it uses."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from io import StringIO

import pytest
from rich.console import Console

from framework.records import Evidence, Result, Verdict
from framework.report import plots, tables
from framework.report.glossary import DESIGNS, OF_A_FILE, TERMS, terms_of
from framework.report.page import render
from framework.report.terminal import show

KEYS = {term.key for term in TERMS}


def text_of(page: str) -> str:
    """Return the words of the page down to what was run."""
    body = page[page.index("<body>") : page.index('id="run"')]
    return unescape(re.sub(r"<[^>]*>", " ", body.replace("<wbr>", "")))


def words_of(page: str) -> dict[str, str]:
    found = re.findall(r'<div id="word-([^"]+)"><dt>[^<]*</dt><dd>([^<]*)</dd>', page)
    return {key: unescape(meaning) for key, meaning in found}


def titles(result: Result) -> list[str]:
    return [plot.title.split(",")[0] for plot in plots.segment_plots(result, "observed")]


@pytest.fixture(scope="module")
def own(result: Result) -> Result:
    """Return the study's holdout as a file would have it: metrics without a role, and nothing of a study."""
    effects = tuple(
        replace(effect, role=None, evidence="observed", warnings=())
        for effect in result.effects
        if effect.evidence == "holdout"
    )
    return replace(
        result,
        strategies=(),
        segments=(),
        segment_notes=(),
        cleaning=None,
        split=None,
        simulator=None,
        verdict=Verdict("", "effects", "2 of 3 differences are shown.", ()),
        verdicts=(),
        effects=effects,
        arms=tuple(replace(arm, evidence="observed") for arm in result.arms if arm.evidence == "holdout"),
        evidence=(Evidence("observed", "independent", "the outcome", "Chance gave the arms.", 8624),),
        question="What did als change?",
        rule="",
        warnings=(),
        health={"metric_units": result.health["metric_units"]},
        config={"segment": "group"},
    )


@pytest.fixture(scope="module")
def judged(own: Result) -> Result:
    first = next(effect.metric for effect in own.effects)
    effects = tuple(replace(e, role="primary" if e.metric == first else "secondary") for e in own.effects)
    verdict = Verdict("als", "ship", "Ship als.", ("It is better.",), {"Loyal": "ship"})
    return replace(own, effects=effects, verdict=verdict, verdicts=(verdict, replace(verdict, decision="stop")))


@pytest.mark.parametrize("which", ["own", "judged"])
def test_nobody_is_a_user_and_nothing_a_strategy(which: str, request: pytest.FixtureRequest) -> None:
    shown = request.getfixturevalue(which)
    # Names of the data, such as revenue_per_user, are their owner's.
    words = text_of(render(shown)).replace("_user", "").lower()
    assert not re.search(r"\busers?\b|strateg", words)
    assert "what changes for all units" in words
    assert ("its word on each arm" in words) == (which == "judged")
    assert "written before the run" not in words


@pytest.mark.parametrize("which", ["own", "judged"])
def test_nor_in_the_terminal(which: str, request: pytest.FixtureRequest) -> None:
    console = Console(width=100, record=True, file=StringIO())
    show(request.getfixturevalue(which), console)
    assert not re.search(r"\busers?\b|strateg", console.export_text().replace("_user", "").lower())


def test_a_study_keeps_its_users(result: Result) -> None:
    words = text_of(render(result))
    assert "What changes for all users" in words
    assert "The rule, written before the run" in words
    assert "All users" in words
    assert "all units" not in words.lower()


def test_segments_are_pictured_of_metrics_without_a_role(own: Result, judged: Result) -> None:
    within = list(dict.fromkeys(effect.metric for effect in own.effects if effect.segment))
    assert len(within) == 2
    assert titles(own) == within
    assert titles(judged) == [judged.effects[0].metric]
    assert "All units" in plots.segment_plots(own, "observed")[0].wide
    everything = replace(own, effects=tuple(replace(e, role="secondary") for e in own.effects))
    assert titles(everything) == []


def test_without_roles_no_metric_is_called_primary(own: Result, judged: Result) -> None:
    cells = [tables.effect_cells(effect, own).correction for effect in own.effects]
    assert "Holm over metrics x treatments, 2 tests at 0.05" in cells
    assert not any("primary" in words for words in cells)
    kept = tables.effect_cells(judged.effects[0], judged).correction
    assert kept == "Holm over primary metrics x treatments, 2 tests at 0.05"


@pytest.mark.parametrize("which", ["result", "own", "judged"])
def test_the_list_has_the_terms_that_the_page_uses(which: str, request: pytest.FixtureRequest) -> None:
    shown = request.getfixturevalue(which)
    page = render(shown)
    listed = words_of(page)
    linked = set(re.findall(r'href="#word-([^"]+)"', page))
    assert linked <= set(listed)
    assert [term.key for term in terms_of(shown)] == list(listed)
    expected = {
        "result": KEYS - {"logged", "costs", "baseline"},
        "own": {"effect", "interval", "p", "adjusted", "pp", "paired", "segment"},
        "judged": {"verdict", "effect", "interval", "p", "adjusted", "pp", "roles", "paired", "segment"},
    }
    assert set(listed) == expected[which]


def test_terms_of_a_file_speak_of_arms(own: Result, judged: Result, result: Result) -> None:
    for shown in (own, judged):
        for key, meaning in words_of(render(shown)).items():
            assert not re.search(r"\busers?\b|strateg", meaning, re.IGNORECASE), key
    assert words_of(render(own))["adjusted"].endswith("were looked at.")
    assert words_of(render(judged))["adjusted"].endswith("The verdict uses this one.")
    assert words_of(render(result))["p"] != words_of(render(own))["p"] == OF_A_FILE["p"]


@pytest.mark.parametrize("design", DESIGNS)
def test_the_design_is_explained(own: Result, design: str) -> None:
    shown = replace(own, evidence=(replace(own.evidence[0], design=design),))
    (term,) = [term for term in terms_of(shown) if term.key == "paired"]
    assert (term.word, term.meaning) == (design.capitalize(), DESIGNS[design])


def test_counted_input_explains_its_p_values_alone(own: Result) -> None:
    counted = replace(own, effects=(), arms=(), evidence=(), health={"experiments": [{"p_value": 0.5}]}, config={})
    assert [term.key for term in terms_of(counted)] == ["p", "adjusted"]
    assert "logged" not in {term.key for term in terms_of(own)}
    logged = replace(own, evidence=(replace(own.evidence[0], name="logged"),))
    assert "logged" in {term.key for term in terms_of(logged)}


def test_a_look_says_what_its_interval_is(own: Result) -> None:
    from framework.stats.effects import Look

    effect = next(effect for effect in own.effects if effect.segment is None)
    look = Look("normal mixture, tau 5000", 1, None, None, 3.1, False, -1.0, 1.0, 0.2)
    at_look = replace(effect, p_value=0.2, look=look)
    assert "p and interval hold at every look (normal mixture, tau 5000)" in tables.effect_cells(at_look, own).method
    apart = replace(at_look, p_value=0.01)
    assert "look" not in tables.effect_cells(apart, own).method


def test_a_number_of_no_known_unit_is_not_called_a_score(own: Result, result: Result) -> None:
    mixed = replace(own, health={"metric_units": {}})
    assert [plot.title for plot in plots.absolute_plots(mixed, "observed")] == [
        "Difference in the metric's unit, observed"
    ]
    assert any(plot.title == "Difference in score, holdout" for plot in plots.absolute_plots(result, "holdout"))
