"""Neural-linear Thompson sampling: a small network learns what matters, Bayesian regressions on it say how sure.

A network with one output an item learns rewards from contexts; its last hidden layer z(x) is the context of a Bayesian
linear regression for each item: theta | s^2 ~ N(A^-1 b, s^2 A^-1), s^2 ~ IG(a0 + n / 2, b0 + (sum r^2 - b' theta) / 2),
so that an item's value is Student's t. Reference: Riquelme, Tucker and Snoek, "Deep Bayesian bandits showdown", ICLR
2018, section 3 (NeuralLinear) and equations 1 and 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.contexts import contexts_of, keys_of, on_grid
from shop_policies.bandits.gaussian_thompson import student_t
from shop_policies.bandits.pages_from_draws import pages_from_draws
from shop_policies.bandits.reward_sums import Reward, check_draws, check_numbers, reward_of, seen_places
from shop_policies.bandits.ridge_arms import RidgeArms, check_width


@dataclass(frozen=True)
class NeuralLinearConfig:
    """The network, the regressions on it, and the reward.

    `hidden`: widths of the hidden layers, of which the last is what the regressions see. `steps` of Adam at
    `learning_rate` on all that is known, at most `rows` of it, evenly out of the sorted feedback; from the same weights
    (`seed`) every time, so that only what was seen counts and not when. `regularization`, `prior_shape` (a0) and
    `prior_spread` (b0 = a0 prior_spread^2, in the reward's unit) are the prior of each regression. `reward`: "bought",
    "clicked" or "amount" (minor units). `propensity_draws`: Monte Carlo draws behind every propensity.
    """

    hidden: Sequence[int] = (32, 16)
    steps: int = 100
    learning_rate: float = 0.01
    rows: int = 4096
    seed: int = 0
    regularization: float = 0.25
    prior_shape: float = 6.0
    prior_spread: float = 0.3
    reward: Reward = "bought"
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        positive = {
            "learning_rate": self.learning_rate,
            "regularization": self.regularization,
            "prior_shape": self.prior_shape,
            "prior_spread": self.prior_spread,
        }
        check_numbers("neural_linear", positive=positive)
        check_draws("neural_linear", self.propensity_draws)
        if not list(self.hidden) or min(self.hidden) < 1:
            raise ConfigError(
                f"neural_linear's hidden is {list(self.hidden)}", allowed="one width or more, each from 1"
            )
        for name, least in (("steps", 0), ("rows", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"neural_linear's {name} is {getattr(self, name)}", allowed=f"an integer from {least}"
                )


class NeuralLinear:
    """Shows each query the candidates with the highest draws from their regressions, best first.

    The context is a constant and the visitor's features, or segments where a trial gives no features. It keeps all
    feedback, and trains when it is next asked after some came: on one thread, with equal feedback giving equal weights.
    Propensities are Monte Carlo estimates, as those of `thompson`.
    """

    Config = NeuralLinearConfig

    def __init__(self, config: NeuralLinearConfig) -> None:
        self.config = config
        self._seen: list[NDArray[np.float64]] = []
        self._layers: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._arms: RidgeArms | None = None

    def learn(self, feedback: Feedback) -> None:
        """Keep what every item that a visitor saw has brought, with the visitor's context."""
        seen = seen_places(feedback)
        row, _ = np.nonzero(seen)
        if not len(row):
            return
        gained = reward_of(feedback.responses, self.config.reward)[seen]
        contexts = contexts_of(feedback.queries)
        if self._seen:
            check_width(self._seen[0].shape[1] - 2, contexts.shape[1])
        self._seen.append(np.column_stack([contexts[row], feedback.actions.items[seen], gained]))
        self._arms = None

    def posterior(
        self, queries: Queries, items: NDArray[np.int32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return mean, scale and degrees of freedom of the value of items (n, C): Student's t."""
        return self._posterior(contexts_of(queries), items)

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates; -1 with propensity 1 where there are none. Same `rng` state, same actions."""
        contexts = contexts_of(queries)

        def posterior(rows: NDArray[np.intp], candidates: NDArray[np.int32]) -> tuple[NDArray[np.float64], ...]:
            return self._posterior(contexts[rows], candidates)

        draws = self.config.propensity_draws
        return pages_from_draws(queries, slates, keys_of(contexts), posterior, student_t, draws, rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the feedback, of which all else follows."""
        return {"seen": np.concatenate(self._seen) if self._seen else np.zeros((0, 0))}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        seen = np.array(state["seen"], dtype=np.float64)
        self._seen, self._arms = [seen] if len(seen) else [], None

    def _posterior(
        self, contexts: NDArray[np.float64], items: NDArray[np.int32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        if self._seen:
            check_width(self._seen[0].shape[1] - 2, contexts.shape[1])
        arms = self._fitted(contexts.shape[1])
        mean, width = arms.read(items, self._represented(contexts))
        count, rest = arms.evidence(items)
        shape = self.config.prior_shape + 0.5 * count
        rate = self.config.prior_shape * self.config.prior_spread**2 + 0.5 * rest
        return mean, np.sqrt(rate / shape) * width, 2.0 * shape

    def _fitted(self, width: int) -> RidgeArms:
        """Return the regressions on the network trained on all feedback."""
        if self._arms is not None:
            return self._arms
        from shop_policies.bandits.neural_linear_module import trained_layers

        config = self.config
        self._arms = RidgeArms(config.regularization)
        seen = np.concatenate(self._seen) if self._seen else np.zeros((0, width + 2))
        # Sorted, so that training does not know in which order feedback came.
        seen = seen[np.lexsort(seen.T[::-1])]
        contexts, items, rewards = seen[:, :-2], seen[:, -2].astype(np.int32), seen[:, -1]
        chosen = np.unique(np.linspace(0, max(len(seen) - 1, 0), min(config.rows, len(seen))).astype(np.intp))
        self._layers = trained_layers(
            contexts[chosen],
            np.unique(items, return_inverse=True)[1][chosen],
            rewards[chosen],
            len(np.unique(items)),
            hidden=tuple(config.hidden),
            steps=config.steps,
            learning_rate=config.learning_rate,
            seed=config.seed,
        )
        self._arms.add(items, self._represented(contexts), rewards.astype(np.int64))
        return self._arms

    def _represented(self, contexts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a constant and the last hidden layer's outputs (n, 1 + width), on the grid."""
        layer = contexts
        for weight, bias in self._layers:
            layer = np.maximum(layer @ weight + bias, 0.0)
        return np.concatenate([np.ones((len(layer), 1)), on_grid(layer)], axis=1)
