"""What sasrec, esasrec and gru4rec share: all learn to foretell after each item of a sequence which one comes next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError, DataError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.demand import checked_kinds, demand
from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.losses import Loss
from shop_recommenders.sequences.negatives import Negatives, Sampling
from shop_recommenders.sequences.sequence_batches import NextItemBatches, SequenceBatches
from shop_recommenders.sequences.sequence_ranking import SequenceRanking, load_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shop_recommenders.sequences.next_item_module import NextItem

BETAS = (0.9, 0.98)
"""Adam's, as in the code of SASRec's authors and everybody's since."""


class NextItemSettings(Protocol):
    """The part of a Config that says how to train, whatever the network."""

    @property
    def embedding_size(self) -> int: ...  # noqa: D102
    @property
    def max_length(self) -> int: ...  # noqa: D102
    @property
    def loss(self) -> Loss: ...  # noqa: D102
    @property
    def negatives(self) -> int: ...  # noqa: D102
    @property
    def sampling(self) -> Sampling: ...  # noqa: D102
    @property
    def sampling_power(self) -> float: ...  # noqa: D102
    @property
    def shared_negatives(self) -> bool: ...  # noqa: D102
    @property
    def correct_sampling(self) -> bool: ...  # noqa: D102
    @property
    def calibration(self) -> float: ...  # noqa: D102
    @property
    def dropout(self) -> float: ...  # noqa: D102
    @property
    def item_dropout(self) -> float: ...  # noqa: D102
    @property
    def learning_rate(self) -> float: ...  # noqa: D102
    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def epochs(self) -> int: ...  # noqa: D102
    @property
    def kinds(self) -> Sequence[str] | None: ...  # noqa: D102


def check_settings(name: str, config: NextItemSettings) -> None:
    """Refuse with ConfigError what cannot be trained with; `name` is the recommender's."""
    at_least(
        name,
        1,
        embedding_size=config.embedding_size,
        max_length=config.max_length,
        negatives=config.negatives,
        batch_size=config.batch_size,
        epochs=config.epochs,
    )
    above_zero(name, learning_rate=config.learning_rate)
    check_shares(name, dropout=config.dropout, item_dropout=config.item_dropout)
    if not (config.sampling_power >= 0.0 and np.isfinite(config.sampling_power)):
        raise ConfigError(f"{name}'s sampling_power is {config.sampling_power}", allowed="a number from 0")
    if not 0.0 <= config.calibration <= 1.0:
        raise ConfigError(f"{name}'s calibration is {config.calibration}", allowed="a number from 0 to 1")
    if config.correct_sampling and config.loss != "sampled_softmax":
        raise ConfigError(
            f"{name}'s correct_sampling is for the loss sampled_softmax, and its loss is {config.loss}",
            hint="Set correct_sampling=false, or loss=sampled_softmax.",
        )


def at_least(name: str, least: int, **values: int) -> None:
    """Refuse with ConfigError integers below `least`."""
    for parameter, value in values.items():
        if value < least:
            raise ConfigError(f"{name}'s {parameter} is {value}", allowed=f"an integer from {least}")


def above_zero(name: str, **values: float) -> None:
    """Refuse with ConfigError numbers that are not above 0 and finite."""
    for parameter, value in values.items():
        if not (value > 0.0 and np.isfinite(value)):
            raise ConfigError(f"{name}'s {parameter} is {value}", allowed="a number above 0")


def check_attention(name: str, embedding_size: int, blocks: int, heads: int) -> None:
    """Refuse with ConfigError a shape that no attention has."""
    at_least(name, 1, blocks=blocks, heads=heads)
    if embedding_size % heads:
        raise ConfigError(
            f"{name}'s embedding_size is {embedding_size}, which {heads} heads cannot share",
            allowed="a multiple of heads",
        )


def check_shares(name: str, **values: float) -> None:
    """Refuse with ConfigError what is no share below 1."""
    for parameter, value in values.items():
        if not 0.0 <= value < 1.0:
            raise ConfigError(f"{name}'s {parameter} is {value}", allowed="a number from 0 to below 1")


def sequences_of(data: Dataset, name: str, kinds: Sequence[str] | None) -> tuple[Histories, NDArray[np.int64]]:
    """Return every user's items and each item's different buyers. Raises DataError where no user has two items."""
    wanted = checked_kinds(data, kinds)
    histories = Histories.of(data, wanted)
    if not (histories.lengths >= 2).any():
        raise DataError(
            f"{name} learns from users with two events of the kind {', '.join(wanted)} or more, and the log has none",
            hint="Set its kinds, or use another recommender.",
        )
    return histories, demand(data, wanted, "binary")


