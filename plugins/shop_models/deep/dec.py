"""DEC: an encoder and centres learned together, so that users gather around the centres.

An autoencoder is trained, k-means finds centres among what it makes of the users, and then the encoder and the centres
are moved towards a sharper version of their own soft memberships. Reference: Xie, Girshick, Farhadi, "Unsupervised deep
embedding for clustering analysis", ICML 2016; with `reconstruction` above 0, IDEC (Guo, Gao, Liu, Yin, IJCAI 2017),
which holds the encoder to what the decoder can still read.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Context, Segmentation, Training
from shop_models.deep.deep_users import DeepUsers, grouped
from shop_models.deep.latent_groups import (
    LatentCenters,
    batches_of,
    check_settings,
    epochs_of,
    pretrained,
    training_of,
)
from shop_models.grouped_users import SKEWED, check_counts, unfitted

if TYPE_CHECKING:
    from framework.data.tables import Dataset
    from shop_models.deep.latent_groups import Count


@dataclass(frozen=True)
class DecConfig:
    """As `autoencoder_kmeans`, and the second training.

    It takes `steps` batches by Adam at `learning_rate`, and new targets every `update_epochs` epochs;
    `reconstruction` weighs the squared error beside the divergence, 0 as in DEC.
    """

    features: Sequence[str] = ("*",)
    log: Sequence[str] = SKEWED
    hidden_sizes: Sequence[int] = (128, 64)
    latent_size: int = 10
    corruption: float = 0.2
    pretraining_steps: int = 2000
    pretraining_rate: float = 1e-3
    steps: int = 600
    update_epochs: int = 5
    reconstruction: float = 0.0
    learning_rate: float = 3e-4
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


def dec(
    points: NDArray[np.floating], count: int | Count, config: Any, rng: np.random.Generator
) -> Generator[Training, None, LatentCenters]:
    """Give both trainings on rows (n, F), and return `count` groups; one group needs no second training."""
    from shop_models.deep.dec_module import DecModule

    found = yield from pretrained(points, count, config, rng)
    if len(found.centers) == 1:
        return LatentCenters(found.autoencoder.encoder, found.centers)
    rows = np.ascontiguousarray(points, dtype=np.float32)
    module = DecModule(
        found.autoencoder,
        found.centers,
        rows,
        update_epochs=config.update_epochs,
        reconstruction=config.reconstruction,
        learning_rate=config.learning_rate,
    )
    batches = batches_of(rows, config.batch_size, rng)
    yield training_of(module, batches, epochs_of(config.steps, batches))
    return LatentCenters(module.encoder, module.centers.detach().double().cpu().numpy())


class Dec:
    """Deep embedded clustering; the engine trains the autoencoder, then encoder and centres."""

    Config = DecConfig

    def __init__(self, config: DecConfig) -> None:
        self.config = config
        check_counts(config, "dec")
        check_settings(config, "dec")
        if not (config.reconstruction >= 0 and np.isfinite(config.reconstruction)):
            raise ConfigError(f"model 'dec': reconstruction is {config.reconstruction}", allowed="a number from 0")
        self.found: DeepUsers | None = None

    def trainings(self, data: Dataset, context: Context) -> Iterator[Training]:
        """Give the two trainings; raises ConfigError for a feature that the log does not give."""
        config = self.config

        def phases(points: Any, count: Any, rng: Any) -> Generator[Training, None, LatentCenters]:
            return dec(points, count, config, rng)

        self.found = yield from grouped(phases, config, "dec", data, context)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's segment. Raises PluginError before the training."""
        if self.found is None:
            raise unfitted("dec")
        return self.found.segmentation(data)
