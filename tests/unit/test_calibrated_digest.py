"""Whatever a calibration rests on is in its digest, and nothing that it does not rest on."""

from __future__ import annotations

from typing import Any

import pytest

from framework import ledger
from framework.config import ComponentConfig, MetricConfig, RunConfig, StrategyConfig
from framework.ledger import calibrated_digest


def _study() -> RunConfig:
    """Return a study with something under every key that holds more."""
    return RunConfig(
        study="shop",
        source=ComponentConfig("log", {"path": "log.csv", "events": {1: "view", "buy": "purchase"}}),
        strategies={
            "control": StrategyConfig(ComponentConfig("popular")),
            "als": StrategyConfig(ComponentConfig("als", {"factors": 64}), model=ComponentConfig("kmeans")),
        },
        metrics={"conversion": MetricConfig("conversion", role="primary")},
    )


def _with(key: str, value: object) -> RunConfig:
    """Return the study with another value under a dotted key."""
    study = _study()
    *above, last = key.split(".")
    within: Any = study
    for name in above:
        within = within[name] if isinstance(within, dict) else getattr(within, name)
    if isinstance(within, dict):
        within[last] = value
    else:
        setattr(within, last, value)
    return study


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 1),
        ("source.params.path", "other.csv"),
        ("data.engine", "polars"),
        ("data.cleaning.zero_prices", False),
        ("data.split.validation", "28d"),
        ("data.features.categories", 3),
        ("model.name", "kmeans"),
        ("model.params", {"segments": 3}),
        ("simulator.params", {"noise": 0.5}),
        ("strategies.als.recommender.params.factors", 32),
        ("strategies.als.policy.name", "thompson"),
        ("strategies.als.model.params", {"segments": 3}),
        ("strategies.als.segments", {"new": None}),
        ("strategies.bpr", StrategyConfig(ComponentConfig("bpr"))),
        ("control", "als"),
        ("metrics.conversion.params", {"window": 7}),
        ("metrics.spend", MetricConfig("revenue_per_user")),
        ("trial.positions", 5),
        ("trial.segment_floor", 20),
        ("trial.holdout.users", "known"),
        ("trial.simulated.users", 1000),
        ("decision.alpha", 0.1),
        ("decision.correction", "bonferroni"),
        ("device", "cpu"),
    ],
)
def test_whatever_a_calibration_rests_on_changes_its_digest(key: str, value: object) -> None:
    assert calibrated_digest(_with(key, value)) != calibrated_digest(_study())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("study", "another"),  # the ledger asks by name
        ("question", "Which one?"),
        ("report.width", 100),
        ("report.html", False),
        ("plan.looks", 3),
        ("calibrate.replications", 500),
        ("calibrate.planted", 0.05),
        ("calibrate.jobs", 2),
        ("data.threads", 2),
        ("data.memory_limit", "1GB"),
        ("decision.prior", "flat"),
        ("strategies.als.description", "Factors"),
    ],
)
def test_what_no_calibration_rests_on_does_not(key: str, value: object) -> None:
    assert calibrated_digest(_with(key, value)) == calibrated_digest(_study())


def test_the_order_of_parameters_is_no_matter_and_that_of_strategies_is() -> None:
    events = {"buy": "purchase", 1: "view"}
    assert calibrated_digest(_with("source.params", {"events": events, "path": "log.csv"})) == calibrated_digest(
        _study()
    )
    # Arms are cut from the users in the order of the strategies.
    turned = dict(reversed(_study().strategies.items()))
    assert calibrated_digest(_with("strategies", turned)) != calibrated_digest(_study())


def test_another_version_of_the_estimators_is_another_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    before = calibrated_digest(_study())
    assert calibrated_digest(_study()) == before
    monkeypatch.setattr(ledger, "versions", lambda: {"prelaunch": "99.0"})
    assert calibrated_digest(_study()) != before


def test_a_config_is_left_as_it_was() -> None:
    study = _study()
    calibrated_digest(study)
    assert study == _study()
