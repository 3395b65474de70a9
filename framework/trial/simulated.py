"""Simulated evidence: users respond as a model fitted to the log says, to what each strategy shows them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.kinds import Simulator
from framework.records import Outcomes, Queries, Trial
from framework.stats.compare import DESIGNS
from framework.strategies import Strategy
from framework.trial.assign import assign, planned_shares
from framework.trial.population import Population

MIN_UNITS = 2
"""Users that an arm needs before anything can be said of it."""
ESTIMAND = (
    "purchases of shown items by the users known at the split, over a window as long as the simulator was fitted on"
)
ASSUMPTION = (
    "Users respond as the fitted model says. The interval covers chance among users and responses, not errors of the "
    "model: read it beside the simulator's fit."
)


def simulated_trial(
    strategies: Mapping[str, Strategy],
    population: Population,
    simulator: Simulator,
    *,
    design: str,
    batches: int,
    users: int | None,
    shares: Mapping[str, float],
    salt: str,
    candidates: int,
    seed: int,
) -> Trial:
    """Rehearse the test on the training users.

    "paired": every user under every strategy, with common random numbers. "independent": each user in one arm, by a
    hash of `salt` and the user's id. Users come in `batches` in random order, and learning policies get the feedback
    of a batch before the next. Raises ConfigError for an unknown design or shares that do not fit the arms.
    """
    if design not in DESIGNS:
        raise ConfigError(f"trial.simulated.design is '{design}'", allowed=DESIGNS)
    arms = tuple(strategies)
    everyone = population.known_queries(users)
    in_arm = None
    if design == "independent":
        in_arm = assign(everyone.user_ids, planned_shares(arms, shares), salt)
    outcomes = {}
    for index, (name, strategy) in enumerate(strategies.items()):
        queries = everyone if in_arm is None else everyone.take(np.flatnonzero(in_arm == index))
        if len(queries) < MIN_UNITS:
            raise TrialError(
                f"strategy '{name}' got {len(queries)} of {len(everyone)} users",
                allowed=f"{MIN_UNITS} or more",
                hint="Give it a larger share (trial.simulated.shares), or use more users (trial.simulated.users).",
            )
        # The same stream for all arms is what makes the random numbers common.
        stream = [seed, 2] if in_arm is None else [seed, 2, index]
        outcomes[name] = _outcomes(strategy.fresh(), queries, population, simulator, batches, candidates, stream)
    return Trial("simulated", design, ESTIMAND, ASSUMPTION, outcomes)


def _outcomes(
    strategy: Strategy,
    queries: Queries,
    population: Population,
    simulator: Simulator,
    batches: int,
    candidates: int,
    stream: list[int],
) -> Outcomes:
    n, k = len(queries), queries.positions
    items, fallback = np.full((n, k), -1, dtype=np.int32), np.zeros(n, dtype=bool)
    bought, amount, orders = np.zeros((n, k), dtype=bool), np.zeros((n, k), dtype=np.int64), np.zeros(n, dtype=np.int32)
    for number, rows in enumerate(_batches(n, batches if strategy.learns else 1, stream)):
        part = queries.take(rows)
        actions, part_fallback = strategy.decide(part, candidates, np.random.default_rng([*stream, 1, number]))
        # Draws are keyed by user and item, and a user comes once: one key for all batches keeps the numbers common
        # between an arm that learns and one that does not.
        responses = simulator.respond(part, actions, np.random.default_rng([*stream, 2]))
        strategy.learn(part, actions, responses)
        items[rows], fallback[rows] = actions.items, part_fallback
        bought[rows], amount[rows], orders[rows] = responses.bought, responses.amount, responses.orders
    return Outcomes(
        evidence="simulated",
        strategy=strategy.name,
        units=queries.user_ids,
        segment=queries.segment,
        segment_names=queries.segment_names,
        items=items,
        bought=bought,
        amount=amount,
        orders=orders,
        relevant=None,
        popularity=population.popularity,
        fallback=fallback,
        currency=population.data.currency,
    )


def _batches(n: int, batches: int, stream: list[int]) -> list[NDArray[np.intp]]:
    if batches <= 1:
        return [np.arange(n)]
    order = np.random.default_rng([*stream, 3]).permutation(n)
    return [np.sort(rows) for rows in np.array_split(order, min(batches, n)) if len(rows)]
