"""GRU4Rec: what comes next by a recurrent network that reads a user's items one by one.

A gated recurrent unit makes of the vector of the item at t and its own state a new state h_t, and the score of item i
as the next is h_t . e_i. Trained by the cross-entropy of the next item among sampled ones, or by BPR-max,
-log sum w_j sigmoid(s_next - s_j) + regularization sum w_j s_j^2 with w the softmax of the negatives' scores. Items'
vectors are the same going in and coming out (the authors' "constrained embedding"), and whole sequences of users are
read, not sessions side by side. References: Hidasi, Karatzoglou, Baltrunas, Tikk, "Session-based recommendations with
recurrent neural networks", ICLR 2016; losses after Hidasi, Karatzoglou, "Recurrent neural networks with top-k gains for
session-based recommendations", CIKM 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Training
from shop_recommenders.sequences.negatives import Sampling
from shop_recommenders.sequences.next_item import AnswersByNetwork, NextItemRecommender, at_least, check_settings

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Gru4RecConfig:
    """How large the network is, what it learns by, and for how long.

    `embedding_size`: length of the items' vectors. `hidden_size`: length of the recurrent state. `layers`: recurrent
    layers. `dropout`: share of values left out in training. `item_dropout`: share of the items' values that a step
    leaves out, wherever an item comes up. `max_length`: last items of a user that are read. `loss`: "sampled_softmax"
    (cross-entropy among the target and its negatives), "bpr_max", "bce", "gbce" or "full_softmax" (the whole catalogue,
    no negatives). `negatives`: items drawn against each target. `sampling`: how, "uniform", "popularity" (by events to
    the `sampling_power`) or "in_batch" (other targets). `shared_negatives`: one draw for a whole batch, much cheaper,
    instead of one for each target. `correct_sampling`: undo in sampled_softmax that likely negatives are drawn more
    often (logQ). `regularization`: bpr_max's penalty on negatives' scores. `calibration`: t of gbce, 0 is bce and 1
    full calibration. `learning_rate`: Adam's. `batch_size`: users a batch, of average length. `epochs`: passes over the
    users. `gradient_clip`: largest norm of the gradients, null for any. `kinds`: kinds of event to learn from; null
    takes purchases, or the next sign of interest that the log has.
    """

    embedding_size: int = 64
    hidden_size: int = 128
    layers: int = 1
    dropout: float = 0.2
    item_dropout: float = 0.2
    max_length: int = 50
    loss: Literal["bce", "gbce", "sampled_softmax", "full_softmax", "bpr_max"] = "sampled_softmax"
    negatives: int = 256
    sampling: Sampling = "uniform"
    sampling_power: float = 0.75
    shared_negatives: bool = True
    correct_sampling: bool = False
    regularization: float = 1.0
    calibration: float = 0.75
    learning_rate: float = 0.001
    batch_size: int = 128
    epochs: int = 100
    gradient_clip: float | None = 5.0
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_settings("gru4rec", self)
        at_least("gru4rec", 1, hidden_size=self.hidden_size, layers=self.layers)
        if not (self.regularization >= 0.0 and np.isfinite(self.regularization)):
            raise ConfigError(f"gru4rec's regularization is {self.regularization}", allowed="a number from 0")
        if self.gradient_clip is not None and not self.gradient_clip > 0.0:
            raise ConfigError(f"gru4rec's gradient_clip is {self.gradient_clip}", allowed="a number above 0, or null")


class Gru4Rec(AnswersByNetwork):
    """Answers by the last items of a user, those of the query where it brings any: new users need no training.

    Items that nobody bought come last, by item index. Same data and same state of `context.rng`, same weights on one
    machine with as many threads.
    """

    Config = Gru4RecConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [64, 128, 256]},
        "hidden_size": {"choices": [64, 128, 256]},
        "dropout": {"low": 0.0, "high": 0.5},
        "learning_rate": {"low": 0.0003, "high": 0.01, "log": True},
        "loss": {"choices": ["sampled_softmax", "bpr_max"]},
    }

    def __init__(self, config: Gru4RecConfig) -> None:
        self.config = config
        self._network = NextItemRecommender("gru4rec", config, regularization=config.regularization)

    def training(self, data: Dataset, context: Context) -> Training:
        """Return a fresh module and its batches. Raises DataError where no user has two items."""
        return self._network.training(data, context, self._encoder(), self.config.gradient_clip)

    def _encoder(self) -> nn.Module:
        from shop_recommenders.sequences.gru4rec_module import GruEncoder

        config = self.config
        return GruEncoder(
            size=config.embedding_size, hidden_size=config.hidden_size, layers=config.layers, dropout=config.dropout
        )
