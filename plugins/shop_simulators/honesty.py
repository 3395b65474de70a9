"""How well a fitted response model foretold a later window: levels overall and per segment, and pair by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.records import SimulatorCheck

if TYPE_CHECKING:
    from shop_simulators.purchase_response import Pairs


def check_against(
    early: Dataset,
    *,
    orders: NDArray[np.int64],
    rates: NDArray[np.float64],
    pairs: Pairs,
    probabilities: NDArray[np.float64],
    popularity: NDArray[np.float64],
    tolerance: float,
) -> SimulatorCheck:
    """Compare what was foretold with what came.

    `orders` (U,) were made, `rates` (U,) were foretold; `pairs` (m) stand for all (buyer, item) pairs of the window,
    `probabilities` (m,) were foretold for them, `popularity` (m,) is each item's share of recent buyers: the baseline.
    """
    if not len(pairs.user):
        return SimulatorCheck("Not to be trusted: no known user bought a known item in the later part.", False, (), {})
    active = 1.0 - np.exp(-rates)
    rows = [
        row
        for name, members in _groups(early)
        for row in (
            _row(name, "users who order", active[members], (orders[members] > 0).astype(np.float64)),
            _row(name, "orders", rates[members], orders[members].astype(np.float64)),
            _pair_row(name, pairs, probabilities, members),
        )
        if row is not None
    ]
    scores = _scores(pairs, probabilities, popularity)
    return _judged(rows, scores, tolerance)


def _groups(early: Dataset) -> list[tuple[str | None, NDArray[np.bool_]]]:
    groups: list[tuple[str | None, NDArray[np.bool_]]] = [(None, np.ones(len(early.users), dtype=bool))]
    if early.segments is not None:
        groups += [(name, early.segments == index) for index, name in enumerate(early.segment_names)]
    return [(name, members) for name, members in groups if members.any()]


def _row(
    segment: str | None, quantity: str, predicted: NDArray[np.float64], actual: NDArray[np.float64]
) -> dict[str, Any]:
    # The interval is that of the actual total, had other users of the same kind come.
    half = 1.96 * float(np.sqrt(len(actual) * actual.var(ddof=1))) if len(actual) > 1 else float("nan")
    total = float(actual.sum())
    return {
        "segment": segment,
        "quantity": quantity,
        "predicted": float(predicted.sum()),
        "actual": total,
        "ci_low": max(total - half, 0.0),
        "ci_high": total + half,
    }


def _pair_row(
    segment: str | None, pairs: Pairs, probabilities: NDArray[np.float64], members: NDArray[np.bool_]
) -> dict[str, Any] | None:
    mask = members[pairs.user]
    if not mask.any():
        return None
    buyers, place = np.unique(pairs.user[mask], return_inverse=True)
    weight = pairs.weight[mask]
    predicted = np.bincount(place, weights=weight * probabilities[mask], minlength=len(buyers)).astype(np.float64)
    actual = np.bincount(place, weights=weight * pairs.bought[mask], minlength=len(buyers)).astype(np.float64)
    return _row(segment, "different items bought by them", predicted, actual)


def _scores(pairs: Pairs, probabilities: NDArray[np.float64], popularity: NDArray[np.float64]) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, roc_auc_score
    from threadpoolctl import threadpool_limits

    bought, weight = pairs.bought, pairs.weight
    base = np.clip(popularity, 1e-9, None)
    base = np.clip(base * float((weight * bought).sum() / (weight * base).sum()), 1e-9, 1 - 1e-9)
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    logit = np.log(clipped / (1 - clipped))[:, None]
    with threadpool_limits(1):
        slope = LogisticRegression(C=np.inf, max_iter=200).fit(logit, bought, sample_weight=weight).coef_[0, 0]
    return {
        "log_loss": float(log_loss(bought, clipped, sample_weight=weight)),
        "log_loss_of_popularity": float(log_loss(bought, base, sample_weight=weight)),
        "auc": float(roc_auc_score(bought, clipped, sample_weight=weight)),
        "auc_of_popularity": float(roc_auc_score(bought, base, sample_weight=weight)),
        "calibration_slope": float(slope),
    }


def _judged(rows: list[dict[str, Any]], scores: dict[str, float], tolerance: float) -> SimulatorCheck:
    items = next(row for row in rows if row["segment"] is None and row["quantity"] == "different items bought by them")
    orders = next(row for row in rows if row["segment"] is None and row["quantity"] == "orders")
    level = items["predicted"] / items["actual"]
    pace = orders["predicted"] / orders["actual"] if orders["actual"] else float("inf")
    faults = []
    for what, factor in (("orders", pace), ("items per buyer", level)):
        if not 1 / tolerance <= factor <= tolerance:
            faults.append(f"it foretold {factor:.2f} times the actual {what}")
    if not 1 / tolerance <= scores["calibration_slope"] <= tolerance:
        faults.append(f"its chances are mis-scaled (calibration slope {scores['calibration_slope']:.2f}, ideal 1)")
    if scores["log_loss"] >= scores["log_loss_of_popularity"]:
        faults.append("it foretells no better than the items' popularity")
    facts = (
        f"On the later part it foretold {pace:.2f} times the actual orders and {level:.2f} times the actual items per "
        f"buyer, and told bought from left items with AUC {scores['auc']:.3f} (popularity alone: "
        f"{scores['auc_of_popularity']:.3f})."
    )
    if faults:
        return SimulatorCheck(f"Not to be trusted: {'; '.join(faults)}. {facts}", False, tuple(rows), scores)
    return SimulatorCheck(f"Good enough to compare strategies. {facts}", True, tuple(rows), scores)
