"""The report's section on how rankings were judged: over the whole catalogue, with which ties, on which items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words
from framework.report.formats import PLAIN, count, share, value
from framework.report.reading import unit_of


def ranking_section(result: Result) -> tuple[str, list[Block]]:
    """Return the section's title and blocks; no blocks where nothing was ranked."""
    blocks: list[Block] = []
    for own in result.health.get("item_groups", []):
        ties = [row for row in result.health.get("ties", []) if row["evidence"] == own["evidence"]]
        blocks += [Words(_opening(own, result)), *_ties(ties, own["positions"]), *_groups(own, result)]
    return "How the rankings were judged", blocks


def _opening(own: Mapping[str, Any], result: Result) -> str:
    without = "" if result.config.get("trial", {}).get("repeats", True) else ", without what the user had bought,"
    return (
        f"Every arm ranked the whole catalogue of {count(own['catalogue'], PLAIN)} items{without} for each of "
        f"{count(own['users'], PLAIN)} users: no items were sampled to rank against. What follows describes the arms; "
        "nothing of it was tested."
    )


def _ties(ties: Sequence[Mapping[str, Any]], positions: int) -> list[Block]:
    rule = "Equal scores go by item index, the same in every run."
    if not ties:
        return []
    if all(row["tied"] == 0 and row["tied_at_cut"] == 0 for row in ties):
        return [Words(f"Ties: in no arm had a user two equal scores down to place {positions + 1}. {rule}")]
    rows = tuple((row["strategy"], _share(row["tied"]), _share(row["tied_at_cut"])) for row in ties)
    heads = ("Arm", f"Among places 1 to {positions}", f"Places {positions} and {positions + 1} tie")
    text = (
        f"Ties: the shares of users with equal scores. {rule} Where a tie crosses the cut, which item is shown hangs "
        "on its index alone."
    )
    return [Words(text), Grid("Users with ties", heads, rows, right=(1, 2), shown=20)]


def _groups(own: Mapping[str, Any], result: Result) -> list[Block]:
    hot = next(row for row in own["groups"] if row["group"] == "hot")
    text = (
        "Items by their buyers before the split: hot are the most bought ones, which have "
        f"{share(hot['share_before'], PLAIN)} of all buyers' items; cold are those that nobody had bought, new ones "
        "too."
    )
    rows = tuple(
        (
            row["group"],
            count(row["items"], PLAIN),
            share(row["share_before"], PLAIN),
            count(row["purchases"], PLAIN),
            share(row["share"], PLAIN),
            count(row["users"], PLAIN),
        )
        for row in own["groups"]
    )
    heads = ("Items", "Known", "Share before", "Held out", "Share", "Users")
    blocks: list[Block] = [
        Words(text),
        Grid("Held-out purchases by group of items", heads, rows, right=tuple(range(1, 6))),
        _by_arm(own, f"Share of the held-out purchases found in {own['positions']} places", "recall", _share, shown=20),
    ]
    if own["metric"] is not None:
        unit = unit_of(result, own["metric"])
        label = f"{own['metric']} by group: over the users who bought in it, only such purchases counting"

        def told(amount: float | None) -> str:
            return PLAIN.absent if amount is None else value(amount, unit, PLAIN)

        blocks.append(_by_arm(own, label, "value", told, shown=0))
    return blocks


def _by_arm(own: Mapping[str, Any], label: str, key: str, told: Any, *, shown: int) -> Grid:
    groups = [row["group"] for row in own["groups"]]
    cells = {(row["strategy"], row["group"]): told(row[key]) for row in own["arms"]}
    arms = dict.fromkeys(row["strategy"] for row in own["arms"])
    rows = tuple((arm, *(cells[arm, group] for group in groups)) for arm in arms)
    heads = ("Arm", *(group.capitalize() for group in groups))
    return Grid(label, heads, rows, right=tuple(range(1, len(heads))), shown=shown)


def _share(part: float | None) -> str:
    return PLAIN.absent if part is None else share(part, PLAIN)
