"""BERT4Rec: hidden items of a sequence foretold from what lies on both sides of them.

Some items of each sequence are replaced by a mask; bidirectional self-attention makes a state h_t of each masked place,
and the model minimises the mean of -log softmax_i(h_t . e_i) of the items that were there, among all items or sampled
ones. To recommend, a mask is put behind the sequence. Reference: Sun, Liu, Wu, Pei, Lin, Ou, Jiang, "BERT4Rec:
Sequential recommendation with bidirectional encoder representations from transformer", CIKM 2019, equations 1 to 8,
without the bias of each item. It wants many epochs: Petrov, Macdonald, "A systematic review and replicability study of
BERT4Rec", RecSys 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Training
from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.negatives import Negatives, Sampling
from shop_recommenders.sequences.next_item import (
    AnswersByNetwork,
    NextItemRecommender,
    at_least,
    at_places,
    check_attention,
    check_settings,
)
from shop_recommenders.sequences.sequence_batches import MaskedBatches, SequenceBatches

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Bert4RecConfig:
    """How large the network is, what it learns by, and for how long.

    `embedding_size`: length of all vectors. `blocks`: attention layers. `heads`: parts in which attention looks, a
    divisor of the size. `dropout`: share of values left out in training. `item_dropout`: share of the items' values
    that a step leaves out, wherever an item comes up. `max_length`: last items of a user that are read, the mask behind
    them included. `mask_share`: share of items that are hidden. `mask_last`: share of sequences of which the newest
    item alone is hidden. `loss`: "full_softmax" (the paper's), or "sampled_softmax", "gbce" or "bce" for large
    catalogues. `negatives`: items drawn against each target, where the loss draws any. `sampling`: how, "uniform",
    "popularity" (by events to the `sampling_power`) or "in_batch" (other targets). `shared_negatives`: one draw for a
    whole batch, much cheaper, instead of one for each target. `correct_sampling`: undo in sampled_softmax that likely
    negatives are drawn more often (logQ). `calibration`: t of gbce, 0 is bce and 1 full calibration. `learning_rate`:
    Adam's. `batch_size`: users a batch, of average length. `epochs`: passes over the users. `gradient_clip`: largest
    norm of the gradients, null for any. `kinds`: kinds of event to learn from; null takes purchases, or the next sign
    of interest that the log has.
    """

    embedding_size: int = 64
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.2
    item_dropout: float = 0.2
    max_length: int = 50
    mask_share: float = 0.4
    mask_last: float = 0.1
    loss: Literal["bce", "gbce", "sampled_softmax", "full_softmax"] = "full_softmax"
    negatives: int = 256
    sampling: Sampling = "uniform"
    sampling_power: float = 0.75
    shared_negatives: bool = True
    correct_sampling: bool = False
    calibration: float = 0.75
    learning_rate: float = 0.001
    batch_size: int = 128
    epochs: int = 200
    gradient_clip: float | None = 5.0
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_settings("bert4rec", self)
        check_attention("bert4rec", self.embedding_size, self.blocks, self.heads)
        at_least("bert4rec", 2, max_length=self.max_length)
        if not 0.0 < self.mask_share < 1.0:
            raise ConfigError(f"bert4rec's mask_share is {self.mask_share}", allowed="a number between 0 and 1")
        if not 0.0 <= self.mask_last <= 1.0:
            raise ConfigError(f"bert4rec's mask_last is {self.mask_last}", allowed="a number from 0 to 1")
        if self.gradient_clip is not None and not self.gradient_clip > 0.0:
            raise ConfigError(f"bert4rec's gradient_clip is {self.gradient_clip}", allowed="a number above 0, or null")


class Bert4Rec(AnswersByNetwork):
    """Answers by the last items of a user, those of the query where it brings any: new users need no training.

    Items that nobody bought come last, by item index. Same data and same state of `context.rng`, same weights on one
    machine with as many threads.
    """

    Config = Bert4RecConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [64, 128, 256]},
        "dropout": {"low": 0.1, "high": 0.5},
        "mask_share": {"low": 0.15, "high": 0.6},
        "learning_rate": {"low": 0.0001, "high": 0.003, "log": True},
    }

    def __init__(self, config: Bert4RecConfig) -> None:
        self.config = config
        self._network = _MaskedItemRecommender(config)

    def training(self, data: Dataset, context: Context) -> Training:
        """Return a fresh module and its batches. Raises DataError where no user has two items."""
        return self._network.training(data, context, self._encoder(), self.config.gradient_clip)

    def _encoder(self) -> nn.Module:
        from shop_recommenders.sequences.bert4rec_module import BertEncoder

        config = self.config
        return BertEncoder(
            size=config.embedding_size,
            blocks=config.blocks,
            heads=config.heads,
            dropout=config.dropout,
            max_length=config.max_length,
        )


class _MaskedItemRecommender(NextItemRecommender):
    """Asks for hidden items in training, and for one behind the sequence afterwards."""

    more_rows: ClassVar[int] = 1

    def __init__(self, config: Bert4RecConfig) -> None:
        super().__init__("bert4rec", config)
        self.config = config

    @property
    def read(self) -> int:
        return self.config.max_length - 1

    def batches(self, histories: Histories, catalogue: int, negatives: Negatives | None, seed: int) -> SequenceBatches:
        config = self.config
        return MaskedBatches(
            histories,
            catalogue,
            max_length=config.max_length,
            share=config.mask_share,
            last=config.mask_last,
            batch_size=config.batch_size,
            negatives=negatives,
            seed=seed,
        )

    def last_state(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:  # noqa: ARG002 - users are what they took
        from torch.nn.functional import pad

        assert self.module is not None  # noqa: S101 - the engine trains or restores first
        catalogue = self.module.items.catalogue
        asked = pad(items, (0, 1), value=catalogue).scatter(1, lengths[:, None], catalogue + 1)
        return at_places(self.module(asked, lengths + 1), lengths)
