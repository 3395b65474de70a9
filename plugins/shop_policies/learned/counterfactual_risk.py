"""Counterfactual risk minimisation: the softmax-linear policy of best estimated value, less what is not known of it.

A policy pi(a | x) = softmax(x' W)_a is worth V = mean(t_i) by the log, with t_i the rows' terms. What is maximised is
    V - variance * sqrt(Var(t) / n) - regularization / 2 * |W|^2,
since a policy far from the logger's has an estimate that may be as high by luck. References: Swaminathan and Joachims,
"Batch learning from logged bandit feedback through counterfactual risk minimization", JMLR 2015 (POEM, equation 10);
"The self-normalized estimator for counterfactual learning", NIPS 2015 (Norm-POEM).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shop_policies.learned.log_rows import LogRows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Objective:
    """What is maximised.

    Terms are t_i = sum_a pi(a | x_i) q_ia + min(clip, pi / p) (r_i - q_i) with `predicted` rewards q (n, A); without
    them q is 0, which is inverse propensity weighting. `self_normalised` divides by the mean weight (without q only):
    a policy then gains nothing by avoiding what was logged, or by overfitting it.
    """

    rows: LogRows
    clip: float
    variance: float
    regularization: float
    self_normalised: bool = False
    predicted: Floats | None = None

    def at(self, weights: Floats) -> tuple[float, Floats]:
        """Return the objective of weights (A, d), and its gradient."""
        rows = self.rows
        n = len(rows.reward)
        chance = chances(rows.contexts, weights)
        own = chance[np.arange(n), rows.action]
        raw = own / rows.propensity
        ratio = np.minimum(raw, self.clip)
        by_ratio, by_direct, value = self._slopes(chance, ratio)
        # d ratio / d logits = ratio (1 at the logged action - chance), and 0 where it is clipped.
        pull = np.where(raw <= self.clip, by_ratio * raw, 0.0)
        slope = -pull[:, None] * chance
        slope[np.arange(n), rows.action] += pull
        if self.predicted is not None:
            mean = (chance * self.predicted).sum(axis=1, keepdims=True)
            slope += by_direct[:, None] * chance * (self.predicted - mean)
        gradient = slope.T @ rows.contexts - self.regularization * weights
        return value - 0.5 * self.regularization * float((weights**2).sum()), gradient

    def _slopes(self, chance: Floats, ratio: Floats) -> tuple[Floats, Floats, float]:
        """Return the slopes of value less penalty in the ratios and in the direct parts (n,), and that number."""
        reward, n = self.rows.reward, len(ratio)
        if self.self_normalised:
            total = ratio.sum()
            value = float(ratio @ reward / total)
            rest = reward - value
            squares = float((ratio * rest) @ (ratio * rest))
            error = np.sqrt(squares) / total
            by_value = rest / total
            by_squares = 2.0 * ratio * rest**2 - 2.0 * float((ratio**2) @ rest) * by_value
            by_error = by_squares / (2.0 * max(np.sqrt(squares), 1e-300) * total) - error / total
            return by_value - self.variance * by_error, np.zeros(n), value - self.variance * error
        left, direct = reward, np.zeros(n)
        if self.predicted is not None:
            left = reward - self.predicted[np.arange(n), self.rows.action]
            direct = (chance * self.predicted).sum(axis=1)
        terms = direct + ratio * left
        value = float(terms.mean())
        error = float(terms.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
        by_term = np.full(n, 1.0 / n)
        if error > 0.0:
            by_term -= self.variance * (terms - value) / (n * (n - 1) * error)
        return by_term * left, by_term, value - self.variance * error


def chances(contexts: Floats, weights: Floats) -> Floats:
    """Return pi(a | x) (n, A) of the softmax-linear policy with weights (A, d)."""
    logits = contexts @ weights.T
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return np.asarray(logits / logits.sum(axis=1, keepdims=True))


def maximised(objective: Objective, steps: int) -> Floats:
    """Return the weights (A, d) to which L-BFGS climbs from the uniform policy in `steps` at most.

    The objective has other summits: this is the one above the uniform policy. Draws nothing.
    """
    from scipy.optimize import minimize

    shape = (objective.rows.actions, objective.rows.contexts.shape[1])

    def downhill(flat: Floats) -> tuple[float, Floats]:
        value, gradient = objective.at(flat.reshape(shape))
        return -value, -gradient.reshape(-1)

    found = minimize(downhill, np.zeros(shape).reshape(-1), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(found.x, dtype=np.float64).reshape(shape)
