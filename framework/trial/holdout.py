"""Holdout evidence: every strategy ranks for the same users, and later purchases say what was right."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Interactions, Window
from framework.errors import TrialError
from framework.records import Outcomes, Queries, Ranked, Trial
from framework.strategies import Strategy
from framework.trial.item_groups import bought_by_group, groups_of
from framework.trial.population import Population
from framework.trial.ties import counting_ties

ESTIMAND = (
    "purchases, by the users who bought anything in the test part, of the items that a strategy would have shown them"
)
ASSUMPTION = "Showing an item neither causes nor prevents a purchase: only what users bought anyway is counted."


def holdout_trial(
    strategies: Mapping[str, Strategy],
    population: Population,
    later: Window,
    *,
    users: str,
    candidates: int,
    seed: int,
    baselines: Mapping[str, Strategy] | None = None,
) -> Trial:
    """Score every strategy on the buyers of the later window (paired: same users, same purchases).

    `users` is "all" or "known" (seen before the split); `baselines` are scored likewise and stand apart. Raises
    TrialError where nobody qualifies.
    """
    purchases = later.events.of_kind("purchase")
    buyers = np.unique(purchases.user)
    if users == "known":
        buyers = buyers[later.user_index[buyers] >= 0]
    if not len(buyers):
        raise TrialError(
            "no user bought anything after the split, so there is nothing to score",
            hint="Make the test part longer (data.split.test), or count all users (trial.holdout.users=all).",
        )
    queries = population.queries(later.user_index[buyers], later.user_ids[buyers])
    purchases = _renumbered(purchases, buyers)
    found = {
        name: _outcomes(strategy, queries, population, purchases, candidates, seed)
        for name, strategy in {**strategies, **(baselines or {})}.items()
    }
    return Trial(
        evidence="holdout",
        design="paired",
        estimand=ESTIMAND,
        assumption=ASSUMPTION,
        outcomes={name: found[name][0] for name in strategies},
        warnings=(*_warnings(later, buyers, purchases), *_untaught(strategies)),
        baselines={name: found[name][0] for name in baselines or {}},
        ranked={name: ranked for name, (_, ranked) in found.items()},
        bought_by_group=bought_by_group(purchases, groups_of(population.popularity), len(buyers)),
    )


def _outcomes(
    strategy: Strategy, queries: Queries, population: Population, purchases: Interactions, candidates: int, seed: int
) -> tuple[Outcomes, Ranked]:
    deciding, ties = counting_ties(strategy, queries.positions)
    started = time.perf_counter()
    actions, fallback = deciding.decide(queries, candidates, np.random.default_rng([seed, 1]))
    ranked = Ranked(time.perf_counter() - started, *ties.shares)
    data = population.data
    amounts, bought, shown_rows = _matches(actions.items, purchases, len(data.items))
    baskets = np.unique(np.stack([purchases.user[shown_rows], purchases.order[shown_rows]]), axis=1)
    orders = np.bincount(baskets[0], minlength=len(queries)).astype(np.int32)
    outcomes = Outcomes(
        evidence="holdout",
        strategy=strategy.name,
        units=queries.user_ids,
        segment=queries.segment,
        segment_names=queries.segment_names,
        items=actions.items,
        bought=bought,
        amount=amounts,
        orders=orders,
        relevant=_relevant(purchases, len(queries)),
        popularity=population.popularity,
        fallback=fallback,
        currency=data.currency,
    )
    return outcomes, ranked


def _matches(
    items: NDArray[np.int32], purchases: Interactions, catalogue: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what each shown item earned (n, k), whether it was bought (n, k), and which purchases were shown (m,)."""
    width = catalogue + 1
    rows = np.arange(len(items), dtype=np.int64)[:, None]
    shown = np.where(items >= 0, rows * width + items, -1)
    keys = np.where(purchases.item >= 0, purchases.user.astype(np.int64) * width + purchases.item, -2)
    pairs, place = np.unique(keys, return_inverse=True)
    money = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(money, place, purchases.amount)
    at = np.searchsorted(pairs, shown).clip(max=len(pairs) - 1)
    bought = pairs[at] == shown
    return np.where(bought, money[at], 0), bought, np.isin(keys, shown[shown >= 0])


def _relevant(purchases: Interactions, n: int) -> NDArray[np.int32]:
    # Items unknown before the split cannot be told apart by index; each such line counts once, as a miss for all arms.
    known = purchases.item >= 0
    pairs = np.unique(np.stack([purchases.user[known], purchases.item[known]]), axis=1)
    unknown = np.bincount(purchases.user[~known], minlength=n)
    return (np.bincount(pairs[0], minlength=n) + unknown).astype(np.int32)


def _renumbered(purchases: Interactions, buyers: NDArray[np.int32]) -> Interactions:
    kept = purchases.where(np.isin(purchases.user, buyers))
    return replace(kept, user=np.searchsorted(buyers, kept.user).astype(np.int32))


def _untaught(strategies: Mapping[str, Strategy]) -> tuple[str, ...]:
    return tuple(
        f"Strategy '{name}' learns while it runs, and a holdout gives no feedback: it is judged there as it starts."
        for name, strategy in strategies.items()
        if strategy.learns
    )


def _warnings(later: Window, buyers: NDArray[np.int32], purchases: Interactions) -> tuple[str, ...]:
    warnings = []
    new_users = float((later.user_index[buyers] < 0).mean())
    if new_users > 0.5:
        warnings.append(f"{new_users:.0%} of the holdout's users are new: they all get the fallback.")
    new_items = float((purchases.item < 0).mean())
    if new_items > 0.25:
        warnings.append(f"{new_items:.0%} of the holdout's purchases are of new items, which no strategy could show.")
    return tuple(warnings)
