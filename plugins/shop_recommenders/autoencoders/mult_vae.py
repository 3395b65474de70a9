"""Mult-VAE: a variational autoencoder of what a user bought, with a multinomial likelihood.

Maximises, over users with purchases x (I,), E_q[sum_i x_i log softmax_i(f(z))] - beta KL(q(z | x) | N(0, 1)), with q a
Gaussian whose mean and log variance a network gives from x / |x| under dropout, and f a network back to the items; beta
rises linearly from 0 to `kl_weight`. Scores are f at q's mean. Reference: Liang, Krishnan, Hoffman, Jebara,
"Variational autoencoders for collaborative filtering", WWW 2018, sections 2.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates, Training
from shop_recommenders.autoencoders.basket_batches import BasketBatches
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class MultVaeConfig:
    """How large the networks are, how hard they are held to the prior, and how the loss is minimised.

    `latent_size`: length of z. `hidden_size`: units of the one hidden layer on either side. `dropout`: share of a
    user's purchases hidden from the network. `kl_weight`: the largest beta. `annealing_epochs`: epochs until beta is
    that large. `learning_rate` of Adam, `regularization`: its weight decay, `batch_size` (users), `epochs`. `kinds`:
    kinds of event to learn from; null takes purchases, or the next sign of interest that the log has.
    """

    latent_size: int = 200
    hidden_size: int = 600
    dropout: float = 0.5
    kl_weight: float = 0.2
    annealing_epochs: int = 100
    learning_rate: float = 1e-3
    regularization: float = 0.0
    batch_size: int = 500
    epochs: int = 200
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("latent_size", 1),
            ("hidden_size", 1),
            ("annealing_epochs", 0),
            ("batch_size", 1),
            ("epochs", 1),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"mult_vae's {name} is {getattr(self, name)}", allowed=f"an integer from {least}")
        for name in ("kl_weight", "regularization"):
            value = getattr(self, name)
            if not (value >= 0.0 and np.isfinite(value)):
                raise ConfigError(f"mult_vae's {name} is {value}", allowed="a number from 0")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"mult_vae's dropout is {self.dropout}", allowed="a number from 0 to below 1")
        if not (self.learning_rate > 0.0 and np.isfinite(self.learning_rate)):
            raise ConfigError(f"mult_vae's learning_rate is {self.learning_rate}", allowed="a number above 0")


class MultVae:
    """Scores what a user bought by the network, a history at call time too; items that nobody bought come last."""

    Config = MultVaeConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "kl_weight": {"low": 0.01, "high": 1.0, "log": True},
        "dropout": {"low": 0.2, "high": 0.8},
        "latent_size": {"choices": [64, 128, 200]},
        "learning_rate": {"low": 1e-4, "high": 5e-3, "log": True},
    }

    def __init__(self, config: MultVaeConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return fresh networks and the users. Raises DataError where the log has no purchase of a known item."""
        from shop_recommenders.autoencoders.mult_vae_module import MultVaeModule, fresh_weights

        config, rng = self.config, context.rng
        bought = purchases(data, config.kinds, "mult_vae")
        self._take(bought)
        batches = BasketBatches(bought, batch_size=config.batch_size, seed=int(rng.integers(2**31)))
        weights = fresh_weights(bought.shape[1], config.hidden_size, config.latent_size, rng)
        self._module = MultVaeModule(weights, config, annealing_steps=config.annealing_epochs * len(batches))
        return Training(self._module, batches.loader(), config.epochs, batches.set_epoch)

    def learned(self) -> None:
        """Answer by the networks as they are: `recommend` asks them."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        taken = baskets(queries, self._purchases)
        places = replace(queries, user=np.arange(len(queries), dtype=np.int32))
        lacking = np.diff(taken.indptr) == 0
        return rank_personally(places, k, lambda rows: self._score(taken[rows]), lacking, self._popular)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the networks' weights and the users' purchases."""
        return {**self._module.weights(), **packed("purchases", self._purchases)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        from shop_recommenders.autoencoders.mult_vae_module import MultVaeModule

        self._take(unpacked("purchases", state))
        weights = {name: values for name, values in state.items() if not name.startswith("purchases.")}
        self._module = MultVaeModule(weights, self.config, annealing_steps=0)

    def _take(self, known: csr_matrix) -> None:
        buyers = known.getnnz(axis=0)
        self._purchases, self._popular, self._unbought = known, FixedRanking.by(buyers), np.flatnonzero(buyers == 0)

    def _score(self, taken: csr_matrix) -> NDArray[np.float32]:
        scores = self._module.scores(taken)
        scores[:, self._unbought] = scores.min(axis=1, keepdims=True) - 1.0
        return scores
