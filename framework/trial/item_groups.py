"""Hot, warm and cold items: how well an arm finds purchases of what sells anyway, and of what hardly anybody bought.

Descriptive: nothing here is tested, and no interval is drawn. Popularity is the number of buyers before the split.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, Interactions
from framework.kinds import Metric, Summary
from framework.records import Outcomes, Trial

HOT, WARM, COLD = "hot", "warm", "cold"
GROUPS = (HOT, WARM, COLD)
HEAD_SHARE = 0.5
"""Share of all pairs of a buyer and an item before the split that the hot items have together, at the least."""


def groups_of(popularity: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return each item's place in `GROUPS` (I,).

    Cold items nobody bought. Hot are the most bought ones that have half of all buyers' items together, with all that
    are as popular as the last of them: the group hangs on an item's number of buyers alone.
    """
    groups = np.where(popularity > 0, GROUPS.index(WARM), GROUPS.index(COLD)).astype(np.int8)
    falling = np.sort(popularity)[::-1]
    reached = np.cumsum(falling)
    if len(reached) and reached[-1] > 0:
        last = falling[np.searchsorted(reached, HEAD_SHARE * reached[-1])]
        groups[popularity >= last] = GROUPS.index(HOT)
    return groups


def bought_by_group(purchases: Interactions, groups: NDArray[np.int8], n: int) -> NDArray[np.int32]:
    """Return how many different items of each group each of n users bought (n, 3), of `purchases` by their numbers.

    Items unknown before the split are cold; as they cannot be told apart, each such line counts.
    """
    known = purchases.item != UNKNOWN
    pairs = np.unique(np.stack([purchases.user[known], purchases.item[known]]), axis=1)
    user = np.concatenate([pairs[0], purchases.user[~known]]).astype(np.int64)
    group = np.concatenate([groups[pairs[1]], np.full(int((~known).sum()), GROUPS.index(COLD))]).astype(np.int64)
    counts = np.bincount(user * len(GROUPS) + group, minlength=n * len(GROUPS))
    return counts.reshape(n, len(GROUPS)).astype(np.int32)


def item_groups_of(trial: Trial, metric: Metric | None) -> dict[str, Any] | None:
    """Return what the result keeps of the groups and of every arm within them; None where the trial knows of none.

    An arm's `found` counts the held-out purchases that it showed, and `recall` is their share of all in the group,
    users pooled. `value` is the mean of `metric`, where given, over the users who bought in the group, with only the
    group's purchases counted as right.
    """
    if trial.bought_by_group is None or not trial.outcomes:
        return None
    first = next(iter(trial.outcomes.values()))
    groups, popularity, wanted = groups_of(first.popularity), first.popularity, trial.bought_by_group
    bought = max(int(popularity.sum()), 1)
    held = max(int(wanted.sum()), 1)
    rows = [
        {
            "group": name,
            "items": int((groups == place).sum()),
            "share_before": float(popularity[groups == place].sum()) / bought,
            "purchases": int(wanted[:, place].sum()),
            "share": float(wanted[:, place].sum()) / held,
            "users": int((wanted[:, place] > 0).sum()),
        }
        for place, name in enumerate(GROUPS)
    ]
    return {
        "evidence": trial.evidence,
        "positions": int(first.items.shape[1]),
        "catalogue": first.catalogue_size,
        "users": len(first),
        "head_share": HEAD_SHARE,
        "metric": None if metric is None else metric.label,
        "groups": rows,
        "arms": [
            {"strategy": name, "group": group, **_within(outcomes, groups, wanted[:, place], place, metric)}
            for name, outcomes in (trial.outcomes | trial.baselines).items()
            for place, group in enumerate(GROUPS)
        ],
    }


def ranking_metric(metrics: list[Metric | Summary]) -> Metric | None:
    """Return the first of these that reads rankings: one that needs all that a user bought later, no ratio."""
    return next(
        (metric for metric in metrics if isinstance(metric, Metric) and tuple(metric.evidence) == ("holdout",)), None
    )


def _within(
    outcomes: Outcomes, groups: NDArray[np.int8], wanted: NDArray[np.int32], place: int, metric: Metric | None
) -> dict[str, Any]:
    there = outcomes.items != UNKNOWN
    of_group = there & (groups[np.where(there, outcomes.items, 0)] == place)
    bought = outcomes.bought & of_group
    found, all_of_them = int(bought.sum()), int(wanted.sum())
    recall = found / all_of_them if all_of_them else None
    return {"found": found, "recall": recall, "value": _value(outcomes, bought, wanted, metric)}


def _value(
    outcomes: Outcomes, bought: NDArray[np.bool_], wanted: NDArray[np.int32], metric: Metric | None
) -> float | None:
    buyers = wanted > 0
    if metric is None or not buyers.any():
        return None
    alone = replace(outcomes, bought=bought, amount=np.where(bought, outcomes.amount, 0), relevant=wanted)
    values = metric.measure(alone)
    return None if values.denominator is not None else float(values.numerator[buyers].mean())
