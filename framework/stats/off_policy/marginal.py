"""Importance weights of what an action is like, in place of which action it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError


def marginal_weights(
    target: NDArray[np.float64], logging: NDArray[np.float64], likelihood: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return w(x, e) = sum_a target(a | x) p(e | a) / sum_a logging(a | x) p(e | a), (n,).

    `target` and `logging` are (n, A), or (A,) where they are the same for all rows; `likelihood` (n, A) is p(e_i | a)
    of each row's logged embedding under every action. Unbiased where the reward hangs on the action through its
    embedding only, and then never more variable than weights of actions. Saito and Joachims, "Off-policy evaluation
    for large action spaces via embeddings", ICML 2022.

    Raises:
        TrialError: a logged embedding that the logging policy cannot have shown.
    """
    above = (likelihood * target).sum(axis=1)
    below = (likelihood * logging).sum(axis=1)
    impossible = np.flatnonzero(below <= 0)
    if impossible.size:
        raise TrialError(
            f"row {impossible[0]} has an embedding of probability 0 under the logging policy",
            allowed="embeddings that some action which is logged with a chance above 0 can have",
        )
    return np.asarray(above / below)


def known_likelihood(embedding: NDArray[np.integer], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p(e_i | a) (n, A) of embeddings (n, D) of whole numbers whose D parts are independent given the action.

    `table` (A, V, D) holds the probability of each of V values of each part.
    """
    found = np.ones((len(embedding), len(table)))
    for part in range(embedding.shape[1]):
        found *= table[:, embedding[:, part], part].T
    return found


def counted_likelihood(
    action: NDArray[np.integer],
    embedding: NDArray[np.integer],
    actions: int,
    counts: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return p(e_i | a) (n, A) as the log's own shares: of action a's rows, how many have row i's whole embedding.

    `action` (n,), `embedding` (n, D) of whole numbers; `counts` (n,) says how often each row counts, once by default.
    An action without a row has 0 everywhere, so that the policy's mass on it is left out.
    """
    _, kind = np.unique(embedding, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    kinds = int(kind.max()) + 1 if kind.size else 0
    cell = action.astype(np.int64) * kinds + kind
    table = np.bincount(cell, weights=counts, minlength=actions * kinds).astype(np.float64).reshape(actions, kinds)
    rows = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, rows, out=np.zeros_like(table), where=rows > 0)
    return np.asarray(shares[:, kind].T)
