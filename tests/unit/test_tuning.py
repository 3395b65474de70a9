"""What is searched for each strategy, on which score, and what becomes of the best parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from framework.config import (
    ComponentConfig,
    MetricConfig,
    RuleConfig,
    RunConfig,
    SearchConfig,
    StrategyConfig,
    TrainerConfig,
    TrialConfig,
)
from framework.discovery import Entry
from framework.errors import ConfigError
from framework.fitting import Bench, fit_segments, fit_strategies, rated_metrics
from framework.kinds import Metric
from framework.plugins import Plugins, load_plugins
from framework.records import Component, Run
from framework.stats.arms import arm_value
from framework.testing import tiny_dataset, tiny_window
from framework.trials import trials_on
from framework.tuning.arms import arms_of, check_search, goals_of
from framework.tuning.tune import Tuned, planned_trials, tune

FACTORS = Component("recommender", "factors", "tests.unit.training.factors:Factors", "A test's own.")
KNN = ComponentConfig("item_knn", {"neighbours": 5})
SPACE = {"knn": {"neighbours": {"low": 1, "high": 12}}}


def bench_of(folder: Path, search: SearchConfig, **changes: Any) -> Bench:
    """Return a study of item_knn against popular, with what `changes` say of it."""
    config = RunConfig(
        study="s",
        model=ComponentConfig("activity"),
        strategies={"popular": StrategyConfig(ComponentConfig("popular")), "knn": StrategyConfig(KNN)},
        control="popular",
        metrics={
            "ndcg": MetricConfig("ndcg", {"k": 5}, role="primary"),
            "coverage": MetricConfig("catalogue_coverage", {"k": 5}),
            "revenue": MetricConfig("revenue_per_user"),
        },
        trial=TrialConfig(evidence=["holdout"], positions=5, candidates=5, segment_floor=2),
        trainer=TrainerConfig(accelerator="cpu"),
        search=search,
        device="cpu",
    )
    config = replace(config, **changes)
    module = ModuleType("factors_plugin")
    entry = Entry("factors", "factors", "1.0", "loaded", module=module, components=(FACTORS,))
    return Bench(config, Run("s", folder, config.seed, {}), Plugins([*load_plugins().entries, entry]))


def tuned(bench: Bench, **changes: Any) -> Tuned:
    early = tiny_dataset()
    parts: Any = SimpleNamespace(early=early, validation=tiny_window(early))
    digest = changes.pop("digest", "of the data")
    return tune(bench, parts, rated_metrics(bench), digest, changes.pop("advance", lambda: None))


def by_strategy(found: Tuned) -> dict[str, dict[str, Any]]:
    return {record["strategy"]: record for record in found.records}


def test_every_arm_gets_the_same_budget_and_the_best_stand_in_the_study(tmp_path: Path) -> None:
    own = replace(KNN, name="als", params={"factors": 4, "iterations": 2})
    strategies = {
        "popular": StrategyConfig(ComponentConfig("popular")),
        "knn": StrategyConfig(KNN),
        "als": StrategyConfig(own),
    }
    space = {**SPACE, "als": {"factors": {"low": 2, "high": 8}}}
    bench = bench_of(
        tmp_path,
        SearchConfig(trials=4, space=space),
        strategies=strategies,
        recommender=replace(own, params={**own.params}),
    )
    done: list[int] = []
    found = tuned(bench, advance=lambda: done.append(1))
    records = by_strategy(found)
    assert planned_trials(bench) == 8 == len(done)
    assert {name: record["trials"]["tried"] for name, record in records.items()} == {"popular": 0, "knn": 4, "als": 4}
    assert {record["budget"]["trials"] for record in records.values()} == {4}
    for name in ("knn", "als"):
        best = records[name]["best"]
        assert records[name]["own"]["number"] == 0  # the study's own parameters come first
        assert best["values"][0] == max(trial["values"][0] for trial in records[name]["history"])
        chosen = found.config.strategies[name].recommender
        assert chosen.params == {**bench.config.strategies[name].recommender.params, **best["params"]}
    assert found.config.recommender == found.config.strategies["als"].recommender
    assert found.config.search.trials == 0
    assert set(found.seconds) == {"knn", "als"}


@pytest.mark.parametrize("segments", [False, True])
def test_a_trial_is_scored_as_the_holdout_trial_would(tmp_path: Path, segments: bool) -> None:
    rules = {"hot": RuleConfig(ComponentConfig("recent_popular"))} if segments else {}
    own = StrategyConfig(KNN, segments=rules)
    strategies = {"popular": StrategyConfig(ComponentConfig("popular")), "knn": own}
    metric = ["ndcg@5", "catalogue_coverage@5"]
    bench = bench_of(tmp_path, SearchConfig(trials=3, space=SPACE, metric=metric), strategies=strategies)
    found = tuned(bench)
    best = by_strategy(found)["knn"]["best"]

    early = tiny_dataset()
    again = replace(bench, config=found.config)
    segmented = fit_segments(again, again.config.model, early)
    (trial,) = trials_on(
        again, fit_strategies(again, segmented, lambda: None), segmented, None, tiny_window(early), lambda: None
    )
    metrics = {rated.metric.label: rated.metric for rated in rated_metrics(again)}
    ndcg, coverage = metrics["ndcg@5"], metrics["catalogue_coverage@5"]
    assert isinstance(ndcg, Metric)
    assert not isinstance(coverage, Metric)
    assert best["values"] == [
        arm_value(ndcg.measure(trial.outcomes["knn"])).estimate,
        coverage.summarise(trial.outcomes["knn"]),
    ]


def test_equal_strategies_are_searched_once(tmp_path: Path) -> None:
    strategies = {name: StrategyConfig(KNN, description=name) for name in ("knn", "twin")}
    entry = {"neighbours": {"low": 1, "high": 12}}
    bench = bench_of(tmp_path, SearchConfig(trials=3, space={"*": entry}), strategies=strategies, control="knn")
    found = tuned(bench)
    assert planned_trials(bench) == 3
    assert by_strategy(found)["twin"]["as"] == "knn"
    assert found.config.strategies["twin"].recommender == found.config.strategies["knn"].recommender


def test_the_epochs_of_a_neural_recommender_are_the_best_ones(tmp_path: Path) -> None:
    neural = StrategyConfig(ComponentConfig("factors", {"epochs": 3}))
    strategies = {"popular": StrategyConfig(ComponentConfig("popular")), "neural": neural, "plain": neural}
    search = SearchConfig(trials=2, space={"neural": {"embedding_size": {"choices": [2, 4]}}, "plain": {}})
    bench = bench_of(tmp_path, search, strategies=strategies, trainer=TrainerConfig(accelerator="cpu", epochs=5))
    found = tuned(bench)
    best = by_strategy(found)["neural"]["best"]["params"]
    params = found.config.strategies["neural"].recommender.params
    assert params["embedding_size"] in {2, 4}
    assert 1 <= params["epochs"] == best["epochs"] <= 5
    # What was not searched keeps the trainer's epochs, which would have overruled those that were found.
    assert found.config.strategies["plain"].recommender.params["epochs"] == 5
    assert found.config.trainer.epochs is None
    assert not found.config.strategies["popular"].recommender.params


def test_another_log_or_space_is_another_search(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, SearchConfig(trials=2, space=SPACE))
    tuned(bench)
    folders = tmp_path / "work" / "search"

    def searches() -> int:
        return sum(path.is_dir() for path in folders.iterdir())

    assert searches() == 1
    tuned(replace(bench, config=replace(bench.config, search=replace(bench.config.search, trials=3, sampler="random"))))
    assert searches() == 1
    assert len(list(next(path for path in folders.iterdir() if path.is_dir()).iterdir())) == 3
    tuned(bench, digest="of other data")
    assert searches() == 2
    wider = {"knn": {"neighbours": {"low": 1, "high": 13}}}
    tuned(replace(bench, config=replace(bench.config, search=replace(bench.config.search, space=wider))))
    assert searches() == 3


def test_workers_score_alike(tmp_path: Path) -> None:
    one = tuned(bench_of(tmp_path / "one", SearchConfig(trials=4, space=SPACE, sampler="random")))
    two = tuned(bench_of(tmp_path / "two", SearchConfig(trials=4, space=SPACE, sampler="random", jobs=2)))
    assert by_strategy(two)["knn"]["history"] == by_strategy(one)["knn"]["history"]


def test_a_validation_part_without_purchases_is_refused(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, SearchConfig(trials=1, space=SPACE))
    early = tiny_dataset()
    window = tiny_window(early)
    nobody = replace(window, events=window.events.where(window.events.kind < 0))
    parts: Any = SimpleNamespace(early=early, validation=nobody)
    with pytest.raises(ConfigError, match=r"nothing to judge by.*data\.split\.validation"):
        tune(bench, parts, rated_metrics(bench), "", lambda: None)


def test_without_a_space_the_recommenders_own_holds(tmp_path: Path) -> None:
    arms = {arm.name: arm for arm in arms_of(bench_of(tmp_path, SearchConfig(trials=1)))}
    assert "neighbours" in arms["knn"].space.texts
    assert not arms["popular"].space.texts
    arms = {arm.name: arm for arm in arms_of(bench_of(tmp_path, SearchConfig(trials=1, space={"knn": {}})))}
    assert not arms["knn"].space.texts


def test_a_parameter_is_searched_among_the_numbers_that_its_config_takes(tmp_path: Path) -> None:
    space = {"knn": {"shrinkage": {"low": 0, "high": 10}, "neighbours": {"low": 5, "high": 10}}}
    arms = {arm.name: arm for arm in arms_of(bench_of(tmp_path, SearchConfig(trials=1, space=space)))}
    kinds = {parameter.name: parameter.type for parameter in arms["knn"].space.parameters}
    assert kinds == {"shrinkage": "float", "neighbours": "int"}


@pytest.mark.parametrize(
    ("search", "told"),
    [
        ({"space": {"kn": {}}}, r"search\.space names 'kn'.*Did you mean 'knn'"),
        ({"space": {"knn": {"neighbors": {"low": 1, "high": 2}}}}, r"names 'neighbors'.*Did you mean 'neighbours'"),
        ({"space": {"*": {"epochs": {"low": 1, "high": 2}}}}, r"'epochs', which no strategy's recommender has"),
        ({"space": {"knn": 3}}, r"search\.space\.knn is 3"),
        ({"space": {"knn": {"neighbours": {"low": -5, "high": 2}}}}, r"search\.space\.knn \(neighbours -5\)"),
        ({"space": {"knn": {}}}, r"no strategy has a parameter to search"),
        ({"metric": "ndgc@5"}, r"search\.metric names 'ndgc@5'.*Did you mean 'ndcg@5'"),
        ({"metric": ["latency"]}, r"begins with 'latency'"),
        ({"metric": []}, r"search\.metric is empty"),
        ({"metric": ["ndcg@5", "ndcg@5"]}, r"twice"),
        ({"sampler": "tpee"}, r"search\.sampler is 'tpee'.*Did you mean 'tpe'"),
        ({"pruner": "mean"}, r"search\.pruner is 'mean'"),
        ({"backend": "dask"}, r"search\.backend is 'dask'"),
        ({"jobs": 0}, r"search\.jobs is 0"),
        ({"trials": -1, "seconds": 1.0}, r"search\.trials is -1"),
        ({"seconds": 0.0}, r"search\.seconds is 0"),
    ],
)
def test_a_search_that_cannot_be_held_is_refused_at_once(tmp_path: Path, search: dict[str, Any], told: str) -> None:
    bench = bench_of(tmp_path, SearchConfig(**{"trials": 2, "space": SPACE, **search}))
    with pytest.raises(ConfigError, match=told):
        check_search(bench, rated_metrics(bench))


def test_grids_of_different_sizes_are_told(tmp_path: Path) -> None:
    strategies = {"knn": StrategyConfig(KNN), "als": StrategyConfig(ComponentConfig("als"))}
    space = {**SPACE, "als": {"factors": {"choices": [2, 4]}}}
    settings = SearchConfig(trials=10, sampler="grid", space=space)
    bench = bench_of(tmp_path, settings, strategies=strategies, control="knn")
    (warning,) = check_search(bench, rated_metrics(bench))
    assert "knn 10, als 2" in warning
    assert planned_trials(bench) == 12


def test_the_first_primary_metric_decides_where_none_is_named(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, SearchConfig(trials=1))
    (goal,) = goals_of(bench.config, rated_metrics(bench))
    assert (goal.label, goal.direction, goal.sign) == ("ndcg@5", "maximize", 1.0)
    config = replace(bench.config, search=SearchConfig(trials=1, metric=["ndcg@5", "fit_seconds"]))
    assert [goal.direction for goal in goals_of(config, rated_metrics(bench))] == ["maximize", "minimize"]
