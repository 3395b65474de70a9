"""All strategies of a trial on the same users: numbers against scipy, and when there is nothing to show."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from framework.records import Trial, UnitValues
from framework.testing.tiny import tiny_outcomes
from framework.trial.side_by_side import side_by_side

N = 80
MEANS = {"popular": 10.0, "als": 11.0, "bpr": 11.02, "random": 8.0}


def _trial(names: tuple[str, ...] = tuple(MEANS), design: str = "paired") -> Trial:
    outcomes = tiny_outcomes("holdout", units=N)
    return Trial("holdout", design, "what", "why", {name: replace(outcomes, strategy=name) for name in names})


def _values(kind: str = "mean") -> dict[str, UnitValues]:
    rng = np.random.default_rng(6)
    users = rng.normal(0.0, 4.0, N)
    scores = {name: users + rng.normal(mean, 1.0, N) for name, mean in MEANS.items()}
    return {name: UnitValues(kind, own, np.ones(N) if kind == "ratio" else None) for name, own in scores.items()}


def _shown(trial: Trial, values: dict[str, UnitValues], *, role: str = "primary", higher: bool = True) -> list[dict]:
    return side_by_side(trial, {"m": values}, roles={"m": role}, higher={"m": higher}, confidence=0.95)


def test_every_pair_is_the_paired_t_test_of_its_users() -> None:
    values = _values()
    (own,) = _shown(_trial(), values)
    assert {frozenset((p["control"], p["treatment"])) for p in own["pairs"]} == {
        frozenset(pair) for pair in combinations(MEANS, 2)
    }
    for pair in own["pairs"]:
        difference = values[pair["treatment"]].numerator - values[pair["control"]].numerator
        test = stats.ttest_1samp(difference, 0.0)
        assert pair["estimate"] == pytest.approx(difference.mean())
        assert (pair["ci_low"], pair["ci_high"]) == pytest.approx(tuple(test.confidence_interval(0.95)))
        assert pair["p_value"] == pytest.approx(test.pvalue, rel=1e-6)
        assert pair["cohen_dz"] == pytest.approx(difference.mean() / difference.std(ddof=1))


def test_p_values_are_corrected_over_all_pairs_by_holm() -> None:
    (own,) = _shown(_trial(), _values())
    ordered = sorted(own["pairs"], key=lambda pair: pair["p_value"])
    expected = np.maximum.accumulate([(6 - place) * pair["p_value"] for place, pair in enumerate(ordered)])
    assert [pair["p_adjusted"] for pair in ordered] == pytest.approx(np.minimum(1.0, expected).tolist())
    assert all("Holm" in pair["correction"] for pair in own["pairs"])


def test_means_and_the_order_from_the_best() -> None:
    values = _values()
    (own,) = _shown(_trial(), values)
    means = {row["name"]: row["mean"] for row in own["systems"]}
    assert means == pytest.approx({name: one.numerator.mean() for name, one in values.items()})
    assert own["order"] == sorted(MEANS, key=lambda name: -means[name])
    assert own["cliques"] == [own["order"][:2]], "als and bpr differ by 0.02, all others by 1 or more"
    assert (own["metric"], own["evidence"], own["n"]) == ("m", "holdout", N)


def test_ranks_are_the_users_own_and_friedman_is_that_of_scipy() -> None:
    values = _values()
    (own,) = _shown(_trial(), values)
    table = np.column_stack([values[name].numerator for name in MEANS])
    average = stats.rankdata(-table, axis=1).mean(axis=0)
    assert own["ranks"]["average"] == pytest.approx(dict(zip(MEANS, average, strict=True)))
    assert own["ranks"]["friedman_p"] == pytest.approx(stats.friedmanchisquare(*table.T).pvalue)
    studentised = stats.studentized_range.ppf(0.95, 4, np.inf)
    assert own["ranks"]["critical_difference"] == pytest.approx(
        studentised / np.sqrt(2) * np.sqrt(4 * 5 / (6 * N)), rel=1e-4
    )


def test_where_lower_is_better_the_order_turns_round() -> None:
    up, down = (_shown(_trial(), _values(), higher=higher)[0] for higher in (True, False))
    assert down["order"] == up["order"][::-1]
    assert down["pairs"][0]["estimate"] == up["pairs"][0]["estimate"], "an effect is always treatment minus control"
    assert down["ranks"]["average"]["random"] < up["ranks"]["average"]["random"]


def test_equal_strategies_are_one_clique() -> None:
    same = UnitValues("mean", np.arange(float(N)))
    (own,) = _shown(_trial(), dict.fromkeys(MEANS, same))
    assert own["cliques"] == [list(MEANS)]
    assert {pair["p_adjusted"] for pair in own["pairs"]} == {1.0}
    assert {pair["estimate"] for pair in own["pairs"]} == {0.0}


def test_a_ratio_is_shown_nowhere_and_a_share_is_shown() -> None:
    assert _shown(_trial(), _values("ratio")) == []
    bought = {name: UnitValues("proportion", (own.numerator > 10).astype(float)) for name, own in _values().items()}
    (own,) = _shown(_trial(), bought)
    assert {row["name"]: row["mean"] for row in own["systems"]} == pytest.approx(
        {name: one.numerator.mean() for name, one in bought.items()}
    )


@pytest.mark.parametrize("role", ["guardrail", "secondary"])
def test_only_primary_metrics_are_shown(role: str) -> None:
    assert _shown(_trial(), _values(), role=role) == []
    assert _shown(_trial(), _values())


def test_independent_arms_and_two_strategies_have_no_such_picture() -> None:
    assert _shown(_trial(design="independent"), _values()) == []
    assert _shown(_trial(("popular", "als")), _values()) == []
    assert len(_shown(_trial(("popular", "als", "bpr")), _values())[0]["pairs"]) == 3


def test_no_metric_no_picture() -> None:
    assert side_by_side(_trial(), {}, roles={}, higher={}, confidence=0.95) == []


def test_it_is_plain_enough_for_a_file() -> None:
    found = _shown(_trial(), _values())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
