"""Bars of a critical-difference diagram: neighbours in an order that are not told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def cliques(order: Sequence[str], apart: Callable[[str, str], bool]) -> tuple[tuple[str, ...], ...]:
    """Return the longest runs of `order` of two systems or more in which no pair is told apart (Demsar 2006, fig. 1).

    A run inside another is left out, so every bar says something new. A system in no run is told apart from both its
    neighbours. Not being told apart is no proof of being equal, and is not transitive: bars overlap.
    """
    runs: list[tuple[int, int]] = []
    start = 0
    for end in range(len(order)):
        for other in range(end - 1, start - 1, -1):
            if apart(order[other], order[end]):
                start = other + 1
                break
        # A run that starts where the last one did only makes it longer.
        if runs and runs[-1][0] == start:
            runs[-1] = (start, end)
        elif end > start:
            runs.append((start, end))
    return tuple(tuple(order[start : end + 1]) for start, end in runs)
