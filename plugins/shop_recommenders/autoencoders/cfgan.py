"""CFGAN: a network that makes up a user's purchases, and another that tells them from the true ones.

For rows r of users, or of items, a generator makes r' = G(r), and a discriminator says how likely a row is the true
one. In turn, on each batch,
  D minimises  -log D(r | r) - log(1 - D(r' * m | r)),
  G minimises  -log D(r' * m | r) + zeros_weight sum_j z_j r'_j^2,
where m holds for what the row bought and a random share of the rest (partial masking), and z for a random share of the
rest (zero reconstruction). Reference: Chae, Kang, Kim, Lee, "CFGAN: a generic collaborative filtering framework based
on generative adversarial networks", CIKM 2018, section 4, the variant CFGAN_ZP. After the authors' code there is no
noise, the generator's output is linear, and it minimises -log D where the paper has log(1 - D); shares are drawn by
chance afresh each step, and the turns are taken batch by batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.autoencoders.basket_batches import BasketBatches
from shop_recommenders.demand import lacks_history
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class CfganConfig:
    """Whose rows are made up, how large the networks are, and how they are set against each other.

    `rows`: "items", each with its buyers, or "users", each with their items. `hidden_size` and
    `discriminator_hidden_size`: units of the one hidden layer of either network. `masking_ratio`: share of what a row
    lacks that the discriminator sees, 0 for no partial masking. `zeros_ratio`: share of it whose square the generator
    pays for, `zeros_weight` times; 0 for no zero reconstruction. `generator_steps`, `discriminator_steps`: steps that
    each takes on a batch. `learning_rate` and `regularization` (weight decay) of the generator's Adam,
    `discriminator_learning_rate` and `discriminator_regularization` of the other's; `batch_size` (rows), `epochs`.
    `kinds`: kinds of event to learn from; null takes purchases, or the next sign of interest that the log has.
    """

    rows: Literal["items", "users"] = "items"
    hidden_size: int = 300
    discriminator_hidden_size: int = 250
    masking_ratio: float = 0.9
    zeros_ratio: float = 0.9
    zeros_weight: float = 0.03
    generator_steps: int = 1
    discriminator_steps: int = 1
    learning_rate: float = 1e-4
    discriminator_learning_rate: float = 5e-5
    regularization: float = 1e-3
    discriminator_regularization: float = 5e-5
    batch_size: int = 256
    epochs: int = 1500
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.rows not in ("items", "users"):
            raise ConfigError(f"cfgan's rows is '{self.rows}'", allowed=("items", "users"))
        for name in (
            "hidden_size",
            "discriminator_hidden_size",
            "generator_steps",
            "discriminator_steps",
            "batch_size",
            "epochs",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"cfgan's {name} is {getattr(self, name)}", allowed="an integer from 1")
        for name in ("masking_ratio", "zeros_ratio"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"cfgan's {name} is {getattr(self, name)}", allowed="a number from 0 to 1")
        for name in ("zeros_weight", "regularization", "discriminator_regularization"):
            value = getattr(self, name)
            if not (value >= 0.0 and np.isfinite(value)):
                raise ConfigError(f"cfgan's {name} is {value}", allowed="a number from 0")
        for name in ("learning_rate", "discriminator_learning_rate"):
            value = getattr(self, name)
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"cfgan's {name} is {value}", allowed="a number above 0")


class Cfgan:
    """Scores are what the generator makes of a row; items that nobody bought come last, by item index.

    With rows of users it answers by a history at call time, strangers' too. With rows of items it knows trained users
    only, as each is a place in those rows: a history is ignored, and strangers get the popular items.
    """

    Config = CfganConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "rows": {"choices": ["items", "users"]},
        "zeros_weight": {"low": 0.001, "high": 1.0, "log": True},
        "masking_ratio": {"low": 0.1, "high": 0.9},
        "zeros_ratio": {"low": 0.1, "high": 0.9},
        "learning_rate": {"low": 5e-5, "high": 5e-3, "log": True},
    }

    def __init__(self, config: CfganConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh networks and the rows. Raises DataError where the log has no purchase of a known item."""
        from shop_recommenders.autoencoders.cfgan_module import CfganModule, fresh_weights

        config, rng = self.config, context.rng
        self._take(purchases(data, config.kinds, "cfgan"))
        batches = BasketBatches(self._rows, batch_size=config.batch_size, seed=int(rng.integers(2**31)))
        width = self._rows.shape[1]
        weights = fresh_weights(width, config.hidden_size, config.discriminator_hidden_size, rng)
        self._module = CfganModule(weights, config, width)
        # The row, what is drawn, what is made, both masks and their gradients.
        activations = 10 * 4 * min(config.batch_size, self._rows.shape[0]) * width
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch, activation_bytes=activations)

    def learned(self) -> None:
        """Take the generator as it is."""
        self._generator = {
            name.removeprefix("generator."): array
            for name, array in self._module.weights().items()
            if name.startswith("generator.")
        }
        self._prepare()

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones where it is known of nobody."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            if self.config.rows == "items":
                lacking = lacks_history(np.diff(self._purchases.indptr) > 0, queries.user)
                return rank_personally(queries, k, self._score_users, lacking, self._popular)
            taken = baskets(queries, self._purchases)
            places = replace(queries, user=np.arange(len(queries), dtype=np.int32))
            lacking = np.diff(taken.indptr) == 0
            return rank_personally(places, k, lambda rows: self._score_baskets(taken[rows]), lacking, self._popular)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the generator's weights and the users' purchases."""
        return {**self._generator, **packed("purchases", self._purchases)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._take(unpacked("purchases", state))
        self._generator = {name: array for name, array in state.items() if not name.startswith("purchases.")}
        self._prepare()

    def _take(self, known: csr_matrix) -> None:
        buyers = known.getnnz(axis=0)
        self._purchases, self._popular, self._unbought = known, FixedRanking.by(buyers), np.flatnonzero(buyers == 0)
        self._rows = known if self.config.rows == "users" else known.T.tocsr()

    def _prepare(self) -> None:
        """With rows of items, compute their hidden units once."""
        if self.config.rows == "items":
            self._hidden = self._units(self._rows)

    def _units(self, held: csr_matrix) -> NDArray[np.float32]:
        """Return the generator's hidden units (n, hidden) for rows that hold what `held` (n, width) stores."""
        from scipy.special import expit

        units: NDArray[np.float32] = expit(held @ self._generator["hidden"] + self._generator["hidden_bias"])
        return units

    def _score_users(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        weights, bias = self._generator["output"][users], self._generator["output_bias"][users]
        return self._last(_product(weights, self._hidden) + bias[:, None])

    def _score_baskets(self, taken: csr_matrix) -> NDArray[np.float32]:
        return self._last(_product(self._units(taken), self._generator["output"]) + self._generator["output_bias"])

    def _last(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        scores[:, self._unbought] = scores.min(axis=1, keepdims=True) - 1.0
        return scores


def _product(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (m, d) times columns (n, d), (m, n), each row alike in any company.

    A product with one row takes another way through BLAS, and its last bit may differ: always two or more.
    """
    twice = rows if len(rows) > 1 else np.repeat(rows, 2, axis=0)
    found: NDArray[np.float32] = (twice @ columns.T)[: len(rows)]
    return found
