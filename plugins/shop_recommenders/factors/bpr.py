"""BPR: vectors of users and items that put what a user bought before what they did not buy.

Minimises the mean over purchases (u, i) and items j that u did not buy, sampled uniformly, of
-log s(x_u . y_i - x_u . y_j) + regularization / 2 (|x_u|^2 + |y_i|^2 + mean_j |y_j|^2), with s the logistic function.
Reference: Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit feedback",
UAI 2009, BPR-OPT of section 4.1 with matrix factorisation; minimised by Adam over large batches in place of single
steps, after He et al., "LightGCN", SIGIR 2020, section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Training
from shop_recommenders.pairs.pair_batches import PairBatches
from shop_recommenders.pairs.vector_ranking import AnswersByVectors
from shop_recommenders.purchases import purchases


@dataclass(frozen=True)
class BprConfig:
    """How large the vectors are, how hard they are held to the data, and how the loss is minimised.

    `embedding_size`: length of the vectors. `negatives`: items sampled for each purchase, or for a whole batch where
    `shared_negatives` holds (each purchase then counts those that its user did not buy): hundreds cost as much as a
    few, and the gradient is less noisy. `regularization`: penalty on the squared length of a batch's vectors.
    `learning_rate` of Adam, falling to 0 along a line where `decay` holds; `batch_size` (purchases), `epochs`;
    `initial_scale`: standard deviation of the vectors at the start. `kinds`: kinds of event to learn from; null takes
    purchases, or the next sign of interest.
    """

    embedding_size: int = 64
    negatives: int = 512
    shared_negatives: bool = True
    regularization: float = 2e-3
    learning_rate: float = 5e-3
    decay: bool = True
    batch_size: int = 4096
    epochs: int = 60
    initial_scale: float = 0.1
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("embedding_size", "negatives", "batch_size", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"bpr's {name} is {getattr(self, name)}", allowed="an integer from 1")
        if not (self.regularization >= 0.0 and np.isfinite(self.regularization)):
            raise ConfigError(f"bpr's regularization is {self.regularization}", allowed="a number from 0")
        for name in ("learning_rate", "initial_scale"):
            value = getattr(self, name)
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"bpr's {name} is {value}", allowed="a number above 0")


class Bpr(AnswersByVectors):
    """Scores are products of user and item vectors; items that nobody bought come last, by item index.

    Answers by what it learned of a user: a history at call time is ignored, and strangers get the popular items.
    """

    Config = BprConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "embedding_size": {"choices": [32, 64, 128, 256]},
        "regularization": {"low": 1e-5, "high": 1e-1, "log": True},
        "learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    }

    def __init__(self, config: BprConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh vectors and their batches. Raises DataError where the log has no purchase of a known item."""
        from shop_recommenders.factors.bpr_module import BprModule

        config, rng = self.config, context.rng
        bought = purchases(data, config.kinds, "bpr")
        self._buyers = np.bincount(bought.indices, minlength=bought.shape[1])
        self._history = np.diff(bought.indptr) > 0
        users, items = (
            (config.initial_scale * rng.standard_normal((count, config.embedding_size))).astype(np.float32)
            for count in bought.shape
        )
        self._module = BprModule(users, items, config.regularization, config.learning_rate, decay=config.decay)
        batches = PairBatches(
            bought,
            batch_size=config.batch_size,
            negatives=config.negatives,
            seed=int(rng.integers(2**31)),
            shared=config.shared_negatives,
        )
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch)
