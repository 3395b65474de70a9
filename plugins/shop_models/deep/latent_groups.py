"""Groups of rows in what an autoencoder makes of them, from plain arrays: what the deep models share.

Each algorithm is a generator: it gives its trainings one after the other, whoever trains them asks for the next when
one is done, and what it returns at the end has `count` and `assign`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Training
from shop_models.deep.row_batches import RowBatches
from shop_models.group_count import fit_centers, nearest_center

if TYPE_CHECKING:
    from shop_models.deep.autoencoder_module import AutoencoderModule

Count = Callable[[NDArray[np.float64]], int]
"""Says how many groups there are, by the latent rows (n, latent) of the trained autoencoder."""


class AutoencoderSettings(Protocol):
    """What a Config says of the autoencoder and its training; `pretraining_steps` are batches, not epochs."""

    hidden_sizes: Sequence[int]
    latent_size: int
    corruption: float
    pretraining_steps: int
    pretraining_rate: float
    batch_size: int
    restarts: int


@dataclass(frozen=True)
class Pretrained:
    """A trained autoencoder, the latent rows (n, latent) of what it was trained on, and the groups of k-means there."""

    autoencoder: AutoencoderModule
    latent: NDArray[np.float64]
    centers: NDArray[np.float64]
    labels: NDArray[np.int32]


@dataclass(frozen=True)
class LatentCenters:
    """A trained encoder and centres (k, latent): rows go to the nearest centre of what the encoder makes of them."""

    encoder: Any
    centers: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(self.centers)

    def assign(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        """Return the group (n,) of each row (n, F), the lower number where two are equally near."""
        from shop_models.deep.autoencoder_module import apply_in_batches

        return nearest_center(apply_in_batches(self.encoder, points), self.centers)


def pretrained(
    points: NDArray[np.floating], count: int | Count, settings: AutoencoderSettings, rng: np.random.Generator
) -> Generator[Training, None, Pretrained]:
    """Give the autoencoder's training, and return it trained, with k-means groups among its latent rows."""
    from shop_models.deep.autoencoder_module import AutoencoderModule, apply_in_batches

    rows = np.ascontiguousarray(points, dtype=np.float32)
    autoencoder = AutoencoderModule(
        rows.shape[1],
        tuple(settings.hidden_sizes),
        settings.latent_size,
        corruption=settings.corruption,
        learning_rate=settings.pretraining_rate,
        seed=int(rng.integers(2**31)),
    )
    batches = batches_of(rows, settings.batch_size, rng)
    yield training_of(autoencoder, batches, epochs_of(settings.pretraining_steps, batches))
    latent = apply_in_batches(autoencoder.encoder, rows)
    k = count(latent) if callable(count) else count
    centers = fit_centers(latent, k, settings.restarts, rng)
    return Pretrained(autoencoder, latent, centers, nearest_center(latent, centers))


def batches_of(rows: NDArray[np.float32], batch_size: int, rng: np.random.Generator) -> RowBatches:
    """Return batches of the rows, their order drawn by a seed from `rng`."""
    return RowBatches(rows, batch_size=batch_size, seed=int(rng.integers(2**31)))


def epochs_of(steps: int, batches: RowBatches) -> int:
    """Return the epochs that make at least so many steps."""
    return max(1, -(-steps // max(1, len(batches))))


def training_of(module: Any, batches: RowBatches, epochs: int) -> Training:
    """Return the training of a module on the batches."""
    return Training(module, batches.loader(), epochs, batches.set_epoch)


def check_settings(config: Any, model: str) -> None:
    """Raise ConfigError where a size, a rate or a number of steps is out of its range."""
    sizes = list(config.hidden_sizes)
    if not sizes or any(not isinstance(size, int) or size < 1 for size in sizes):
        raise ConfigError(f"model '{model}': hidden_sizes is {sizes}", allowed="one size or more, each 1 or more")
    for name in ("latent_size", "pretraining_steps", "batch_size", "steps", "update_epochs"):
        if getattr(config, name, 1) < 1:
            raise ConfigError(f"model '{model}': {name} is {getattr(config, name)}", allowed="1 or more")
    for name in ("pretraining_rate", "learning_rate"):
        value = getattr(config, name, 1.0)
        if not (value > 0 and np.isfinite(value)):
            raise ConfigError(f"model '{model}': {name} is {value}", allowed="a number above 0")
    if not 0 <= config.corruption < 1:
        raise ConfigError(f"model '{model}': corruption is {config.corruption}", allowed="from 0 to below 1")
