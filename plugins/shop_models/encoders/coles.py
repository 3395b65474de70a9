"""Segments from the order of events: vectors of users' sequences, learned without labels, and groups of them.

Reference: Babaev et al., "CoLES: Contrastive learning for event sequences with self-supervision", SIGMOD 2022; the
groups are those of k-means, as many as halves of the users agree on (`group_count`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import ConfigError
from framework.records import Context, Segmentation, Training
from shop_models.encoders.aggregates import Aggregates
from shop_models.encoders.event_sequences import TOKENS, EventSequences, EventVocabulary
from shop_models.encoders.learning import CLIP, OBJECTIVES, EncoderSettings, NetworkEncoder, untrained
from shop_models.encoders.transitions import striking_transitions
from shop_models.feature_space import FeatureSpace
from shop_models.group_count import choose_count, fit_centers, nearest_center, silhouette
from shop_models.group_names import describe_groups, name_groups
from shop_models.grouped_users import by_worth, check_counts, floor_note, group_means, unfitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset

FEW_EVENTS = "too few events"
"""Name of the segment of users whose sequence is too short to say anything."""


@dataclass(frozen=True)
class ColesConfig:
    """What is read of the users, how it is learned, and how many groups there may be.

    `encoder`: coles (slices of one user belong together), next_event, masked_event; for comparison random (a network
    that has learned nothing) and aggregates (hand-made features without order). `network`: gru, cnn or transformer of
    `layers`; `size` is a vector's length. An event is its kind, its category or item (`events`; the `vocabulary` most
    frequent), its item's price and the days since the one before. Users with fewer than `min_events` stand apart.
    Adam takes `epochs` at `learning_rate` over batches of `batch_size` users, whose last `max_length` events are read.
    `slices` a user of at least `shortest` events and `margin` are those of CoLES, `share` is of events that are masked.

    `k` fixes the number of groups; null chooses it, from 2 to `k_max`, as in `kmeans`, which has `floor`, `stability`,
    `splits`, `reference_draws`, `sample` and `restarts` too. `describe` are the features that groups are named by.
    """

    encoder: str = "coles"
    network: str = "gru"
    size: int = 32
    layers: int = 1
    events: str = "category"
    vocabulary: int = 500
    min_events: int = 5
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 0.005
    max_length: int = 200
    slices: int = 5
    shortest: int = 5
    margin: float = 0.5
    share: float = 0.15
    k: int | None = None
    k_max: int = 8
    floor: int = 50
    stability: float = 0.8
    splits: int = 10
    reference_draws: int = 19
    sample: int = 4000
    restarts: int = 5
    describe: Sequence[str] = ("recency_days", "frequency", "monetary", "interval_mean_days", "views_per_purchase")

    def __post_init__(self) -> None:
        self.encoding()
        if self.events not in TOKENS:
            raise ConfigError(f"coles's events is '{self.events}'", allowed=TOKENS)
        check_counts(self, "coles")
        for name, least in (("vocabulary", 1), ("min_events", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"coles's {name} is {getattr(self, name)}", allowed=f"{least} or more")

    def encoding(self) -> EncoderSettings:
        """Return what concerns the encoder; raises ConfigError for values that it has no use for."""
        return EncoderSettings(**{own.name: getattr(self, own.name) for own in fields(EncoderSettings)})


class Coles:
    """Users whose events follow each other alike share a segment, whatever they bought how often.

    Vectors are centred and divided by their common spread, so that their distances stay as they were learned. Groups
    are numbered by mean monetary value, highest first, and named by what stands out in the features; descriptions say
    which transitions are more frequent than in all users. Same data and `context.rng`, same segments on one machine.
    """

    Config = ColesConfig

    def __init__(self, config: ColesConfig) -> None:
        self.config = config
        self.encoder: NetworkEncoder | Aggregates | None = None
        self.names: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self._transitions: tuple[str, ...] = ()

    def trainings(self, data: Dataset, context: Context) -> Iterator[Training]:
        """Give the training of the encoder, if it learns; then find the groups among the users with enough events.

        Raises DataError where nobody has two events, ConfigError where `k` exceeds the users that can be grouped.
        """
        config = self.config
        self.vocabulary = EventVocabulary.of(data, config.events, config.vocabulary)
        sequences = self.vocabulary.sequences(data)
        tokens, kinds = len(self.vocabulary.tokens), len(self.vocabulary.kinds)
        if config.encoder == "aggregates":
            self.encoder = Aggregates(tokens, kinds)
        else:
            module, batches = untrained(sequences, tokens, kinds, config.encoding(), context.rng)
            if batches is not None:
                yield Training(module, batches.loader(), config.epochs, set_epoch=batches.set_epoch, gradient_clip=CLIP)
            self.encoder = NetworkEncoder.of(module, config.encoding())
        self._group(data, sequences, self.encoder, context.rng)

    def _group(
        self, data: Dataset, sequences: EventSequences, encoder: NetworkEncoder | Aggregates, rng: np.random.Generator
    ) -> None:
        config = self.config
        chosen = np.flatnonzero(sequences.lengths >= config.min_events)
        vectors = encoder.embed(sequences.take(chosen))
        self.space = Scaled.learn(vectors, each=config.encoder == "aggregates")
        points = self.space.transform(vectors)
        if config.k is not None and config.k > max(len(points), 1):
            raise ConfigError(
                f"model 'coles': k is {config.k}, but only {len(points)} users have {config.min_events} events",
                allowed=f"k from 1 to {max(len(points), 1)}, or null",
            )
        count, notes = self._count(points, rng)
        centers = fit_centers(points, count, config.restarts, rng, sample=config.sample)
        labels = nearest_center(points, centers)
        if count > 1:
            notes.append(f"silhouette {silhouette(points, labels, config.sample, rng):.2f} (shown, not used)")
        told = [name for name in config.describe if name in data.features]
        values = np.stack([data.features.column(name)[chosen] for name in told] or [np.zeros(len(chosen))], axis=1)
        worth = data.features.column("monetary")[chosen] if "monetary" in data.features else np.zeros(len(chosen))
        order = by_worth(labels, np.nan_to_num(worth), centers)
        place = np.argsort(order)[labels].astype(np.int32)
        self.centers = centers[order]
        self._told = tuple(told)
        self.names = self._named(values, place, len(order))
        self._transitions = striking_transitions(sequences.take(chosen), place, len(order), self.vocabulary)
        notes += floor_note(config.k, np.bincount(labels, minlength=len(order)), config.floor)
        self.notes = (*self._learned_notes(len(sequences), len(chosen)), *notes)

    def embed(self, data: Dataset) -> NDArray[np.float64]:
        """Return every user's vector (U, size), all 0 for users without events. Raises PluginError before `fit`."""
        return self._fitted().embed(self.vocabulary.sequences(data))

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's nearest group, ties to the lower number. Raises PluginError before `fit`."""
        encoder = self._fitted()
        sequences = self.vocabulary.sequences(data)
        labels = np.full(len(sequences), len(self.names), dtype=np.int32)
        chosen = np.flatnonzero(sequences.lengths >= self.config.min_events)
        if len(chosen):
            labels[chosen] = nearest_center(self.space.transform(encoder.embed(sequences.take(chosen))), self.centers)
        names = (*self.names, FEW_EVENTS)
        told = [name for name in self._told if name in data.features]
        values = np.stack([data.features.column(name) for name in told] or [np.zeros(len(sequences))], axis=1)
        described = describe_groups(names, told, values, labels, data.currency) if told else ("",) * len(names)
        texts = [
            " ".join(part for part in parts if part) or f"{int((labels == place).sum()):,} users."
            for place, parts in enumerate(zip(described, (*self._transitions, ""), strict=True))
        ]
        texts[-1] = f"Fewer than {self.config.min_events} events: too few to say anything of their order."
        return Segmentation(labels, names, tuple(texts), self.notes)

    def _fitted(self) -> NetworkEncoder | Aggregates:
        if self.encoder is None:
            raise unfitted("coles")
        return self.encoder

    def _count(self, points: NDArray[np.float64], rng: np.random.Generator) -> tuple[int, list[str]]:
        config = self.config
        if config.k is not None:
            return config.k, [f"k = {config.k}, as given"]
        choice = choose_count(
            points,
            candidates=range(2, min(config.k_max, len(points)) + 1),
            floor=config.floor,
            threshold=config.stability,
            splits=config.splits,
            reference_draws=config.reference_draws,
            sample=config.sample,
            restarts=config.restarts,
            rng=rng,
        )
        return choice.count, list(choice.notes)

    def _named(self, values: NDArray[np.float64], labels: NDArray[np.int32], groups: int) -> tuple[str, ...]:
        if not self._told:
            return ("everyone",) if groups == 1 else tuple(f"group {place + 1}" for place in range(groups))
        skewed = tuple(name != "recency_days" for name in self._told)
        scores = FeatureSpace.learn(self._told, skewed, values).transform(values)
        return name_groups(self._told, group_means(scores, labels, groups))

    def _learned_notes(self, users: int, chosen: int) -> tuple[str, ...]:
        config = self.config
        size = f"{chosen:,} of {users:,} users have {config.min_events} events or more"
        if config.encoder in OBJECTIVES:
            return (f"vectors of {config.size} by '{config.encoder}' with a {config.network}; {size}",)
        return (f"vectors by '{config.encoder}', which learns nothing; {size}",)


@dataclass(frozen=True)
class Scaled:
    """Vectors less their mean, divided by one spread, or by one for each column."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def learn(cls, vectors: NDArray[np.float64], *, each: bool) -> Scaled:
        """Learn from vectors (n, d); what does not vary is divided by 1."""
        if not len(vectors):
            return cls(np.zeros(vectors.shape[1]), np.ones(vectors.shape[1]))
        spread = vectors.std(axis=0)
        if not each:
            spread = np.full_like(spread, np.sqrt(np.mean(spread**2)))
        return cls(vectors.mean(axis=0), np.where(spread > 1e-9, spread, 1.0))

    def transform(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled vectors."""
        return (vectors - self.mean) / self.spread
