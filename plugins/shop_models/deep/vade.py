"""VaDE: a variational autoencoder that believes its users come from a mixture of Gaussians.

An autoencoder is trained, a mixture of Gaussians is fitted to what it makes of the users, and then the networks and the
mixture learn together by the evidence bound. Reference: Jiang, Zheng, Tan, Tang, Zhou, "Variational deep embedding: an
unsupervised and generative approach to clustering", IJCAI 2017.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Context, Segmentation, Training
from shop_models.deep.deep_users import DeepUsers, Groups, grouped
from shop_models.deep.latent_groups import (
    LatentCenters,
    Pretrained,
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
class VadeConfig:
    """As `autoencoder_kmeans`, and the second training.

    It takes `steps` batches by Adam at `learning_rate`, which falls by `decay` every ten epochs. `noise` is the
    variance of a feature around what the decoder makes of z: the larger, the more the mixture shapes z; null takes what
    fits each batch best.
    """

    features: Sequence[str] = ("*",)
    log: Sequence[str] = SKEWED
    hidden_sizes: Sequence[int] = (128, 64)
    latent_size: int = 10
    corruption: float = 0.2
    pretraining_steps: int = 2000
    pretraining_rate: float = 1e-3
    steps: int = 800
    noise: float | None = 1.0
    learning_rate: float = 2e-3
    decay: float = 0.95
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


@dataclass(frozen=True)
class MixtureGroups:
    """A trained `VadeModule`; `count` groups."""

    module: Any
    count: int

    def memberships(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return how probably each row (n, F) belongs to each group (n, k)."""
        import torch

        device = next(self.module.parameters()).device
        found = []
        with torch.no_grad():
            for start in range(0, len(points), 4096):
                rows = torch.from_numpy(np.ascontiguousarray(points[start : start + 4096], dtype=np.float32))
                found.append(self.module.memberships(rows.to(device)).double().cpu().numpy())
        return np.concatenate(found) if found else np.zeros((0, self.count))

    def assign(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        """Return the most probable group (n,) of each row, the lower number where two are equally probable."""
        return np.asarray(self.memberships(points).argmax(axis=1), dtype=np.int32)


def vade(
    points: NDArray[np.floating], count: int | Count, config: Any, rng: np.random.Generator
) -> Generator[Training, None, Groups]:
    """Give both trainings on rows (n, F), and return `count` groups; one group needs no second training."""
    from shop_models.deep.vade_module import VadeModule

    found = yield from pretrained(points, count, config, rng)
    k = len(found.centers)
    if k == 1:
        return LatentCenters(found.autoencoder.encoder, found.centers)
    module = VadeModule(
        found.autoencoder,
        *_mixture(found, config.restarts, rng),
        noise=config.noise,
        learning_rate=config.learning_rate,
        decay=config.decay,
    )
    batches = batches_of(np.ascontiguousarray(points, dtype=np.float32), config.batch_size, rng)
    yield training_of(module, batches, epochs_of(config.steps, batches))
    return MixtureGroups(module, k)


def _mixture(
    found: Pretrained, restarts: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (k,), means and variances (k, latent) of the mixture that EM finds from the k-means centres."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    mixture = GaussianMixture(
        len(found.centers),
        covariance_type="diag",
        reg_covar=1e-3 * float(found.latent.var()) + 1e-9,
        means_init=found.centers,
        n_init=max(1, restarts // 5),
        random_state=int(rng.integers(2**31)),
    )
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(found.latent)
    return mixture.weights_, mixture.means_, mixture.covariances_


class Vade:
    """Variational deep embedding; the engine trains the autoencoder, then networks and mixture."""

    Config = VadeConfig

    def __init__(self, config: VadeConfig) -> None:
        self.config = config
        check_counts(config, "vade")
        check_settings(config, "vade")
        if not 0 < config.decay <= 1:
            raise ConfigError(f"model 'vade': decay is {config.decay}", allowed="above 0, at most 1")
        if config.noise is not None and not (config.noise > 0 and np.isfinite(config.noise)):
            raise ConfigError(f"model 'vade': noise is {config.noise}", allowed="a number above 0, or null")
        self.found: DeepUsers | None = None

    def trainings(self, data: Dataset, context: Context) -> Iterator[Training]:
        """Give the two trainings; raises ConfigError for a feature that the log does not give."""
        config = self.config

        def phases(points: Any, count: Any, rng: Any) -> Generator[Training, None, Groups]:
            return vade(points, count, config, rng)

        self.found = yield from grouped(phases, config, "vade", data, context)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's segment. Raises PluginError before the training."""
        if self.found is None:
            raise unfitted("vade")
        return self.found.segmentation(data)
