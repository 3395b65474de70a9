"""An autoencoder of rows of features: the networks on either side, and the training that the deep models begin with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import dropout, mse_loss


class AutoencoderModule(LightningModule):
    """Minimises the squared error of rows (B, F) made anew from `latent_size` numbers.

    With a `corruption` above 0 that share of each row's features is hidden from the encoder (Vincent, Larochelle,
    Lajoie, Bengio, Manzagol, "Stacked denoising autoencoders", JMLR 2010).
    """

    def __init__(
        self,
        features: int,
        hidden_sizes: Sequence[int],
        latent_size: int,
        *,
        corruption: float,
        learning_rate: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.corruption, self.learning_rate = corruption, learning_rate
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = network((features, *hidden_sizes, latent_size))
            self.decoder = network((latent_size, *reversed(hidden_sizes), features))

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the mean squared error."""
        _, rows = batch
        seen = dropout(rows, self.corruption) * (1 - self.corruption) if self.corruption > 0 else rows
        return mse_loss(self.decoder(self.encoder(seen)), rows)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


def network(sizes: Sequence[int]) -> nn.Sequential:
    """Return layers of these sizes with rectifiers between them, none after the last; weights as Kaiming He's."""
    layers: list[nn.Module] = []
    for place, (inward, outward) in enumerate(pairwise(sizes)):
        layer = nn.Linear(inward, outward)
        last = place == len(sizes) - 2
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if last else "relu")
        nn.init.zeros_(layer.bias)
        layers += [layer] if last else [layer, nn.ReLU()]
    return nn.Sequential(*layers)


def apply_in_batches(layers: nn.Module, points: NDArray[np.floating], batch_size: int = 4096) -> NDArray[np.float64]:
    """Return what a network makes of rows (n, F), on the device where it lies, without gradients."""
    device = next(layers.parameters()).device
    was = layers.training
    layers.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(points), batch_size):
            rows = torch.from_numpy(np.ascontiguousarray(points[start : start + batch_size], dtype=np.float32))
            found.append(layers(rows.to(device)).double().cpu().numpy())
    layers.train(was)
    width = next(module.out_features for module in reversed(list(layers.modules())) if isinstance(module, nn.Linear))
    return np.concatenate(found) if found else np.zeros((0, width))
