"""Which segmentation to work with: by what it says of the later period, among those that are groups at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.config import SegmentationConfig
from framework.segmentation.quality import Quality
from framework.stats.groups.explained_differences import ExplainedDifference


@dataclass(frozen=True)
class Ranking:
    """Names best first; `objections` say why one cannot win; `winner` is None where none is told from the others."""

    order: tuple[str, ...]
    objections: dict[str, tuple[str, ...]]
    winner: str | None
    sentence: str


def ranked(
    qualities: Sequence[Quality],
    differences: Sequence[ExplainedDifference],
    settings: SegmentationConfig,
    alpha: float,
) -> Ranking:
    """Return the ranking: those without an objection first, by the share of the later outcome that they explain.

    The first one wins where it explains more than nothing, by its interval, and more than every other one without an
    objection, by Holm's corrected p-values over all pairs. Where only one is left, the first condition is enough.
    """
    objections = {quality.candidate.name: objections_to(quality, settings) for quality in qualities}
    order = sorted(qualities, key=lambda quality: (bool(objections[quality.candidate.name]), -_explained(quality)))
    names = tuple(quality.candidate.name for quality in order)
    fit = [quality for quality in order if not objections[quality.candidate.name]]
    if not fit:
        return Ranking(names, objections, None, "No segmentation wins: each has an objection (see the table).")
    first = fit[0]
    name = first.candidate.name
    if not first.explained.low > 0:
        return Ranking(
            names, objections, None, f"No segmentation wins: even {name} explains nothing of the later period for sure."
        )
    equal = [rival.candidate.name for rival in fit[1:] if not _beats(name, rival.candidate.name, differences, alpha)]
    if equal:
        others = ", ".join(equal)
        return Ranking(
            names,
            objections,
            None,
            f"No segmentation wins: {name} explains most of the later period, but is not told from {others}.",
        )
    told = "the only one without an objection" if len(fit) == 1 else "more than every other one without an objection"
    share = f"{first.explained.adjusted:.1%} of the later period's variance"
    return Ranking(names, objections, name, f"{name} wins: it explains {share}, {told}.")


def objections_to(quality: Quality, settings: SegmentationConfig) -> tuple[str, ...]:
    """Return why a segmentation cannot win, in words; none for one that can."""
    found = []
    if quality.groups < 2:
        found.append("it found no groups")
        return tuple(found)
    if quality.smallest < settings.floor:
        found.append(f"its smallest group has {quality.smallest} users, fewer than {settings.floor}")
    if not quality.stability.adjusted_rand >= settings.stable:
        found.append(
            f"refits agree with it by {quality.stability.adjusted_rand:.2f} (adjusted Rand), below {settings.stable:g}"
        )
    return tuple(found)


def _explained(quality: Quality) -> float:
    share = quality.explained.adjusted
    return share if share == share else float("-inf")  # noqa: PLR0124 - NaN is not itself


def _beats(name: str, rival: str, differences: Sequence[ExplainedDifference], alpha: float) -> bool:
    for pair in differences:
        if {pair.first, pair.second} == {name, rival}:
            ahead = pair.estimate if pair.second == name else -pair.estimate
            return ahead > 0 and pair.p_adjusted <= alpha
    return False
