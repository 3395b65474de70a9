"""The section that shows all strategies of a paired trial on one axis, and who cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.records.result import Result
from framework.report.blocks import Block, Grid, Words
from framework.report.charts import NARROW, WIDE
from framework.report.formats import PLAIN, count, difference, number, p_value, value
from framework.report.plots import Plot
from framework.report.rank_chart import rank_chart
from framework.report.reading import alpha_of, unit_of

NOT_TOLD_APART = "Strategies that no pair tells apart, after correction"


def side_by_side_blocks(result: Result) -> list[Block]:
    """Return the section's blocks, one group for each kind of evidence and primary metric; empty without any."""
    blocks: list[Block] = []
    for own in result.health.get("side_by_side", []):
        blocks += _one(own, result)
    return blocks


def _one(own: Mapping[str, Any], result: Result) -> list[Block]:
    unit = unit_of(result, own["metric"])
    means = {row["name"]: row for row in own["systems"]}
    said = ", ".join(f"{name} {value(means[name]['mean'], unit, PLAIN)}" for name in own["order"])
    alike = "; ".join(" and ".join(group) for group in _alike(own, alpha_of(result)))
    text = f"{own['metric']} on the same {count(own['n'], PLAIN)} users ({own['evidence']}), best first: {said}. "
    text += f"{NOT_TOLD_APART}: {alike}." if alike else "Every pair is told apart, after correction."
    rows = []
    for pair in own["pairs"]:
        estimate, interval = difference(pair["estimate"], pair["ci_low"], pair["ci_high"], unit, PLAIN)
        size = PLAIN.absent if pair["cohen_dz"] is None else number(pair["cohen_dz"], PLAIN)
        name = f"{pair['treatment']} against {pair['control']}"
        rows.append(
            (name, estimate, interval, size, p_value(pair["p_value"], PLAIN), p_value(pair["p_adjusted"], PLAIN))
        )
    header = ("Pair", "Difference", "Interval", "Cohen's dz", "p", "Corrected p")
    label = f"Every pair on {own['metric']} ({own['evidence']}; {own['pairs'][0]['correction']})"
    blocks: list[Block] = [Words(text), Grid(label, header, tuple(rows), right=(1, 2, 3, 4, 5), folded=True, shown=0)]
    if "ranks" in own:
        blocks.append(_ranks(own))
    return blocks


def _alike(own: Mapping[str, Any], alpha: float) -> list[list[str]]:
    """Return the cliques, and the pairs in none of them that are not told apart though strategies between them are."""
    groups = [list(clique) for clique in own["cliques"] if len(clique) > 1]
    for pair in own["pairs"]:
        both = {pair["treatment"], pair["control"]}
        if not pair["p_adjusted"] <= alpha and not any(both <= set(group) for group in groups):
            groups.append(sorted(both, key=own["order"].index))
    return groups


def _ranks(own: Mapping[str, Any]) -> Plot:
    ranks = own["ranks"]
    title = f"Average ranks on {own['metric']} ({own['evidence']}); a bar joins what ranks do not tell apart"
    pictures = (
        rank_chart(
            list(ranks["average"].items()),
            layout,
            title,
            cliques=ranks["cliques"],
            critical=ranks["critical_difference"],
        )
        for layout in (WIDE, NARROW)
    )
    return Plot(title, *pictures)
