"""eSASRec: SASRec's shifted sequence with gated transformer layers and a sampled softmax.

As in SASRec the score of item i after place t is h_t . e_i, trained by -log(exp(h_t . e_next) / (exp(h_t . e_next) +
sum exp(h_t . e_negative))); the layers are LiGR's: x + sigmoid(W x) * f(norm(x)), for f causal attention and then
SwiGLU. References: Tikhonovich and others, "eSASRec: Enhancing
transformer-based recommendations in a modular fashion", RecSys 2025; LiGR after Borisyuk and others, "From features to
transformers: Redefining ranking for scalable impact", 2025. Blocks, heads, widening, dropout (of the items' vectors
too), length and learning rate are those that the authors publish for Amazon Beauty. One draw of negatives for a whole
batch is this implementation's: it wants more of them than the 256 of each target there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from framework.data.tables import Dataset
from framework.records import Context, Training
from shop_recommenders.sequences.negatives import Sampling
from shop_recommenders.sequences.next_item import (
    AnswersByNetwork,
    NextItemRecommender,
    at_least,
    check_attention,
    check_settings,
)

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class EsasRecConfig:
    """How large the network is, what it learns by, and for how long.

    `embedding_size`: length of all vectors. `blocks`: gated layers. `heads`: parts in which attention looks, a divisor
    of the size. `widening`: how many times wider the feed-forward layers are inside. `dropout`: share of values left
    out in training. `item_dropout`: share of the items' values that a step leaves out, wherever an item comes up.
    `max_length`: last items of a user that are read. `loss`: "sampled_softmax" (the paper's), "gbce", "bce" or
    "full_softmax" (the whole catalogue, no negatives). `negatives`: items drawn against each target. `sampling`: how,
    "uniform", "popularity" (by events to the `sampling_power`) or "in_batch" (other targets). `shared_negatives`: one
    draw for a whole batch, much cheaper, instead of one for each target. `correct_sampling`: undo in sampled_softmax
    that likely negatives are drawn more often (logQ). `calibration`: t of gbce, 0 is bce and 1 full calibration.
    `learning_rate`: Adam's. `batch_size`: users a batch, of average length. `epochs`: passes over the users. `kinds`:
    kinds of event to learn from; null takes purchases, or the next sign of interest that the log has.
    """

    embedding_size: int = 128
    blocks: int = 1
    heads: int = 1
    widening: int = 4
    dropout: float = 0.2
    item_dropout: float = 0.2
    max_length: int = 50
    loss: Literal["bce", "gbce", "sampled_softmax", "full_softmax"] = "sampled_softmax"
    negatives: int = 512
    sampling: Sampling = "uniform"
    sampling_power: float = 0.75
    shared_negatives: bool = True
    correct_sampling: bool = False
    calibration: float = 0.75
    learning_rate: float = 0.001
    batch_size: int = 128
    epochs: int = 100
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_settings("esasrec", self)
        check_attention("esasrec", self.embedding_size, self.blocks, self.heads)
        at_least("esasrec", 1, widening=self.widening)


class EsasRec(AnswersByNetwork):
    """Answers by the last items of a user, those of the query where it brings any: new users need no training.

    Items that nobody bought come last, by item index. Same data and same state of `context.rng`, same weights on one
    machine with as many threads.
    """

    Config = EsasRecConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [64, 128, 256]},
        "blocks": {"choices": [1, 2, 4]},
        "dropout": {"low": 0.1, "high": 0.5},
        "learning_rate": {"low": 0.0003, "high": 0.003, "log": True},
        "negatives": {"choices": [256, 512, 1024]},
    }

    def __init__(self, config: EsasRecConfig) -> None:
        self.config = config
        self._network = NextItemRecommender("esasrec", config)

    def training(self, data: Dataset, context: Context) -> Training:
        """Return a fresh module and its batches. Raises DataError where no user has two items."""
        return self._network.training(data, context, self._encoder())

    def _encoder(self) -> nn.Module:
        from shop_recommenders.sequences.esasrec_module import EsasRecEncoder

        config = self.config
        return EsasRecEncoder(
            size=config.embedding_size,
            blocks=config.blocks,
            heads=config.heads,
            dropout=config.dropout,
            widening=config.widening,
            max_length=config.max_length,
        )
