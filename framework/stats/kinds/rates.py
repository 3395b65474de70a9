"""Events per exposure of two independent arms, where events come one by one (Poisson)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.effects import Interval
from framework.stats.estimates import Estimate, floored, quantile
from framework.stats.kinds.inversion import accepted

FEW_EVENTS = 10
"""Events in an arm below which a large-sample test of rates is rough."""

E_TEST_EVENTS = 2_000
"""Events in an arm up to which the E-test is run: its tables take memory with the square of the events."""


@dataclass(frozen=True)
class Events:
    """Events and exposure (units, hours, sessions) of two independent arms.

    Raises:
        TrialError: events that are negative or no whole number, exposure that is not above 0 or not finite.
    """

    events_control: int
    exposure_control: float
    events_treatment: int
    exposure_treatment: float

    def __post_init__(self) -> None:
        for arm, events, exposure in (
            ("control", self.events_control, self.exposure_control),
            ("treatment", self.events_treatment, self.exposure_treatment),
        ):
            if not (np.isfinite(events) and events >= 0 and events == int(events)):
                raise TrialError(f"arm '{arm}' has {events} events", allowed="a whole number, 0 or more")
            if not (np.isfinite(exposure) and exposure > 0):
                raise TrialError(f"arm '{arm}' has an exposure of {exposure}", allowed="a number above 0")
            object.__setattr__(self, f"events_{arm}", int(events))
            object.__setattr__(self, f"exposure_{arm}", float(exposure))

    @property
    def rate_control(self) -> float:
        """The control's events per exposure."""
        return self.events_control / self.exposure_control

    @property
    def rate_treatment(self) -> float:
        """The treatment's events per exposure."""
        return self.events_treatment / self.exposure_treatment


RATE_METHODS = {
    "score": ("score", "Poisson score test and interval"),
    "wald": ("wald", "Poisson Wald test and interval"),
    "e_test": ("etest", "Poisson E-test, score interval"),
    "mid_p": ("cond-midp", "Poisson conditional mid-p, combined mid-p intervals"),
    "exact": ("exact-cond", "Poisson exact conditional test, Garwood difference"),
}
"""What to ask `two_rates` for: statsmodels' test, and the label of test and interval."""

RATIO_METHODS = {"score": "wilson", "exact": "beta"}
"""Intervals for the ratio of rates, by the interval of the treatment's share of all events."""


def two_rates(events: Events, *, method: str = "score", confidence: float = 0.95) -> Estimate:
    """Return the treatment's rate minus the control's, in events per exposure, as if events were Poisson.

    statsmodels' `test_poisson_2indep`. "score" (Ng, Gu and Tang 2007) and "wald" invert their test of the difference;
    "e_test" is Krishnamoorthy and Thomson's (2004), "mid_p" and "exact" condition on all events (Przyborowski and
    Wilenski 1940). Mid-p's interval combines the arms' by squares (Donner and Zou 2012, MOVER); the exact one is the
    difference of two Garwood (1936) intervals that hold together with `confidence`: conservative. Events of one unit
    that come in bursts break all of them: see `counts.count_rates`.

    Raises:
        TrialError: an unknown method, or too many events for the E-test.
    """
    from statsmodels.stats.rates import test_poisson_2indep

    if method not in RATE_METHODS:
        raise TrialError(
            f"rate method '{method}' is unknown", allowed=RATE_METHODS, hint=did_you_mean(method, RATE_METHODS)
        )
    if method == "e_test" and max(events.events_control, events.events_treatment) > E_TEST_EVENTS:
        raise TrialError(
            f"the E-test of {events.events_control} and {events.events_treatment} events weighs too many tables",
            allowed=f"up to {E_TEST_EVENTS} events in an arm",
            hint="Use 'score', which agrees with it there.",
        )
    arms = events.events_treatment, events.exposure_treatment, events.events_control, events.exposure_control
    name, label = RATE_METHODS[method]
    warnings = []
    p_value = 1.0
    if events.events_control + events.events_treatment == 0:
        warnings.append("No arm has any event: p is 1.")
    else:
        compare = "ratio" if method in {"mid_p", "exact"} else "diff"
        # With no event in the control the ratio is infinite, which no p-value needs.
        with np.errstate(divide="ignore", invalid="ignore"):
            counted = (np.float64(arms[0]), arms[1], np.float64(arms[2]), arms[3])
            p_value = float(test_poisson_2indep(*_whole(counted, method), method=name, compare=compare).pvalue)
        fewest = min(events.events_control, events.events_treatment)
        if fewest < FEW_EVENTS and method in {"score", "wald"}:
            warnings.append(f"Only {fewest} events in an arm: the p-value is rough.")
    low, high = _interval(events, method, confidence)
    error = float(np.sqrt(arms[0] / arms[1] ** 2 + arms[2] / arms[3] ** 2))
    difference = events.rate_treatment - events.rate_control
    return Estimate(difference, error, low, high, floored(p_value), None, label, tuple(warnings))


