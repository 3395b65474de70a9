"""A replication's decision is `decide`'s word on all of its effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from framework.stats.decision import DecisionRule, decide
from framework.stats.effects import Effect
from framework.stats.multiplicity import correct
from framework.stats.replication.verdicts import WORDS, decisions


def rule(**changes: Any) -> DecisionRule:
    given: dict[str, Any] = {
        "alpha": 0.05,
        "power": 0.8,
        "difference": 0.0,
        "evidence": ("holdout", "simulated"),
        "primary": ("revenue", "orders"),
        "guardrails": {"returns": 0.2, "latency": 0.1},
        "higher_is_better": {"revenue": True, "orders": True, "returns": False, "latency": False},
        "measurable": {"returns": ("holdout",), "latency": ("simulated",)},
    }
    return DecisionRule(**(given | changes))


def effects(make_effect: Any, rng: np.random.Generator) -> list[Effect]:
    """A random trial; kinds of evidence measure other metrics, and sometimes one of them lacks one."""
    found = []
    roles = {
        "revenue": "primary",
        "orders": "primary",
        "returns": "guardrail",
        "latency": "guardrail",
        "views": "secondary",
    }
    lists = {"holdout": ("revenue", "orders", "returns", "views"), "simulated": ("revenue", "latency")}
    for evidence, metrics in lists.items():
        for metric in metrics:
            for treatment in ("new", "newer"):
                for segment in (None, "young", "old"):
                    size = float(rng.normal(scale=0.5) + rng.choice([-3.0, 0.0, 3.0], p=[0.15, 0.3, 0.55]))
                    size = -abs(size) if roles[metric] == "guardrail" and rng.random() < 0.7 else size
                    own = {"evidence": evidence, "metric": metric, "role": roles[metric]}
                    found.append(make_effect(size, treatment=treatment, segment=segment, **own))
        found.append(make_effect(float(rng.normal()), control="new", treatment="newer", evidence=evidence))
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"difference": 0.5},
        {"guarded": "non-inferior"},
        {"evidence": ("holdout",)},
        {"evidence": ()},
        {"primary": ("revenue",), "guardrails": {}, "measurable": {}},
    ],
)
def test_they_are_the_words_of_decide(make_effect: Any, changes: dict[str, Any]) -> None:
    rng = np.random.default_rng(11)
    chosen = rule(**changes)
    trials = [correct(effects(make_effect, rng), 0.05) for _ in range(60)]
    measured = np.ones((len(trials[0]), len(trials)), dtype=bool)
    guards = [row for row, effect in enumerate(trials[0]) if effect.role == "guardrail"]
    measured[guards, ::7] = False

    found = decisions(trials[0], measured, chosen, lambda row, place: trials[place][row])
    said = set()
    for place, trial in enumerate(trials):
        known = [effect for row, effect in enumerate(trial) if measured[row, place]]
        for treatment in ("new", "newer"):
            expected = decide(known, chosen, treatment).decision
            assert WORDS[found[treatment][place]] == expected
            said.add(expected)
    assert len(said) >= 3


def test_effects_that_do_not_weigh_are_not_asked_for(make_effect: Any) -> None:
    trial = correct(effects(make_effect, np.random.default_rng(0)), 0.05)
    asked = []

    def effect_in(row: int, place: int) -> Effect:
        asked.append(row)
        return replace(trial[row])

    decisions(trial, np.ones((len(trial), 1), dtype=bool), rule(), effect_in)
    assert {trial[row].segment for row in asked} == {None}
    assert {trial[row].role for row in asked} == {"primary", "guardrail"}
    assert {trial[row].control for row in asked} == {"old"}
