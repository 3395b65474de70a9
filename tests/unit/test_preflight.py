"""What a study must hold is checked in the first second, key by key."""

from dataclasses import replace

import pytest

from framework.config import ComponentConfig, DecisionConfig, MetricConfig, RunConfig, StrategyConfig, TrialConfig
from framework.errors import ConfigError
from framework.preflight import check_study


def study(**changes: object) -> RunConfig:
    good = RunConfig(
        study="s",
        strategies={
            "control": StrategyConfig(ComponentConfig("popular")),
            "treatment": StrategyConfig(ComponentConfig("als")),
        },
        metrics={"conversion": MetricConfig("conversion", role="primary")},
    )
    return replace(good, **changes)


def test_a_sound_study_passes_without_warnings() -> None:
    assert check_study(study()) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategies": {}}, "names 0 strategies"),
        ({"control": "contrl"}, "Did you mean 'control'"),
        ({"metrics": {"c": MetricConfig("conversion", role="secondary")}}, "no primary metric"),
        ({"metrics": {"c": MetricConfig("conversion", role="primry")}}, "Did you mean 'primary'"),
        ({"trial": TrialConfig(evidence=["holdot"])}, "Did you mean 'holdout'"),
        ({"trial": TrialConfig(evidence=[])}, "trial.evidence is empty"),
        ({"trial": TrialConfig(positions=0)}, "trial.positions is 0"),
        ({"decision": DecisionConfig(alpha=5.0)}, "decision.alpha is 5.0"),
        ({"decision": DecisionConfig(difference=-1.0)}, "decision.difference is -1.0"),
        ({"decision": DecisionConfig(evidence=["logged"])}, "decision.evidence is 'logged'"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_study(study(**changes))


def test_two_arms_with_the_same_strategy_are_warned_of() -> None:
    twins = {name: StrategyConfig(ComponentConfig("popular"), description=name) for name in ("control", "b")}
    (warning,) = check_study(study(strategies=twins))
    assert "'control' and 'b' are the same" in warning
