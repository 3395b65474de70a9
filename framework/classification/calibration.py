"""From scores to probabilities, and from probabilities to yes and no, learned on rows that the model did not see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Calibrated = Callable[[Floats], Floats]
EDGE = 1e-6
"""Probabilities are kept this far from 0 and 1 before their log odds are taken."""


def calibrate(method: str, probability: Floats, label: NDArray[np.bool_]) -> Calibrated:
    """Return what maps a model's probabilities (m,) to calibrated ones, learned from `probability` and `label` (n,).

    "sigmoid": logistic regression on the log odds, with targets smoothed (Platt, 1999); "isotonic": the best rising
    steps (Zadrozny, Elkan, KDD 2002), which need some thousand rows; "none": as they are. Sigmoid keeps the order of
    rows (for a model that is better than chance), isotonic may tie some.
    """
    if method == "none":
        return lambda asked: asked
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(probability, label)
        return lambda asked: np.asarray(steps.predict(asked), dtype=np.float64)
    slope, start = _platt(log_odds(probability), label)
    return lambda asked: np.asarray(1.0 / (1.0 + np.exp(-(slope * log_odds(asked) + start))), dtype=np.float64)


def best_threshold(probability: Floats, label: NDArray[np.bool_]) -> float:
    """Return the threshold from which "positive" gives the highest F1 on these rows; of several, the highest.

    It lies halfway between two neighbouring probabilities.
    """
    order = np.argsort(-probability, kind="stable")
    sorted_, hits = probability[order], np.cumsum(label[order])
    said = np.arange(1, len(order) + 1)
    score = 2.0 * hits / (said + label.sum())
    last_of_ties = np.append(np.diff(sorted_) != 0, True)
    best = int(np.argmax(np.where(last_of_ties, score, -1.0)))
    below = sorted_[best + 1] if best + 1 < len(sorted_) else 0.0
    return float((sorted_[best] + below) / 2)


def log_odds(probability: Floats) -> Floats:
    """Return log(p / (1 - p)), finite also at 0 and 1."""
    inside = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)


def _platt(odds: Floats, label: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and start of the sigmoid; Platt's smoothed targets keep both finite."""
    from scipy.optimize import minimize

    positives, negatives = int(label.sum()), int((~label).sum())
    target = np.where(label, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(at: Floats) -> tuple[float, Floats]:
        value = at[0] * odds + at[1]
        wrong = 1.0 / (1.0 + np.exp(-value)) - target
        total = float(np.sum(np.logaddexp(0.0, value) - target * value))
        return total, np.array([np.sum(wrong * odds), np.sum(wrong)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])
