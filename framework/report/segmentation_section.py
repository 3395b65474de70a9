"""The report's section on segmentations that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words
from framework.report.formats import PLAIN, count, number, p_value, share

TITLE = "Segmentations side by side"


def segmentation_section(result: Result) -> tuple[str, list[Block]]:
    """Return the section's title and blocks; no blocks where none were compared."""
    own = result.health.get("segmentations")
    if not isinstance(own, Mapping):
        return TITLE, []
    rows = tuple(_row(row) for row in own["rows"])
    heads = (
        "Segmentation",
        "Groups",
        "Smallest",
        "Stability",
        "Strength",
        "Later explained",
        "Interval",
        "Rule fidelity",
    )
    blocks: list[Block] = [
        Words(_opening(own, result)),
        Grid("Segmentations, best first", heads, rows, right=tuple(range(1, 8)), shown=20),
    ]
    blocks += [
        Words(f"{row['name']} cannot win: {'; '.join(row['objections'])}.") for row in own["rows"] if row["objections"]
    ]
    if own["pairs"]:
        blocks.append(_pairs(own))
    notes = tuple((row["name"], " ".join(row["notes"])) for row in own["rows"] if row["notes"])
    if notes:
        blocks.append(Grid("How the groups were found", ("Segmentation", "Notes"), notes, folded=True, shown=0))
    return TITLE, blocks


def _opening(own: Mapping[str, Any], result: Result) -> str:
    settings = result.config["segmentation"]
    money = "what users spent" if settings["outcome"] == "revenue" else "the logarithm of what users spent"
    return (
        f"All grouped the same {count(own['users'], PLAIN)} users. Stability: the mean adjusted Rand index of "
        f"{settings['resamples']} refits on resampled users (1: the same groups, 0: as by chance). Strength: "
        f"prediction strength over {settings['splits']} splits (0.8 and more: well foretold). Later explained: the "
        f"share of the variance of {money} in the sealed later period that lies between groups, corrected for their "
        f"number. Who can win: two groups or more, none under {settings['floor']} users, stability of "
        f"{settings['stable']:g} or more."
    )


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = row["explained_low"], row["explained_high"]
    return (
        row["name"],
        count(row["groups"], PLAIN),
        count(row["smallest"], PLAIN),
        number(round(row["adjusted_rand"], 3), PLAIN),
        number(round(row["prediction_strength"], 3), PLAIN),
        _share(row["explained"]),
        f"{_share(low)} to {_share(high)}",
        share(row["fidelity"], PLAIN),
    )


def _share(value: float | None) -> str:
    return PLAIN.absent if value is None else share(value, PLAIN)


def _pairs(own: Mapping[str, Any]) -> Grid:
    rows = tuple(
        (
            f"{pair['second']} less {pair['first']}",
            f"{100 * pair['estimate']:+.1f} pp",
            f"[{100 * pair['low']:+.1f}, {100 * pair['high']:+.1f}]",
            p_value(pair["p_value"], PLAIN),
            p_value(pair["p_adjusted"], PLAIN),
        )
        for pair in own["pairs"]
    )
    heads = ("Pair", "Difference explained", "Interval", "p", "Corrected p")
    return Grid("Differences in what is explained (Holm)", heads, rows, right=(1, 2, 3, 4), folded=True, shown=0)
