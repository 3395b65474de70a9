"""Two towers: users and items as vectors in one space, each from what is known of it.

v_i = MLP(id_i + category_i + W (log price, text, image)_i) and u = MLP(mean of those sums over the user's recent items,
user id, user features), both of length 1; minimises over what users took next, with the batch's other targets j as
negatives, -log e^(u.v_i / t) / (e^(u.v_i / t) + sum_j w_j e^(u.v_j / t)). In-batch targets come up as often as they are
taken; w_j = (1 - p_i) / (K p_j), with p an item's share of the targets and K the negatives, makes the sum an unbiased
estimate of that over the catalogue. References: Yi, Yang, Hong, Cheng, Heldt, Kumthekar, Zhao, Wei, Chi,
"Sampling-bias-corrected neural modeling for large corpus item recommendations", RecSys 2019 (there the
target's own logit is corrected too, as if it had been drawn); Covington, Adams, Sargin, "Deep neural networks for
YouTube recommendations", RecSys 2016 (the mean of recent items). Ids are left out now and then, so that features must
do without: Volkovs, Yu, Poutanen, "DropoutNet: Addressing cold start in recommender systems", NIPS 2017.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset, ItemTable
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.content.item_side import ItemSide, SideSettings
from shop_recommenders.content.text_vectors import TextEncoder
from shop_recommenders.content.two_tower_batches import NextPurchaseBatches
from shop_recommenders.sequences.next_item import above_zero, at_least, sequences_of
from shop_recommenders.sequences.sequence_ranking import SequenceRanking, load_weights

if TYPE_CHECKING:
    from torch import Tensor

    from shop_recommenders.content.two_tower_module import TowerShape


@dataclass(frozen=True)
class TwoTowerConfig:
    """What the towers know, how large they are, and how they learn.

    `item_ids`, `category`, `price`, `text`: what is taken of items, where the log has it. `encoder`: a folder (or a
    name to fetch) of a Transformers model that reads the texts; null takes the `text_size` strongest directions of
    their `words` most frequent words. `max_length` and `local_files_only` are the encoder's. `image_vectors`: a folder
    of ITEM.npy files, or a Parquet file with the columns item and vector. Vectors of texts and images stay as they are.
    `user_ids`: users have vectors of their own. `user_features`: columns of the users' features, which are as of the
    end of the training data, so that in training they tell of what came later. `recent`: last items that a user is the
    mean of. `embedding_size`: length of the vectors; `hidden`: sizes of each tower's layers between. `id_dropout`:
    share of ids that are left out in training. `temperature`: divides the cosines. `correct_sampling`: popular items
    are not held down for coming up often as negatives. `learning_rate`: Adam's. `batch_size`: purchases a batch, each
    the others' negative. `epochs`: passes. `kinds`: kinds of event to learn from; null takes purchases, or the next
    sign of interest.
    """

    item_ids: bool = True
    category: bool = True
    price: bool = True
    text: bool = True
    encoder: str | None = None
    words: int = 20_000
    text_size: int = 64
    max_length: int = 128
    local_files_only: bool = False
    image_vectors: Path | None = None
    user_ids: bool = False
    user_features: Sequence[str] = ()
    recent: int = 20
    embedding_size: int = 64
    hidden: Sequence[int] = (128,)
    id_dropout: float = 0.1
    temperature: float = 0.07
    correct_sampling: bool = True
    learning_rate: float = 0.002
    batch_size: int = 1024
    epochs: int = 20
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("words", "text_size", "max_length", "recent", "embedding_size", "batch_size", "epochs"):
            at_least("two_tower", 1, **{name: getattr(self, name)})
        for size in self.hidden:
            at_least("two_tower", 1, hidden=size)
        above_zero("two_tower", temperature=self.temperature, learning_rate=self.learning_rate)
        if not 0.0 <= self.id_dropout < 1.0:
            raise ConfigError(f"two_tower's id_dropout is {self.id_dropout}", allowed="a number from 0, below 1")
        if not (self.item_ids or self.category or self.price or self.text or self.image_vectors):
            raise ConfigError(
                "two_tower is to know nothing of items", hint="Set item_ids, or one of the others, to true."
            )

    @property
    def side(self) -> SideSettings:
        """What is taken of items besides their ids."""
        encoder = None
        if self.encoder is not None and self.text:
            encoder = TextEncoder(self.encoder, self.max_length, local_files_only=self.local_files_only)
        return SideSettings(
            self.category, self.price, self.text, encoder, self.words, self.text_size, self.image_vectors
        )


class TwoTower:
    """Scores are cosines of user and item. Items that nobody bought are ranked by their features among the others.

    Answers by the last items of a user, those of the query where it brings any: new users need no training. Users
    without any get the popular items and are marked as fallback. Without any feature an item that nobody bought is one
    like all such items.
    """

    Config = TwoTowerConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [32, 64, 128]},
        "recent": {"low": 3, "high": 50, "log": True},
        "temperature": {"low": 0.02, "high": 0.3, "log": True},
        "id_dropout": {"low": 0.0, "high": 0.5},
        "learning_rate": {"low": 0.0003, "high": 0.01, "log": True},
    }

    def __init__(self, config: TwoTowerConfig) -> None:
        self.config = config
        self._vectors: Tensor | None = None

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh towers and their batches.

        Raises:
            ConfigError: the encoder is not to be had here, or a user feature is not there.
            DataError: no user has two items, or image vectors cannot be used.
        """
        from shop_recommenders.content.two_tower_module import TwoTowerModule, drawn

        config = self.config
        histories, buyers = sequences_of(data, "two_tower", config.kinds)
        seed = int(context.rng.integers(2**31))
        batches = NextPurchaseBatches(
            histories, len(buyers), recent=config.recent, batch_size=config.batch_size, seed=seed
        )
        self._side = ItemSide.of(data.items, data.item_table, config.side)
        dense = self._side.dense(data.items, data.item_table, context.device, context.log)
        features = _standardised(data, config.user_features)
        share = None
        if config.correct_sampling:
            taken = batches.taken
            share = np.log(np.maximum(taken, 1) / taken.sum()).astype(np.float32)
        arrays = _with_padding(_id_places(buyers), self._side.category(data.item_table), dense)
        shape = self._shape(int((buyers > 0).sum()), len(data.users), len(self._side.categories))
        self._module = drawn(TwoTowerModule(shape, *arrays, features, share), seed)
        self._ranking = SequenceRanking(histories.last(config.recent), buyers, config.recent, cold_items=True)
        self._vectors = None
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch)

    def learned(self) -> None:
        """Forget the items' vectors: the towers may have changed."""
        self._vectors = None

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones where there is no history."""
        return self._ranking.recommend(queries, k, self._module, self._module, self._item_vectors)

    def take_items(self, items: NDArray[np.str_], table: ItemTable) -> None:
        """Append items by their features; where there are image vectors, those of new items are looked up there."""
        from shop_recommenders.content.two_tower_module import TwoTowerModule

        old, ranking = self._module, self._ranking
        dense = self._side.dense(items, table, "cpu", logging.getLogger("prelaunch.two_tower"))
        known = (old.id_place[:-1], old.category[:-1], old.dense[:-1])
        new = (np.full(len(items), old.shape.ids), self._side.category(table), dense)
        both = [np.concatenate([part.cpu().numpy(), added]) for part, added in zip(known, new, strict=True)]
        arrays = _with_padding(both[0], both[1], both[2])
        self._module = TwoTowerModule(old.shape, *arrays, old.features.cpu().numpy())
        weights = {name: weight for name, weight in old.state_dict().items() if name not in _BUFFERS}
        self._module.load_state_dict(weights, strict=False)
        self._module.eval()
        buyers = np.concatenate([ranking.buyers, np.zeros(len(items), dtype=np.int64)])
        self._ranking = replace(ranking, buyers=buyers)
        self._vectors = None

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the towers, the users' last items, the items' buyers, and how items become numbers."""
        side = {f"side.{name}": array for name, array in self._side.state().items()}
        return {**self._ranking.state(self._module), **side}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take in what `state` returned."""
        from shop_recommenders.content.two_tower_module import TwoTowerModule

        own = "side."
        side = {name.removeprefix(own): array for name, array in state.items() if name.startswith(own)}
        self._side = ItemSide.of_state(side, self.config.side)
        arrays = [np.array(state[f"network.{name}"]) for name in _BUFFERS]
        ids, users = (
            len(state[f"network.{name}.weight"]) - 1 if f"network.{name}.weight" in state else 0
            for name in ("ids", "users")
        )
        shape = self._shape(ids, users, len(self._side.categories))
        self._module = TwoTowerModule(shape, *arrays)
        load_weights(self._module, state)
        self._ranking = SequenceRanking.of_state(state, self.config.recent, cold_items=True)
        self._vectors = None

    def _shape(self, ids: int, users: int, categories: int) -> TowerShape:
        from shop_recommenders.content.two_tower_module import TowerShape

        config = self.config
        return TowerShape(
            size=config.embedding_size,
            hidden=tuple(config.hidden),
            ids=ids if config.item_ids else 0,
            users=users if config.user_ids else 0,
            categories=categories,
            id_dropout=config.id_dropout,
            temperature=config.temperature,
            learning_rate=config.learning_rate,
        )

    def _item_vectors(self) -> Tensor:
        if self._vectors is None:
            self._vectors = self._module.vectors()
        return self._vectors


_BUFFERS = ("id_place", "category", "dense", "features")


def _id_places(buyers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which vector of an id each item (I,) has: those that nobody bought share the last one."""
    bought = buyers > 0
    return np.where(bought, np.cumsum(bought) - 1, bought.sum()).astype(np.int64)


def _with_padding(
    id_place: NDArray[np.int64], category: NDArray[np.int64], dense: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the arrays with a row for the padding behind the items; what stands there does not matter."""
    padding = np.zeros((1, dense.shape[1]), dtype=np.float32)
    return np.append(id_place, 0), np.append(category, 0), np.concatenate([dense, padding])


def _standardised(data: Dataset, names: Sequence[str]) -> NDArray[np.float32]:
    """Return users' features (U + 1, 2 G) by mean and spread, each with whether it is known; strangers' are not.

    Raises:
        ConfigError: a name is no feature.
    """
    unknown = [name for name in names if name not in data.features]
    if unknown:
        raise ConfigError(
            f"two_tower's user_features names '{unknown[0]}', which is known of no user", allowed=data.features.names
        )
    found = np.zeros((len(data.users) + 1, 2 * len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        value = data.features.column(name)
        known = np.isfinite(value)
        if known.any():
            spread = float(value[known].std()) or 1.0
            found[:-1, 2 * place][known] = (value[known] - value[known].mean()) / spread
            found[:-1, 2 * place + 1] = known
    return found
