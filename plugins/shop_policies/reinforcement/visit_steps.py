"""Pages as steps of a decision process: how a user stands when a page is made, what it brings, how they stand then.

A step is one item that a visitor saw. Items of a page are taken as actions side by side, each with its own reward and
one next state for all, as SlateQ decomposes a slate: Ie et al., "SlateQ" (IJCAI 2019), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.records import Feedback, Queries
from shop_policies.bandits.contexts import contexts_of
from shop_policies.bandits.reward_sums import Reward, seen_places

STANDINGS = ("unseen", "passed", "clicked", "bought")
"""How a user stands: no page was seen yet, or what came of the last one that was."""


class Standings:
    """How each known user stands. Users that the training did not know (-1) are never remembered."""

    def __init__(self) -> None:
        self.by_user = np.zeros(0, dtype=np.int8)

    def of(self, queries: Queries) -> NDArray[np.intp]:
        """Return each query's index into `STANDINGS` (n,)."""
        found = np.zeros(len(queries), dtype=np.intp)
        met = (queries.user >= 0) & (queries.user < len(self.by_user))
        found[met] = self.by_user[queries.user[met]]
        return found

    def after(self, feedback: Feedback) -> NDArray[np.intp]:
        """Return how each user stands once the page was answered (n,); a page that nobody saw changes nothing."""
        answers = feedback.responses
        seen = seen_places(feedback)
        clicked, bought = ((what & seen).any(axis=1) for what in (answers.clicked, answers.bought))
        now = np.where(bought, 3, np.where(clicked, 2, 1))
        return np.where(seen.any(axis=1), now, self.of(feedback.queries))

    def note(self, feedback: Feedback) -> None:
        """Remember how users stand after this feedback."""
        user, now = feedback.queries.user, self.after(feedback)
        known = user >= 0
        if known.any():
            self.by_user = np.pad(self.by_user, (0, max(int(user.max()) + 1 - len(self.by_user), 0)))
            self.by_user[user[known]] = now[known]


@dataclass(frozen=True)
class ItemSteps:
    """m shown items as steps, in the order of time.

    `segment` (-1: none), `standing` and `context` (m, F) are the user's then, `clicked`, `bought` and `amount` (minor
    units) what came of the `item`, `next_standing` is how the user stood after the page; all but the context are (m,).
    """

    segment: NDArray[np.int32]
    standing: NDArray[np.int8]
    context: NDArray[np.float32]
    item: NDArray[np.int32]
    clicked: NDArray[np.bool_]
    bought: NDArray[np.bool_]
    amount: NDArray[np.int64]
    next_standing: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.item)

    @staticmethod
    def of(feedback: Feedback, standings: Standings) -> ItemSteps:
        """Return the steps of a batch of pages, by how users stood before it; `standings` stays as it is."""
        seen = seen_places(feedback)
        row, _ = np.nonzero(seen)
        answers = feedback.responses
        return ItemSteps(
            segment=feedback.queries.segment[row],
            standing=standings.of(feedback.queries)[row].astype(np.int8),
            context=contexts_of(feedback.queries)[row].astype(np.float32),
            item=feedback.actions.items[seen],
            clicked=answers.clicked[seen],
            bought=answers.bought[seen],
            amount=answers.amount[seen],
            next_standing=standings.after(feedback)[row].astype(np.int8),
        )

    @staticmethod
    def joined(parts: list[ItemSteps]) -> ItemSteps:
        """Return the steps of several batches, in their order."""
        return ItemSteps(
            *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(ItemSteps))
        )

    def reward(self, reward: Reward) -> NDArray[np.float64]:
        """Return the reward of every step (m,): 0 or 1, or money in minor units."""
        return np.asarray(getattr(self, reward), dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write the steps to an .npz file, for a policy's `log`."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(path: Path) -> ItemSteps:
        """Read what `save` wrote; raises DataError where it is not there or no such file."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return ItemSteps(**{field.name: arrays[field.name] for field in fields(ItemSteps)})
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"the logged steps in {path} cannot be read: {error}",
                hint="It is the .npz file that ItemSteps.save wrote.",
            ) from error
