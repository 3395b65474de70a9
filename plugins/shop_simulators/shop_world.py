"""A shop as a Markov decision process: users who come again, as a simulator says, until they leave. All at once.

The state of a user is the segment, what came of the last page, and what was bought so far; an action makes a page out
of the user's candidates; the next state hangs on what the simulator answers. `environment.py` shows it to agents one
user at a time, `vector_environment.py` all users side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, DataError
from framework.kinds import Simulator
from framework.records import Actions, Feedback, Queries, Responses, Slates

_Number = TypeVar("_Number", bound=np.generic)
STANDINGS = ("unseen", "passed", "clicked", "bought")
"""How a user stands: no page was seen yet, or what came of the last one that was."""


@dataclass(frozen=True)
class Rewards:
    """What a page is worth.

    `click` and `purchase` for each of them; `margin` for each currency unit earned on what is not sent back;
    `returned` for each item that is, and `leaving` for a user who does not come again, both taken off.
    """

    click: float = 0.0
    purchase: float = 1.0
    margin: float = 0.0
    returned: float = 0.0
    leaving: float = 0.0


@dataclass(frozen=True)
class ShopConfig:
    """The decision process round a simulator.

    `action`: "item" puts one of the candidates first on the page, and the others follow in their order; "recommender"
    shows the head of one of several rankings; "discount" sells the head of the ranking at one of `discounts` (shares
    of the price). `positions` a page has; `visits`: pages until a user's episode is cut off. `leave`: chances that a
    user is gone for good after a page that was passed, clicked, or bought from. `again`: whether an item that was
    bought may be shown again. Purchases rise by `elasticity` times the discount, relatively: a second answer of the
    simulator is added with that chance, at most 1. `margin_share`: what of the full price is not cost; a purchase is
    sent back with `return_chance`. `observation`: "discrete" numbers segment and standing, "vector" tells all.
    """

    action: Literal["item", "recommender", "discount"] = "item"
    positions: int = 1
    visits: int = 10
    leave: tuple[float, float, float] = (0.1, 0.05, 0.02)
    again: bool = False
    discounts: tuple[float, ...] = (0.0, 0.1, 0.2)
    elasticity: float = 2.0
    margin_share: float = 0.4
    return_chance: float = 0.0
    observation: Literal["discrete", "vector"] = "discrete"
    rewards: Rewards = field(default_factory=Rewards)

    def __post_init__(self) -> None:
        for name in ("positions", "visits"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}", allowed="an integer from 1")
        shares = {"leave": self.leave, "discounts": self.discounts, "margin_share": (self.margin_share,)}
        for name, values in (*shares.items(), ("return_chance", (self.return_chance,))):
            if not all(0.0 <= value <= 1.0 for value in values):
                raise ConfigError(f"{name} is {values}", allowed="numbers from 0 to 1")
        if len(self.leave) != len(STANDINGS) - 1 or not self.discounts or self.elasticity < 0.0:
            raise ConfigError(
                f"leave has {len(self.leave)} chances, discounts {len(self.discounts)}, elasticity {self.elasticity}",
                allowed="3 chances, 1 discount or more, an elasticity from 0",
            )


@dataclass(frozen=True)
class Answer:
    """What came of a page shown to each of n users: `reward`, `left` and `cut_off` (the last visit was made) are (n,).

    `earned` (n,) is the margin in minor units, `returned` (n,) counts items sent back. Users whose episode was over
    before have zeros, and False.
    """

    reward: NDArray[np.float64]
    left: NDArray[np.bool_]
    cut_off: NDArray[np.bool_]
    earned: NDArray[np.float64]
    returned: NDArray[np.int64]
    feedback: Feedback


class ShopWorld:
    """n users with their candidates: one ranking of each, or two and more for the action "recommender"."""

    def __init__(
        self, simulator: Simulator, queries: Queries, slates: Slates | Sequence[Slates], config: ShopConfig
    ) -> None:
        rankings = [slates] if isinstance(slates, Slates) else list(slates)
        wanted = 2 if config.action == "recommender" else 1
        if len(rankings) < wanted or any(one.items.shape != rankings[0].items.shape for one in rankings):
            raise DataError(
                f"the action '{config.action}' got rankings of shapes {[one.items.shape for one in rankings]}",
                allowed=f"{wanted} or more, of one shape" if wanted > 1 else "one ranking",
            )
        if len(rankings[0].items) != len(queries) or not len(queries):
            raise DataError(f"there are {len(queries)} users and rankings for {len(rankings[0].items)}")
        self.simulator, self.config = simulator, config
        self.queries = queries
        self.candidates = np.stack([one.items for one in rankings])
        self.scores = rankings[0].scores
        n = len(queries)
        self.standing, self.made = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.clicks, self.purchases = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.spent, self.over = np.zeros(n), np.zeros(n, dtype=np.bool_)
        self.taken = np.zeros((n, int(self.candidates.max(initial=0)) + 1), dtype=np.bool_)
        self._rng = np.random.default_rng(0)
        segments = np.eye(len(queries.segment_names) + 1, dtype=np.float32)[np.maximum(queries.segment, -1) + 1]
        known = np.zeros((n, 0)) if queries.features is None else queries.features
        self._fixed = np.concatenate([segments, known], axis=1).astype(np.float32)

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def actions(self) -> int:
        """How many actions there are."""
        by_kind = {"item": self.candidates.shape[2], "recommender": len(self.candidates)}
        return int(by_kind.get(self.config.action, len(self.config.discounts)))

    @property
    def states(self) -> int:
        """How many numbers the discrete observation may be."""
        return int(len(self.queries.segment_names) + 1) * len(STANDINGS)

    @property
    def features(self) -> int:
        """How long the vector observation is."""
        return int(self._fixed.shape[1]) + len(STANDINGS) + 4

    @property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The least and the most that each number of the vector observation may be."""
        low = np.zeros(self.features, dtype=np.float32)
        high = np.ones(self.features, dtype=np.float32)
        width = self._fixed.shape[1]
        low[:width] = np.minimum(self._fixed.min(axis=0), 0.0)
        high[:width] = np.maximum(self._fixed.max(axis=0), 1.0)
        # Logarithms of counts of a few pages, and of money.
        high[-3:] = 64.0
        return low, high

    def begin(self, rng: np.random.Generator, which: NDArray[np.bool_] | None = None) -> None:
        """Let users begin anew, all or those marked (n,); `rng` is drawn from, for as long as this goes on."""
        self._rng = rng
        rows = slice(None) if which is None else which
        for array in (self.standing, self.made, self.clicks, self.purchases, self.spent, self.over, self.taken):
            array[rows] = 0

    def observe(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """Return what an agent sees: numbers (n,) below `states`, or vectors (n, features)."""
        if self.config.observation == "discrete":
            return (np.maximum(self.queries.segment, -1) + 1).astype(np.int64) * len(STANDINGS) + self.standing
        sums = np.log1p(np.column_stack([self.clicks, self.purchases, self.spent / 100.0]))
        standing = np.eye(len(STANDINGS), dtype=np.float32)[self.standing]
        part = self.made[:, None] / self.config.visits
        return np.concatenate([self._fixed, standing, part, sums], axis=1).astype(np.float32)

    def allowed(self) -> NDArray[np.bool_]:
        """Return which actions show something (n, actions)."""
        if self.config.action != "item":
            return np.ones((len(self), self.actions), dtype=np.bool_)
        return ~self._gone(np.arange(len(self)), self.candidates[0])

    def slates(self, rows: NDArray[np.intp]) -> Slates:
        """Return what may still be shown to users `rows`, in their ranking's order, for a policy to choose from."""
        items = self.candidates[0][rows]
        gone = self._gone(rows, items)
        order = np.argsort(gone, axis=1, kind="stable")
        kept = np.take_along_axis(np.where(gone, -1, items), order, axis=1)
        scores = np.take_along_axis(np.where(gone, -np.inf, self.scores[rows]), order, axis=1)
        return Slates(kept, scores.astype(np.float32), np.zeros(len(rows), dtype=np.bool_))

    def step(self, actions: NDArray[np.int64]) -> Answer:
        """Do one action (n,) for each user and return what comes of it; users whose episode is over stay as they are.

        Raises ConfigError for actions that there are not.
        """
        actions = np.asarray(actions)
        if actions.shape != (len(self),) or actions.min() < 0 or actions.max() >= self.actions:
            raise ConfigError(
                f"actions have shape {actions.shape} and lie from {actions.min()} to {actions.max()}",
                allowed=f"({len(self)},), from 0 to {self.actions - 1}",
            )
        rows = np.flatnonzero(~self.over)
        chosen = actions[rows]
        if self.config.action == "discount":
            return self.show(
                rows, self._page(rows, self.candidates[0][rows]), np.asarray(self.config.discounts)[chosen]
            )
        if self.config.action == "recommender":
            return self.show(rows, self._page(rows, self.candidates[chosen, rows]))
        return self.show(rows, self._page(rows, self.candidates[0][rows], chosen))

    def show(
        self, rows: NDArray[np.intp], items: NDArray[np.int32], discount: NDArray[np.float64] | None = None
    ) -> Answer:
        """Show pages (len(rows), positions) to users whose episodes are not over, and return what comes of it."""
        config, rng = self.config, self._rng
        queries = self.queries if len(rows) == len(self) else self.queries.take(rows)
        # Drawn for all users, so that one who is gone changes nothing for the others.
        keys = rng.integers(2**63, size=2)
        chance = rng.random(len(self))[rows]
        luck = rng.random((2, len(self), items.shape[1]))[:, rows]
        page = Actions(items, np.ones(items.shape))
        answers = self.simulator.respond(queries, page, np.random.default_rng(int(keys[0])))
        if discount is not None and discount.any():
            again = self.simulator.respond(queries, page, np.random.default_rng(int(keys[1])))
            answers = _sold_more(answers, again, luck[0] < config.elasticity * discount[:, None])
        back = np.zeros(items.shape, dtype=np.bool_)
        if config.return_chance:
            back = answers.bought & (luck[1] < config.return_chance)
        share = config.margin_share - (0.0 if discount is None else discount[:, None])
        earned = (answers.amount * share * ~back).sum(axis=1)
        seen = (answers.visits > 0) & (items >= 0).any(axis=1)
        clicked, bought = answers.clicked.sum(axis=1), answers.bought.sum(axis=1)
        standing = np.where(bought > 0, 3, np.where(clicked > 0, 2, 1))
        left = seen & (chance < np.asarray(config.leave)[standing - 1])
        self.standing[rows] = np.where(seen, standing, self.standing[rows])
        self.made[rows] += 1
        self.clicks[rows] += clicked
        self.purchases[rows] += bought
        self.spent[rows] += (answers.amount * (1.0 if discount is None else 1.0 - discount[:, None])).sum(axis=1)
        place, position = np.nonzero(answers.bought)
        self.taken[rows[place], items[place, position]] = True
        cut_off = ~left & (self.made[rows] >= config.visits)
        self.over[rows] = left | cut_off
        worth, returned = config.rewards, back.sum(axis=1)
        reward = (
            worth.click * clicked
            + worth.purchase * bought
            + worth.margin * earned / 100.0
            - worth.returned * returned
            - worth.leaving * left
        )
        return Answer(
            self._spread(rows, reward),
            self._spread(rows, left),
            self._spread(rows, cut_off),
            self._spread(rows, earned),
            self._spread(rows, returned),
            Feedback(queries, page, answers),
        )

    def _gone(self, rows: NDArray[np.intp], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which places (m, C) hold nothing, or what was bought and is not shown again."""
        if self.config.again:
            return items < 0
        return (items < 0) | self.taken[rows[:, None], items]

    def _page(
        self, rows: NDArray[np.intp], items: NDArray[np.int32], first: NDArray[np.int64] | None = None
    ) -> NDArray[np.int32]:
        """Return the page (m, positions): the candidate at `first`, if given, then the others that may be shown."""
        places = np.arange(len(rows))
        if first is not None and self.config.positions == 1:
            one = items[places, first][:, None]
            return np.where(self._gone(rows, one), -1, one).astype(np.int32)
        gone = self._gone(rows, items)
        rank = np.where(gone, items.shape[1], 0) + np.arange(items.shape[1])
        if first is not None:
            rank[places, first] = np.where(gone[places, first], rank[places, first], -1)
        order = np.argsort(rank, axis=1)[:, : self.config.positions]
        page = np.take_along_axis(np.where(gone, -1, items), order, axis=1)
        missing = self.config.positions - page.shape[1]
        return np.pad(page, ((0, 0), (0, max(missing, 0))), constant_values=-1).astype(np.int32)

    def _spread(self, rows: NDArray[np.intp], values: NDArray[_Number]) -> NDArray[_Number]:
        if len(rows) == len(self):
            return values
        whole = np.zeros(len(self), dtype=values.dtype)
        whole[rows] = values
        return whole


def _sold_more(answers: Responses, again: Responses, lucky: NDArray[np.bool_]) -> Responses:
    """Add what a second answer bought at `lucky` places (n, positions), on pages that the first one saw."""
    more = again.bought & ~answers.bought & (answers.visits > 0)[:, None] & lucky
    return Responses(
        clicked=answers.clicked | more,
        bought=answers.bought | more,
        amount=np.where(more, again.amount, answers.amount),
        visits=answers.visits,
        orders=np.maximum(answers.orders, more.any(axis=1)).astype(np.int32),
    )
