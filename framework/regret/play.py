"""One policy plays one world once: what it showed, against the best that could have been shown."""

from __future__ import annotations

import copy
from collections import deque

import numpy as np
from numpy.typing import NDArray

from framework.kinds import Learns, Policy, World
from framework.records import Actions, Feedback, Queries, Slates


def played(
    world: World, policy: Policy, *, rounds: int, batch: int, positions: int, seed: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the pseudo-regret accumulated over `rounds` visitors, after each batch of them.

    A visitor's regret is the sum of the chances of the best arms for them at that moment, one for each position, less
    that of the arms shown: expectations by the truth, so that luck with the answers counts nothing. Feedback of a batch
    reaches the policy after it, or `world.delay` batches later; what is still on its way at the end is not learned.
    Equal arguments give equal regret; visitors, and their answers to equal arms, do not depend on the policy.
    Reference: Bubeck and Cesa-Bianchi, "Regret analysis of stochastic and nonstochastic multi-armed bandit problems",
    2012, section 1.
    """
    world, policy = copy.deepcopy(world), copy.deepcopy(policy)
    coming, choosing, answering = (np.random.default_rng([*seed, stream]) for stream in range(3))
    world.plant(coming)
    waiting: deque[Feedback] = deque()
    sizes = [min(batch, rounds - start) for start in range(0, rounds, batch)]
    lost = np.zeros(len(sizes))
    for turn, count in enumerate(sizes):
        queries, slates = world.arrive(count, positions, coming)
        actions = policy.act(queries, slates, choosing)
        lost[turn] = _lost(world, queries, slates, actions)
        responses = world.respond(queries, actions, answering)
        if isinstance(policy, Learns):
            waiting.append(Feedback(queries, actions, responses))
            if len(waiting) > world.delay:
                policy.learn(waiting.popleft())
    return np.cumsum(lost)


def _lost(world: World, queries: Queries, slates: Slates, actions: Actions) -> float:
    """Return the regret of a batch of visitors."""
    best = -np.sort(-world.expected(queries, slates.items), axis=1)[:, : queries.positions]
    return float(best.sum() - world.expected(queries, actions.items).sum())