def rate_ratio(events: Events, *, method: str = "score", confidence: float = 0.95) -> Interval:
    """Return the treatment's rate / the control's with an interval (1 means no effect), as if events were Poisson.

    Given all events, the treatment's are binomial with odds ratio x exposures: so Wilson's interval is the score
    test's (Gu et al. 2008, W2), and Clopper and Pearson's is the exact one. Ends can be 0 or infinite.

    Raises:
        TrialError: an unknown method.
    """
    from statsmodels.stats.proportion import proportion_confint

    if method not in RATIO_METHODS:
        raise TrialError(
            f"rate ratio method '{method}' is unknown", allowed=RATIO_METHODS, hint=did_you_mean(method, RATIO_METHODS)
        )
    total = events.events_control + events.events_treatment
    if total == 0:
        return Interval(None, None, None, "no arm has any event")
    shares = proportion_confint(events.events_treatment, total, alpha=1 - confidence, method=RATIO_METHODS[method])
    exposures = events.exposure_control / events.exposure_treatment
    low, high = (float("inf") if share >= 1 else float(share) / (1 - float(share)) * exposures for share in shares)
    if events.events_control == 0:
        return Interval(None, low, float("inf"), "the control has no events")
    return Interval(events.rate_treatment / events.rate_control, low if events.events_treatment else 0.0, high)


def _whole(arms: tuple[np.float64, float, np.float64, float], method: str) -> tuple[float, float, float, float]:
    """The conditional tests want Python integers."""
    if method in {"mid_p", "exact"}:
        return int(arms[0]), arms[1], int(arms[2]), arms[3]
    return arms


def _interval(events: Events, method: str, confidence: float) -> tuple[float, float]:
    from statsmodels.stats.rates import confint_poisson, confint_poisson_2indep

    arms = events.events_treatment, events.exposure_treatment, events.events_control, events.exposure_control
    if method in {"score", "e_test"}:
        return _score_interval(events, confidence)
    if method == "wald":
        low, high = confint_poisson_2indep(*arms, compare="diff", alpha=1 - confidence, method="wald")
        return float(low), float(high)
    alpha = 1 - (float(np.sqrt(confidence)) if method == "exact" else confidence)
    kind = "exact-c" if method == "exact" else "midp-c"
    # By counts, not rates: statsmodels looks for mid-p's ends on a fixed scale, and loses them at small rates.
    ends = [
        [float(end) / exposure for end in confint_poisson(count, 1, method=kind, alpha=alpha)]
        for count, exposure in ((arms[0], arms[1]), (arms[2], arms[3]))
    ]
    (low, high), (low_control, high_control) = ends
    if method == "exact":
        return low - high_control, high - low_control
    treatment, control = events.rate_treatment, events.rate_control
    return (
        treatment - control - float(np.hypot(treatment - low, high_control - control)),
        treatment - control + float(np.hypot(high - treatment, control - low_control)),
    )


def _score_interval(events: Events, confidence: float) -> tuple[float, float]:
    """Invert the score test (Ng, Gu and Tang 2007) over a range that is wide enough for any counts."""
    n = events.exposure_treatment + events.exposure_control

    def statistic(difference: float) -> float:
        gap = (events.events_treatment + events.events_control) / n - difference
        inside = gap * gap + 4 * difference * events.rate_control * events.exposure_control / n
        control = max(0.0, (gap + np.sqrt(max(inside, 0.0))) / 2)
        treatment = max(0.0, control + difference)
        error = np.sqrt(treatment / events.exposure_treatment + control / events.exposure_control)
        return float((events.rate_treatment - events.rate_control - difference) / error) if error > 0 else 0.0

    critical = quantile(confidence, None)
    # A rate of events + z^2 + 10 z sqrt(events + 1) per exposure is rejected for any number of events.
    reach = [
        (count + critical**2 + 10 * critical * np.sqrt(count + 1)) / exposure
        for count, exposure in (
            (events.events_control, events.exposure_control),
            (events.events_treatment, events.exposure_treatment),
        )
    ]
    difference = events.rate_treatment - events.rate_control
    return accepted(statistic, difference, -float(reach[0] + reach[1]), float(reach[0] + reach[1]), critical)