class NextItemRecommender:
    """A network that reads sequences, its training and its rankings: what a recommender of this family is made of.

    `name` is the recommender's, `regularization` is bpr_max's. Encoders are handed in freshly made.
    """

    more_rows: ClassVar[int] = 0
    """Vectors beside those of items and padding."""

    def __init__(self, name: str, settings: NextItemSettings, *, regularization: float = 0.0) -> None:
        self.name, self.settings, self.regularization = name, settings, regularization
        self.ranking: SequenceRanking | None = None
        self.module: NextItem | None = None

    @property
    def read(self) -> int:
        """The most items of a history that it reads."""
        return self.settings.max_length

    def training(
        self, data: Dataset, context: Context, encoder: nn.Module, gradient_clip: float | None = None
    ) -> Training:
        """Return the module and its batches, drawn from one number of `context.rng`."""
        from shop_recommenders.sequences.next_item_module import drawn_afresh

        settings = self.settings
        histories, buyers = sequences_of(data, self.name, settings.kinds)
        seed = int(context.rng.integers(2**31))
        negatives = None
        if settings.loss != "full_softmax":
            taken = np.bincount(histories.items, minlength=len(buyers))
            negatives = Negatives.by(
                settings.sampling,
                settings.negatives,
                taken,
                power=settings.sampling_power,
                shared=settings.shared_negatives,
            )
        batches = self.batches(histories, len(buyers), negatives, seed)
        self.module = self._module(len(buyers), encoder, negatives)
        drawn_afresh(self.module, seed)
        self.ranking = SequenceRanking(histories.last(self.read), buyers, self.read)
        # A step's scores and their gradients, which outweigh all else where the catalogue is large.
        compared = len(buyers) if negatives is None else settings.negatives
        scores = 2 * 4 * int(batches.places * compared)
        return Training(self.module, batches.loader(), settings.epochs, batches.set_epoch, gradient_clip, scores)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query by what the module knows."""
        assert self.module is not None  # noqa: S101 - the engine trains or restores first
        assert self.ranking is not None  # noqa: S101
        return self.ranking.recommend(queries, k, self.module, self.last_state, self.module.items.vectors)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what `recommend` answers by."""
        assert self.module is not None  # noqa: S101 - the engine trains first
        assert self.ranking is not None  # noqa: S101
        return self.ranking.state(self.module)

    def restore(self, state: Mapping[str, NDArray[Any]], encoder: nn.Module) -> None:
        """Take in what `state` returned; `encoder` is of the same shape."""
        self.ranking = SequenceRanking.of_state(state, self.read)
        self.module = self._module(len(self.ranking.buyers), encoder, None)
        load_weights(self.module, state)

    def _module(self, catalogue: int, encoder: nn.Module, negatives: Negatives | None) -> NextItem:
        import torch

        from shop_recommenders.sequences.losses import loss_of
        from shop_recommenders.sequences.next_item_module import ItemTable, NextItem

        settings = self.settings
        log_share = None
        if negatives is not None and settings.correct_sampling:
            # Further rows for padding and the like, which no loss looks at.
            share = np.append(negatives.share, np.ones(1 + self.more_rows))
            with np.errstate(divide="ignore"):
                log_share = torch.from_numpy(np.log(share).astype(np.float32))
        return NextItem(
            ItemTable(catalogue, settings.embedding_size, self.more_rows),
            encoder,
            loss_of(
                settings.loss,
                catalogue=catalogue,
                calibration=settings.calibration,
                regularization=self.regularization,
            ),
            learning_rate=settings.learning_rate,
            betas=BETAS,
            item_dropout=settings.item_dropout,
            log_share=log_share,
        )

    def batches(self, histories: Histories, catalogue: int, negatives: Negatives | None, seed: int) -> SequenceBatches:
        """Return what to train on."""
        settings = self.settings
        return NextItemBatches(
            histories,
            catalogue,
            max_length=settings.max_length,
            batch_size=settings.batch_size,
            negatives=negatives,
            seed=seed,
        )

    def last_state(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:  # noqa: ARG002 - users are what they took
        """Return the state (B, d) that foretells what comes after sequences (B, L), padded behind."""
        assert self.module is not None  # noqa: S101 - the engine trains or restores first
        return at_places(self.module(items, lengths), lengths - 1)


class AnswersByNetwork(ABC):
    """What recommenders of this family have alike once they are trained: they answer by their network."""

    _network: NextItemRecommender

    def learned(self) -> None:  # noqa: B027 - there is nothing to do
        """Nothing to do: `recommend` asks the module itself."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones where there is no history."""
        return self._network.recommend(queries, k)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the weights, the users' last items and the items' buyers."""
        return self._network.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take in what `state` returned."""
        self._network.restore(state, self._encoder())

    @abstractmethod
    def _encoder(self) -> nn.Module:
        """Return the part that reads sequences, made afresh."""


def at_places(states: Tensor, places: Tensor) -> Tensor:
    """Return of states (B, L, d) the one of each row at its place (B,)."""
    return states.gather(1, places[:, None, None].expand(-1, 1, states.shape[2])).squeeze(1)
