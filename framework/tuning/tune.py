"""Search every strategy's parameters on the same budget, and put the best ones into the study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from zlib import crc32

from framework.config import ComponentConfig, RunConfig, StrategyConfig
from framework.data.parts import Parts
from framework.errors import ConfigError
from framework.fitting import Bench, RatedMetric, SegmentedData, fit_segments, shared_key, strategy_of
from framework.preflight import identity
from framework.runfolder import versions
from framework.training.search import search
from framework.training.search_record import Searched
from framework.training.search_storage import Store, store_of
from framework.tuning.arms import Arm, Goal, arms_of, goals_of
from framework.tuning.scoring import EPOCHS, Scoring


@dataclass(frozen=True)
class Tuned:
    """The study with the best parameters found, a record of each strategy's search, and how long each took."""

    config: RunConfig
    records: tuple[dict[str, Any], ...]
    seconds: dict[str, float]


def planned_trials(bench: Bench) -> int | None:
    """Return how many trials there are to be in all, None where time ends them."""
    settings = bench.config.search
    if not settings.trials or settings.seconds is not None:
        return None
    searched = {_kind(arm): arm for arm in arms_of(bench) if len(arm.space)}.values()
    most = [len(arm.space.points()) if settings.sampler == "grid" else settings.trials for arm in searched]
    return sum(min(settings.trials, own) for own in most)


def tune(
    bench: Bench, parts: Parts, metrics: Sequence[RatedMetric], data_digest: str, advance: Callable[[], None]
) -> Tuned:
    """Search each strategy's parameters, and return the study with the best ones.

    Recommenders learn from the fit part and are judged on the validation part; the seal of the test part stays whole.
    Equal strategies are searched once. `advance` is called after each trial.

    Raises:
        ConfigError: the validation part has nothing to judge by.
        RunError: no trial of a strategy finished, or another search is under way in the same storage.
    """
    config = bench.config
    _check_validation(config, parts)
    goals = goals_of(config, metrics)
    store = store_of(config.search.storage, bench.run.folder / "work" / "search", share=config.search.share)
    arms = arms_of(bench)
    segmented: dict[str, SegmentedData] = {}
    found: dict[str, tuple[Arm, Searched]] = {}
    with store.held():
        for arm in arms:
            if len(arm.space) and _kind(arm) not in found:
                model = identity(arm.model)
                if model not in segmented:
                    segmented[model] = fit_segments(bench, arm.model, parts.early, f"strategies.{arm.name}.model")
                scoring = _scoring(
                    bench, arm, segmented[model], parts, f"{arm.name}-{_digest(bench, arm, goals, data_digest)}"
                )
                found[_kind(arm)] = (arm, _searched(bench, scoring, goals, store, data_digest, advance))
    records = tuple(_record(config, arm, goals, found.get(_kind(arm))) for arm in arms)
    seconds = {arm.name: searched.seconds for arm, searched in found.values()}
    return Tuned(with_best(config, arms, {key: searched for key, (_, searched) in found.items()}), records, seconds)


def _check_validation(config: RunConfig, parts: Parts) -> None:
    later = parts.validation
    buyers = later.events.of_kind("purchase").user
    if config.trial.holdout.users == "known":
        buyers = buyers[later.user_index[buyers] >= 0]
    if not len(buyers):
        raise ConfigError(
            "No user that counts bought anything in the validation part, so a search has nothing to judge by",
            hint="Make it longer: data.split.validation.",
        )


def _scoring(bench: Bench, arm: Arm, early: SegmentedData, parts: Parts, name: str) -> Scoring:
    """Return the objective, with the recommenders fitted that rules for segments name and no search touches."""
    own = replace(bench, config=replace(bench.config, model=arm.model))
    key = shared_key(arm.choice.recommender, arm.model)
    shared: dict[str, Any] = {key: None}
    strategy_of(own, arm.name, arm.choice, early, shared)
    del shared[key]
    # The search's own settings change nothing that is fitted.
    made = Scoring(bench.config, bench.run, arm, early, parts.validation, name, shared)
    return made.prepared(bench.plugins)


def _searched(
    bench: Bench,
    scoring: Scoring,
    goals: Sequence[Goal],
    store: Store,
    data_digest: str,
    advance: Callable[[], None],
) -> Searched:
    arm = scoring.arm
    return search(
        arm.space,
        scoring,
        bench.config.search,
        store,
        name=scoring.name,
        seed=crc32(f"{bench.config.seed}:{arm.name}".encode()),
        directions=[goal.direction for goal in goals],
        start=arm.start,
        about={
            "study": bench.config.study,
            "strategy": arm.name,
            "recommender": arm.choice.recommender.name,
            "objectives": [goal.label for goal in goals],
            "space": arm.space.texts,
            "data": data_digest,
        },
        advance=advance,
    )


