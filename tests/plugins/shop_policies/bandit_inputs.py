"""Queries, slates and feedback for the tests of bandits."""

import numpy as np

from framework.records import Actions, Feedback, Queries, Responses, Slates


def queries(n, positions=1, *, segment=-1, features=None, names=("a", "b")):
    segments = np.broadcast_to(np.asarray(segment, dtype=np.int32), (n,)).copy()
    user = np.arange(n, dtype=np.int32)
    return Queries(user, user.astype(str), segments, names, positions, features=features)


def slates(items, scores=None):
    items = np.asarray(items, dtype=np.int32)
    falling = -np.arange(items.size, dtype=np.float32).reshape(items.shape)
    given = falling if scores is None else np.asarray(scores, dtype=np.float32)
    return Slates(items, given, np.zeros(len(items), dtype=bool))


def feedback(asked, items, bought, visits=1, amount=None):
    items, bought = np.asarray(items, dtype=np.int32), np.asarray(bought, dtype=bool)
    came = np.broadcast_to(np.asarray(visits, dtype=np.int32), (len(items),)).copy()
    money = bought.astype(np.int64) * 100 if amount is None else np.asarray(amount, dtype=np.int64)
    orders = bought.any(axis=1).astype(np.int32)
    return Feedback(asked, Actions(items, np.ones(items.shape)), Responses(bought, bought, money, came, orders))


def random_feedback(rng, n=40, positions=2, items=9, *, features=None):
    """Return feedback with empty places, pages nobody saw, and money."""
    width = 3 if features is None else features
    own = None if features == 0 else rng.normal(size=(n, width))
    asked = queries(n, positions, segment=rng.integers(-1, 2, n), features=own)
    shown = np.array([rng.permutation(items)[:positions] for _ in range(n)], dtype=np.int32)
    shown[:3, -1] = -1
    bought = (rng.random(shown.shape) < 0.3) & (shown >= 0)
    amount = np.where(bought, rng.integers(100, 5000, shown.shape), 0)
    return feedback(asked, shown, bought, rng.integers(0, 3, n), amount)
