"""SASRec: what comes next by attention to what came before, all places of a sequence learned at once.

A sequence's items and places have vectors; blocks of causal self-attention and feed-forward layers make of them a state
h_t after each item, and the score of item i as the next is h_t . e_i, with the vectors e that went in. Trained to tell
the item at t + 1 from others, by -log sigmoid(h_t . e_next) - sum log(1 - sigmoid(h_t . e_negative)) in the paper; by
-log softmax among the next item and `negatives` others with the default loss, which does far better. References: Kang,
McAuley, "Self-attentive sequential recommendation", ICDM 2018, equations 1 to 7, with the residuals of the authors'
code; losses after Klenitskiy, Vasilev, "Turning dross into gold loss", RecSys 2023, and Petrov, Macdonald, "gSASRec",
RecSys 2023. Items' vectors are dropped out too, going in and compared with, as in the code behind "eSASRec", RecSys
2025; blocks, heads, dropout, length and learning rate are those published there for Amazon Beauty. One draw of
negatives for a whole batch is this implementation's: it wants more of them than the 256 of each target there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from framework.data.tables import Dataset
from framework.records import Context, Training
from shop_recommenders.sequences.negatives import Sampling
from shop_recommenders.sequences.next_item import AnswersByNetwork, NextItemRecommender, check_attention, check_settings

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class SasRecConfig:
    """How large the network is, what it learns by, and for how long.

    `embedding_size`: length of all vectors. `blocks`: attention layers. `heads`: parts in which attention looks, a
    divisor of the size. `dropout`: share of values left out in training. `item_dropout`: share of the items' values
    that a step leaves out, wherever an item comes up. `max_length`: last items of a user that are read. `loss`: "bce"
    (the paper's), "gbce" (calibrated for many negatives), "sampled_softmax" or "full_softmax" (the whole catalogue, no
    negatives). `negatives`: items drawn against each target. `sampling`: how, "uniform", "popularity" (by events to the
    `sampling_power`) or "in_batch" (other targets). `shared_negatives`: one draw for a whole batch, much cheaper,
    instead of one for each target. `correct_sampling`: undo in sampled_softmax that likely negatives are drawn more
    often (logQ). `calibration`: t of gbce, 0 is bce and 1 full calibration. `learning_rate`: Adam's. `batch_size`:
    users a batch, of average length. `epochs`: passes over the users. `kinds`: kinds of event to learn from; null takes
    purchases, or the next sign of interest that the log has.
    """

    embedding_size: int = 128
    blocks: int = 1
    heads: int = 1
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
        check_settings("sasrec", self)
        check_attention("sasrec", self.embedding_size, self.blocks, self.heads)


class SasRec(AnswersByNetwork):
    """Answers by the last items of a user, those of the query where it brings any: new users need no training.

    Items that nobody bought come last, by item index. Same data and same state of `context.rng`, same weights on one
    machine with as many threads.
    """

    Config = SasRecConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [64, 128, 256]},
        "blocks": {"choices": [1, 2]},
        "dropout": {"low": 0.1, "high": 0.5},
        "learning_rate": {"low": 0.0003, "high": 0.003, "log": True},
        "negatives": {"choices": [256, 512, 1024]},
    }

    def __init__(self, config: SasRecConfig) -> None:
        self.config = config
        self._network = NextItemRecommender("sasrec", config)

    def training(self, data: Dataset, context: Context) -> Training:
        """Return a fresh module and its batches. Raises DataError where no user has two items."""
        return self._network.training(data, context, self._encoder())

    def _encoder(self) -> nn.Module:
        from shop_recommenders.sequences.sasrec_module import SasRecEncoder

        config = self.config
        return SasRecEncoder(
            size=config.embedding_size,
            blocks=config.blocks,
            heads=config.heads,
            dropout=config.dropout,
            max_length=config.max_length,
        )
