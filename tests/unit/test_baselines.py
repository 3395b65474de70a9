"""Which baselines a study gets, and that nothing which is tested knows of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from framework.baselines import baselines_of, with_baselines
from framework.config import ComponentConfig, MetricConfig, RuleConfig, RunConfig, StrategyConfig, TrialConfig
from framework.errors import ConfigError, PrelaunchError
from framework.fitting import Bench, fit_segments, fit_strategies, rated_metrics
from framework.judging import judge
from framework.plugins import load_plugins
from framework.preflight import check_study
from framework.records import Run
from framework.testing import tiny_dataset, tiny_window
from framework.trials import trials_on

KNN = StrategyConfig(ComponentConfig("item_knn", {"neighbours": 5}))
RECENT = "recent_popular"


def bench_of(folder: Path, own: StrategyConfig, *evidence: str, **changes: object) -> Bench:
    config = RunConfig(
        study="s",
        source=ComponentConfig("pairs", {"folder": "nowhere"}),
        model=ComponentConfig("activity"),
        strategies={"knn": KNN, "own": own},
        control="own",
        metrics={"recall": MetricConfig("recall", {"k": 5}, role="primary")},
        trial=TrialConfig(evidence=list(evidence or ("holdout",)), positions=5, candidates=5, segment_floor=2),
        device="cpu",
    )
    return Bench(replace(config, **changes), Run("s", folder, 0, {}), load_plugins())


def names(folder: Path, own: StrategyConfig, *evidence: str, **changes: object) -> list[str]:
    return [name.removesuffix(" (baseline)") for name in baselines_of(bench_of(folder, own, *evidence, **changes))]


def recommender(name: str, **params: object) -> ComponentConfig:
    return ComponentConfig(name, dict(params))


@pytest.mark.parametrize(
    ("own", "left"),
    [
        (StrategyConfig(recommender("ease")), ["popular", RECENT, "random"]),
        (StrategyConfig(recommender(RECENT)), ["popular", "random"]),
        (StrategyConfig(recommender(RECENT, days=28.0, kinds=None, weights="binary")), ["popular", "random"]),
        (StrategyConfig(recommender(RECENT, days=7)), ["popular", RECENT, "random"]),
        (StrategyConfig(recommender(RECENT), model=ComponentConfig("rfm")), ["popular", "random"]),
        (StrategyConfig(recommender(RECENT), policy=ComponentConfig("thompson")), ["popular", RECENT, "random"]),
        (
            StrategyConfig(recommender(RECENT), segments={"hot": RuleConfig(recommender("random"))}),
            ["popular", RECENT, "random"],
        ),
        (StrategyConfig(recommender(RECENT), reranker={"name": "mmr"}), ["popular", RECENT, "random"]),
    ],
)
def test_a_baseline_that_a_strategy_is_already_is_left_out(
    tmp_path: Path, own: StrategyConfig, left: list[str]
) -> None:
    assert names(tmp_path, own) == left


def test_a_study_can_say_which_or_none(tmp_path: Path) -> None:
    own = StrategyConfig(recommender("ease"))
    assert names(tmp_path, own, baselines=[]) == []
    assert names(tmp_path, own, baselines=["item_knn", "random"]) == ["item_knn", "random"]


def test_only_rankings_of_strategies_have_baselines(tmp_path: Path) -> None:
    own = StrategyConfig(recommender("ease"))
    assert names(tmp_path, own, "simulated") == []
    assert names(tmp_path, own, strategies={}) == []


def test_a_baseline_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, StrategyConfig(recommender("ease")), baselines=["poplar"])
    with pytest.raises(PrelaunchError, match="baselines names the recommender 'poplar'"):
        bench.check()
    with pytest.raises(ConfigError, match="baselines names 'popular' twice"):
        check_study(replace(bench.config, baselines=["popular", "popular"]))


def test_nothing_that_is_tested_knows_of_them(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, StrategyConfig(recommender("popular")))
    early = tiny_dataset()
    segmented = fit_segments(bench, bench.config.model, early)
    plain = fit_strategies(bench, segmented, lambda: None)
    fitted = with_baselines(bench, segmented, plain)
    assert list(fitted.arms) == ["knn", "own", "recent_popular (baseline)", "random (baseline)"]
    judged = []
    for each in (plain, fitted):
        trials = trials_on(bench, each, segmented, None, tiny_window(early), lambda: None)
        judged.append(judge(bench.config, trials, rated_metrics(bench), None))
    before, after = judged
    assert (after.effects, after.verdicts, after.rule_digest) == (before.effects, before.verdicts, before.rule_digest)
    assert [arm for arm in after.arms if not arm.strategy.endswith("(baseline)")] == list(before.arms)
    shown = {arm.strategy: arm for arm in after.arms}
    # A strategy of the same recommender comes to the same value.
    same = replace(bench.config.strategies["own"], recommender=recommender(RECENT))
    other = bench_of(tmp_path, same)
    again = fit_strategies(other, segmented, lambda: None)
    (trial,) = trials_on(other, again, segmented, None, tiny_window(early), lambda: None)
    arms = {arm.strategy: arm for arm in judge(other.config, (trial,), rated_metrics(other), None).arms}
    assert replace(shown["recent_popular (baseline)"], strategy="own") == arms["own"]
