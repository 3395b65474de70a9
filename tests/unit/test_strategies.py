"""A strategy sends every user to the rule of its segment, and every feedback to the policy that decided."""

import numpy as np

from framework.records import NEW_USERS, Responses
from framework.strategies import Rule, Strategy
from framework.testing.tiny import tiny_dataset, tiny_queries
from tests.unit.trial.arms import Remembers, Shows


def test_new_users_can_have_a_rule_of_their_own() -> None:
    data = tiny_dataset()
    queries = tiny_queries(data, positions=2)
    names = (*data.segment_names, NEW_USERS)
    rules = {names.index(NEW_USERS): Rule(Shows((7, 8, 9)), Remembers())}
    strategy = Strategy("s", Rule(Shows((0, 1, 2)), Remembers()), data.segments, names, rules)
    actions, _ = strategy.decide(queries, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(actions.items[:, 0] == 7, queries.user < 0)


def test_segments_get_their_own_rule_and_strangers_the_default() -> None:
    data = tiny_dataset()
    queries = tiny_queries(data, positions=2)
    default, special = Remembers(), Remembers()
    odd = data.segment_names.index("odd")
    strategy = Strategy(
        "s",
        Rule(Shows((0, 1, 2)), default),
        data.segments,
        (*data.segment_names, NEW_USERS),
        {odd: Rule(Shows((7, 8, 9)), special)},
    )
    actions, fallback = strategy.decide(queries, 3, np.random.default_rng(0))
    is_odd = (queries.user >= 0) & (queries.segment == odd)
    np.testing.assert_array_equal(actions.items[is_odd], np.tile([7, 8], (is_odd.sum(), 1)))
    np.testing.assert_array_equal(actions.items[~is_odd], np.tile([0, 1], ((~is_odd).sum(), 1)))
    np.testing.assert_array_equal(fallback, queries.user < 0)

    nothing = np.zeros(actions.items.shape)
    n = np.zeros(len(queries), dtype=np.int32)
    strategy.learn(queries, actions, Responses(nothing > 0, nothing > 0, nothing.astype(np.int64), n, n))
    np.testing.assert_array_equal(special.told[0].queries.user, queries.user[is_odd])
    np.testing.assert_array_equal(default.told[0].actions.items, actions.items[~is_odd])
