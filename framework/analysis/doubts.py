"""What a reader must know before the effects: doubts about the test, and what was asked for but not done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from framework.analysis.checks import ArmCounts
from framework.analysis.estimation import is_from_moments
from framework.analysis.settings import AnalysisSettings
from framework.stats.decision.rule import listed
from framework.stats.effects import Effect

RAISED = ("notice", "alert")


def doubts(health: Mapping[str, Any]) -> list[str]:
    """Return in words what the checks of the test's health found, each once."""
    found = []
    ratio = health["sample_ratio"]
    if ratio["level"] in RAISED:
        found.append(f"Sample ratio, {ratio['level']}: {ratio['text']} (p {ratio['p_value']:.2g})")
    found += [
        f"Sample ratio, {own['level']}: {own['text']}"
        for own in health.get("sample_ratio_by_segment", {}).values()
        if own["level"] in RAISED
    ]
    if "missing" in health and health["missing"]["level"] in RAISED:
        found.append(f"Missing outcomes, {health['missing']['level']}: {health['missing']['text']}")
    found += [
        f"Influence, {own['level']} ({own['metric']}, {own['treatment']} against {own['control']}): {own['text']}"
        for own in health.get("influence", [])
        if own["level"] in RAISED
    ]
    alike: dict[str, list[str]] = {}
    for own in health.get("segments", []):
        if not own["differ"]:
            alike.setdefault(f"{own['treatment']} against {own['control']}", []).append(own["metric"])
    found += [
        f"Segments are not shown to differ in {listed(metrics)} ({pair}): read no segment's effect by itself."
        for pair, metrics in alike.items()
    ]
    return found


def limits(settings: AnalysisSettings, effects: Sequence[Effect], counts: ArmCounts) -> list[str]:
    """Return in words what was asked for and is not what these effects are."""
    found = []
    tested = {name: own for name, own in settings.metrics.items() if own.kind != "retention"}
    apart = [name for name, own in tested.items() if own.covariates or not is_from_moments(own)]
    if settings.stratum is not None:
        why = "is not post-stratified: it has covariates, a method of its own, or is no mean, proportion or ratio"
        found += [f"{name} {why}. Its effects are those without stratum=." for name in apart]
    plain_relative = list(tested) if settings.stratum is not None else apart
    if settings.relative == "fieller" and plain_relative:
        why = "is not Fieller's, which needs two means or ratios without covariates or strata"
        found.append(f"The relative change of {listed(plain_relative)} {why}.")
    if settings.sequential is not None:
        found.append(
            "This is a look of a running test: effects' p-values and intervals, and a verdict, hold at every look. "
            "What else is tested here (margins, segments, trends) holds for a test that ends here."
        )
        blind = dict.fromkeys(effect.metric for effect in effects if effect.look is None)
        if blind:
            found.append(f"{listed(list(blind))} has no look: its p-values hold for a test that ends here.")
    guards = [name for name, own in tested.items() if own.role == "guardrail"]
    if guards and not any(own.role == "primary" for own in tested.values()):
        found.append(f"No metric is primary, so no rule holds {listed(guards)} to a margin.")
    if settings.design == "paired":
        found += _alone(settings, effects, counts)
    return found


def _alone(settings: AnalysisSettings, effects: Sequence[Effect], counts: ArmCounts) -> list[str]:
    found = []
    pairs = {effect.treatment: effect.n_control for effect in effects if effect.segment is None}
    for treatment, number in pairs.items():
        arms = (str(settings.control), treatment)
        alone = sum(counts.kept(arm, settings.missing) - number for arm in arms)
        if alone:
            found.append(
                f"{alone:,} unit(s) have a row under only one of {arms[0]} and {treatment}: they are left out."
            )
    return found
