"""UltraGCN: vectors of users and items as if graph convolution had been run for ever, without running it.

Minimises, over purchases (u, i) with items j sampled at random,
  - omega_ui log s(e_u . e_i) - negative_weight mean_j omega_uj log s(-e_u . e_j)
  - item_weight sum_{k in S(i)} omega_ik log s(e_u . e_k), and regularization / 2 |e|^2 of all vectors each batch,
with s the logistic function. The weights are what a convolution of infinitely many layers would multiply with:
omega_ui = w1 + w2 b_ui (w3 + w4 b_uj for sampled items), b_ui = sqrt(d_u + 1) / d_u / sqrt(d_i + 1) by degrees d; S(i)
are the items most bought together with i, weighed by the same formula on the item graph. Reference: Mao, Zhu, Xiao, Lu,
Wang, He, "UltraGCN: Ultra simplification of graph convolutional networks for recommendation", CIKM 2021, section 3;
w1 to w4 and the item graph's weights, in which an item is a neighbour of its own, are those of the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import top_k
from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Training
from shop_recommenders.pairs.pair_batches import PairBatches
from shop_recommenders.pairs.vector_ranking import AnswersByVectors
from shop_recommenders.purchases import purchases

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ITEMS = 256


@dataclass(frozen=True)
class UltraGcnConfig:
    """How large the vectors are, what each part of the loss weighs, and how it is minimised.

    `embedding_size`: length of the vectors. `w1`, `w2`: a purchase weighs w1 + w2 times its convolution weight; `w3`,
    `w4`: so does a sampled item. `negatives`: items sampled for each purchase. `negative_weight`: what the mean of
    their losses weighs. `skip_bought`: sample only items that the user did not buy. `shared_negatives`: one draw for a
    whole batch, much cheaper, instead of one for each purchase. `neighbours`: items bought together that each purchase
    pulls along. `item_weight`: what that weighs. `regularization`: penalty on the vectors' squared length, each batch.
    `learning_rate` of Adam, falling to 0 along a line where `decay` holds; `batch_size` (purchases), `epochs`;
    `initial_scale`: standard deviation of the vectors at the start. `kinds`: kinds of event to learn from; null takes
    purchases, or the next sign of interest that the log has. The defaults are the authors' for MovieLens 1M, but
    for the rate, three times theirs and falling, and the epochs, chosen on a validation part of that set. The loss
    changes little while it learns nothing but popularity, and falls later: patience that ends a fit early must outlast
    that.
    """

    embedding_size: int = 128
    w1: float = 1e-7
    w2: float = 1.0
    w3: float = 1e-7
    w4: float = 1.0
    negatives: int = 200
    negative_weight: float = 200.0
    skip_bought: bool = False
    shared_negatives: bool = True
    neighbours: int = 10
    item_weight: float = 1e-3
    regularization: float = 1e-4
    learning_rate: float = 3e-3
    decay: bool = True
    batch_size: int = 1024
    epochs: int = 60
    initial_scale: float = 1e-3
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("embedding_size", "negatives", "neighbours", "batch_size", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"ultragcn's {name} is {getattr(self, name)}", allowed="an integer from 1")
        for name in ("w1", "w2", "w3", "w4", "negative_weight", "item_weight", "regularization"):
            value = getattr(self, name)
            if not (value >= 0.0 and np.isfinite(value)):
                raise ConfigError(f"ultragcn's {name} is {value}", allowed="a number from 0")
        for name in ("learning_rate", "initial_scale"):
            value = getattr(self, name)
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"ultragcn's {name} is {value}", allowed="a number above 0")


class UltraGcn(AnswersByVectors):
    """Scores are products of user and item vectors; items that nobody bought come last, by item index.

    Answers by what it learned of a user: a history at call time is ignored, and strangers get the popular items.
    """

    Config = UltraGcnConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "negative_weight": {"low": 10.0, "high": 500.0, "log": True},
        "item_weight": {"low": 1e-7, "high": 5.0, "log": True},
        "regularization": {"low": 1e-6, "high": 1e-1, "log": True},
        "learning_rate": {"low": 1e-4, "high": 5e-3, "log": True},
    }

    def __init__(self, config: UltraGcnConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh vectors and their batches. Raises DataError where the log has no purchase of a known item."""
        from shop_recommenders.graphs.ultragcn_module import UltraGcnModule

        config = self.config
        bought = purchases(data, config.kinds, "ultragcn")
        self._buyers = np.bincount(bought.indices, minlength=bought.shape[1])
        self._history = np.diff(bought.indptr) > 0
        user_weight, item_weight = convolution_weights(np.diff(bought.indptr), self._buyers)
        neighbours, similarity = items_bought_together(bought, config.neighbours)
        self._module = UltraGcnModule(
            config,
            _vectors(len(data.users), config, context.rng),
            _vectors(len(data.items), config, context.rng),
            user_weight,
            item_weight,
            neighbours,
            similarity,
        )
        batches = PairBatches(
            bought,
            batch_size=config.batch_size,
            negatives=config.negatives,
            seed=int(context.rng.integers(2**31)),
            skip_bought=config.skip_bought,
            shared=config.shared_negatives,
        )
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch)


def convolution_weights(
    users: NDArray[np.integer], items: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the two factors of b_ui by the degrees of users and items."""
    degree = np.maximum(users, 1)
    return (np.sqrt(users + 1) / degree).astype(np.float32), (1.0 / np.sqrt(items + 1)).astype(np.float32)


def items_bought_together(bought: csr_matrix, neighbours: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return each item's neighbours of largest weight (I, K), ties by index, and those weights.

    The weights are b_ij times how many users bought both, with degrees the sums of those numbers.
    """
    by_item = bought.T.tocsr().astype(np.float64)
    together = [by_item[start : start + _ITEMS] @ bought for start in range(0, bought.shape[1], _ITEMS)]
    degree = np.concatenate([np.asarray(block.sum(axis=1)).reshape(-1) for block in together])
    left, right = convolution_weights(degree, degree)
    found = [
        top_k(left[start * _ITEMS : (start + 1) * _ITEMS, None] * right * block.toarray(), neighbours)
        for start, block in enumerate(together)
    ]
    return (
        np.concatenate([near.items for near in found]).astype(np.int64),
        np.concatenate([near.scores for near in found]).astype(np.float32),
    )


def _vectors(count: int, config: UltraGcnConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    return (config.initial_scale * rng.standard_normal((count, config.embedding_size))).astype(np.float32)
