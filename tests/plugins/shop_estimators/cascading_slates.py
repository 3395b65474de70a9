"""Slates of 3 of 6 items, read from the top: what a place earns hangs on its item and on the one above it."""

import numpy as np

from framework.records import WeightedSlates

ITEMS, PLACES = 6, 3
_RNG = np.random.default_rng(11)
RATE = _RNG.uniform(0.05, 0.4, ITEMS)
# What is left of an item's rate below each other item.
LEFT = _RNG.uniform(0.3, 1.0, (ITEMS, ITEMS))
POLICY = _RNG.dirichlet(np.full(ITEMS, 1.5), PLACES)
TRUTH = float(
    POLICY[0] @ RATE + sum(POLICY[k - 1] @ LEFT @ (RATE * POLICY[k]) for k in range(1, PLACES))
)  # LEFT[above, own]


def log(n, rng, model=0.9):
    """Return n slates of a uniform logger (an item may come twice); the reward model is off by the factor `model`."""
    item = rng.integers(0, ITEMS, (n, PLACES))
    rate = np.empty((n, PLACES))
    expected = np.empty((n, PLACES))
    rate[:, 0], expected[:, 0] = RATE[item[:, 0]], POLICY[0] @ RATE
    for k in range(1, PLACES):
        rate[:, k] = RATE[item[:, k]] * LEFT[item[:, k - 1], item[:, k]]
        expected[:, k] = (LEFT * RATE)[item[:, k - 1]] @ POLICY[k]
    reward = (rng.random((n, PLACES)) < rate).astype(np.float64)
    place = POLICY[np.arange(PLACES), item] * ITEMS
    cascade = np.cumprod(place, axis=1)
    slate = np.repeat(cascade[:, -1:], PLACES, axis=1)
    return WeightedSlates(reward, slate, place, cascade, model * rate, model * expected)
