"""Uplift curve and Qini curve: what treating the units ranked first gains, by the share that is treated.

Both hold a point at 0 and one at the end of each block of equal scores, straight lines between them (units of equal
score are treated in random order). With N units, n of them ranked first, of these n_t treated and n_c control, r_t and
r_c the sums of their outcomes:

- uplift curve (Gutierrez and Gerardy 2017, "Causal inference and uplift modelling: a review of the literature", PMLR
  67; here divided by N): (r_t / n_t - r_c / n_c) n / N. Gain per unit of the population, by a difference of
  means times the share.
- Qini curve (Radcliffe 2007, "Using control groups to target on predicted lift"): (r_t - r_c n_t / n_c) / N_t, N_t all
  treated units. Gain per treated unit, by incremental outcomes of those who were really treated.

They end in the same point, the average effect, and differ where the arms' shares differ along the ranking.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError
from framework.stats.estimates import quantile
from framework.stats.uplift.ranked import Floats, Ranked, Test, ranked

KINDS = ("uplift", "qini")


@dataclass(frozen=True)
class GainCurve:
    """A curve for drawing: `gain` (P,) at `share` (P,) treated, from (0, 0) to (1, average effect).

    `low` and `high` (P,) bound each point alone: the gain of all units whose score is above that point's.
    """

    kind: str
    share: Floats
    gain: Floats
    low: Floats
    high: Floats


def gain_curve(test: Test, kind: str = "qini", *, points: int = 51, confidence: float = 0.95) -> GainCurve:
    """Return the curve at equally spaced shares, averaged over folds by their units.

    Raises:
        TrialError: another `kind`.
    """
    check_kind(kind)
    share = np.linspace(0.0, 1.0, points)
    gain, variance = np.zeros(points), np.zeros(points)
    for rows in test.parts():
        own = ranked(test, rows)
        weight = rows.size / test.outcome.size
        heights = gains(own, kind)
        gain += weight * np.interp(share, np.append(0.0, own.share), np.append(0.0, heights))
        at = np.minimum(np.searchsorted(own.share, share - 1e-12), own.share.size - 1)
        for place in range(1, points):
            spread = float(np.var(gain_influence(own, kind, int(at[place])), ddof=1))
            # Where ties end beyond the share, the part of the block that is treated bears its part of the error.
            part = share[place] / own.share[at[place]]
            variance[place] += weight**2 * part**2 * spread / rows.size
    width = quantile(confidence, None) * np.sqrt(variance)
    return GainCurve(kind, share, gain, gain - width, gain + width)


def gains(own: Ranked, kind: str) -> Floats:
    """Return the curve's heights (K,) at the blocks' ends."""
    along = own.share if kind == "uplift" else own.weight_treated / own.weight_treated[-1]
    return np.asarray(along * own.uplift)


def gain_influence(own: Ranked, kind: str, place: int) -> Floats:
    """Return every unit's influence (n,) on the gain of treating the units up to the end of block `place`."""
    n = own.n[-1]
    inside = (own.block <= place).astype(np.float64)
    above_control = own.weight * (own.outcome - own.mean_control[place]) * inside
    if kind == "uplift":
        above_treated = own.weight * (own.outcome - own.mean_treated[place]) * inside
        treated = above_treated * own.n[place] / own.weight_treated[place]
        control = above_control * own.n[place] / own.weight_control[place]
        found = np.where(own.treated, treated, -control) + own.uplift[place] * (inside - own.share[place])
        return np.asarray(found)
    odds = own.weight_treated[place] / own.weight_control[place]
    per_treated = n / own.weight_treated[-1]
    height = gains(own, kind)[place]
    found = np.where(own.treated, above_control, -odds * above_control) - own.weight * own.treated * height
    return np.asarray(per_treated * found)


def check_kind(kind: str) -> None:
    """Refuse a curve that is none of `KINDS`."""
    if kind not in KINDS:
        raise TrialError(f"a curve of kind '{kind}'", allowed=KINDS)
