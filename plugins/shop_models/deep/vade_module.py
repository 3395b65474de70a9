"""The second training of VaDE: a variational autoencoder whose prior is a mixture of Gaussians."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from shop_models.deep.autoencoder_module import AutoencoderModule


class VadeModule(LightningModule):
    """Maximises the bound of Jiang et al.'s equation 9, by one draw of z a row.

    The rows' likelihood is Gaussian with the variance `noise` for all features; None takes the one at its maximum for
    the batch, so that reconstruction and prior weigh as the data say (Rybkin, Daniilidis, Levine, "Simple and
    effective VAE training with calibrated decoders", ICML 2021). The mean of q(z | x) begins as the trained encoder;
    its log variance has a head of its own on the encoder's last hidden layer.
    """

    def __init__(
        self,
        autoencoder: AutoencoderModule,
        weights: NDArray[np.float64],
        means: NDArray[np.float64],
        variances: NDArray[np.float64],
        *,
        noise: float | None,
        learning_rate: float,
        decay: float,
    ) -> None:
        super().__init__()
        *before, last = copy.deepcopy(autoencoder.encoder)
        assert isinstance(last, nn.Linear)  # noqa: S101 - `network` ends in one
        self.hidden, self.mean, self.decoder = nn.Sequential(*before), last, autoencoder.decoder
        self.log_variance = nn.Linear(last.in_features, last.out_features)
        nn.init.zeros_(self.log_variance.weight)
        # Draws begin well inside the groups.
        start = np.log(0.1 * variances.min(axis=0).clip(1e-6))
        with torch.no_grad():
            self.log_variance.bias.copy_(torch.from_numpy(start))
        self.group_logits = nn.Parameter(torch.from_numpy(np.log(weights.clip(1e-6))).float())
        self.group_means = nn.Parameter(torch.from_numpy(means).float())
        self.group_log_variances = nn.Parameter(torch.from_numpy(np.log(variances.clip(1e-6))).float())
        self.noise, self.learning_rate, self.decay = noise, learning_rate, decay

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the negated bound, the mean over the batch's rows."""
        _, rows = batch
        mean, log_variance = self.encode(rows)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        error = (self.decoder(z) - rows).square().mean()
        variance = error.clamp_min(1e-6) if self.noise is None else torch.full_like(error, self.noise)
        likelihood = -0.5 * rows.shape[1] * (torch.log(2 * math.pi * variance) + error / variance)
        gamma = self.responsibilities(z)
        spread = log_variance.exp()[:, None, :] + (mean[:, None, :] - self.group_means).square()
        under_prior = -0.5 * (
            math.log(2 * math.pi) + self.group_log_variances + spread * torch.exp(-self.group_log_variances)
        ).sum(dim=2)
        log_weight = torch.log_softmax(self.group_logits, dim=0)
        groups = (gamma * (under_prior + log_weight - gamma.clamp_min(1e-10).log())).sum(dim=1)
        entropy = 0.5 * (1 + math.log(2 * math.pi) + log_variance).sum(dim=1)
        loss: Tensor = -(likelihood + (groups + entropy).mean())
        return loss

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log variance (B, latent) of each row's z."""
        hidden = self.hidden(rows)
        return self.mean(hidden), self.log_variance(hidden)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Return p(group | z) (B, k): equation 16, which is also q(group | x)."""
        density = -0.5 * (
            self.group_log_variances
            + (z[:, None, :] - self.group_means).square() * torch.exp(-self.group_log_variances)
        ).sum(dim=2)
        return torch.softmax(torch.log_softmax(self.group_logits, dim=0) + density, dim=1)

    def memberships(self, rows: Tensor) -> Tensor:
        """Return each row's memberships (B, k), at the mean of its z."""
        return self.responsibilities(self.encode(rows)[0])

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return Adam, whose rate falls by `decay` every ten epochs."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=self.decay)
        return {"optimizer": optimizer, "lr_scheduler": scheduler}