def _kind(arm: Arm) -> str:
    """Return what equal arms have in common: whatever their scores hang on."""
    plain = {key: value for key, value in asdict(arm.choice).items() if key != "description"}
    return identity([plain, identity(arm.model), repr(arm.space)])


def _digest(bench: Bench, arm: Arm, goals: Sequence[Goal], data_digest: str) -> str:
    """Return what tells searches apart whose trials must not be mixed: data, space, and all that a score hangs on."""
    config = bench.config
    data = asdict(config.data)
    for indifferent in ("memory_limit", "threads"):
        data.pop(indifferent, None)
    trial = asdict(config.trial)
    for indifferent in ("evidence", "simulated"):
        trial.pop(indifferent)
    parts = [
        *(_kind(arm), data_digest, data, asdict(config.source), trial, config.seed, config.device),
        *(asdict(config.trainer), [goal.label for goal in goals], versions().get("prelaunch")),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()[:16]


def with_best(config: RunConfig, arms: Sequence[Arm], found: Mapping[str, Searched]) -> RunConfig:
    """Return the study with each searched strategy's best parameters, and nothing left to search.

    Where the best recommender stopped early, the epochs it took become its own parameter, as the final fit has no
    validation part to stop by. The study's own `recommender` follows the strategy that it is.
    """
    strategies, recommender = dict(config.strategies), config.recommender
    early: set[str] = set()
    wanted = None if recommender is None else identity(recommender)
    for arm in arms:
        searched = found.get(_kind(arm))
        if searched is None or searched.best is None:
            continue
        params = best_params(arm, searched)
        early |= {arm.name} if arm.epochs and EPOCHS in searched.best.notes else set()
        strategies[arm.name] = arm.with_params(params)
        if wanted is not None and wanted == identity(arm.choice.recommender):
            recommender, wanted = strategies[arm.name].recommender, None
    trainer = config.trainer
    if early and trainer.epochs is not None:
        # The study's epochs would overrule those found: from here on they are each recommender's own.
        for arm in arms:
            if arm.epochs and arm.name not in early:
                strategies[arm.name] = _with_epochs(strategies[arm.name], trainer.epochs)
        trainer = replace(trainer, epochs=None)
    search_over = replace(config.search, trials=0, seconds=None)
    return replace(config, strategies=strategies, recommender=recommender, trainer=trainer, search=search_over)


def best_params(arm: Arm, searched: Searched) -> dict[str, Any]:
    """Return the best trial's parameters, with the epochs that it took where it stopped early."""
    best = searched.best
    if best is None:
        return {}
    taken = {EPOCHS: best.notes[EPOCHS]} if arm.epochs and EPOCHS in best.notes else {}
    return {**best.params, **taken}


def _with_epochs(choice: StrategyConfig, epochs: int) -> StrategyConfig:
    own = choice.recommender
    return replace(choice, recommender=ComponentConfig(own.name, {**own.params, "epochs": epochs}))


def _record(config: RunConfig, arm: Arm, goals: Sequence[Goal], found: tuple[Arm, Searched] | None) -> dict[str, Any]:
    """Return what the report says of one strategy's search; all but the costs is the same for the same seed."""
    settings = config.search
    record: dict[str, Any] = {
        "strategy": arm.name,
        "recommender": arm.choice.recommender.name,
        "budget": {"trials": settings.trials or None, "seconds": settings.seconds},
        "sampler": settings.sampler,
        "pruner": settings.pruner if len(goals) == 1 else "none",
        "objectives": [{"label": goal.label, "direction": goal.direction, "unit": goal.unit} for goal in goals],
        "space": arm.space.texts,
        "trials": {"tried": 0, "finished": 0, "pruned": 0, "failed": 0},
    }
    if found is None:
        return record
    first, searched = found
    best = searched.best
    counts = {state: searched.count(state) for state in ("finished", "pruned", "failed")}
    own = next((trial for trial in searched.trials if trial.number == searched.own), None)
    return {
        **record,
        **({"as": first.name} if first.name != arm.name else {}),
        "trials": {"tried": len(searched.trials), **counts},
        "best": None
        if best is None
        else {"number": best.number, "params": best_params(arm, searched), "values": list(best.values)},
        "own": None
        if own is None or own.state != "finished"
        else {"number": own.number, "params": own.params, "values": list(own.values)},
        "front": list(searched.front),
        "importances": searched.importances,
        "history": [
            {"number": trial.number, "state": trial.state, "params": trial.params, "values": list(trial.values)}
            for trial in searched.trials
        ],
    }
