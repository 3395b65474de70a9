"""LightGCN: vectors of users and items, averaged over the graph of who bought what.

With R (U, I) the purchases, each divided by the square roots of its user's and its item's degree, layer l + 1 of the
users' vectors is R times layer l of the items', and the other way round; layer 0 is learned, and the vectors are the
mean of all layers. Minimises BPR's loss of these, with a penalty on the squared lengths of the batch's vectors of layer
0. Reference: He, Deng, Wang, Li, Zhang, Wang, "LightGCN: Simplifying and powering graph convolution network for
recommendation", SIGIR 2020, equations 3 to 8 and 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Training
from shop_recommenders.pairs.pair_batches import PairBatches
from shop_recommenders.pairs.vector_ranking import AnswersByVectors
from shop_recommenders.purchases import purchases

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class LightGcnConfig:
    """How large the vectors are, how far they are averaged over the graph, and how the loss is minimised.

    `embedding_size`: length of the vectors. `layers`: steps along the graph; 0 is BPR. `negatives`: items sampled for
    each purchase, or for a whole batch where `shared_negatives` holds (each purchase then counts those that its
    user did not buy).
    `regularization`: penalty on the squared length of a batch's learned vectors. `learning_rate` of Adam, `batch_size`
    (purchases; each batch goes over the whole graph, so large ones are cheaper), `epochs`; `initial_scale`: standard
    deviation of the vectors at the start. `kinds`: kinds of event to learn from; null takes purchases, or the next
    sign of interest.
    """

    embedding_size: int = 64
    layers: int = 3
    negatives: int = 1
    shared_negatives: bool = False
    regularization: float = 1e-4
    learning_rate: float = 1e-3
    batch_size: int = 2048
    epochs: int = 300
    initial_scale: float = 0.1
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, least in (("embedding_size", 1), ("layers", 0), ("negatives", 1), ("batch_size", 1), ("epochs", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"lightgcn's {name} is {getattr(self, name)}", allowed=f"an integer from {least}")
        if not (self.regularization >= 0.0 and np.isfinite(self.regularization)):
            raise ConfigError(f"lightgcn's regularization is {self.regularization}", allowed="a number from 0")
        for name in ("learning_rate", "initial_scale"):
            value = getattr(self, name)
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"lightgcn's {name} is {value}", allowed="a number above 0")


class LightGcn(AnswersByVectors):
    """Scores are products of averaged user and item vectors; items that nobody bought come last, by item index.

    Answers by what it learned of a user: a history at call time is ignored, and strangers get the popular items.
    """

    Config = LightGcnConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "layers": {"low": 1, "high": 4, "step": 1},
        "regularization": {"low": 1e-6, "high": 1e-2, "log": True},
        "learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    }

    def __init__(self, config: LightGcnConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh vectors and their batches. Raises DataError where the log has no purchase of a known item."""
        from shop_recommenders.graphs.lightgcn_module import LightGcnModule

        config, rng = self.config, context.rng
        bought = purchases(data, config.kinds, "lightgcn")
        self._buyers = np.bincount(bought.indices, minlength=bought.shape[1])
        self._history = np.diff(bought.indptr) > 0
        users, items = (
            (config.initial_scale * rng.standard_normal((count, config.embedding_size))).astype(np.float32)
            for count in bought.shape
        )
        self._module = LightGcnModule(users, items, normalised(bought), config)
        batches = PairBatches(
            bought,
            batch_size=config.batch_size,
            negatives=config.negatives,
            seed=int(rng.integers(2**31)),
            shared=config.shared_negatives,
        )
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch)


def normalised(bought: csr_matrix) -> csr_matrix:
    """Return purchases of 1 each (U, I) divided by the square roots of both degrees (equation 3), as float32."""
    degree = np.diff(bought.indptr)
    user = np.repeat(degree, degree)
    item = np.bincount(bought.indices, minlength=bought.shape[1])[bought.indices]
    found = bought.copy()
    found.data = (1.0 / np.sqrt(user.astype(np.float64) * item)).astype(np.float32)
    return found
