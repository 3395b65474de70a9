"""What a run keeps of its fits: recommenders as artefacts, one a strategy and segment with another; users' segments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.artefacts import Items, Record, Users, write
from framework.artefacts.digests import events_digest
from framework.artefacts.folder import folder_name
from framework.components import component_class, config_class, lookup
from framework.config import ComponentConfig, RunConfig, StrategyConfig
from framework.data.tables import Dataset
from framework.fitting import Bench, Fitted, SegmentedData
from framework.kinds import Recommender, Stored
from framework.params import config_from
from framework.reranking import rerankers_of
from framework.runfolder import now, versions
from framework.strategies import Strategy


@dataclasses.dataclass(frozen=True)
class Kept:
    """One recommender to keep: whose it is, from which piece of config, and in which folder below the artefacts'."""

    recommender: Recommender
    choice: ComponentConfig
    rerankers: tuple[ComponentConfig, ...]
    policy: ComponentConfig
    strategy: Strategy
    segment: str | None
    rules: tuple[str, ...]

    @property
    def place(self) -> Path:
        """Return STRATEGY, or STRATEGY/SEGMENT for a segment's own."""
        parts = (self.strategy.name,) if self.segment is None else (self.strategy.name, self.segment)
        return Path(*(folder_name(part) for part in parts))


def keep(bench: Bench, fitted: Fitted, data: Dataset, log_digest: str, folder: Path) -> None:
    """Write every recommender of the study that can be stored below `folder`; the log says which cannot.

    `data` is what they were fitted to. Segments whose rule has the strategy's own recommender get no folder.

    Raises:
        RunError: an artefact cannot be written.
    """
    items = Items(data.items, data.item_table)
    digest = events_digest(data)
    for name, strategy in fitted.strategies.items():
        users = Users.of(data, strategy.labels, strategy.segment_names)
        for kept in _recommenders(bench.config.strategies[name], strategy):
            if not isinstance(kept.recommender, Stored):
                bench.log.warning(
                    "%s is not kept: the recommender '%s' has no state() and restore()", kept.place, kept.choice.name
                )
                continue
            record = _record(bench, kept, data, digest, log_digest)
            write(folder / kept.place, record, kept.recommender.state(), users, items)
            bench.log.info("kept %s", folder / kept.place)


def segments_of(
    study: RunConfig, segmented: SegmentedData, fitted: Fitted
) -> tuple[list[str], dict[str, list[str | None]]]:
    """Return the users, and their segments: the study's own, and those of strategies with a model of their own."""
    own = segmented.segmentation
    columns = {"segment": _names(own.labels, own.names)}
    for name, strategy in fitted.strategies.items():
        if study.strategies[name].model is not None:
            columns[name] = _names(strategy.labels, strategy.segment_names)
    return segmented.data.users.tolist(), columns


def _names(labels: NDArray[np.int32], names: Sequence[str]) -> list[str | None]:
    return [names[label] if label >= 0 else None for label in labels]


def _recommenders(choice: StrategyConfig, strategy: Strategy) -> Iterator[Kept]:
    """Give the strategy's own recommender first, then those of segments that have another."""
    own = strategy.default.recommender
    special = {
        strategy.segment_names[index]: rule.recommender
        for index, rule in strategy.rules.items()
        if rule.recommender is not own
    }
    rerankers = rerankers_of(choice.reranker, "reranker")
    yield Kept(own, choice.recommender, rerankers, choice.policy, strategy, None, tuple(special))
    for segment, recommender in special.items():
        rule = choice.segments[segment]
        rerankers = rerankers_of(choice.reranker if rule.reranker is None else rule.reranker, "reranker")
        chosen, policy = rule.recommender or choice.recommender, rule.policy or choice.policy
        yield Kept(recommender, chosen, rerankers, policy, strategy, segment, ())


def _record(bench: Bench, kept: Kept, data: Dataset, digest: str, log_digest: str) -> Record:
    _, entry = lookup(bench.plugins, "recommender", kept.choice.name)
    study = bench.config
    return Record(
        component=kept.choice.name,
        distribution=entry.distribution,
        version=entry.version,
        parameters=_parameters(bench, kept.choice),
        strategy=kept.strategy.name,
        study=study.study,
        seed=study.seed,
        as_of=(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=data.as_of)).isoformat(),
        data_digest=digest,
        created=now(),
        versions=versions(),
        log_digest=log_digest,
        rerankers=tuple(dataclasses.asdict(reranker) for reranker in kept.rerankers),
        policy=dataclasses.asdict(kept.policy),
        segment=kept.segment,
        rules=kept.rules,
        kinds=data.events.kinds,
        currency=data.currency,
        repeats=study.trial.repeats,
        segment_names=kept.strategy.segment_names,
    )


def _parameters(bench: Bench, choice: ComponentConfig) -> dict[str, Any]:
    """Return all parameters, with the defaults of today: a later version may have others."""
    made_by = config_class(component_class(bench.plugins, "recommender", choice.name), "recommender", choice.name)
    config = config_from(made_by, choice.params, "params")
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(made_by) if field.init}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
