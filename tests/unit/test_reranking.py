"""What a strategy's `reranker` may be, how rerankers come between recommender and policy, and how they are searched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.config import (
    ComponentConfig,
    MetricConfig,
    RuleConfig,
    RunConfig,
    SearchConfig,
    StrategyConfig,
    TrialConfig,
)
from framework.errors import ConfigError, PluginError
from framework.fitting import Bench, named_components, rated_metrics, strategy_of
from framework.plugins import load_plugins
from framework.preflight import check_study
from framework.records import NEW_USERS, Queries, Run, Slates
from framework.reranking import rerankers_of
from framework.strategies import Rule, Strategy
from framework.testing import tiny_dataset, tiny_queries, tiny_window
from framework.tuning.arms import arms_of, check_search
from tests.unit.test_tuning import by_strategy, tuned
from tests.unit.trial.arms import Shows, Top

MMR = {"name": "mmr", "params": {"trade_off": 0.5}}


@dataclass
class Turns:
    """Puts the candidates' order upside down, and says what it was asked for."""

    asked: list[int]

    def fit(self, data, context) -> None:
        raise AssertionError("a trial never fits")

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        self.asked.append(k)
        return replace(slates, items=slates.items[:, ::-1][:, :k])


class Without:
    """Takes out the first candidate."""

    def fit(self, data, context) -> None:
        raise AssertionError("a trial never fits")

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        return Slates(slates.items[:, 1:], slates.scores[:, 1:], slates.fallback)


def study(folder: Path, search: SearchConfig | None = None, **strategies: StrategyConfig) -> Bench:
    config = RunConfig(
        study="s",
        source=ComponentConfig("synthetic_shop"),
        model=ComponentConfig("activity"),
        strategies={"control": StrategyConfig(ComponentConfig("popular")), **strategies},
        metrics={"ndcg": MetricConfig("ndcg", {"k": 5}, role="primary")},
        trial=TrialConfig(evidence=["holdout"], positions=5, candidates=12, segment_floor=2),
        search=search or SearchConfig(),
        device="cpu",
    )
    return Bench(config, Run("s", folder, 0, {}), load_plugins())


