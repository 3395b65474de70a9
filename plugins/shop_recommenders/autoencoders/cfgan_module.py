"""The Lightning module of CFGAN: its two networks, their losses, and the turns that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

if TYPE_CHECKING:
    from shop_recommenders.autoencoders.cfgan import CfganConfig


class CfganModule(LightningModule):
    """Batches are the places (n,) of what B rows hold end to end, and where each row's begin (B,).

    A row is a user with items, or an item with users: `width` many. Both optimisers take their steps by hand.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], config: CfganConfig, width: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config, self.width = config, width
        self.generator, self.discriminator = (
            nn.ParameterDict(
                {
                    name.removeprefix(f"{part}."): nn.Parameter(torch.from_numpy(array))
                    for name, array in weights.items()
                    if name.startswith(f"{part}.")
                }
            )
            for part in ("generator", "discriminator")
        )

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> dict[str, Tensor]:
        """Let the discriminator take its steps on the batch, then the generator, and return what the latter lost."""
        rows = self.dense(*batch)
        optimizers: Any = self.optimizers()
        of_discriminator, of_generator = optimizers
        for _ in range(self.config.discriminator_steps):
            self._step(of_discriminator, self.discriminator_loss(rows, self.mask(rows, self.config.masking_ratio)))
        loss = rows.new_zeros(())
        for _ in range(self.config.generator_steps):
            mask, zeros = (self.mask(rows, ratio) for ratio in (self.config.masking_ratio, self.config.zeros_ratio))
            loss = self.generator_loss(rows, mask, zeros - rows)
            self._step(of_generator, loss)
        return {"loss": loss.detach()}

    def dense(self, held: Tensor, starts: Tensor) -> Tensor:
        """Return the rows (B, width) with a 1 for what each holds."""
        lengths = torch.diff(starts, append=starts.new_tensor([len(held)]))
        row = torch.repeat_interleave(torch.arange(len(starts), device=starts.device), lengths)
        rows = torch.zeros(len(starts), self.width, device=starts.device)
        rows[row, held] = 1.0
        return rows

    def mask(self, rows: Tensor, ratio: float) -> Tensor:
        """Return a 1 for what each row holds, and for a share of the rest, drawn afresh."""
        return ((torch.rand_like(rows) < ratio) | (rows > 0)).to(rows.dtype)

    def discriminator_loss(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Return the mean of -log D(r | r) - log(1 - D(r' * mask | r)), r' what the generator makes of r."""
        made = self.generated(rows).detach() * mask
        return (softplus(-self.judged(rows, rows)) + softplus(self.judged(made, rows))).mean()

    def generator_loss(self, rows: Tensor, mask: Tensor, zeros: Tensor) -> Tensor:
        """Return the mean of -log D(r' * mask | r), and zeros_weight times the squares of r' where `zeros` holds."""
        made = self.generated(rows)
        return (softplus(-self.judged(made * mask, rows)) + self.config.zeros_weight * (zeros * made**2).sum(1)).mean()

    def generated(self, rows: Tensor) -> Tensor:
        """Return what the generator makes (B, width) of rows (B, width), which are its condition; it has no noise."""
        w = self.generator
        return linear(torch.sigmoid(rows @ w["hidden"] + w["hidden_bias"]), w["output"], w["output_bias"])

    def judged(self, vectors: Tensor, rows: Tensor) -> Tensor:
        """Return the discriminator's log odds (B,) that `vectors` (B, width) are the true ones of `rows`."""
        w = self.discriminator
        hidden = torch.sigmoid(linear(torch.cat([rows, vectors], 1), w["hidden"], w["hidden_bias"]))
        return linear(hidden, w["output"], w["output_bias"]).squeeze(1)

    def configure_optimizers(self) -> Any:
        """Return Adam for either network, the discriminator's first."""
        config = self.config
        return [
            torch.optim.Adam(part.parameters(), lr=rate, weight_decay=decay)
            for part, rate, decay in (
                (self.discriminator, config.discriminator_learning_rate, config.discriminator_regularization),
                (self.generator, config.learning_rate, config.regularization),
            )
        ]

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights of both networks by name, copied."""
        return {name: values.detach().float().cpu().numpy().copy() for name, values in self.named_parameters()}

    def _step(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        # Several processes wait for a gradient of every weight, also of the network whose turn it is not.
        every = torch.stack([weight.sum() for weight in self.parameters()]).sum()
        self.manual_backward(loss + 0.0 * every)
        optimizer.step()


def fresh_weights(
    width: int, hidden: int, of_discriminator: int, rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Return weights drawn as Glorot and Bengio's, AISTATS 2010, and biases within 0.01 of 0, as the authors do."""

    def drawn(rows: int, columns: int, inputs: int, outputs: int) -> NDArray[np.float32]:
        bound = np.sqrt(6.0 / (inputs + outputs))
        return rng.uniform(-bound, bound, (rows, columns)).astype(np.float32)

    def bias(units: int) -> NDArray[np.float32]:
        return rng.uniform(-0.01, 0.01, units).astype(np.float32)

    return {
        "generator.hidden": drawn(width, hidden, width, hidden),  # a row an input: few are added up
        "generator.hidden_bias": bias(hidden),
        "generator.output": drawn(width, hidden, hidden, width),
        "generator.output_bias": bias(width),
        "discriminator.hidden": drawn(of_discriminator, 2 * width, 2 * width, of_discriminator),
        "discriminator.hidden_bias": bias(of_discriminator),
        "discriminator.output": drawn(1, of_discriminator, of_discriminator, 1),
        "discriminator.output_bias": bias(1),
    }
