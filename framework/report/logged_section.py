"""The report's section on a policy that was evaluated on another one's log: estimates, truth, what the log supports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words
from framework.report.formats import PLAIN, Unit, count, number, share, value
from framework.report.reading import unit_of

TITLE = "What the policy would have earned"
SUPPORT = {
    "effective_rows": "effective rows: (sum of weights)^2 / sum of their squares",
    "effective_rewarded": "effective rewarded rows: the same of weighted rewards",
    "mean_weight": "mean weight (1 where propensities are true)",
    "largest_weight": "largest weight",
    "largest_share": "largest weight's share of all",
    "unsupported": "policy's mass where the log shows nothing",
}


def logged_section(result: Result) -> tuple[str, list[Block]]:
    """Return the section's title and blocks; no blocks where no log of decisions was read."""
    own = result.health.get("logged")
    if not isinstance(own, Mapping):
        return TITLE, []
    blocks: list[Block] = [Words(_opening(own))]
    blocks += [Words(reason, alert=True) for reason in own["reasons"]]
    blocks.append(_estimates(own, result))
    truth = own["truth"]
    if truth is not None:
        unit = unit_of(result, "reward")
        ends = f"{_told(truth['ci_low'], unit)} to {_told(truth['ci_high'], unit)}"
        blocks.append(
            Words(
                f"Truth: {own['policy']} took {count(truth['rows'], PLAIN)} decisions itself, and earned "
                f"{_told(truth['value'], unit)} ({ends}). An estimate can only be held to it within that interval."
            )
        )
    rows = tuple(
        (SUPPORT[key], share(amount, PLAIN) if key in {"largest_share", "unsupported"} else number(amount, PLAIN))
        for key, amount in own["support"].items()
        if key in SUPPORT
    )
    blocks.append(Grid("What the estimates rest on", ("Quantity", "Value"), rows, right=(1,)))
    return TITLE, blocks


def _opening(own: Mapping[str, Any]) -> str:
    stamp = " Its probabilities are estimates themselves." if own["estimated"] else ""
    return (
        f"{own['logger']} took {count(own['rows'], PLAIN)} decisions among {count(own['actions'], PLAIN)} items at "
        f"{count(own['positions'], PLAIN)} places. {own['policy']} is evaluated on them: {own['origin']}.{stamp} "
        f"The verdict rests on {own['decides']}; the other estimators stand beside it, untested."
    )


def _estimates(own: Mapping[str, Any], result: Result) -> Grid:
    unit = unit_of(result, "reward")
    truth = own["truth"]
    ess = number(own["support"]["effective_rows"], PLAIN)
    rows = []
    for row in own["estimates"]:
        name = row["label"] + (" (decides)" if row["key"] == own["decides"] else "")
        true = PLAIN.absent if truth is None else _told(truth["value"], unit)
        if row["withheld"]:
            rows.append((name, "withheld", "", true, ess, "refused"))
            continue
        ends = f"{_told(row['ci_low'], unit)} to {_told(row['ci_high'], unit)}"
        rests = ess if row["uses_weights"] else "model"
        rows.append((name, _told(row["value"], unit), ends, true, rests, _word(row, result, own)))
    head = (
        "Estimator",
        "Estimate",
        f"{1 - result.config['decision']['alpha']:.0%} interval",
        "Truth",
        "ESS",
        "Verdict",
    )
    return Grid(f"Value of {own['policy']} by estimator", head, tuple(rows), right=(1, 2, 3, 4), shown=30)


def _word(row: Mapping[str, Any], result: Result, own: Mapping[str, Any]) -> str:
    if row["key"] == own["decides"]:
        return result.verdict.decision
    covers = row.get("covers")
    said = "" if covers is None else "covers the truth" if covers else "misses the truth"
    return said if row["uses_weights"] else f"rests on the reward model alone{'; ' + said if said else ''}"


def _told(amount: float | None, unit: Unit) -> str:
    return PLAIN.absent if amount is None else value(amount, unit, PLAIN)
