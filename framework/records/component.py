"""The record of a component on offer: what a config may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True)
class Part:
    """A component that another one is made of: its kind, its name, and what its config says of its parameters."""

    kind: str
    name: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class ReportSection:
    """One section that a plugin adds to the report: a title, HTML for the page, and text for the terminal.

    `html` stands in the page as it is; it must be self-contained (no network) and is the plugin's own to escape.
    """

    title: str
    html: str
    text: str = ""
