"""The shop as a vector environment of Gymnasium: every user is an episode, and one step is one page for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from framework.kinds import Simulator
from framework.records import Queries, Slates
from shop_simulators.environment import spaces_of
from shop_simulators.shop_world import ShopConfig, ShopWorld


class ShopVectorEnvironment(VectorEnv[Any, Any, Any]):
    """All users side by side, in arrays; see `ShopEnvironment` for what they see and do.

    Nobody begins anew by himself: users whose episodes are over get rewards of 0 until `reset`, which takes all, or
    those marked in `options={"reset_mask": (n,)}`. Equally seeded environments draw the same chances for the same user
    and item at the same step, whatever was shown before.
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012

    def __init__(
        self,
        simulator: Simulator,
        queries: Queries,
        slates: Slates | Sequence[Slates],
        config: ShopConfig | None = None,
    ) -> None:
        self.config = config or ShopConfig()
        self.world = ShopWorld(simulator, queries, slates, self.config)
        self.num_envs = len(self.world)
        self.single_observation_space, self.single_action_space = spaces_of(self.world)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the episodes; returns the observations and `infos`, with "action_mask" (n, actions)."""
        super().reset(seed=seed)
        mask = (options or {}).get("reset_mask")
        self.world.begin(self.np_random, None if mask is None else np.asarray(mask, dtype=np.bool_))
        return self.world.observe(), {"action_mask": self.world.allowed()}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Show a page to each; returns observations, rewards, who left, whose time is up, and `infos`."""
        answer = self.world.step(actions)
        infos = {"action_mask": self.world.allowed(), "earned": answer.earned, "returned": answer.returned}
        return self.world.observe(), answer.reward, answer.left, answer.cut_off, infos
