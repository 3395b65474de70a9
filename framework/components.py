"""Components: what a config may name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Component:
    """A component on offer: its kind and name, and where its class lies ("package.module:Class"), imported on use.

    `needs` names import packages that must be present for it; `summary` is one line for the table of plugins;
    `reference` is the paper or page that defines the method.
    """

    kind: str
    name: str
    target: str
    summary: str
    needs: tuple[str, ...] = ()
    reference: str = ""
