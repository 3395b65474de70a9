"""A study of logged decisions, on one screen: log, policy, weights, estimates, verdict, report."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.components import component_class
from framework.config import RunConfig
from framework.counterfactual.checks import check_evaluation
from framework.counterfactual.estimates import estimate_all
from framework.counterfactual.policy_file import read_policy
from framework.counterfactual.result import Evaluated, result_of
from framework.counterfactual.reward_model import RewardModel, fit_reward_model
from framework.counterfactual.support import support_of
from framework.counterfactual.weighing import weighted
from framework.delivery import show_result, write_report
from framework.errors import ConfigError
from framework.fitting import Bench
from framework.kinds import Estimator, LoggedSource
from framework.plugins import Plugins
from framework.records import LoggedDecisions, Result, TargetPolicy
from framework.report.progress import stages
from framework.report.sections import own_sections
from framework.runfolder import RunFolder
from framework.stages import Stages, watched
from framework.stats.off_policy.buckets import Bootstrapped
from framework.stats.off_policy.refitting import refitted
from framework.tracking import tracked


def reads_decisions(plugins: Plugins, config: RunConfig) -> bool:
    """Say whether the study's source is a log of decisions, so that there is a policy to evaluate and no event log."""
    return hasattr(component_class(plugins, "source", config.source.name, where="source"), "read_decisions")


def evaluate(bench: Bench, config_text: str) -> Result:
    """Run the study and return what `result.json` holds. Raises as `framework.run.run` does."""
    study, this, plugins = bench.config, bench.run, bench.plugins
    with (
        RunFolder(this.folder, study.study, study.seed, config_text) as record,
        tracked(bench),
        watched(plugins, this),
        stages() as progress,
    ):
        stage = Stages(this, record, progress, plugins).stage
        warnings = [*check_evaluation(study), *plugins.check(config=this.config)]
        estimators = {
            key: bench.build("estimator", choice, f"evaluation.estimators.{key}")
            for key, choice in study.evaluation.estimators.items()
        }
        with stage("data", "Reading the log of decisions"):
            source: LoggedSource = bench.build("source", study.source, "source")
            decisions = source.read_decisions(bench.context("source"))
            policy = _policy(study, source, decisions)
        with stage("model", "Fitting the reward model"):
            model = _reward_model(study, estimators, decisions)
            rows = weighted(decisions, policy, model)
        with stage("trial", "Estimating what the policy would have earned", total=study.evaluation.refits) as step:
            support = support_of(study.evaluation.support, decisions, policy, rows)
            estimates = estimate_all(
                estimators,
                rows,
                refusals=support.refusals,
                confidence=1 - study.decision.alpha,
                refitted=lambda: _refitted(bench, decisions, policy, step),
            )
        found = Evaluated(decisions, source.logger, policy, estimates, support, digest_of(decisions, policy))
        result = result_of(bench, record, found, warnings)
        with stage("report", "Writing the report"):
            sections = (*own_sections(result), *plugins.report_sections(result=result))
            page = write_report(result, this.folder, sections)
        plugins.run_finished(run=this, result=result)
    show_result(result, page, sections)
    return result


def digest_of(decisions: LoggedDecisions, policy: TargetPolicy) -> str:
    """Return the SHA-256 of everything that the evaluation read."""
    told = hashlib.sha256(repr((decisions.actions, decisions.positions)).encode())
    arrays: list[NDArray[Any] | None] = [
        decisions.action,
        decisions.position,
        decisions.reward,
        decisions.propensity,
        decisions.unit,
        decisions.context,
        policy.probabilities,
    ]
    for array in arrays:
        told.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return told.hexdigest()


def _policy(study: RunConfig, source: LoggedSource, decisions: LoggedDecisions) -> TargetPolicy:
    offered = source.target(decisions)
    if study.evaluation.policy is None:
        if offered is None:
            raise ConfigError(
                "this source offers no policy to evaluate", hint="Name one: evaluation.policy=FILE (action_dist)."
            )
        return offered
    named = read_policy(
        Path(study.evaluation.policy).expanduser(), decisions, "policy" if offered is None else offered.name
    )
    rewards = None if offered is None else offered.own_rewards
    return TargetPolicy(named.name, named.probabilities, named.origin, named.estimated, rewards)


def _reward_model(study: RunConfig, estimators: dict[str, Estimator], decisions: LoggedDecisions) -> RewardModel | None:
    if not any(estimator.needs_reward_model for estimator in estimators.values()):
        return None
    return fit_reward_model(decisions, study.evaluation.folds, study.seed)


def _refitted(bench: Bench, decisions: LoggedDecisions, policy: TargetPolicy, step: Callable[[], None]) -> Bootstrapped:
    """Return what the reward model foretells of the policy, with an interval that knows of the model's own error."""
    settings = bench.config.evaluation

    def refit(counts: NDArray[np.float64]) -> float:
        model = fit_reward_model(decisions, settings.folds, bench.config.seed, counts)
        step()
        return float(np.average(model.expected(policy.probabilities), weights=counts))

    return refitted(
        refit,
        len(decisions),
        np.random.default_rng(bench.config.seed),
        unit=decisions.unit,
        resamples=settings.refits,
        confidence=1 - bench.config.decision.alpha,
    )
