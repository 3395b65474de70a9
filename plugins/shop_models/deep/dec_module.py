"""The second training of DEC: the encoder and the centres together, towards a sharper version of their own answer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from shop_models.deep.autoencoder_module import AutoencoderModule


class DecModule(LightningModule):
    """Minimises KL(P || Q) + `reconstruction` times the squared error of the rows made anew.

    q_ij is Student's t with one degree of freedom around centre j, normalised over j (eq. 1); p_ij = q_ij^2 / f_j,
    normalised over j, with f_j = sum_i q_ij (eq. 3). P is taken anew every `update_epochs` epochs, of all rows.
    """

    target: Tensor

    def __init__(
        self,
        autoencoder: AutoencoderModule,
        centers: NDArray[np.float64],
        points: NDArray[np.float32],
        *,
        update_epochs: int,
        reconstruction: float,
        learning_rate: float,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = autoencoder.encoder, autoencoder.decoder
        self.centers = nn.Parameter(torch.from_numpy(centers.astype(np.float32)))
        self.update_epochs, self.reconstruction, self.learning_rate = update_epochs, reconstruction, learning_rate
        self._points = torch.from_numpy(points)
        # Kept with the weights: a training that goes on in between two updates needs the last one.
        self.register_buffer("target", torch.zeros(len(points), len(centers)))

    def on_train_epoch_start(self) -> None:
        """Take the target anew where it is time to."""
        if self.current_epoch % self.update_epochs == 0:
            with torch.no_grad():
                blocks = torch.split(self._points, 4096)
                q = torch.cat([self.memberships(self.encoder(block.to(self.device))) for block in blocks])
                self.target.copy_(sharpened(q))

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss, its divergence the mean over the batch's rows."""
        places, rows = batch
        latent = self.encoder(rows)
        q, p = self.memberships(latent), self.target[places]
        loss: Tensor = (p * (p.clamp_min(1e-12).log() - q.clamp_min(1e-12).log())).sum(dim=1).mean()
        if self.reconstruction > 0:
            loss = loss + self.reconstruction * mse_loss(self.decoder(latent), rows)
        return loss

    def memberships(self, latent: Tensor) -> Tensor:
        """Return q (B, k) of latent rows (B, latent)."""
        distance = (latent[:, None, :] - self.centers[None, :, :]).square().sum(dim=2)
        weight = 1 / (1 + distance)
        return weight / weight.sum(dim=1, keepdim=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam, over the encoder and the centres (and the decoder where it counts)."""
        learned = [*self.encoder.parameters(), self.centers]
        learned += self.decoder.parameters() if self.reconstruction > 0 else ()
        return torch.optim.Adam(learned, lr=self.learning_rate)


def sharpened(q: Tensor) -> Tensor:
    """Return the target P (n, k) of memberships Q (n, k)."""
    weight = q.square() / q.sum(dim=0)
    return weight / weight.sum(dim=1, keepdim=True)
