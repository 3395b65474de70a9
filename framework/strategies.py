"""Strategies: a fitted recommender and policy for all users, with rules of their own for some segments."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framework.kinds import Learns, Policy, Recommender, Reranker
from framework.records import Actions, Feedback, Queries, Responses, Slates


@dataclass(frozen=True)
class Rule:
    """What decides for a group of users: a recommender ranks, rerankers reorder in turn, a policy chooses."""

    recommender: Recommender
    policy: Policy
    rerankers: tuple[Reranker, ...] = ()

    def fresh(self) -> Rule:
        """Return the rule with a policy of its own; all else, which no trial changes, is shared."""
        return replace(self, policy=copy.deepcopy(self.policy))

    def candidates(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, catalogue) candidates that the policy chooses from, in the rerankers' order."""
        slates = self.recommender.recommend(queries, k)
        for reranker in self.rerankers:
            slates = reranker.rerank(queries, slates, slates.items.shape[1])
        return slates


@dataclass(frozen=True)
class Strategy:
    """What a team would launch.

    `labels` (U,) index `segment_names`, the segments as this strategy's own model sees them, of which the last holds
    the users that the model has never seen. `rules` maps an index of `segment_names` to the rule of that segment,
    everybody else gets `default`.
    """

    name: str
    default: Rule
    labels: NDArray[np.int32]
    segment_names: tuple[str, ...]
    rules: dict[int, Rule] = field(default_factory=dict)

    @property
    def learns(self) -> bool:
        """Whether any of its policies learns while the trial runs."""
        return any(isinstance(rule.policy, Learns) for rule in self._all_rules())

    @property
    def recommenders(self) -> tuple[Recommender, ...]:
        """Its different recommenders, the default's first."""
        return tuple({id(rule.recommender): rule.recommender for rule in self._all_rules()}.values())

    @property
    def rerankers(self) -> tuple[Reranker, ...]:
        """Its different rerankers, the default's first."""
        return tuple({id(one): one for rule in self._all_rules() for one in rule.rerankers}.values())

    def fresh(self) -> Strategy:
        """Return the strategy as before any feedback: what a copy's policies learn stays with the copy."""
        rules = {segment: rule.fresh() for segment, rule in self.rules.items()}
        return replace(self, default=self.default.fresh(), rules=rules)

    def decide(self, queries: Queries, candidates: int, rng: np.random.Generator) -> tuple[Actions, NDArray[np.bool_]]:
        """Return what is shown to each query, and which queries got the recommender's fallback (n,)."""
        own = self._own(queries)
        shape = (len(own), own.positions)
        items = np.full(shape, -1, dtype=np.int32)
        propensities = np.ones(shape)
        fallback = np.zeros(len(own), dtype=bool)
        for rule, rows in self._groups(own):
            part = own.take(rows)
            slates = rule.candidates(part, max(candidates, own.positions))
            actions = rule.policy.act(part, slates, rng)
            items[rows], propensities[rows], fallback[rows] = actions.items, actions.propensities, slates.fallback
        return Actions(items, propensities), fallback

    def learn(self, queries: Queries, actions: Actions, responses: Responses) -> None:
        """Hand each learning policy the decisions that it made, with what came of them."""
        own = self._own(queries)
        for rule, rows in self._groups(own):
            if isinstance(rule.policy, Learns):
                rule.policy.learn(Feedback(own.take(rows), _take_actions(actions, rows), _take(responses, rows)))

    def _all_rules(self) -> tuple[Rule, ...]:
        return (self.default, *self.rules.values())

    def _own(self, queries: Queries) -> Queries:
        known = queries.user >= 0
        segment = np.full(len(queries), len(self.segment_names) - 1, dtype=np.int32)
        if len(self.labels):
            segment[known] = self.labels[queries.user[known]]
        return replace(queries, segment=segment, segment_names=self.segment_names)

    def _groups(self, queries: Queries) -> list[tuple[Rule, NDArray[np.intp]]]:
        special = np.isin(queries.segment, list(self.rules)) if self.rules else np.zeros(len(queries), dtype=bool)
        groups = [(self.default, np.flatnonzero(~special))]
        groups += [(rule, np.flatnonzero(queries.segment == segment)) for segment, rule in self.rules.items()]
        return [(rule, rows) for rule, rows in groups if len(rows)]


def _take_actions(actions: Actions, rows: NDArray[np.intp]) -> Actions:
    return Actions(actions.items[rows], actions.propensities[rows])


def _take(responses: Responses, rows: NDArray[np.intp]) -> Responses:
    return Responses(
        responses.clicked[rows],
        responses.bought[rows],
        responses.amount[rows],
        responses.visits[rows],
        responses.orders[rows],
    )
