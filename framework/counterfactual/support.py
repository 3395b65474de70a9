"""Whether a log supports what its weights say of a policy: reasons to withhold, warnings, the rows it would take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from framework.config import SupportConfig
from framework.records import LoggedDecisions, TargetPolicy, WeightedRows
from framework.stats.off_policy.health import Thresholds, health


@dataclass(frozen=True)
class Support:
    """What the weights look like, by name; `refusals` are reasons to withhold an estimate, in words.

    `rows_needed` would do away with every reason; None where there is none, or where more rows do not help.
    """

    numbers: Mapping[str, float]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    rows_needed: int | None
    trusted_rewarded: float

    @property
    def trusted(self) -> bool:
        """Whether enough rewarded rows carry the estimate for its interval to cover what it claims."""
        return self.numbers["effective_rewarded"] >= self.trusted_rewarded


def support_of(
    settings: SupportConfig, decisions: LoggedDecisions, policy: TargetPolicy, rows: WeightedRows
) -> Support:
    """Return what the log supports of the policy, by the study's thresholds."""
    from framework.counterfactual.weighing import unsupported

    limits = Thresholds(
        effective_rows=settings.effective_rows,
        effective_rewarded=settings.effective_rewarded,
        mean_weight_z=settings.mean_weight,
        largest_share=settings.largest_share,
        unsupported=settings.unsupported,
    )
    missing = unsupported(decisions, policy)
    found = health(rows.weight, rows.reward, unit=rows.unit, unsupported=missing, thresholds=limits)
    warnings = []
    if found.effective_rewarded < settings.trusted_rewarded:
        warnings.append(
            f"What is said of {policy.name} rests on {found.effective_rewarded:.1f} effective rewarded rows (clicks, "
            f"orders): below {settings.trusted_rewarded:g}, intervals cover less than they claim."
        )
    if policy.estimated:
        warnings.append(
            f"The probabilities of {policy.name} are estimated ({policy.origin}): intervals do not know of that error."
        )
    needed = found.rows_needed
    return Support(
        numbers={
            "effective_rows": found.effective_rows,
            "effective_rewarded": found.effective_rewarded,
            "mean_weight": found.mean_weight,
            "largest_weight": found.largest_weight,
            "largest_share": found.largest_share,
            "unsupported": missing,
        },
        refusals=tuple(f"{reason.text[:1].upper()}{reason.text[1:]}." for reason in found.reasons),
        warnings=tuple(warnings),
        rows_needed=math.ceil(needed) if found.reasons and needed is not None else None,
        trusted_rewarded=settings.trusted_rewarded,
    )