def test_rerankers_stand_between_recommender_and_policy_in_turn() -> None:
    data, asked = tiny_dataset(), []
    rule = Rule(Shows((0, 1, 2, 3)), Top(), (Turns(asked), Without(), Turns(asked)))
    strategy = Strategy("s", rule, data.segments, (*data.segment_names, NEW_USERS)).fresh()
    queries = tiny_queries(data, positions=2)
    actions, fallback = strategy.decide(queries, 4, np.random.default_rng(0))
    # 0 1 2 3 turned is 3 2 1 0; without its first 2 1 0; turned 0 1 2.
    np.testing.assert_array_equal(actions.items, np.tile([0, 1], (len(queries), 1)))
    np.testing.assert_array_equal(fallback, queries.user < 0)
    assert asked == [4, 3]


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (None, ()),
        ([], ()),
        ({"name": "mmr"}, (ComponentConfig("mmr"),)),
        (MMR, (ComponentConfig("mmr", {"trade_off": 0.5}),)),
        (
            [MMR, {"name": "calibrated", "params": None}],
            (ComponentConfig("mmr", {"trade_off": 0.5}), ComponentConfig("calibrated")),
        ),
    ],
)
def test_a_reranker_is_one_component_or_a_list(given: Any, chosen: tuple[ComponentConfig, ...]) -> None:
    assert rerankers_of(given, "strategies.a.reranker") == chosen


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mmr", r"strategies\.a\.reranker is 'mmr'.*Write reranker: \{name: mmr\}"),
        ([MMR, 3], r"strategies\.a\.reranker\[1\] is 3"),
        ({"nam": "mmr"}, r"has no 'nam'.*Did you mean 'name'"),
        ({"params": {}}, "names no reranker"),
        ({"name": "mmr", "params": [1]}, r"reranker\.params is \[1\]"),
    ],
)
def test_another_shape_is_refused_in_the_first_second(tmp_path: Path, given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_study(study(tmp_path, a=StrategyConfig(ComponentConfig("als"), reranker=given)).config)


@pytest.mark.parametrize(
    ("own", "place"),
    [
        (StrategyConfig(ComponentConfig("als"), reranker={"name": "mrm"}), r"strategies\.a\.reranker names"),
        (
            StrategyConfig(ComponentConfig("als"), reranker=[MMR, {"name": "mrm"}]),
            r"strategies\.a\.reranker\[1\] names",
        ),
        (
            StrategyConfig(ComponentConfig("als"), segments={"hot": RuleConfig(reranker={"name": "mrm"})}),
            r"strategies\.a\.segments\.hot\.reranker names",
        ),
    ],
)
def test_a_reranker_that_there_is_not_is_named_with_its_place(tmp_path: Path, own: StrategyConfig, place: str) -> None:
    with pytest.raises((ConfigError, PluginError), match=f"{place} the reranker 'mrm'.*Did you mean 'mmr'"):
        study(tmp_path, a=own).check()


def test_no_more_candidates_than_positions_are_warned_of(tmp_path: Path) -> None:
    config = study(tmp_path, a=StrategyConfig(ComponentConfig("als"), reranker=MMR)).config
    assert check_study(config) == ()
    (warning,) = check_study(replace(config, trial=TrialConfig(positions=10, candidates=10)))
    assert "strategies.a.reranker (mmr) gets trial.candidates=10" in warning
    assert "Raise trial.candidates" in warning


def test_segments_have_rerankers_of_their_own_and_equal_ones_are_fitted_once(tmp_path: Path) -> None:
    from framework.fitting import fit_segments

    rules = {
        "hot": RuleConfig(policy=ComponentConfig("epsilon_greedy")),
        "warm": RuleConfig(reranker=[MMR, {"name": "calibrated"}]),
        "cold": RuleConfig(reranker=[]),
    }
    own = StrategyConfig(ComponentConfig("popular"), reranker=MMR, segments=rules)
    bench = study(tmp_path, a=own)
    bench = replace(bench, config=replace(bench.config, trial=replace(bench.config.trial, segment_floor=0)))
    segmented = fit_segments(bench, bench.config.model, tiny_dataset())
    made = strategy_of(bench, "a", own, segmented, {})
    by_name = {made.segment_names[index]: rule.rerankers for index, rule in made.rules.items()}
    (mmr,) = made.default.rerankers
    assert by_name["hot"] == (mmr,)
    assert by_name["cold"] == ()
    assert by_name["warm"][0] is mmr
    assert [type(one).__name__ for one in by_name["warm"]] == ["Mmr", "Calibrated"]
    wheres = [where for kind, _, where in named_components(bench.config) if kind == "reranker"]
    assert wheres == [
        "strategies.a.reranker",
        "strategies.a.segments.warm.reranker[0]",
        "strategies.a.segments.warm.reranker[1]",
    ]


def test_rerankers_are_searched_where_the_space_names_their_parameters(tmp_path: Path) -> None:
    space = {
        "one": {"neighbours": {"low": 1, "high": 9}, "reranker.params.trade_off": {"low": 0.0, "high": 1.0}},
        "two": {"reranker.1.params.weight": {"choices": [0.1, 0.9]}},
    }
    one = StrategyConfig(ComponentConfig("item_knn"), reranker=MMR)
    two = StrategyConfig(ComponentConfig("popular"), reranker=[MMR, {"name": "calibrated"}])
    bench = study(tmp_path, SearchConfig(trials=4, space=space), one=one, two=two)
    assert check_search(bench, rated_metrics(bench)) == ()
    found = tuned(bench)
    records = by_strategy(found)
    assert {name: record["trials"]["finished"] for name, record in records.items()} == {
        "control": 0,
        "one": 4,
        "two": 4,
    }
    best = records["one"]["best"]["params"]
    chosen = found.config.strategies["one"]
    assert chosen.recommender.params["neighbours"] == best["neighbours"]
    assert chosen.reranker == {"name": "mmr", "params": {"trade_off": best["reranker.params.trade_off"]}}
    weight = records["two"]["best"]["params"]["reranker.1.params.weight"]
    assert found.config.strategies["two"].reranker == [MMR, {"name": "calibrated", "params": {"weight": weight}}]
    # Each trial is judged by what its own reranker does.
    values = {trial["params"]["reranker.1.params.weight"]: trial["values"] for trial in records["two"]["history"]}
    for own_weight, value in values.items():
        chain = [MMR, {"name": "calibrated", "params": {"weight": own_weight}}]
        assert [_ndcg(bench, replace(two, reranker=chain))] == value


def _ndcg(bench: Bench, choice: StrategyConfig) -> float:
    from framework.fitting import fit_segments
    from framework.stats.arms import arm_value
    from framework.trial.holdout import holdout_trial
    from framework.trial.population import Population

    data = tiny_dataset()
    segmented = fit_segments(bench, bench.config.model, data)
    strategy = strategy_of(bench, "two", choice, segmented, {})
    population = Population.of(segmented.data, positions=5, repeats=True)
    trial = holdout_trial({"two": strategy}, population, tiny_window(data), users="all", candidates=12, seed=0)
    (rated,) = rated_metrics(bench)
    found = arm_value(rated.metric.measure(trial.outcomes["two"]), metric="ndcg@5", arm="two").estimate
    assert found is not None
    return float(found)


def test_without_a_space_rerankers_stay_as_they_are(tmp_path: Path) -> None:
    bench = study(tmp_path, SearchConfig(trials=1), a=StrategyConfig(ComponentConfig("item_knn"), reranker=MMR))
    arms = {arm.name: arm for arm in arms_of(bench)}
    assert not any(name.startswith("reranker") for name in arms["a"].space.texts)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"reranker.params.tradeoff": {"low": 0.0, "high": 1.0}}, r"Did you mean 'reranker\.params\.trade_off'"),
        ({"reranker.params.trade_off": {"low": 0.0, "high": 2.0}}, r"trade_off 2\.0.*trade_off is 2"),
    ],
)
def test_a_wrong_space_of_a_reranker_is_refused(tmp_path: Path, entries: dict[str, Any], message: str) -> None:
    own = StrategyConfig(ComponentConfig("item_knn"), reranker=MMR)
    bench = study(tmp_path, SearchConfig(trials=1, space={"a": entries}), a=own)
    with pytest.raises(ConfigError, match=message):
        check_search(bench, rated_metrics(bench))
