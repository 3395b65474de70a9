"""item2vec: items as words, users' sequences as sentences; items in like company have like vectors.

Minimises over pairs of items i, j that a user took near each other
-log sigmoid(u_i . v_j) - sum_k log sigmoid(-u_i . v_k), with items k drawn by popularity^sampling_power; frequent items
are passed over with probability 1 - sqrt(subsampling / share). Users are the mean of the directions u / |u| of their
last items, and score items by the product with theirs, so that one item ranks others by cosine. Reference: Barkan,
Koenigstein, "Item2vec: Neural item embedding for collaborative filtering", MLSP 2016, equations 1 to 4; sequences are
read within a window, as in Mikolov, Sutskever, Chen, Corrado, Dean, NIPS 2013, and a large window makes them the
paper's sets. Powers below 0.75 suit shops: Caselles-Dupre, Lesaint, Royo-Letelier, RecSys 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.negatives import Negatives
from shop_recommenders.sequences.next_item import above_zero, at_least, sequences_of
from shop_recommenders.sequences.sequence_batches import within_vocabulary
from shop_recommenders.sequences.sequence_ranking import SequenceRanking, load_weights

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Item2VecConfig:
    """How long vectors are, what they learn by, and for how long.

    `embedding_size`: length of the vectors. `window`: how many places apart two items may be to be company. `company`:
    items drawn from the window of each item in each epoch. `negatives`: items drawn against each pair, by their events
    to the `sampling_power`. `subsampling`: items with a larger share of the events are passed over now and then; 0
    passes over none. `recent`: last items that a user is the mean of. `learning_rate`: Adam's. `batch_size`: pairs a
    batch. `epochs`: passes over the items. `kinds`: kinds of event to learn from; null takes purchases, or the next
    sign of interest that the log has.
    """

    embedding_size: int = 64
    window: int = 5
    company: int = 4
    negatives: int = 15
    sampling_power: float = 0.75
    subsampling: float = 1e-3
    recent: int = 5
    learning_rate: float = 0.003
    batch_size: int = 2048
    epochs: int = 30
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("embedding_size", "window", "company", "negatives", "recent", "batch_size", "epochs"):
            at_least("item2vec", 1, **{name: getattr(self, name)})
        above_zero("item2vec", learning_rate=self.learning_rate)
        if not (self.subsampling >= 0.0 and np.isfinite(self.subsampling)):
            raise ConfigError(f"item2vec's subsampling is {self.subsampling}", allowed="a number from 0")
        if not np.isfinite(self.sampling_power):
            raise ConfigError(f"item2vec's sampling_power is {self.sampling_power}", allowed="a finite number")


class Item2Vec:
    """Answers by the last items of a user, those of the query where it brings any: new users need no training.

    Items that nobody bought come last, by item index. Same data and same state of `context.rng`, same vectors on one
    machine with as many threads.
    """

    Config = Item2VecConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [32, 64, 128]},
        "window": {"choices": [2, 5, 10, 50]},
        "sampling_power": {"low": -0.5, "high": 1.0},
        "recent": {"low": 1, "high": 20},
        "learning_rate": {"low": 0.0003, "high": 0.01, "log": True},
    }

    def __init__(self, config: Item2VecConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh vectors and their batches. Raises DataError where no user has two items."""
        from torch.utils.data import DataLoader

        from shop_recommenders.sequences.item2vec_module import Item2VecModule, drawn_as_word2vec_does

        config = self.config
        histories, buyers = sequences_of(data, "item2vec", config.kinds)
        seed = int(context.rng.integers(2**31))
        taken = np.bincount(histories.items, minlength=len(buyers))
        batches = CompanyBatches(histories, taken, config, seed)
        self._module = Item2VecModule(len(buyers), config.embedding_size, config.learning_rate)
        drawn_as_word2vec_does(self._module, seed)
        self._ranking = SequenceRanking(histories.last(config.recent), buyers, config.recent)
        loader: DataLoader[Any] = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
        return Training(self._module, loader, config.epochs, batches.set_epoch)

    def learned(self) -> None:
        """Nothing to do: `recommend` asks the module itself."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones where there is no history."""
        return self._ranking.recommend(queries, k, self._module, self._last_state, self._module.directions)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the vectors, the users' last items and the items' buyers."""
        return self._ranking.state(self._module)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take in what `state` returned."""
        from shop_recommenders.sequences.item2vec_module import Item2VecModule

        config = self.config
        self._ranking = SequenceRanking.of_state(state, config.recent)
        self._module = Item2VecModule(len(self._ranking.buyers), config.embedding_size, config.learning_rate)
        load_weights(self._module, state)

    def _last_state(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:  # noqa: ARG002 - users are what they took
        state: Tensor = self._module(items, lengths)
        return state


class CompanyBatches:
    """One epoch's batches of pairs: items (B,), the `target` (B,) drawn from near each, `negatives` (B, K).

    All are places in the batch's `vocabulary`. In an epoch each item that is not passed over draws `company` others of
    its user's within the window, with replacement.
    """

    def __init__(self, histories: Histories, taken: NDArray[np.int64], config: Item2VecConfig, seed: int) -> None:
        kept = histories.take(np.flatnonzero(histories.lengths >= 2))
        self._config, self._seed, self._items = config, seed, kept.items.astype(np.int64)
        place = np.arange(len(kept.items))
        first, end = np.repeat(kept.starts[:-1], kept.lengths), np.repeat(kept.starts[1:], kept.lengths)
        self._low = np.maximum(place - config.window, first)
        self._near = np.minimum(place + config.window + 1, end) - self._low
        share = taken / taken.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            stays = np.sqrt(config.subsampling / share[kept.items])
        self._stays = np.minimum(stays, 1.0) if config.subsampling > 0 else np.ones(len(kept.items))
        self._negatives = Negatives.by("popularity", config.negatives, taken, power=config.sampling_power, shared=False)
        # As many batches in every epoch, whatever is passed over: the loader's length is asked for only once.
        self._batches = max(1, int(self._stays.sum() * config.company / config.batch_size))
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the items of the epoch with this number, in random order."""
        self._epoch = epoch
        rng = np.random.default_rng([self._seed, epoch])
        drawn = np.flatnonzero(rng.random(len(self._stays)) < self._stays)
        if not len(drawn):
            drawn = np.arange(len(self._stays))
        self._order = np.array_split(rng.permutation(np.repeat(drawn, self._config.company)), self._batches)

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, batch: int) -> dict[str, NDArray[np.int64]]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        rng = np.random.default_rng([self._seed, self._epoch, batch])
        own = self._order[batch]
        # One of the window's other places: those from the item's own on move up by one.
        other = self._low[own] + rng.integers(self._near[own] - 1)
        other += other >= own
        target = self._items[other]
        negatives = self._negatives.draw(target, rng)
        return within_vocabulary({"items": self._items[own], "target": target, "negatives": negatives})
