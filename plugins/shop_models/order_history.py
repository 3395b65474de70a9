"""Each user's history of orders as lifetime models read it: how many days with orders, the first and the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.data.tables import MICROSECONDS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset


@dataclass(frozen=True)
class OrderHistory:
    """The users who bought (n of U), in the order of `users`; times in days.

    `chosen` (U,) says who they are. `repeats` (n,) counts days with an order after the first such day, `last` is the
    time from the first to the last one, `observed` the time from the first one to the data's end, and `day_value` the
    mean money of a day with orders, in minor units, net of cancellations.
    """

    chosen: NDArray[np.bool_]
    repeats: NDArray[np.int64]
    last: NDArray[np.float64]
    observed: NDArray[np.float64]
    day_value: NDArray[np.float64]

    @property
    def days(self) -> NDArray[np.int64]:
        """Days with an order (n,), the first one too."""
        return self.repeats + 1


def order_history(data: Dataset) -> OrderHistory:
    """Return the history of every user who bought.

    Orders of one day (UTC) count once: someone who orders twice in an afternoon is no more loyal for it. Days count
    from their beginning, and what is observed from the first one to `as_of`, with half a day at least.
    """
    bought = data.events.of_kind("purchase")
    bought = bought.where(bought.user >= 0)
    U = len(data.users)
    if not len(bought):
        nothing = np.zeros(0)
        return OrderHistory(np.zeros(U, dtype=np.bool_), nothing.astype(np.int64), nothing, nothing, nothing)
    day = bought.time // MICROSECONDS_PER_DAY
    pairs = np.unique(np.stack([bought.user.astype(np.int64), day], axis=1), axis=0)
    days = np.bincount(pairs[:, 0], minlength=U)
    chosen = days > 0
    starts = np.concatenate([[0], np.cumsum(days[chosen])])
    first, last = pairs[starts[:-1], 1], pairs[starts[1:] - 1, 1]
    money = np.bincount(bought.user, weights=bought.amount.astype(np.float64), minlength=U)[chosen]
    end = data.as_of / MICROSECONDS_PER_DAY
    # Whoever bought for the first time today has been observed for a moment, not for none.
    observed = np.maximum(end - first, np.maximum(last - first, 0.5))
    return OrderHistory(
        chosen=chosen,
        repeats=(days[chosen] - 1).astype(np.int64),
        last=(last - first).astype(np.float64),
        observed=observed.astype(np.float64),
        day_value=money / days[chosen],
    )
