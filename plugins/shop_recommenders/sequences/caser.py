"""Caser: the last items of a user as an image, in which convolutions find what leads to what.

The vectors of the last L items form a matrix (L, d). Horizontal filters of every height slide along time and keep their
largest value, vertical filters weigh the items dimension by dimension; a layer z of both, beside the user's vector p,
scores item i as w_i . [z, p] + b_i. Trained on each of the next T items by -(log sigmoid(s_next) + sum log(1 -
sigmoid(s_negative))). Reference: Tang, Wang, "Personalized top-n sequential recommendation via convolutional sequence
embedding", WSDM 2018, equations 2 to 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.negatives import Negatives, Sampling
from shop_recommenders.sequences.next_item import above_zero, at_least, check_shares, sequences_of
from shop_recommenders.sequences.sequence_batches import within_vocabulary
from shop_recommenders.sequences.sequence_ranking import SequenceRanking, load_weights

if TYPE_CHECKING:
    from torch import Tensor

    from shop_recommenders.sequences.caser_module import CaserModule


@dataclass(frozen=True)
class CaserConfig:
    """How large the network is, what it learns by, and for how long.

    `embedding_size`: length of the vectors of users and items. `window`: last items that are read (L). `targets`: items
    after a window that it is to foretell (T). `horizontal`: filters of each height, `vertical`: filters along
    dimensions, 0 for none. `dropout`: share of filters' values left out in training. `loss`: "bce" (the paper's),
    "gbce" or "sampled_softmax". `negatives`: items drawn against each target. `sampling`: how, "uniform", "popularity"
    (by events to the `sampling_power`) or "in_batch" (other targets). `shared_negatives`: one draw for a whole batch
    instead of one for each target. `calibration`: t of gbce. `learning_rate`: Adam's. `weight_decay`: penalty on all
    weights' squares. `batch_size`: windows a batch. `epochs`: passes over the windows. `kinds`: kinds of event to learn
    from; null takes purchases, or the next sign of interest that the log has.
    """

    embedding_size: int = 50
    window: int = 5
    targets: int = 3
    horizontal: int = 16
    vertical: int = 4
    dropout: float = 0.5
    loss: Literal["bce", "gbce", "sampled_softmax"] = "bce"
    negatives: int = 3
    sampling: Sampling = "uniform"
    sampling_power: float = 0.75
    shared_negatives: bool = False
    calibration: float = 0.75
    learning_rate: float = 0.001
    weight_decay: float = 1e-6
    batch_size: int = 512
    epochs: int = 50
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("embedding_size", "window", "targets", "horizontal", "negatives", "batch_size", "epochs"):
            at_least("caser", 1, **{name: getattr(self, name)})
        at_least("caser", 0, vertical=self.vertical)
        check_shares("caser", dropout=self.dropout)
        above_zero("caser", learning_rate=self.learning_rate)
        for name in ("weight_decay", "sampling_power"):
            value = getattr(self, name)
            if not (value >= 0.0 and np.isfinite(value)):
                raise ConfigError(f"caser's {name} is {value}", allowed="a number from 0")
        if not 0.0 <= self.calibration <= 1.0:
            raise ConfigError(f"caser's calibration is {self.calibration}", allowed="a number from 0 to 1")


class Caser:
    """Answers by the last items of a user, those of the query where it brings any, and by the user's own vector.

    New users with a history are answered with the average user's vector. Items that nobody bought come last, by item
    index. Same data and same state of `context.rng`, same weights on one machine with as many threads.
    """

    Config = CaserConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [32, 50, 100]},
        "window": {"low": 3, "high": 9},
        "targets": {"choices": [1, 2, 3]},
        "learning_rate": {"low": 0.0003, "high": 0.003, "log": True},
        "weight_decay": {"low": 1e-7, "high": 1e-4, "log": True},
    }

    def __init__(self, config: CaserConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return a fresh module and its batches. Raises DataError where no user has two items."""
        from torch.utils.data import DataLoader

        from shop_recommenders.sequences.caser_module import drawn_as_the_authors_do

        config = self.config
        histories, buyers = sequences_of(data, "caser", config.kinds)
        seed = int(context.rng.integers(2**31))
        taken = np.bincount(histories.items, minlength=len(buyers))
        negatives = Negatives.by(
            config.sampling, config.negatives, taken, power=config.sampling_power, shared=config.shared_negatives
        )
        batches = WindowBatches(histories, len(buyers), config, negatives, seed)
        self._module = self._made(len(data.users), len(buyers))
        drawn_as_the_authors_do(self._module, seed)
        self._ranking = SequenceRanking(histories.last(config.window), buyers, config.window)
        loader: DataLoader[Any] = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
        return Training(self._module, loader, config.epochs, batches.set_epoch)

    def learned(self) -> None:
        """Nothing to do: `recommend` asks the module itself."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones where there is no history."""
        return self._ranking.recommend(queries, k, self._module, self._last_state, self._module.item_vectors)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the weights, the users' last items and the items' buyers."""
        return self._ranking.state(self._module)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take in what `state` returned."""
        self._ranking = SequenceRanking.of_state(state, self.config.window)
        self._module = self._made(len(self._ranking.histories), len(self._ranking.buyers))
        load_weights(self._module, state)

    def _made(self, users: int, catalogue: int) -> CaserModule:
        from shop_recommenders.sequences.caser_module import CaserModule
        from shop_recommenders.sequences.losses import loss_of

        config = self.config
        return CaserModule(
            users,
            catalogue,
            loss_of(config.loss, catalogue=catalogue, calibration=config.calibration),
            size=config.embedding_size,
            window=config.window,
            horizontal=config.horizontal,
            vertical=config.vertical,
            dropout=config.dropout,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
        )

    def _last_state(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Return the states of windows, which the network wants padded in front."""
        import torch

        window = self.config.window
        back = torch.arange(window, device=items.device) - window + lengths[:, None]
        moved = items.gather(1, back.clamp(min=0))
        state: Tensor = self._module(moved.masked_fill(back < 0, self._module.items.catalogue), users)
        return state


class WindowBatches:
    """One epoch's batches: windows (B, L) padded in front with `catalogue`, their users, and the items that follow.

    Every item of a user but the first is the first target of one window. `places` (N,) say which window a target is of.
    As in `SequenceBatches`, items are places in the batch's `vocabulary` where they are compared; windows hold items.
    """

    def __init__(
        self, histories: Histories, catalogue: int, config: CaserConfig, negatives: Negatives, seed: int
    ) -> None:
        self._histories, self._catalogue, self._config = histories, catalogue, config
        self._negatives, self._seed = negatives, seed
        first = np.repeat(histories.starts[:-1], histories.lengths)
        self._ends = np.flatnonzero(np.arange(len(histories.items)) > first)
        self._user = np.repeat(np.arange(len(histories)), histories.lengths)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of the epoch with this number."""
        self._epoch = epoch
        self._order = np.random.default_rng([self._seed, epoch]).permutation(self._ends)

    def __len__(self) -> int:
        return (len(self._order) + self._config.batch_size - 1) // self._config.batch_size

    def __getitem__(self, batch: int) -> dict[str, NDArray[np.int64]]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        size, window = self._config.batch_size, self._config.window
        ends = self._order[batch * size : (batch + 1) * size]
        user = self._user[ends]
        before = self._at(ends[:, None] + np.arange(-window, 0), user)
        after = self._at(ends[:, None] + np.arange(self._config.targets), user)
        asked = after != self._catalogue
        target = after[asked]
        rng = np.random.default_rng([self._seed, self._epoch, batch])
        compared = within_vocabulary({"target": target, "negatives": self._negatives.draw(target, rng)})
        return {"items": before, "users": user, "places": np.nonzero(asked)[0], **compared}

    def _at(self, places: NDArray[np.int64], user: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the items at `places` (B, m), `catalogue` where they lie outside the user's sequence."""
        starts = self._histories.starts
        inside = (places >= starts[user, None]) & (places < starts[user + 1, None])
        return np.where(inside, self._histories.items[np.where(inside, places, 0)], self._catalogue).astype(np.int64)
