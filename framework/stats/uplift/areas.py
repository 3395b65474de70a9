"""How good a ranking by uplift is, as one number: areas under and between the curves of `curves`.

Names differ in the literature more than the numbers do; here each has one meaning:

| function | area | random ranking | perfect |
|---|---|---|---|
| `auuc` | under the uplift curve (Gutierrez and Gerardy 2017), share on the x axis | half the average effect | |
| `auuc_above_random` | between the uplift curve and the straight line to its end | 0 | |
| `qini_area` | between the Qini curve and the straight line to its end (Radcliffe 2007; R's `uplift::qini`) | 0 | |
| `qini_coefficient` | `qini_area` over that of an optimal curve (Radcliffe 2007); outcomes 0 and 1 only | 0 | 1 |

The first three are in the outcome's unit: of the gain per unit that ranking adds over treating a random share, averaged
over all shares. So `auuc` is read beside half the average effect, and the coefficient compares data sets.

Intervals: influence values of the areas as functionals of the law of (outcome, arm, score), so also of the ranking's
own randomness; the score is taken as given. It must not have been fitted to the outcomes that it ranks: fit it to
earlier folds and say which fold a unit is in (`splitting.forward_fitted`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from framework.errors import TrialError
from framework.stats.uplift.curves import gain_influence, gains
from framework.stats.uplift.ranked import Floats, Ranked, Test, ranked
from framework.stats.uplift.valued import Valued, valued

OPTIMA = ("full", "no_downlift")
Area = tuple[float, Floats]


def auuc(test: Test, confidence: float = 0.95) -> Valued:
    """Return the area under the uplift curve, per unit of the population (Gutierrez and Gerardy 2017)."""
    return _over_folds(test, lambda own: _area(own, "uplift"), confidence)


def auuc_above_random(test: Test, confidence: float = 0.95) -> Valued:
    """Return the area between the uplift curve and a random ranking's line: `auuc` less half the average effect."""
    return _over_folds(test, lambda own: _above_random(own, "uplift"), confidence)


def qini_area(test: Test, confidence: float = 0.95) -> Valued:
    """Return the area between the Qini curve, per treated unit, and the line of a random ranking (Radcliffe 2007)."""
    return _over_folds(test, lambda own: _above_random(own, "qini"), confidence)


def qini_coefficient(test: Test, optimum: str = "full", confidence: float = 0.95) -> Valued:
    """Return `qini_area` as a share of an optimal curve's (Radcliffe 2007), for outcomes 0 and 1.

    With shares p_t and p_c of responders in the arms, the "full" optimum (Radcliffe's Q) treats first everybody who
    responds when treated and last everybody who responds when not: it rises to p_t with slope 1 and falls by p_c at the
    end, an area of (p_t (1 - p_t) + p_c (1 - p_c)) / 2. "no_downlift" (his q0) rises to p_t - p_c with slope 1 and
    stays there: (p_t - p_c) (1 - p_t + p_c) / 2, of use only where the effect is clearly above 0. What else is called a
    Qini coefficient (scikit-uplift's and pylift's among them) takes other optima.

    Raises:
        TrialError: another optimum, outcomes other than 0 and 1, or an optimum without any area.
    """
    if optimum not in OPTIMA:
        raise TrialError(f"optimum '{optimum}'", allowed=OPTIMA)
    if not bool(np.isin(test.outcome, (0, 1)).all()):
        raise TrialError("a Qini coefficient of outcomes other than 0 and 1", hint="Read qini_area, in their own unit.")

    def coefficient(own: Ranked) -> Area:
        area, influence = _above_random(own, "qini")
        best, of_best = _optimum(own, optimum)
        if best <= 0:
            raise TrialError(
                f"the optimal curve ({optimum}) lies no higher than the random one", hint="Take optimum 'full'."
            )
        return area / best, (influence - area / best * of_best) / best

    return _over_folds(test, coefficient, confidence)


def _over_folds(test: Test, area: Callable[[Ranked], Area], confidence: float) -> Valued:
    parts = test.parts()
    found = [area(ranked(test, rows)) for rows in parts]
    value = sum(own * rows.size for (own, _), rows in zip(found, parts, strict=True)) / test.outcome.size
    return valued(value, [influence for _, influence in found], confidence)


def _above_random(own: Ranked, kind: str) -> Area:
    area, influence = _area(own, kind)
    last = own.n.size - 1
    return area - float(gains(own, kind)[-1]) / 2, influence - gain_influence(own, kind, last) / 2


def _area(own: Ranked, kind: str) -> Area:
    """Return the trapezoids' area and every unit's influence (n,) on it.

    A unit counts in the height of every block from its own on, and it moves all shares: the two sum up to
    (mean height of its own block) + sum over blocks k from its own on of weight_k (its part of height k) - 2 area.
    """
    heights = gains(own, kind)
    total = own.n[-1]
    width = np.diff(own.n, prepend=0.0) / total
    middle = (heights + np.append(0.0, heights[:-1])) / 2
    area = float(width @ middle)
    weight = (width + np.append(width[1:], 0.0)) / 2

    def from_own_on(per_block: Floats) -> Floats:
        return np.asarray(np.cumsum((weight * per_block)[::-1])[::-1][own.block])

    value = own.weight * own.outcome
    if kind == "uplift":
        by_treated, by_control = own.n / own.weight_treated, own.n / own.weight_control
        treated = value * from_own_on(by_treated) - own.weight * from_own_on(by_treated * own.mean_treated)
        control = value * from_own_on(by_control) - own.weight * from_own_on(by_control * own.mean_control)
        inside = np.where(own.treated, treated, -control) + from_own_on(own.uplift)
        return area, middle[own.block] + inside - 2 * area
    odds = own.weight_treated / own.weight_control
    treated = value * from_own_on(np.ones_like(odds)) - own.weight * from_own_on(own.mean_control)
    control = value * from_own_on(odds) - own.weight * from_own_on(odds * own.mean_control)
    per_treated = total / own.weight_treated[-1]
    inside = per_treated * np.where(own.treated, treated, -control)
    # The number of treated units divides the whole curve.
    share = per_treated * own.weight * own.treated - 1
    return area, middle[own.block] + inside - 2 * area - area * share


def _optimum(own: Ranked, optimum: str) -> Area:
    treated, control = float(own.mean_treated[-1]), float(own.mean_control[-1])
    n = own.n[-1]
    of_treated = np.where(own.treated, own.weight * (own.outcome - treated) * n / own.weight_treated[-1], 0.0)
    of_control = np.where(own.treated, 0.0, own.weight * (own.outcome - control) * n / own.weight_control[-1])
    if optimum == "full":
        area = (treated * (1 - treated) + control * (1 - control)) / 2
        return area, (1 - 2 * treated) / 2 * of_treated + (1 - 2 * control) / 2 * of_control
    effect = treated - control
    return effect * (1 - effect) / 2, (1 - 2 * effect) / 2 * (of_treated - of_control)
