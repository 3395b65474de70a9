"""Do the arms touch each other: through stock, shown items, feedback, models, budgets or people?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from framework.errors import TrialError, did_you_mean

LITTLE = 0.01
"""Share below which an overlap is left unsaid: it can move an effect by about as much."""

FACTS: dict[str, tuple[str, str]] = {
    "shared_stock": (
        (
            "Both arms sell from the same stock: what one arm sells the other cannot, so the difference counts sales "
            "that were only moved. It is likely too large, up to twice where stock runs out."
        ),
        "Switch all users between the strategies by time (switchback), or randomise by warehouse or region.",
    ),
    "shared_items": (
        (
            "Items are shown by both arms ({share}): where these are scarce, or gain ranks by being bought, one arm's "
            "sales change what the other can offer."
        ),
        "Randomise by clusters of items and users, or compare by switchback.",
    ),
    "pooled_feedback": (
        (
            "The arms' policies learn from pooled feedback: each uses what the other explored, so the difference is "
            "likely too small, and neither arm shows what its policy does alone."
        ),
        "Keep each arm's feedback to itself, or use a switchback and drop a washout after each switch.",
    ),
    "trained_on_other_arm": (
        (
            "A model was trained on the other arm's data ({share} of its training data): after the launch that data "
            "will not be there, so the trial does not show what the strategy does alone."
        ),
        "Train each arm's model on its own arm's data, at equal sizes, or on data from before the trial.",
    ),
    "shared_users": (
        (
            "Users were seen in both arms ({share}; devices, shared accounts): their outcomes mix the strategies and "
            "pull the difference towards 0."
        ),
        "Randomise by account or household. Do not just drop mixed users: who mixes may depend on the arm.",
    ),
    "shared_budget": (
        "The arms draw on one budget (coupons, advertising): the arm that spends faster takes from the other.",
        "Split the budget by the arms' shares before the trial, or use a switchback.",
    ),
    "shared_prices": (
        "Users can see both arms' prices: they compare, and the control reacts to the treatment's offer.",
        "Switch all prices by time (switchback), or randomise by region.",
    ),
    "users_interact": (
        "Users of different arms influence each other (reviews, referrals): the treatment reaches the control.",
        "Randomise by cluster (community, household, region) and analyse by cluster.",
    ),
}
"""What can be told of a trial, with what it does to the effect, and what to do about it."""


@dataclass(frozen=True)
class Interference:
    """One way in which the arms touch: the `fact`, what it does to the effect, and what to do about it."""

    fact: str
    share: float
    text: str
    advice: str


def interference(facts: Mapping[str, bool | float]) -> tuple[Interference, ...]:
    """Return what breaks the assumption that a unit's outcome depends on its own arm alone, and what to do.

    `facts` maps names of `FACTS` to True or False, or to a share (0 to 1) of items, users or training data; shares
    below 1 % are left unsaid. What is not named is unknown and not warned of: no text is no proof. Directions are the
    usual ones: shared stock and budgets (Blake and Coey 2014; Johari, Li, Liskovich and Weintraub 2022), learning from
    each other (Holtz et al. 2023, "A study of symbiosis bias in A/B tests of recommendation algorithms"), switchbacks
    (Bojinov, Simchi-Levi and Zhao 2023), clusters (Hudgens and Halloran 2008).

    Raises:
        TrialError: a fact of another name, with the nearest one; a share outside 0 to 1.
    """
    for name, value in facts.items():
        if name not in FACTS:
            raise TrialError(f"fact '{name}' is unknown", allowed=FACTS, hint=did_you_mean(name, FACTS))
        if not 0 <= float(value) <= 1:
            raise TrialError(f"fact '{name}' is {value}", allowed="True, False, or a share from 0 to 1")
    found = []
    for name, (text, advice) in FACTS.items():
        share = float(facts.get(name, 0.0))
        if share >= LITTLE:
            found.append(Interference(name, share, text.format(share=f"{share:.0%}"), advice))
    return tuple(found)
