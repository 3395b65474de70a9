"""A chart as a picture file of its own: its style inside, light colours, nothing left to the page."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"

EDGE = 12.0
"""Paper around the picture."""


def standalone(markup: Markup) -> str:
    """Return a chart as the text of an SVG file: size, the page's own rules for charts, a light background.

    The colours are the page's light ones, written out, since not every viewer of SVG knows variables; a file holds one
    look, so it brings its background along.
    """
    found = re.match(r'<svg class="chart" viewBox="0 0 ([\d.]+) ([\d.]+)"', markup)
    if not found:
        raise ValueError('not a chart: it does not begin with <svg class="chart" viewBox=...>')
    width, height = float(found[1]) + 2 * EDGE, float(found[2]) + 2 * EDGE
    box = f'viewBox="{-EDGE:g} {-EDGE:g} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {box}'
    rest = markup[found.end() :]
    opened = rest.index(">") + 1
    paper = f'<rect class="paper" x="{-EDGE:g}" y="{-EDGE:g}" width="{width:g}" height="{height:g}"/>'
    return f"{head}{rest[:opened]}<style>{_rules()}</style>{paper}{rest[opened:]}\n"


@cache
def _rules() -> str:
    """Return the page's rules for charts with the light colours in the place of the variables."""
    css = (Path(__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
    css = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", css)
    colours = dict(re.findall(r"--([\w-]+):\s*(#\w+)", css))
    rules = [
        f"{selector.strip()} {{{body}}}"
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css)
        if re.match(r"\.(chart |whisker|mark)", selector.strip())
    ]
    written = re.sub(r"var\(--([\w-]+)\)", lambda match: colours[match[1]], "\n".join(rules))
    return f".chart {{ color: {colours['ink']}; font-family: {FONT}; font-variant-numeric: tabular-nums; }}\n{written}"
