"""Corrections down a tree: what is tested only where something above it was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import CORRECTIONS, adjust, benjamini_hochberg, checked_p_values
from framework.stats.multiplicity.shares import weighted_holm


@dataclass(frozen=True)
class Gated:
    """Adjusted p-values of a tree or a sequence of families, in the order given.

    `shares` is the part of alpha that each hypothesis holds before anything is rejected beside it; `correction` says
    what was corrected over.
    """

    p_adjusted: tuple[float, ...]
    shares: tuple[float, ...]
    correction: str


@dataclass(frozen=True)
class Selected:
    """Families of p-values of which some were selected and tested inside, at one level of the false discovery rate.

    `family_p` is each family's own p-value (Simes), `family_adjusted` the same over the families (Benjamini-Hochberg);
    `selected` says which are at most `level`. `p_adjusted` (families, members) is at most `level` exactly where the
    member is discovered; it holds at that level alone. `correction` says what was corrected over.
    """

    family_p: tuple[float, ...]
    family_adjusted: tuple[float, ...]
    selected: tuple[bool, ...]
    p_adjusted: tuple[tuple[float, ...], ...]
    level: float
    correction: str


def serial(families: Sequence[Sequence[float]], method: str = "holm") -> tuple[Gated, ...]:
    """Return each family's adjusted p-values where a family is tested only if all of the one before were rejected.

    Families in their declared order, such as primary metrics, then secondary ones; inside, the family-wise correction
    `method` of `adjust.CORRECTIONS` at the whole alpha. The adjusted p-value is the family's own one or the largest
    adjusted p-value of the family before, whichever is larger (serial gatekeeping: Maurer, Hothorn and Lehmacher 1995;
    Westfall and Krishen 2001). Keeps the family-wise error over all families together wherever `method` does in each.

    Raises:
        TrialError: for p-values outside [0, 1], an unknown method, or one that keeps the false discovery rate: it opens
            no gate.
    """
    if method in CORRECTIONS and method.startswith(("benjamini", "two_stage")):
        raise TrialError(
            f"correction '{method}' keeps the false discovery rate, which opens no gate",
            allowed=[name for name in CORRECTIONS if not name.startswith(("benjamini", "two_stage"))],
            hint="Use `selective` for families under the false discovery rate.",
        )
    gate, found = 0.0, []
    for place, family in enumerate(families):
        p_adjusted = tuple(max(gate, p) for p in adjust(family, method))
        gate = max(p_adjusted, default=gate)
        text = f"{method} over {_tests(len(p_adjusted))}"
        if place:
            before = "the family" if place == 1 else f"the {place} families"
            text += f", only where all tests of {before} before were rejected"
        found.append(Gated(p_adjusted, (1.0,) * len(p_adjusted), text))
    return tuple(found)


def gatekeeping(
    p_values: Sequence[float], parents: Sequence[int | None], shares: Sequence[float] | None = None
) -> Gated:
    """Return p-values adjusted down a tree in which a hypothesis is tested only where its parent was rejected.

    `parents` (m,) holds the index of each hypothesis' parent, None at the top: arms at the top, metrics below each arm,
    segments below each metric, or any other order. Hypotheses of one parent are a family. `shares` (m,) splits the
    parent's share of alpha over its family, 1 in all (None: equal parts); what a family does not use is not handed
    back to the rest of the tree. A family of which no member has children is stepped through by weighted Holm.

    p is divided by its share (or adjusted by Holm, then divided by the family's), then not below its parent's adjusted
    p: a running maximum down the tree. Keeps the family-wise error over the whole tree under any dependence: the
    highest true nulls of the tree hold shares that add up to at most 1, and a false rejection anywhere means that one
    of them was rejected (Meinshausen 2008, whose shares are numbers of leaves; Goeman and Finos 2012 hand them back).

    Raises:
        TrialError: for p-values outside [0, 1], parents that are no index or go round in a circle, shares that are
            negative or do not add up to 1 in a family.
    """
    p = checked_p_values(p_values)
    order = _top_down(parents, p.size)
    families: dict[int | None, list[int]] = {}
    for i in order:
        families.setdefault(parents[i], []).append(i)
    parts = _parts(families, shares, p.size)
    share, adjusted = [1.0] * p.size, [1.0] * p.size
    for parent, members in families.items():
        whole, gate = (1.0, 0.0) if parent is None else (share[parent], adjusted[parent])
        stepped = not any(i in families for i in members)
        own = [float(p[i]) for i in members]
        if stepped:
            own = list(weighted_holm(own, [parts[i] for i in members]))
        for i, value in zip(members, own, strict=True):
            share[i] = whole * parts[i]
            weight = whole if stepped else share[i]
            adjusted[i] = max(gate, min(1.0, value / weight)) if share[i] > 0 else 1.0
    below = p.size - len(families.get(None, ()))
    text = f"gatekeeping over {_tests(p.size)}: {len(families.get(None, ()))} at the top"
    text += f", {below} below in {len(families) - 1} families, each only where its parent was rejected" if below else ""
    split = "equal" if shares is None else "declared"
    return Gated(tuple(adjusted), tuple(share), f"{text}; {split} shares of alpha, family-wise error of the whole tree")


def selective(families: Sequence[Sequence[float]], level: float = 0.05) -> Selected:
    """Return which families hold a discovery, and which of their members are discovered (Benjamini, Bogomolov 2014).

    Families are such as the segments of one metric. A family is selected by Benjamini-Hochberg at `level` over the
    families' Simes p-values; inside the R selected of m families, Benjamini-Hochberg at level x R / m. This keeps the
    false discovery rate averaged over the selected families at `level`, and that of the families themselves, for
    independent or positively dependent tests. Testing inside selected families at the whole `level` does not.

    `p_adjusted` is the larger of the family's and the member's own. Cost of one sort a family.

    Raises:
        TrialError: for p-values outside [0, 1], an empty family, a level that is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise TrialError(f"level is {level:g}", allowed="a number between 0 and 1, such as 0.05")
    for place, family in enumerate(families):
        if len(family) == 0:
            raise TrialError(f"family {place + 1} of {len(families)} is empty", allowed="one p-value or more each")
    inside = [benjamini_hochberg(family) for family in families]
    family_p = tuple(min(adjusted) for adjusted in inside)
    family_adjusted = benjamini_hochberg(family_p)
    selected = tuple(p <= level for p in family_adjusted)
    # Where none is selected every family's own p is above the level already.
    price = len(inside) / max(1, sum(selected))
    p_adjusted = tuple(
        tuple(min(1.0, max(gate, p * price)) for p in adjusted)
        for gate, adjusted in zip(family_adjusted, inside, strict=True)
    )
    text = (
        f"Benjamini-Bogomolov at {level:g}: {sum(selected)} of {len(inside)} families selected, "
        f"{_tests(sum(map(len, inside)))} in all"
    )
    return Selected(family_p, family_adjusted, selected, p_adjusted, level, text)


def _tests(count: int) -> str:
    return f"{count} {'test' if count == 1 else 'tests'}"


def _top_down(parents: Sequence[int | None], m: int) -> list[int]:
    """Return all indices, each after its parent, otherwise in the order given."""
    if len(parents) != m:
        raise TrialError(f"{m} p-values but {len(parents)} parents", allowed="one parent each, None at the top")
    for i, parent in enumerate(parents):
        if parent is not None and not 0 <= parent < m:
            raise TrialError(f"hypothesis {i} has parent {parent}", allowed=f"None, or 0 to {m - 1}")
    children: dict[int | None, list[int]] = {}
    for i, parent in enumerate(parents):
        children.setdefault(parent, []).append(i)
    order = list(children.get(None, ()))
    for i in order:
        order.extend(children.get(i, ()))
    if len(order) < m:
        lost = sorted(set(range(m)) - set(order))
        raise TrialError(f"hypotheses {', '.join(map(str, lost))} hang in a circle, below no top", allowed="a tree")
    return order


def _parts(families: dict[int | None, list[int]], shares: Sequence[float] | None, m: int) -> list[float]:
    """Return each hypothesis' part of its parent's share."""
    if shares is None:
        parts = [1.0] * m
        for members in families.values():
            for i in members:
                parts[i] = 1 / len(members)
        return parts
    given = np.asarray(shares, dtype=np.float64)
    if given.shape != (m,):
        raise TrialError(f"{m} p-values but {given.size} shares", allowed="one share each")
    for parent, members in families.items():
        own = given[members]
        if not bool((own >= 0).all()) or abs(float(own.sum()) - 1) > 1e-9:
            above = "at the top" if parent is None else f"below hypothesis {parent}"
            raise TrialError(f"shares {above} are {own.tolist()}", allowed="0 or more each, 1 in all")
    return [float(part) for part in given]
