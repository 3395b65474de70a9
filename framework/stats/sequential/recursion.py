"""The distribution of a score that is looked at several times: recursive numerical integration.

The score S(t) is a Brownian motion with drift on the scale of information: at information t it has mean drift * t and
variance t, and Z = S / sqrt(t). Armitage, McPherson and Rowe 1969; Jennison and Turnbull 2000, chapter 19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REACH = 9.0
"""Standard deviations kept on a side without a boundary; beyond lies 1e-19."""
FARTHEST = 38.0
"""Standard deviations kept at most; beyond lies 1e-315."""
NODES = 16
"""Gauss-Legendre nodes in a panel."""
WIDTH = 1.5
"""A panel's width, in standard deviations of the smaller of the increments before and after its look."""
TOGETHER = 8
"""Panels integrated in one step: bounds the memory where looks lie close together."""


@dataclass(frozen=True)
class Paths:
    """The scores that no boundary has stopped: mass[i] of probability stands at score at[i] (both (m,))."""

    at: NDArray[np.float64]
    mass: NDArray[np.float64]
    information: float


def start() -> Paths:
    """Return the score before any data: 0 for sure."""
    return Paths(np.zeros(1), np.ones(1), 0.0)


def above(paths: Paths, edge: float, information: float, drift: float = 0.0) -> float:
    """Return the probability to be going on and then to have Z of at least `edge` at `information`."""
    from scipy import special

    step = information - paths.information
    mean = paths.at + drift * step
    return float(paths.mass @ special.ndtr((mean - edge * math.sqrt(information)) / math.sqrt(step)))


def below(paths: Paths, edge: float, information: float, drift: float = 0.0) -> float:
    """Return the probability to be going on and then to have Z of at most `edge` at `information`."""
    return above(Paths(-paths.at, paths.mass, paths.information), -edge, information, -drift)


def carried_on(
    paths: Paths, low: float, high: float, information: float, following: float, drift: float = 0.0
) -> Paths:
    """Return the paths that are still going on after a look at `information`: those with low < Z < high.

    Panels are as narrow as the step to this look and to the look at `following` ask for: both the density and what
    it will be integrated against are smooth on that scale, so 16 nodes a panel leave errors near rounding.
    """
    step = information - paths.information
    deviation = math.sqrt(information)
    from_low, to_high = _range(low, high, drift * deviation)
    width = WIDTH * math.sqrt(min(step, following - information))
    panels = max(1, math.ceil((to_high - from_low) * deviation / width))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(from_low * deviation, to_high * deviation, panels + 1)
    half = (edges[1] - edges[0]) / 2
    at = ((edges[:-1] + half)[:, None] + half * nodes).ravel()
    # A path that ends in the far tail comes from as many deviations away, hence the band grows with the range.
    band = (1 + max(abs(from_low), abs(to_high), REACH)) * math.sqrt(step)
    density = np.empty_like(at)
    for first in range(0, at.size, NODES * TOGETHER):
        here = at[first : first + NODES * TOGETHER]
        reached = slice(*np.searchsorted(paths.at, (here[0] - drift * step - band, here[-1] - drift * step + band)))
        steps = here[:, None] - drift * step - paths.at[reached]
        density[first : first + here.size] = np.exp(-0.5 / step * steps * steps) @ paths.mass[reached]
    scale = half / math.sqrt(2 * math.pi * step)
    return Paths(at, density * np.tile(weights, panels) * scale, information)


def _range(low: float, high: float, mean: float) -> tuple[float, float]:
    """Return the ends of what is integrated, as Z: the boundaries, but no farther than probability reaches."""
    far = max(REACH, *(min(abs(edge), FARTHEST) for edge in (low, high) if math.isfinite(edge)), 0.0)
    start_at = min(max(low, mean - far), high)
    return start_at, max(start_at, min(high, mean + far))
