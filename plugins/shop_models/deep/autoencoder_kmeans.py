"""k-means among what an autoencoder makes of the features: groups that features give together, not one by one.

Reference: Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 2006; as the
baseline "AE + k-means" of Xie, Girshick, Farhadi, ICML 2016.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.records import Context, Segmentation, Training
from shop_models.deep.deep_users import DeepUsers, grouped
from shop_models.deep.latent_groups import LatentCenters, check_settings, pretrained
from shop_models.grouped_users import SKEWED, check_counts, unfitted

if TYPE_CHECKING:
    from framework.data.tables import Dataset
    from shop_models.deep.latent_groups import Count


@dataclass(frozen=True)
class AutoencoderKmeansConfig:
    """What the groups are made of, the networks, their training, and how many groups there may be.

    `features`, `log`, `k` and what follows it are as k-means'; "*" takes every feature that the log gives. The encoder
    has layers of `hidden_sizes` and gives `latent_size` numbers; `corruption` is the share of features hidden from it.
    Training takes `pretraining_steps` batches of `batch_size` users by Adam at `pretraining_rate`; `trainer.epochs`
    holds over that.
    """

    features: Sequence[str] = ("*",)
    log: Sequence[str] = SKEWED
    hidden_sizes: Sequence[int] = (128, 64)
    latent_size: int = 10
    corruption: float = 0.2
    pretraining_steps: int = 2000
    pretraining_rate: float = 1e-3
    batch_size: int = 128
    k: int | None = None
    k_max: int = 8
    floor: int = 50
    stability: float = 0.8
    splits: int = 10
    reference_draws: int = 19
    buyers_only: bool = True
    sample: int = 4000
    restarts: int = 10


def autoencoder_kmeans(
    points: NDArray[np.floating], count: int | Count, config: Any, rng: np.random.Generator
) -> Generator[Training, None, LatentCenters]:
    """Give the autoencoder's training on rows (n, F), and return `count` groups among its latent rows."""
    found = yield from pretrained(points, count, config, rng)
    return LatentCenters(found.autoencoder.encoder, found.centers)


class AutoencoderKmeans:
    """k-means on the latent features of an autoencoder that the engine trains."""

    Config = AutoencoderKmeansConfig

    def __init__(self, config: AutoencoderKmeansConfig) -> None:
        self.config = config
        check_counts(config, "autoencoder_kmeans")
        check_settings(config, "autoencoder_kmeans")
        self.found: DeepUsers | None = None

    def trainings(self, data: Dataset, context: Context) -> Iterator[Training]:
        """Give the autoencoder's training; raises ConfigError for a feature that the log does not give."""
        config = self.config

        def phases(points: Any, count: Any, rng: Any) -> Generator[Training, None, LatentCenters]:
            return autoencoder_kmeans(points, count, config, rng)

        self.found = yield from grouped(phases, config, "autoencoder_kmeans", data, context)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's segment. Raises PluginError before the training."""
        if self.found is None:
            raise unfitted("autoencoder_kmeans")
        return self.found.segmentation(data)
