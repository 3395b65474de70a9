"""The shop as a Gymnasium environment: an episode is one user's, from the first page until the user leaves.

Reference: Towers et al., "Gymnasium: a standard interface for reinforcement learning environments" (2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from framework.kinds import Simulator
from framework.records import Queries, Slates
from shop_simulators.shop_world import ShopConfig, ShopWorld


class ShopEnvironment(gymnasium.Env[Any, int]):
    """One user of the shop at a time, drawn at random for each episode, or `options={"user": row}`.

    Observations and actions are those of `ShopConfig`. `info` has "action_mask", which actions show something, and
    after a step "clicked", "bought", "earned" (minor units) and "returned". `ended` says that the user left,
    `truncated` that the last visit was made. Same seed, same episodes.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        simulator: Simulator,
        queries: Queries,
        slates: Slates | Sequence[Slates],
        config: ShopConfig | None = None,
    ) -> None:
        self.config = config or ShopConfig()
        self._everyone = ShopWorld(simulator, queries, slates, self.config)
        self._rankings = [slates] if isinstance(slates, Slates) else list(slates)
        self._world = self._everyone
        self.observation_space, self.action_space = spaces_of(self._everyone)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a user's episode; returns the observation and `info`."""
        super().reset(seed=seed)
        everyone = self._everyone
        drawn = int(self.np_random.integers(len(everyone)))
        row = np.array([(options or {}).get("user", drawn)], dtype=np.intp)
        rankings = [Slates(one.items[row], one.scores[row], one.fallback[row]) for one in self._rankings]
        self._world = ShopWorld(everyone.simulator, everyone.queries.take(row), rankings, self.config)
        self._world.begin(self.np_random)
        return self._observed(), {"action_mask": self._mask()}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Show a page; returns observation, reward, whether the user left, whether time is up, and `info`."""
        answer = self._world.step(np.array([action]))
        responses = answer.feedback.responses
        info = {
            "action_mask": self._mask(),
            "clicked": int(responses.clicked.sum()),
            "bought": int(responses.bought.sum()),
            "earned": float(answer.earned.sum()),
            "returned": int(answer.returned.sum()),
        }
        return self._observed(), float(answer.reward[0]), bool(answer.left[0]), bool(answer.cut_off[0]), info

    def _observed(self) -> Any:
        seen = self._world.observe()[0]
        return int(seen) if self.config.observation == "discrete" else seen

    def _mask(self) -> Any:
        return self._world.allowed()[0].astype(np.int8)


def spaces_of(world: ShopWorld) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
    """Return the spaces of one user's observations and actions."""
    if world.config.observation == "discrete":
        return spaces.Discrete(world.states), spaces.Discrete(world.actions)
    return spaces.Box(*world.bounds, dtype=np.float32), spaces.Discrete(world.actions)
