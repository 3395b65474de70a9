"""What the study's rule promises of one comparison: the level it is tested at, and the difference it finds."""

from __future__ import annotations

from collections.abc import Collection

from framework.stats.decision import DecisionRule


def first_level(rule: DecisionRule, metric: str, measured: Collection[str], treatments: int) -> float:
    """Return the two-sided level at which one comparison with the control is tested first.

    A primary metric's is its share of alpha over the family of the evidence that measures the metrics `measured`: all
    treatments and their primary metrics. A step-wise correction tests later steps at more, so a plan at this level
    holds in the worst case. Guardrails and other metrics are judged by their nominal interval: alpha.
    """
    if metric not in rule.primary:
        return rule.alpha
    own = [name for name in rule.primary if name in measured]
    shares = rule.corrections.shares
    if shares:
        return rule.alpha * shares[metric] / sum(shares[name] for name in own) / treatments
    return rule.alpha / (treatments * len(own))


def smallest_found(rule: DecisionRule, metric: str, error: float, level: float) -> float:
    """Return the smallest true difference (metric's unit, above 0) found with the rule's power at this level.

    `error` is the difference's standard error. Where the rule asks a primary metric for more than 0, the interval has
    to lie beyond that, so the truth has to be as much larger.
    """
    from scipy import stats

    reach = float(stats.norm.isf(level / 2) + stats.norm.ppf(rule.power))
    return reach * error + (rule.least(metric) if metric in rule.primary else 0.0)
