"""`planted_arms`: arms whose chances are planted, for the regret of policies that learn.

Arm a is bought by visitor u, of segment s and with features x ~ N(0, I), at time t with chance
    p = rate + spread z_a(t) + segment_spread v_as + x' w_a,   kept to [0.001, 0.999],
where z, v ~ N(0, 1) and w_a ~ N(0, context_spread^2 / F I), so that x' w_a has standard deviation context_spread over
visitors and arms. z_a stands still, or drifts as an Ornstein-Uhlenbeck process that forgets half of its value in
`half_life` visitors: chances change, the spread of them does not. Reference: Lattimore and Szepesvari, "Bandit
Algorithms", 2020, chapters 4 (stationary), 19 (linear contextual) and 31 (non-stationary).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.randomness import keyed_uniform, text_bits
from framework.errors import ConfigError
from framework.records import Actions, Context, Queries, Responses, SimulatorCheck, Slates

if TYPE_CHECKING:
    from framework.data.tables import Dataset, Window

LOWEST, HIGHEST = 0.001, 0.999


@dataclass
class PlantedArmsConfig:
    """The world, in chances that a shown arm is bought.

    `arms`, `segments` (all as likely) and `features` a visitor are counts; `rate` is the mean chance, `spread` the
    standard deviation between arms, `segment_spread` that of an arm between segments, `context_spread` that between
    visitors by their features. `half_life`: visitors after which half of an arm's deviation is forgotten, null: nothing
    drifts. `delay`: batches before feedback is known. `price`: what a purchase brings, in minor units. In a study's
    own trial the log's items, segments and features take the place of the counts, and nothing drifts or comes late.
    """

    arms: int = 10
    segments: int = 1
    features: int = 0
    rate: float = 0.3
    spread: float = 0.1
    segment_spread: float = 0.0
    context_spread: float = 0.0
    half_life: float | None = None
    delay: int = 0
    price: int = 1000

    def __post_init__(self) -> None:
        least = {"arms": 2, "segments": 1, "features": 0, "delay": 0, "price": 0}
        least |= dict.fromkeys(("spread", "segment_spread", "context_spread"), 0)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in least and not (value >= least[field.name] and np.isfinite(value)):
                raise ConfigError(f"planted_arms' {field.name} is {value}", allowed=f"{least[field.name]} or more")
        if not 0.0 < self.rate < 1.0:
            raise ConfigError(f"planted_arms' rate is {self.rate}", allowed="a number between 0 and 1")
        if self.half_life is not None and not self.half_life > 0.0:
            raise ConfigError(f"planted_arms' half_life is {self.half_life}", allowed="visitors above 0, or null")


class PlantedArms:
    """A world of its own for `regret`, and a simulator of known truth for a study's trial.

    The chances are linear in the features until they meet 0 or 1, so that linear policies are given what they suppose.
    A visitor sees the page once, and each of its items is bought or left independently of the others, whatever its
    position; a click is a purchase.
    """

    Config = PlantedArmsConfig

    def __init__(self, config: PlantedArmsConfig) -> None:
        self.config = config
        self.delay = config.delay
        self._names: tuple[str, ...] = ()
        self._level = np.zeros(0)
        self._by_segment = np.zeros((0, 0))
        self._weights = np.zeros((0, 0))
        self._visitors = 0

    def plant(self, rng: np.random.Generator) -> None:
        """Draw the arms anew; same `rng` state, same world."""
        names = tuple(f"segment {place + 1}" for place in range(self.config.segments))
        self._plant(self.config.arms, names, self.config.features, rng)

    def arrive(self, count: int, positions: int, rng: np.random.Generator) -> tuple[Queries, Slates]:
        """Let the next `count` visitors come, each with all arms as candidates, in their order and with equal scores.

        Chances drift between calls, not within one.
        """
        if self.config.half_life is not None:
            kept = 0.5 ** (count / self.config.half_life)
            self._level = kept * self._level + np.sqrt(1.0 - kept**2) * rng.standard_normal(len(self._level))
        segment = rng.integers(len(self._names), size=count).astype(np.int32)
        width = self._weights.shape[1]
        features = rng.standard_normal((count, width)) if width else None
        numbers = np.arange(self._visitors, self._visitors + count)
        self._visitors += count
        ids = np.char.add("v", numbers.astype(str))
        queries = Queries(numbers.astype(np.int32), ids, segment, self._names, positions, features=features)
        arms = np.tile(np.arange(len(self._level), dtype=np.int32), (count, 1))
        return queries, Slates(arms, np.zeros(arms.shape, dtype=np.float32), np.zeros(count, dtype=bool))

    def expected(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the present chance that each of items (n, k) is bought where it is shown; 0 for no item (-1)."""
        config = self.config
        arm = np.maximum(items, 0)
        segment = queries.segment.clip(-1, self._by_segment.shape[1] - 1)[:, None]
        chance = config.rate + config.spread * self._level[arm] + self._by_segment[arm, segment]
        if queries.features is not None and self._weights.shape[1]:
            chance = chance + np.einsum("nf,nkf->nk", queries.features, self._weights[arm])
        return np.where(items >= 0, np.clip(chance, LOWEST, HIGHEST), 0.0)

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        """Draw what is bought; with equally seeded generators the same visitor answers the same arm alike."""
        key = int(rng.integers(2**63))
        draw = keyed_uniform(key, text_bits(queries.user_ids)[:, None], actions.items)
        bought = draw < self.expected(queries, actions.items)
        return Responses(
            clicked=bought.copy(),
            bought=bought,
            amount=np.where(bought, self.config.price, 0).astype(np.int64),
            visits=np.ones(len(queries), dtype=np.int32),
            orders=np.asarray(bought.any(axis=1), dtype=np.int32),
        )

    def fit(self, early: Dataset, later: Window, context: Context) -> None:  # noqa: ARG002 - the truth needs no outcomes
        """Plant chances for the log's items, segments and features; what is in the log makes no difference."""
        self._plant(len(early.items), early.segment_names or ("all",), early.features.values.shape[1], context.rng)

    def prepare(self, data: Dataset) -> None:
        """Plant chances of the mean for items that came since, as nothing else is known of them."""
        more = len(data.items) - len(self._level)
        if more > 0:
            self._level = np.pad(self._level, (0, more))
            self._by_segment = np.pad(self._by_segment, ((0, more), (0, 0)))
            self._weights = np.pad(self._weights, ((0, more), (0, 0)))

    def check(self, early: Dataset, later: Window, context: Context) -> SimulatorCheck:  # noqa: ARG002
        """Say what it is: planted, so right by construction, and no forecast of the shop in the log."""
        sentence = (
            "Responses are planted, whatever the log holds: right by construction, and no forecast of what this shop's "
            "users would do."
        )
        return SimulatorCheck(sentence, trusted=True, rows=(), scores={})

    def _plant(self, arms: int, names: tuple[str, ...], features: int, rng: np.random.Generator) -> None:
        config = self.config
        self._names = names
        self._level = rng.standard_normal(arms)
        # One column more, for visitors without a segment: the mean.
        self._by_segment = np.zeros((arms, len(names) + 1))
        self._by_segment[:, :-1] = config.segment_spread * rng.standard_normal((arms, len(names)))
        size = config.context_spread / np.sqrt(max(features, 1))
        self._weights = size * rng.standard_normal((arms, features))
        self._visitors = 0
