"""The rule that was written before the run, and what it says of a treatment and of the study."""

from framework.stats.decision.decide import decide
from framework.stats.decision.headline import headline_verdict
from framework.stats.decision.margins import MarginTest, equivalence, non_inferiority
from framework.stats.decision.rule import DecisionRule, rule_digest, rule_text
from framework.stats.decision.verdict import Verdict

__all__ = [
    "DecisionRule",
    "MarginTest",
    "Verdict",
    "decide",
    "equivalence",
    "headline_verdict",
    "non_inferiority",
    "rule_digest",
    "rule_text",
]
