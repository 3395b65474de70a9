"""The rule that decides, as a record, as text and as a digest: written down before the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from framework.errors import TrialError, did_you_mean
from framework.stats.multiplicity.families import MAX_T, NAMES, Corrections

GUARDED = ("not harmed", "non-inferior")
GUARDED_TEXTS = {
    "not harmed": " (harm must be shown: an unclear guardrail does not stop a launch).",
    "non-inferior": "; to ship, harm of every guardrail beyond its margin must be ruled out by its interval.",
}


@dataclass(frozen=True)
class DecisionRule:
    """When to ship, hold or stop.

    `alpha` is two-sided over the primary family of one evidence; `power` is what undecided plans for; `difference`
    is how much better (metric's unit, 0 or more) a primary metric must be; `evidence` names the kinds that must agree
    (empty: all that there are); `primary` holds metric labels; `guardrails` maps labels to the harm that is tolerated
    (metric's unit, 0 or more); `higher_is_better` maps labels to their direction (absent: True); `measurable` maps
    labels to the kinds of evidence that they can be read from (absent: any one is enough); `scale` maps labels to how
    many of the metric's units make one of `difference` and the margins (absent: 1; 100 where money is in cents).
    `guarded` is what guardrails must be: "not harmed" (harm beyond the margin stops a launch where it is shown) or
    "non-inferior" (a launch waits until harm beyond the margin is ruled out). `corrections` say what makes p-values
    corrected ones.
    """

    alpha: float = 0.05
    power: float = 0.8
    difference: float = 0.0
    evidence: tuple[str, ...] = ()
    primary: tuple[str, ...] = ()
    guardrails: dict[str, float] = field(default_factory=dict)
    higher_is_better: dict[str, bool] = field(default_factory=dict)
    measurable: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)
    guarded: str = GUARDED[0]
    corrections: Corrections = field(default_factory=Corrections)

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise TrialError(f"decision.alpha is {self.alpha:g}", allowed="a number between 0 and 1, such as 0.05")
        if not self.alpha < self.power < 1:
            raise TrialError(f"decision.power is {self.power:g}", allowed="a number above alpha and below 1")
        if not self.difference >= 0:
            raise TrialError(f"decision.difference is {self.difference:g}", allowed="0 or more, in the metric's unit")
        if not self.primary:
            raise TrialError("no metric is primary, so nothing can be decided", hint="Give one metric role: primary.")
        if self.guarded not in GUARDED:
            hint = did_you_mean(self.guarded, GUARDED)
            raise TrialError(f"decision.guardrails is '{self.guarded}'", allowed=GUARDED, hint=hint)
        for label, margin in self.guardrails.items():
            if not margin >= 0:
                raise TrialError(
                    f"guardrail '{label}' has margin {margin:g}", allowed="0 or more, in the metric's unit"
                )
            if label in self.primary:
                raise TrialError(f"metric '{label}' is both primary and guardrail", allowed="one role a metric")

    def least(self, metric: str) -> float:
        """Return the difference that the metric must exceed, in the metric's own unit."""
        return self.difference * self.scale.get(metric, 1.0)

    def tolerated(self, metric: str) -> float:
        """Return the harm to a guardrail that is tolerated, in the metric's own unit."""
        return self.guardrails[metric] * self.scale.get(metric, 1.0)

    def sign(self, metric: str) -> float:
        """Return 1 where higher is better for the metric, else -1."""
        return 1.0 if self.higher_is_better.get(metric, True) else -1.0


def rule_text(rule: DecisionRule) -> str:
    """Return the rule in plain words, one sentence a decision."""
    where = f"each of {listed(rule.evidence)}" if len(rule.evidence) > 1 else listed(rule.evidence)
    where = where or "every kind of evidence"
    metrics = listed([f"{m} ({'higher' if rule.sign(m) > 0 else 'lower'} is better)" for m in rule.primary], "or")
    beyond = f" by more than {rule.difference:g}" if rule.difference else ""
    guards = "; ".join(
        f"{label} must not be shown worse by more than {margin:g}" if margin else f"{label} must not be shown worse"
        for label, margin in sorted(rule.guardrails.items())
    )
    sure = (
        f"Shown means two-sided p at most {rule.alpha:g} after {_correction(rule)} correction over primary metrics and "
        "treatments within one kind of evidence"
    )
    sure += ", and the simultaneous (Bonferroni) interval beyond that difference." if rule.difference else "."
    return " ".join(
        [
            f"Ship where {where} that measures it shows {metrics} better{beyond}, none worse"
            + (f", and no guardrail is harmed ({guards})." if guards else "."),
            "Stop where a primary metric is shown worse and none better.",
            "Hold where better and worse are both shown, or where a guardrail is harmed"
            + (GUARDED_TEXTS[rule.guarded] if guards else "."),
            f"Otherwise undecided, with the units that it would take at {rule.power:.0%} power.",
            sure,
        ]
    )


def _correction(rule: DecisionRule) -> str:
    chosen = rule.corrections
    if chosen.shares:
        shares = listed([f"{metric} {share:.3g}" for metric, share in chosen.shares.items()])
        return f"weighted Holm (shares of alpha: {shares})"
    name = "max-T (Westfall-Young, sign flips)" if chosen.overall == MAX_T else NAMES[chosen.overall]
    name = "Holm's" if name == "Holm" else name
    return f"{name}, gatekept" if chosen.gatekeeping else name


def rule_digest(rule: DecisionRule) -> str:
    """Return the SHA-256 of the rule's canonical JSON (sorted keys, no spaces): 64 hexadecimal digits."""
    canonical = json.dumps(asdict(rule), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return words as a sentence lists them: "a, b and c"; empty where there are none."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
