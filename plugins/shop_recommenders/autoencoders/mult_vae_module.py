"""The Lightning module of Mult-VAE: its networks, its loss, its optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding_bag, linear, log_softmax

from shop_recommenders.autoencoders.basket_batches import items_and_starts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from shop_recommenders.autoencoders.mult_vae import MultVaeConfig


class MultVaeModule(LightningModule):
    """Batches are items (n,) of B users end to end, and where each user's begin (B,).

    The first layer adds up the rows of the items that a user has, so no user is ever written out as a vector (I,).
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], config: MultVaeConfig, annealing_steps: int) -> None:
        super().__init__()
        self.config, self.annealing_steps = config, annealing_steps
        self.layers = nn.ParameterDict({name: nn.Parameter(torch.from_numpy(array)) for name, array in weights.items()})

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the negated bound, the mean over the batch's users."""
        items, starts = batch
        mean, log_variance = self.encode(items, starts)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        row = torch.repeat_interleave(torch.arange(len(starts), device=self.device), _lengths(items, starts))
        likelihood = log_softmax(self.decode(z), dim=1)[row, items].sum() / len(starts)
        divergence = 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance).sum(dim=1).mean()
        return self.beta() * divergence - likelihood

    def beta(self) -> float:
        """Return what the divergence weighs by now (section 2.2.2)."""
        risen = 1.0 if self.global_step >= self.annealing_steps else self.global_step / self.annealing_steps
        return self.config.kl_weight * risen

    def encode(self, items: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log variance (B, latent) of each user's z."""
        lengths = _lengths(items, starts)
        strength = torch.repeat_interleave(lengths.float().rsqrt(), lengths)
        strength = dropout(strength, self.config.dropout, training=self.training)
        first = embedding_bag(items, self.layers["encoder"], starts, mode="sum", per_sample_weights=strength)
        hidden = torch.tanh(first + self.layers["encoder_bias"])
        mean, log_variance = linear(hidden, self.layers["latent"], self.layers["latent_bias"]).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Return the scores (B, I) of all items."""
        hidden = torch.tanh(linear(z, self.layers["hidden"], self.layers["hidden_bias"]))
        return linear(hidden, self.layers["decoder"], self.layers["decoder_bias"])

    def scores(self, taken: csr_matrix) -> NDArray[np.float32]:
        """Return the scores (B, I) for users who took what the rows of `taken` (B, I) store, at least one item each."""
        was = self.training
        self.eval()
        with torch.no_grad():
            items, starts = (torch.from_numpy(part).to(self.device) for part in items_and_starts(taken))
            found: NDArray[np.float32] = self.decode(self.encode(items, starts)[0]).float().cpu().numpy()
        self.train(was)
        return found

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(
            self.parameters(), lr=self.config.learning_rate, weight_decay=self.config.regularization, fused=True
        )

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the networks' weights by name, copied."""
        return {name: values.detach().float().cpu().numpy().copy() for name, values in self.layers.items()}


def fresh_weights(items: int, hidden: int, latent: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return weights drawn as Glorot and Bengio's, AISTATS 2010; biases are 0."""

    def drawn(rows: int, columns: int) -> NDArray[np.float32]:
        bound = np.sqrt(6.0 / (rows + columns))
        return rng.uniform(-bound, bound, (rows, columns)).astype(np.float32)

    return {
        "encoder": drawn(items, hidden),
        "encoder_bias": np.zeros(hidden, dtype=np.float32),
        "latent": drawn(2 * latent, hidden),
        "latent_bias": np.zeros(2 * latent, dtype=np.float32),
        "hidden": drawn(hidden, latent),
        "hidden_bias": np.zeros(hidden, dtype=np.float32),
        "decoder": drawn(items, hidden),
        "decoder_bias": np.zeros(items, dtype=np.float32),
    }


def _lengths(items: Tensor, starts: Tensor) -> Tensor:
    return torch.diff(starts, append=starts.new_tensor([len(items)]))
